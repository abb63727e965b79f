"""From a prompt to new tokens: prefill once, then pass by pass over the latent cache.

A pass takes the newest token and, when greedy, a few guesses of what follows it; those
that the network would have said too are kept, the cache forgets the others.

Shapes: B = 1, T tokens of a pass, V vocabulary.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from model.cache import LatentCache
from model.drafts import Drafts
from model.errors import PromptTooLong

if TYPE_CHECKING:
    from model.kimi_vl import KimiVL

OnToken = Callable[[int], None]

MOST_GUESSES = 8
"""A pass. More are seldom right: 43 tokens of an answer took 23 passes with 8, 22 with 12."""


@dataclass(slots=True)
class Generation:
    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    """Natural log of each id's probability at temperature 1."""
    stopped: bool = False
    """True: a stop id was drawn (it is the last of `token_ids`)."""
    seconds: dict[str, float] = field(default_factory=dict)
    """"vision", "prefill" and "decode"."""


class Generator:
    def __init__(self, network: "KimiVL") -> None:
        self.network = network

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
    ) -> Generation:
        """Greedy at temperature 0, else sampled.

        Args:
            familiar_ids: a text in the form of the answer; makes a greedy one quicker, not
                other (in bfloat16, where two tokens tie, it may be the other).

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
        input_ids_BT = input_ids_BT.to(device)
        pixel_values = None if pixel_values is None else pixel_values.to(device)
        sampler = torch.Generator().manual_seed(seed) if seed is not None else None
        result = Generation()
        clock = time.perf_counter()
        embedded = self.network.embed(input_ids_BT, pixel_values, image_grid_hws)
        result.seconds["vision"], clock = _lap(clock)
        cache = LatentCache(self.network.config.text.num_hidden_layers)
        logits_TV = self._logits(embedded, cache)[-1:]
        result.seconds["prefill"], clock = _lap(clock)
        drafts = Drafts([*familiar_ids, *input_ids_BT[0].tolist()])
        guesses: list[int] = []
        while True:
            for logits_V, guess in zip(logits_TV, [*guesses, None], strict=True):
                token_id = _draw(logits_V, temperature, sampler)
                result.token_ids.append(token_id)
                result.log_probs.append(float(logits_V.log_softmax(-1)[token_id]))
                drafts.extend((token_id,))
                if on_token is not None:
                    on_token(token_id)
                result.stopped = token_id in stop_ids
                if result.stopped or len(result.token_ids) == max_new_tokens:
                    result.seconds["decode"], _ = _lap(clock)
                    return result
                if token_id != guess:
                    break
            # All but the newest token have passed; guesses that were wrong have too.
            num_told = len(result.token_ids)
            cache.rewind(num_prompt + num_told - 1)
            most = min(MOST_GUESSES, max_new_tokens - num_told - 1) if temperature == 0.0 else 0
            guesses = drafts.guess(most)
            step = torch.tensor([[token_id, *guesses]], device=input_ids_BT.device)
            logits_TV = self._logits(self.network.language_model.model.embed_tokens(step), cache)

    def _logits(self, embedded_BTD: Tensor, cache: LatentCache) -> Tensor:
        """Of what follows each of these tokens, [T, V] float32; after a prompt, the last only."""
        hidden = self.network.hidden(embedded_BTD, cache)
        return self.network.language_model.lm_head(hidden[0, -MOST_GUESSES - 1 :]).float()


def _draw(logits_V: Tensor, temperature: float, sampler: torch.Generator | None) -> int:
    if temperature == 0.0:
        return int(logits_V.argmax())
    return int(torch.multinomial((logits_V / temperature).softmax(-1).cpu(), 1, generator=sampler))


def _lap(since: float) -> tuple[float, float]:
    now = time.perf_counter()
    return now - since, now
