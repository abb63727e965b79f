"""A pass over a few new tokens without the host: recorded once as a CUDA graph, then replayed.

A token of Kimi-VL is 1,600 small kernels; started one by one from Python they take several times
as long as they run. A graph has fixed shapes and places, so: the new tokens are padded to one of
a few widths, the cache's room is written and read where it lies, and attention looks at a power
of two of its entries with those not yet used masked. Once a cache has grown and moved, what was
recorded of it is dropped.

Shapes: T tokens of a pass, K keys looked at, R latent rank + rotary channels, V vocabulary.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from model.cache import LatentCache
from model.rope import text_angles

if TYPE_CHECKING:
    from model.kimi_vl import KimiVL

WIDTHS = (1, 4, 13)
"""Tokens a pass is padded to: the newest alone, or with a few or most guesses (`model.pace`)."""

LEAST_KEYS = 1024
WARM_UPS = 2
"""Passes before recording: libraries set themselves up in the first, which cannot be recorded."""


class _Place(NamedTuple):
    """What a recorded pass reads."""

    ids_T: Tensor
    past_1: Tensor
    """Tokens in the cache before this pass."""


class _InPlace:
    """The cache as a recorded pass sees it: a `model.cache.Remembers` that never moves."""

    def __init__(self, rooms: Sequence[Tensor], positions_T: Tensor, num_keys: int) -> None:
        self.rooms, self.positions_T, self.num_keys = rooms, positions_T, num_keys

    def append(self, layer: int, entries_BTR: Tensor) -> Tensor:
        self.rooms[layer].index_copy_(1, self.positions_T, entries_BTR)
        return self.rooms[layer][:, : self.num_keys]


class _Recorded(NamedTuple):
    place: _Place
    logits_TV: Tensor
    graph: torch.cuda.CUDAGraph


class _OfCache(NamedTuple):
    """What was recorded of one cache, as long as it lies where it did."""

    room_at: int
    by_width_and_keys: dict[tuple[int, int], _Recorded]


class Steps:
    """Passes after a prefill. Not for two threads."""

    def __init__(self, network: "KimiVL", *, recorded: bool | None = None) -> None:
        """
        Args:
            recorded: as CUDA graphs; else the same work kernel by kernel, on any device. None: on
                a card.
        """
        self.network = network
        self.recorded = network.device.type == "cuda" if recorded is None else recorded
        self._recorded: WeakKeyDictionary[LatentCache, _OfCache] = WeakKeyDictionary()

    @torch.inference_mode()
    def logits(self, token_ids: Sequence[int], cache: LatentCache) -> Tensor | None:
        """Of what follows each token, [T, V] float32; the cache then holds them.

        None: more tokens than the widest pass takes, or no room for them in the cache yet.
        Overwritten by the next call.
        """
        width = next((width for width in WIDTHS if width >= len(token_ids)), None)
        past = cache.length
        rooms = [
            room for layer in range(self._num_layers) if (room := cache.room(layer)) is not None
        ]
        if width is None or len(rooms) < self._num_layers or rooms[0].shape[1] < past + width:
            return None
        num_keys = min(power_of_two(max(past + width, LEAST_KEYS)), rooms[0].shape[1])
        ids = torch.tensor([*token_ids, *[0] * (width - len(token_ids))])
        cache.advance(len(token_ids))
        if not self.recorded:
            device = rooms[0].device
            place = _Place(ids.to(device), torch.tensor([past], device=device))
            return self._pass(place, rooms, num_keys)[: len(token_ids)]
        known = self._recorded.get(cache)
        if known is None or known.room_at != rooms[0].data_ptr():
            known = self._recorded[cache] = _OfCache(rooms[0].data_ptr(), {})
        found = known.by_width_and_keys.get((width, num_keys))
        if found is None:
            found = self._record(ids, past, rooms, num_keys)
            known.by_width_and_keys[width, num_keys] = found
        found.place.ids_T.copy_(ids)
        found.place.past_1.fill_(past)
        found.graph.replay()
        return found.logits_TV[: len(token_ids)]

    @property
    def _num_layers(self) -> int:
        return self.network.config.text.num_hidden_layers

    def _pass(self, place: _Place, rooms: Sequence[Tensor], num_keys: int) -> Tensor:
        decoder = self.network.language_model
        transformer = decoder.model
        device = place.ids_T.device
        positions_T = place.past_1 + torch.arange(len(place.ids_T), device=device)
        visible_TK = torch.arange(num_keys, device=device) <= positions_T.unsqueeze(1)
        x_BTD = transformer.embed_tokens(place.ids_T).unsqueeze(0)
        angles = text_angles(positions_T, transformer.rope_dim, transformer.rope_theta)
        cos_TP, sin_TP = angles.cos().to(x_BTD.dtype), angles.sin().to(x_BTD.dtype)
        cache = _InPlace(rooms, positions_T, num_keys)
        for layer in transformer.layers:
            x_BTD = layer(x_BTD, cos_TP, sin_TP, visible_TK, cache)
        logits: Tensor = decoder.lm_head(transformer.norm(x_BTD)[0]).float()
        return logits

    def _record(
        self, ids_T: Tensor, past: int, rooms: Sequence[Tensor], num_keys: int
    ) -> _Recorded:
        device = rooms[0].device
        place = _Place(ids_T.to(device), torch.tensor([past], device=device))
        # Writes what the replay will write again, at the same places.
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._pass(place, rooms, num_keys)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # One pool for all: they run one after another, and the results of one are read before
        # the next is replayed.
        known = (found for of in self._recorded.values() for found in of.by_width_and_keys.values())
        pool = next((found.graph.pool() for found in known), None)
        with torch.cuda.graph(graph, pool=pool):
            logits_TV = self._pass(place, rooms, num_keys)
        return _Recorded(place, logits_TV, graph)


def power_of_two(at_least: int) -> int:
    return 1 << (at_least - 1).bit_length()
