"""From a prompt to new tokens: prefill what is new, then pass by pass over the latent cache.

A pass takes the newest token, those a grammar leaves no choice about, and a few guesses of what
follows; guesses that are what is then drawn are kept, the cache forgets the others.

Shapes: B = 1, T tokens of a pass, V vocabulary.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from model.cache import LatentCache
from model.drafts import Drafts, Guess
from model.errors import PromptTooLong
from model.gpu.steps import Steps
from model.images import Picture
from model.mla import MOST_ABSORBED
from model.moonvit import Grid
from model.pace import Pace
from model.prefix import (
    FEATURE_BYTES,
    Key,
    Prefix,
    feature_rows,
    keys_of,
    pictures_from,
    pictures_of,
)

if TYPE_CHECKING:
    from model.constrain import Guide
    from model.kimi_vl import KimiVL

OnToken = Callable[[int], None]

PREFILL_CHUNK = 1024
"""Tokens. The mask of a chunk over 131,072 keys is 134 MB."""

ANSWERS_KEPT = 16
"""To guess by: an agent's code is much like its code of before. Guesses from nano's last 16
answers made 3.3 tokens a pass of its 3,720 on MiniWoB++, from none of them 2.5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcuts:
    """What makes an answer quicker and not other; each can be left out, to be measured."""

    prefix: bool = True
    """What a prompt shares with one before is not computed again."""
    features: bool = True
    """Nor is a picture looked at again."""
    forced: bool = True
    """Tokens a grammar leaves no choice about take no pass of their own. Without, they may be
    other tokens of the same text."""
    guesses: bool = True
    """Several next tokens are checked in one pass, where that is quicker."""


@dataclass(slots=True)
class Generation:
    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    """Natural log of each id's probability at temperature 1."""
    stopped: bool = False
    """True: a stop id was drawn (it is the last of `token_ids`)."""
    num_reused: int = 0
    """Tokens of the prompt that were in the cache already."""
    num_forced: int = 0
    num_guessed: int = 0
    """Guesses that were checked; those after a wrong one are not."""
    num_right: int = 0
    num_passes: int = 0
    """After the prompt's own."""
    seconds: dict[str, float] = field(default_factory=dict)
    """"vision", "prefill" and "decode"."""


