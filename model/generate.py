"""From a prompt to new tokens: prefill what is new, then pass by pass over the latent cache.

A pass takes the newest token and, when greedy, a few guesses of what follows it; those
that the network would have said too are kept, the cache forgets the others.

Shapes: B = 1, T tokens of a pass, V vocabulary.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from model.drafts import Drafts
from model.errors import PromptTooLong
from model.moonvit import Grid
from model.prefix import Key, Prefix, digest_of, feature_rows, keys_of, pictures_from

if TYPE_CHECKING:
    from model.constrain import Guide
    from model.kimi_vl import KimiVL

OnToken = Callable[[int], None]

MOST_GUESSES = 8
"""A pass. More are seldom right: 43 tokens of an answer took 23 passes with 8, 22 with 12."""


PREFILL_CHUNK = 1024
"""Tokens. The mask of a chunk over 131,072 keys is 134 MB."""


@dataclass(slots=True)
class Generation:
    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    """Natural log of each id's probability at temperature 1."""
    stopped: bool = False
    """True: a stop id was drawn (it is the last of `token_ids`)."""
    num_reused: int = 0
    """Tokens of the prompt that were in the cache already."""
    seconds: dict[str, float] = field(default_factory=dict)
    """"vision", "prefill" and "decode"."""


class Generator:
    """Answers prompts one after another; what a prompt shares with the last is not computed again.

    Not for two threads at once.
    """

    def __init__(self, network: "KimiVL", *, prefill_chunk: int = PREFILL_CHUNK) -> None:
        self.network = network
        self.prefill_chunk = prefill_chunk
        self._prefix = Prefix(network.config.text.num_hidden_layers)

    def run(
        self,
        input_ids_BT: Tensor,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
        *,
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
            familiar_ids: a text in the form of the answer; makes a greedy one quicker, not
                other (in bfloat16, where two tokens tie, it may be the other).
            guide: keeps a part of the answer to a grammar; fresh for every answer.

        Raises:
            PromptTooLong: prompt and answer do not fit the model's positions.
        """
        batch, num_prompt = input_ids_BT.shape
        if batch != 1:
            raise ValueError(f"a batch of {batch} prompts; generation takes one")
        positions = self.network.config.text.max_position_embeddings
        if num_prompt + max_new_tokens > positions:
            raise PromptTooLong(
                f"{num_prompt} prompt tokens and {max_new_tokens} new ones;"
                f" the model has {positions} positions"
            )
        device = self.network.language_model.lm_head.weight.device
        sampler = torch.Generator().manual_seed(seed) if seed is not None else None
        result = Generation()
        clock = time.perf_counter()
        prompt_ids = input_ids_BT[0].tolist()
        embedded, keys, result.num_reused = self._open(prompt_ids, pixel_values, image_grid_hws)
        result.seconds["vision"], clock = _lap(clock)
        logits_TV = self._prefill(embedded)
        result.seconds["prefill"], clock = _lap(clock)
        drafts = Drafts([*familiar_ids, *prompt_ids])
        forced: list[int] = []
        guesses: list[int] = []

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
            is_over = False
            for logits_V, guess in zip(logits_TV[len(forced) :], [*guesses, None], strict=True):
                if guide is not None:
                    logits_V = guide.masked(logits_V)
                token_id = _draw(logits_V, temperature, sampler)
                is_over = tell(token_id, float(logits_V.log_softmax(-1)[token_id]))
                if is_over or token_id != guess:
                    break
            # All but the newest token have passed through the network.
            num_passed = len(result.token_ids) - 1
            forced = []
            if guide is not None and not is_over:
                # No drawing where the grammar leaves no choice: of probability 1 under it.
                for token_id in guide.forced():
                    forced.append(token_id)
                    is_over = tell(token_id, 0.0)
                    if is_over:
                        break
            if is_over:
                self._prefix.finish([*keys, *result.token_ids[:num_passed]])
                result.seconds["decode"], _ = _lap(clock)
                return result
            self._prefix.cache.rewind(num_prompt + num_passed)
            room = max_new_tokens - len(result.token_ids) - 1
            guesses = drafts.guess(min(MOST_GUESSES, room)) if temperature == 0.0 else []
            told = result.token_ids[num_passed:]
            step = torch.tensor([[*told, *guesses]], device=device)
            embedded = self.network.language_model.model.embed_tokens(step)
            logits_TV = self._logits(embedded, len(told) + len(guesses))

    def _open(
        self, prompt_ids: list[int], pixel_values: Tensor | None, image_grid_hws: Tensor | None
    ) -> tuple[Tensor, list[Key], int]:
        """Embeddings [1, T, D] of what is not in the cache yet, the keys of the whole prompt, and
        how many positions are in the cache."""
        network = self.network
        device = network.language_model.lm_head.weight.device
        pictures: list[tuple[str, int]] = []
        encoders: list[Callable[[], Tensor]] = []
        if pixel_values is not None and image_grid_hws is not None:
            grids = network.grids(image_grid_hws, num_patches=pixel_values.shape[0])
            sizes = [grid.num_patches for grid in grids]
            for grid, pixels in zip(grids, pixel_values.split(sizes), strict=True):
                num_tokens = grid.num_patches // network.config.vision.merge**2
                pictures.append((digest_of(pixels, grid), num_tokens))
                encoders.append(partial(self._encode, pixels.to(device), grid))
        network.refuse_unequal(prompt_ids, sum(count for _, count in pictures))
        keys = keys_of(prompt_ids, network.config.media_placeholder_token_id, pictures)
        reused = self._prefix.start(keys)
        wanted, skipped = pictures_from(keys, reused, pictures)
        features = [self._prefix.features(pictures[index][0], encoders[index]) for index in wanted]
        ids = torch.tensor([prompt_ids[reused:]], device=device)
        return network.merge(ids, feature_rows(features, skipped)), keys, reused

    def _encode(self, pixels_N3PP: Tensor, grid: Grid) -> Tensor:
        return self.network.project(self.network.vision_tower(pixels_N3PP, [grid]), [grid])

    def _prefill(self, embedded_BTD: Tensor) -> Tensor:
        """Logits [1, V] after a prompt, taken in by chunks: attention's scores stay small."""
        *opening, last = embedded_BTD.split(self.prefill_chunk, dim=1)
        for chunk in opening:
            self.network.hidden(chunk, self._prefix.cache)
        return self._logits(last, 1)

    def _logits(self, embedded_BTD: Tensor, count: int) -> Tensor:
        """Of what follows each of the last `count` tokens, [count, V] float32."""
        hidden = self.network.hidden(embedded_BTD, self._prefix.cache)
        return self.network.language_model.lm_head(hidden[0, -count:]).float()


def _draw(logits_V: Tensor, temperature: float, sampler: torch.Generator | None) -> int:
    if temperature == 0.0:
        return int(logits_V.argmax())
    return int(torch.multinomial((logits_V / temperature).softmax(-1).cpu(), 1, generator=sampler))


def _lap(since: float) -> tuple[float, float]:
    now = time.perf_counter()
    return now - since, now
