"""What each file of a quantized folder holds, and how it is made from the source's tensors.

A part is a file: the vision tower, the embeddings, each layer, the head. Matrices are taken one
at a time and in slices of rows, so that beside a part's kept tensors little is in memory.

Shapes: N rows, K inputs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from model.config import KimiVLConfig
from model.kernels.contract import Kernels
from model.kimi_vl import KimiVL
from model.quantized.feedback import Feedback
from model.quantized.grid import ROWS, SPAN, padded
from model.quantized.modules import QuantizedExperts, QuantizedLinear, put_on_grid
from model.quantized.plan import Plan
from model.quantized.source import TensorSource
from model.quantized.tensor_file import KINDS, Output
from model.weights import rows_name

SLICE = 1 << 22
"""Weights that are put on their grid at once: 16 MB as floats."""

Products = Callable[[str], Tensor | None]
"""By the name of a matrix in the public layout: the mean products of its inputs, [K, K]."""

Matrices = Iterator[tuple[Tensor, Tensor | None]]
"""Each with its inputs' products."""


class Error(NamedTuple):
    """Of the matrices of one kind in one part."""

    bits: int
    relative: float
    """Root mean square of the error, in that of the weights; with a calibration that of what comes
    out on its steps."""


class Part(NamedTuple):
    name: str
    """As in "layer 3"."""
    prefixes: tuple[str, ...]
    """Of its tensors' names."""


def parts_of(config: KimiVLConfig) -> list[Part]:
    """In the order they are computed."""
    layers = [
        Part(f"layer {index}", (f"language_model.model.layers.{index}.",))
        for index in range(config.text.num_hidden_layers)
    ]
    return [
        Part("vision", ("vision_tower.", "multi_modal_projector.")),
        Part("embeddings", ("language_model.model.embed_tokens.",)),
        *layers,
        Part("head", ("language_model.model.norm.", "language_model.lm_head.")),
    ]


def plain_shapes(config: KimiVLConfig) -> dict[str, tuple[int, ...]]:
    """What a source has."""
    with torch.device("meta"):
        network = KimiVL(config)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


class PartMaker:
    """Makes the parts of one network, and keeps account of the errors."""

    def __init__(
        self,
        source: TensorSource,
        config: KimiVLConfig,
        plan: Plan,
        kernels: Kernels,
        on_weights: Callable[[int], None],
    ) -> None:
        """
        Args:
            on_weights: told how many weights have been dealt with since it was told last.
        """
        self.source, self.config, self.kernels = source, config, kernels
        self.on_weights = on_weights
        self._last: Feedback | None = None
        with torch.device("meta"):
            network = KimiVL(config)
            put_on_grid(network, plan, kernels)
        self._state = network.state_dict()
        self._modules = dict(network.named_modules())
        self._sums: defaultdict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0.0])

    def outputs(self, part: Part, products: Products) -> list[Output]:
        """The tensors of its file; those on a grid come first, at whole cache lines."""
        self._sums.clear()
        on_grid: list[Output] = []
        kept: list[Output] = []
        for name in self._state:
            if not name.startswith(part.prefixes) or name.endswith("_rows"):
                continue
            module = self._modules[name.rpartition(".")[0]]
            if self._state[name].dtype == torch.uint8:
                on_grid += self._matrix(name, module, products)
            else:
                tensor = self.source.tensor(name)
                self.on_weights(tensor.numel())
                kept.append(
                    Output(name, KINDS[tensor.dtype], tuple(tensor.shape), partial(iter, [tensor]))
                )
        return on_grid + kept

    def errors(self) -> dict[str, Error]:
        """Of the part made last, by kind of matrix."""
        return {
            kind: Error(bits, (wrong / max(whole, 1e-30)) ** 0.5)
            for (kind, bits), (wrong, whole) in self._sums.items()
        }

    def _matrix(self, name: str, module: torch.nn.Module, products: Products) -> list[Output]:
        """The matrix or stack, and its rows, which are known once it is written."""
        rows: list[Tensor] = []
        match module:
            case QuantizedLinear(bits=bits):
                kind = name.removesuffix(".weight").rpartition(".")[2]

                def matrices() -> Matrices:
                    yield self.source.tensor(name), products(name)
            case QuantizedExperts(bits=bits):
                kind = name.rpartition(".")[2]
                stack = name.removesuffix(kind)
                made = self._gate_up if kind == "gate_up" else self._down

                def matrices() -> Matrices:
                    yield from made(stack, module, products)
            case _:
                raise AssertionError(f"{name} of {type(module).__name__}")

        def blocks() -> Iterator[Tensor]:
            for weight_NK, products_KK in matrices():
                feedback = None if products_KK is None else self._feedback(products_KK)
                step = max(ROWS, SLICE // weight_NK.shape[1] // ROWS * ROWS)
                for some_NK in weight_NK.split(step):
                    fitted = (
                        self.kernels.fit(some_NK, bits, None)
                        if feedback is None
                        else feedback.fit(some_NK, bits)
                    )
                    rows.append(fitted.packed.rows)
                    sums = self._sums[kind, bits]
                    sums[0] += fitted.squared_error
                    sums[1] += fitted.squared
                    self.on_weights(some_NK.numel())
                    yield fitted.packed.blocks

        whole, floats = self._state[name], self._state[rows_name(name)]
        return [
            Output(name, "U8", tuple(whole.shape), blocks),
            Output(rows_name(name), "F32", tuple(floats.shape), lambda: rows),
        ]

    def _feedback(self, products_KK: Tensor) -> Feedback:
        """Made once for all experts, which have the same inputs."""
        if self._last is None or self._last.products_KK is not products_KK:
            self._last = Feedback(products_KK)
        return self._last

    def _gate_up(self, stack: str, module: QuantizedExperts, products: Products) -> Matrices:
        for expert in _experts(stack, module):
            gate, up = (
                self._rows_of(f"{expert.prefix}{which}.weight", expert.hidden)
                for which in ("gate_proj", "up_proj")
            )
            # 16 rows of the one, 16 of the other: a hidden value has both at hand.
            both = torch.stack((gate.view(-1, ROWS, module.dim), up.view(-1, ROWS, module.dim)), 1)
            yield both.view(-1, module.dim), products(f"{expert.prefix}gate_proj.weight")

    def _rows_of(self, name: str, hidden: slice) -> Tensor:
        rows = self.source.tensor(name)[hidden]
        short = padded(len(rows), SPAN) - len(rows)
        return torch.nn.functional.pad(rows, (0, 0, 0, short))

    def _down(self, stack: str, module: QuantizedExperts, products: Products) -> Matrices:
        for expert in _experts(stack, module):
            name = f"{expert.prefix}down_proj.weight"
            seen = products(name)
            yield (
                self.source.tensor(name)[:, expert.hidden],
                None if seen is None else seen[expert.hidden, expert.hidden],
            )


class _Expert(NamedTuple):
    prefix: str
    hidden: slice
    """Which of the hidden values of the source's matrices are its."""


def _experts(stack: str, module: QuantizedExperts) -> Iterator[_Expert]:
    for index in range(module.num_routed):
        yield _Expert(f"{stack}experts.{index}.", slice(None))
    shared = f"{stack}shared_experts." if module.num_routed else stack
    for index in range(module.num_shared):
        yield _Expert(shared, slice(index * module.hidden, (index + 1) * module.hidden))