class Generator:
    """Answers prompts one after another; what a prompt shares with the last is not computed again.

    Not for two threads at once.
    """

    def __init__(
        self,
        network: "KimiVL",
        *,
        prefill_chunk: int = PREFILL_CHUNK,
        shortcuts: Shortcuts | None = None,
        in_place: bool = False,
    ) -> None:
        """
        Args:
            in_place: passes after the prefill over a cache that does not move, on a card as CUDA
                graphs; for a network of `model.gpu.fuse`.
        """
        self.network = network
        self.prefill_chunk = prefill_chunk
        self.shortcuts = shortcuts = shortcuts or Shortcuts()
        self._prefix = Prefix(
            network.config.text.num_hidden_layers,
            keeps_lines=shortcuts.prefix,
            feature_bytes=FEATURE_BYTES if shortcuts.features else 0,
        )
        self._steps = Steps(network) if in_place else None
        self._pace = Pace()
        self._answers: deque[list[int]] = deque(maxlen=ANSWERS_KEPT)

    def run(
        self,
        input_ids_BT: Tensor,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
        *,
        pictures: Sequence[Picture] = (),
        max_new_tokens: int,
        temperature: float = 0.0,
        stop_ids: Sequence[int] = (),
        seed: int | None = None,
        on_token: OnToken | None = None,
        familiar_ids: Sequence[int] = (),
        guide: "Guide | None" = None,
    ) -> Generation:
        """Greedy at temperature 0, else sampled.

        Args:
            pixel_values, image_grid_hws: as `KimiVL.encode_images`.
            pictures: in place of these; cut only where they have not been looked at before.
            familiar_ids: a text in the form of the answer; makes it quicker, not other (in
                bfloat16, where two tokens tie, it may be the other).
            guide: keeps a part of the answer to a grammar; fresh for every answer.

        Raises:
            PromptTooLong: prompt and answer do not fit the model's positions.
        """
        num_prompt = self._checked_length(input_ids_BT, max_new_tokens)
        sampler = torch.Generator().manual_seed(seed) if seed is not None else None
        result = Generation()
        clock = time.perf_counter()
        prompt_ids = input_ids_BT[0].tolist()
        if pixel_values is not None and image_grid_hws is not None:
            grids = self.network.grids(image_grid_hws, num_patches=pixel_values.shape[0])
            pictures = pictures_of(pixel_values, grids)
        keys = self._keyed(prompt_ids, pictures)
        line, result.num_reused = self._prefix.start(keys)
        embedded = self._embedded(prompt_ids, keys, result.num_reused, pictures)
        result.seconds["vision"], clock = _lap(clock)
        logits_TV = self._prefill(embedded, line.cache)
        line.holds(keys)
        result.seconds["prefill"], clock = _lap(clock)
        placeholder = self.network.config.media_placeholder_token_id
        words = (token_id for token_id in prompt_ids if token_id != placeholder)
        drafts = Drafts(chain(familiar_ids, *self._answers, words))
        guess = Guess([], 0)

        def tell(token_id: int, log_prob: float) -> bool:
            """Whether that was the last."""
            result.token_ids.append(token_id)
            result.log_probs.append(log_prob)
            drafts.extend((token_id,))
            if guide is not None:
                guide.accept(token_id)
            if on_token is not None:
                on_token(token_id)
            result.stopped = token_id in stop_ids
            return result.stopped or len(result.token_ids) == max_new_tokens

        while True:
            num_right = 0
            for logits_V, guessed in zip(logits_TV, [*guess.ids, None], strict=True):
                if guide is not None:
                    logits_V = guide.masked(logits_V)
                token_id = _draw(logits_V, temperature, sampler)
                is_over = tell(token_id, float(logits_V.log_softmax(-1)[token_id]))
                num_right += token_id == guessed
                if is_over or token_id != guessed:
                    break
            failed = guessed is not None and token_id != guessed
            self._pace.checked(guess.matched, num_right, failed=failed)
            result.num_guessed += num_right + failed
            result.num_right += num_right
            # All but the newest token have passed through the network.
            num_passed = len(result.token_ids) - 1
            if guide is not None and self.shortcuts.forced and not is_over:
                # No drawing where the grammar leaves no choice: of probability 1 under it.
                for token_id in guide.forced():
                    result.num_forced += 1
                    is_over = tell(token_id, 0.0)
                    if is_over:
                        break
            if is_over:
                line.holds([*keys, *result.token_ids[:num_passed]])
                self._answers.append(result.token_ids)
                result.seconds["decode"], _ = _lap(clock)
                return result
            line.cache.rewind(num_prompt + num_passed)
            told = result.token_ids[num_passed:]
            guess = self._guess(drafts, len(told), max_new_tokens - len(result.token_ids) - 1)
            began = time.perf_counter()
            logits_TV = self._pass([*told, *guess.ids], line.cache, len(guess.ids) + 1)
            self._pace.passed(len(told) + len(guess.ids), time.perf_counter() - began)
            result.num_passes += 1

    def prepare(self, input_ids_BT: Tensor, pictures: Sequence[Picture]) -> int:
        """Compute the opening of a prompt to come, beside what is kept of the last; gives how many
        tokens had to be."""
        self._checked_length(input_ids_BT, 0)
        prompt_ids = input_ids_BT[0].tolist()
        keys = self._keyed(prompt_ids, pictures)
        started = self._prefix.start_ahead(keys)
        if started is None:
            return 0
        line, ready = started
        embedded = self._embedded(prompt_ids, keys, ready, pictures)
        for chunk in embedded.split(self.prefill_chunk, dim=1):
            self.network.hidden(chunk, line.cache)
        line.holds(keys)
        return len(keys) - ready

    def _checked_length(self, input_ids_BT: Tensor, max_new_tokens: int) -> int:
        batch, num_prompt = input_ids_BT.shape
        if batch != 1:
            raise ValueError(f"a batch of {batch} prompts; generation takes one")
        positions = self.network.config.text.max_position_embeddings
        if num_prompt + max_new_tokens > positions:
            raise PromptTooLong(
                f"{num_prompt} prompt tokens and {max_new_tokens} new ones;"
                f" the model has {positions} positions"
            )
        return num_prompt

    def _keyed(self, prompt_ids: list[int], pictures: Sequence[Picture]) -> list[Key]:
        """What makes each position of a prompt."""
        named = self._named(pictures)
        self.network.refuse_unequal(prompt_ids, sum(count for _, count in named))
        return keys_of(prompt_ids, self.network.config.media_placeholder_token_id, named)

    def _named(self, pictures: Sequence[Picture]) -> list[tuple[str, int]]:
        """The digest of each, and how many tokens it takes."""
        group = self.network.config.vision.merge**2
        return [
            (picture.digest, picture.grid_hw[0] * picture.grid_hw[1] // group)
            for picture in pictures
        ]

    def _embedded(
        self, prompt_ids: list[int], keys: list[Key], start: int, pictures: Sequence[Picture]
    ) -> Tensor:
        """[1, T, D] of what is not in the cache yet."""
        wanted, skipped = pictures_from(keys, start, self._named(pictures))
        features = [
            self._prefix.features(picture.digest, partial(self._encode, picture))
            for picture in (pictures[index] for index in wanted)
        ]
        ids = torch.tensor([prompt_ids[start:]], device=self._device)
        return self.network.merge(ids, feature_rows(features, skipped))

    def _encode(self, picture: Picture) -> Tensor:
        pixels_N3PP, grid = picture.cut().to(self._device), Grid(*picture.grid_hw)
        return self.network.project(self.network.vision_tower(pixels_N3PP, [grid]), [grid])

    @property
    def _device(self) -> torch.device:
        return self.network.device

    def _embed(self, token_ids: list[int]) -> Tensor:
        return self.network.language_model.model.embed_tokens(
            torch.tensor([token_ids], device=self._device)
        )

    def _prefill(self, embedded_BTD: Tensor, cache: LatentCache) -> Tensor:
        """Logits [1, V] after a prompt, taken in by chunks: attention's scores stay small."""
        *opening, last = embedded_BTD.split(self.prefill_chunk, dim=1)
        for chunk in opening:
            self.network.hidden(chunk, cache)
        return self._logits(last, cache, 1)

    def _pass(self, token_ids: list[int], cache: LatentCache, count: int) -> Tensor:
        """Logits as `_logits`, after ids and guesses."""
        logits_TV = self._steps.logits(token_ids, cache) if self._steps is not None else None
        if logits_TV is None:
            return self._logits(self._embed(token_ids), cache, count)
        return logits_TV[-count:].cpu()

    def _logits(self, embedded_BTD: Tensor, cache: LatentCache, count: int) -> Tensor:
        """Of what follows each of the last `count` tokens, [count, V] float32, where they are
        drawn from: on the CPU. That they have come also says that the pass is over."""
        hidden = self.network.hidden(embedded_BTD, cache)
        return self.network.language_model.lm_head(hidden[0, -count:]).float().cpu()

    def _guess(self, drafts: Drafts, num_told: int, room: int) -> Guess:
        """
        Args:
            num_told: tokens that have to pass anyway.
            room: for tokens of the answer after the one that the pass is for.
        """
        if not self.shortcuts.guesses:
            return Guess([], 0)
        # With more tokens at once attention is another, slower over a long past.
        most = max(0, min(room, MOST_ABSORBED - num_told))
        guess = drafts.guess(most)
        if not guess.ids:
            return guess
        return Guess(guess.ids[: self._pace.worth(guess.matched)], guess.matched)


def _draw(logits_V: Tensor, temperature: float, sampler: torch.Generator | None) -> int:
    if temperature == 0.0:
        return int(logits_V.argmax())
    return int(torch.multinomial((logits_V / temperature).softmax(-1), 1, generator=sampler))


def _lap(since: float) -> tuple[float, float]:
    now = time.perf_counter()
    return now - since, now
