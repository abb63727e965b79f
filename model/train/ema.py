"""The running mean of the weights: what a stage may hand on instead of its last step.

Late weights circle around a better point; their mean lies nearer to it, which is worth most where
the learning rate does not go to nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

PREFIX = "mean/"


class RunningMean:
    def __init__(self, weights: Mapping[str, Tensor], decay: float) -> None:
        """
        Args:
            decay: share of the mean that a step leaves; 0: no mean is kept.
        """
        self.decay = decay
        self._mean = {name: w.detach().clone() for name, w in weights.items()} if decay else {}
        self._steps = 0

    @torch.no_grad()
    def add(self, weights: Mapping[str, Tensor]) -> None:
        """Early on the mean forgets faster, or it would hold on to where training began."""
        self._steps += 1
        decay = min(self.decay, self._steps / (self._steps + 10))
        for name, mean in self._mean.items():
            mean.lerp_(weights[name].detach(), 1.0 - decay)

    @contextmanager
    def in_place_of(self, live: Mapping[str, Tensor]) -> Iterator[None]:
        """The network has the mean's weights inside, its own again after."""
        if not self._mean:
            yield
            return
        own = {name: weight.detach().clone() for name, weight in live.items()}
        with torch.no_grad():
            for name, weight in live.items():
                weight.copy_(self._mean[name])
            yield
            for name, weight in live.items():
                weight.copy_(own[name])

    def state(self) -> dict[str, Tensor]:
        if not self._mean:
            return {}
        steps = {f"{PREFIX}steps": torch.tensor(self._steps)}
        return {**steps, **{f"{PREFIX}{name}": mean for name, mean in self._mean.items()}}

    def load_state(self, state: dict[str, Tensor], weights: Mapping[str, Tensor]) -> None:
        """Of a state without a mean: it begins with the weights."""
        self._steps = int(state.get(f"{PREFIX}steps", torch.tensor(0)))
        for name in self._mean:
            self._mean[name] = state.get(f"{PREFIX}{name}", weights[name].detach()).clone()
