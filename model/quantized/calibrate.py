"""What the inputs of every matrix are like on real steps: how each two of them go together.

The network runs as it is, its files mapped. Of 64 experts a layer the inputs of each one's last
matrix would be 14 GB of products at full size: where they do not fit, that matrix is fitted
without.
"""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from model.kimi_vl import KimiVL
from model.moe import MixtureOfExperts
from model.processor import ModelInput

MOST_BYTES = 2_000_000_000
"""Of products in memory, those of the experts' last matrices among them."""


class InputProducts:
    """Sums of products by matrix, in the public layout's names; call it for the means."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._means: dict[str, Tensor] = {}

    def __call__(self, name: str) -> Tensor | None:
        """[K, K], of a matrix's inputs; None: no token came to it, or it was not looked at."""
        found = _giver(name)
        if found not in self._means and found in self._sums:
            self._means[found] = self._sums.pop(found) / self._counts[found]
        return self._means.get(found)

    def add(self, name: str, inputs: Tensor) -> None:
        rows = inputs.detach().flatten(0, -2).float()
        if len(rows):
            self._sums[name] = self._sums.get(name, 0.0) + rows.T @ rows
            self._counts[name] = self._counts.get(name, 0) + len(rows)


@torch.inference_mode()
def input_products(network: KimiVL, prompts: Iterable[ModelInput]) -> InputProducts:
    """Of the decoder's matrices while the network reads the prompts, each from its beginning."""
    products = InputProducts()

    def look(name: str, _module: nn.Module, given: tuple[Tensor, ...]) -> None:
        products.add(name, given[0])

    text = network.config.text
    each = text.n_routed_experts * text.num_hidden_layers * text.moe_intermediate_size**2 * 4
    seen = [
        (name, module)
        for name, module in network.language_model.named_modules(prefix="language_model")
        if isinstance(module, nn.Linear | MixtureOfExperts) and _giver(f"{name}.weight") == name
        if each <= MOST_BYTES or ".experts." not in name
    ]
    hooks = [module.register_forward_pre_hook(partial(look, name)) for name, module in seen]
    try:
        for prompt in prompts:
            network(prompt.input_ids, prompt.pixel_values, prompt.image_grid_hws)
    finally:
        for hook in hooks:
            hook.remove()
    return products


def _giver(name: str) -> str:
    """The module whose inputs are those of the matrix `name`: one for all that share them."""
    module = name.removesuffix(".weight")
    owner, _, last = module.rpartition(".")
    if last == "kv_a_proj_with_mqa":
        return f"{owner}.q_proj"
    if last not in ("gate_proj", "up_proj"):
        return module
    # Also of an expert: those of all tokens, since few come to each.
    layer, mlp, _ = owner.partition(".mlp.")
    return f"{layer}.mlp" if mlp else f"{owner}.gate_proj"
