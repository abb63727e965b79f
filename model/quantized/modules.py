"""Layers whose weights stay on their grid; the kernels they are given compute with them.

Shapes: T tokens, D model width, K inputs, N outputs, E experts, C chosen experts of a token.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from model.cache import Remembers
from model.config import TextConfig
from model.decoder import DecoderLayer
from model.kernels.contract import FewTokens, Kernels, LayerParts
from model.mla import LATENT_NORM_EPS, MOST_ABSORBED, MultiHeadLatentAttention
from model.moe import Router
from model.moonvit import VisionBlock
from model.quantized.grid import ROWS, SPAN, Packed, packed_shape, padded
from model.quantized.plan import AS_IT_IS, Plan

if TYPE_CHECKING:
    from model.kimi_vl import KimiVL


class QuantizedLinear(nn.Module):
    """A linear map; named and shaped in the state dict as `model.quantized.plan.LAYOUT` says."""

    weight: Tensor
    weight_rows: Tensor
    bias: Tensor | None

    def __init__(
        self, num_inputs: int, num_outputs: int, bits: int, kernels: Kernels, *, bias: bool = False
    ) -> None:
        super().__init__()
        self.num_inputs, self.num_outputs, self.bits = num_inputs, num_outputs, bits
        self.kernels = kernels
        shape = packed_shape(num_outputs, num_inputs, bits)
        self.register_buffer("weight", torch.zeros(shape, dtype=torch.uint8))
        self.register_buffer("weight_rows", torch.zeros(shape[0], 2 * ROWS))
        self.register_buffer("bias", torch.zeros(num_outputs) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        packed = Packed(self.weight, self.weight_rows)
        y_TN = self.kernels.linear(x.flatten(0, -2), packed, self.bits, self.num_outputs)
        if self.bias is not None:
            y_TN = y_TN + self.bias
        return y_TN.unflatten(0, x.shape[:-1])


class QuantizedExperts(nn.Module):
    """Gated MLPs in a stack: routed experts, then those that every token has."""

    gate_up: Tensor
    gate_up_rows: Tensor
    down: Tensor
    down_rows: Tensor

    def __init__(
        self,
        dim: int,
        hidden: int,
        bits: int,
        kernels: Kernels,
        *,
        router: Router | None,
        num_shared: int,
    ) -> None:
        """
        Args:
            router: None: there are shared experts only.
        """
        super().__init__()
        self.dim, self.hidden, self.bits, self.kernels = dim, hidden, bits, kernels
        self.num_shared = num_shared
        self.num_routed = 0 if router is None else len(router.weight)
        if router is not None:
            self.gate = router
        num_experts = self.num_routed + num_shared
        # Padded to spans of the next product; rows of zeros, whose hidden values are zero.
        for name, rows, inputs in (
            ("gate_up", 2 * padded(hidden, SPAN), dim),
            ("down", dim, hidden),
        ):
            shape = packed_shape(rows, inputs, bits)
            stack = torch.zeros(num_experts, *shape, dtype=torch.uint8)
            self.register_buffer(name, stack)
            self.register_buffer(f"{name}_rows", torch.zeros(num_experts, shape[0], 2 * ROWS))

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_TD = x_BTD.flatten(0, -2)
        shared = torch.arange(self.num_routed, self.num_routed + self.num_shared)
        experts_TC = shared.to(x_TD.device).expand(len(x_TD), -1)
        weights_TC = torch.ones(experts_TC.shape, device=x_TD.device)
        if self.num_routed:
            routes = self.gate(x_TD)
            experts_TC = torch.cat((routes.experts_TK, experts_TC), dim=1)
            weights_TC = torch.cat((routes.weights_TK, weights_TC), dim=1)
        mixed_TD = self.kernels.experts(
            x_TD,
            Packed(self.gate_up, self.gate_up_rows),
            Packed(self.down, self.down_rows),
            self.bits,
            experts_TC,
            weights_TC,
        )
        return mixed_TD.view_as(x_BTD)


class LayerForFewTokens:
    """`DecoderLayer.few`: fifty small calls of torch between the products took a third of the time
    of a token."""

    def __init__(self, layer: DecoderLayer, plan: Plan, kernels: Kernels) -> None:
        self._layer, self._plan, self._kernels = layer, plan, kernels
        self._taken = False
        self._run: FewTokens | None = None

    def __call__(
        self,
        x_BTD: Tensor,
        cos_TP: Tensor,
        sin_TP: Tensor,
        visible_TK: Tensor | None,
        cache: Remembers | None,
    ) -> Tensor | None:
        batch, num_tokens, _ = x_BTD.shape
        # A mask of more dimensions is of padded rows.
        if cache is None or visible_TK is None or visible_TK.ndim > 2 or batch > 1:
            return None
        if num_tokens > MOST_ABSORBED or not x_BTD.is_cpu:
            return None
        if not self._taken:
            # Not before: weights come after the modules. They stay, a quantized network does not
            # learn.
            self._run, self._taken = self._kernels.layer(self._parts()), True
        if self._run is None:
            return None
        attention = self._layer.self_attn
        room = x_BTD.new_empty(1, num_tokens, attention.rank + attention.rope_dim)
        entries_BKR = cache.append(self._layer.index, room)
        return self._run(x_BTD[0], cos_TP, sin_TP, entries_BKR[0]).unsqueeze(0)

    def _parts(self) -> LayerParts:
        layer, attention, mlp = self._layer, self._layer.self_attn, self._layer.mlp
        assert isinstance(mlp, QuantizedExperts)
        router = mlp.gate if mlp.num_routed else None
        query, latent, output = (
            Packed(linear.weight, linear.weight_rows)
            for linear in (getattr(attention, name) for name in ATTENTION)
        )
        return LayerParts(
            first_norm=layer.input_layernorm.weight,
            latent_norm=attention.kv_a_layernorm.weight,
            second_norm=layer.post_attention_layernorm.weight,
            epsilon=layer.input_layernorm.eps or 0.0,
            latent_epsilon=LATENT_NORM_EPS,
            query=query,
            latent=latent,
            output=output,
            attention_bits=self._plan.attention,
            up=attention.kv_b_proj.weight,
            num_heads=attention.num_heads,
            nope_dim=attention.nope_dim,
            rope_dim=attention.rope_dim,
            scale=attention.scale,
            gate_up=Packed(mlp.gate_up, mlp.gate_up_rows),
            down=Packed(mlp.down, mlp.down_rows),
            expert_bits=mlp.bits,
            router=None if router is None else router.weight,
            balance=None if router is None else router.e_score_correction_bias,
            num_chosen=0 if router is None else router.top_k,
            router_scale=0.0 if router is None else router.scale,
        )


def put_on_grid(network: "KimiVL", plan: Plan, kernels: Kernels) -> None:
    """Put the plan's layers in place of the plain ones."""
    text = network.config.text
    decoder, encoder = network.language_model, network.vision_tower.encoder
    for index, layer in enumerate(decoder.model.layers):
        assert isinstance(layer, DecoderLayer)
        layer.mlp = _mlp(text, plan, kernels, dense=index < text.first_k_dense_replace)
        assert isinstance(layer.self_attn, MultiHeadLatentAttention)
        layer.self_attn.kernels = kernels
        for name in ATTENTION:
            plain = getattr(layer.self_attn, name)
            setattr(layer.self_attn, name, _linear(plain, plan.attention, kernels))
        layer.few = LayerForFewTokens(layer, plan, kernels)
    decoder.lm_head = _linear(decoder.lm_head, plan.head, kernels)
    for block in encoder.blocks:
        assert isinstance(block, VisionBlock)
        block.kernels = kernels
    if plan.vision != AS_IT_IS:
        for block in encoder.blocks:
            for owner, names in ((block, ("wqkv", "wo")), (block.mlp, ("fc0", "fc1"))):
                for name in names:
                    setattr(owner, name, _linear(getattr(owner, name), plan.vision, kernels))


ATTENTION = ("q_proj", "kv_a_proj_with_mqa", "o_proj")
"""kv_b_proj is not among them: decoding multiplies with it from the other side."""


def _linear(plain: nn.Linear, bits: int, kernels: Kernels) -> nn.Linear:
    made = QuantizedLinear(
        plain.in_features, plain.out_features, bits, kernels, bias=plain.bias is not None
    )
    # To whoever holds it, it is the linear map it stands for.
    return made  # type: ignore[return-value]


def _mlp(text: TextConfig, plan: Plan, kernels: Kernels, *, dense: bool) -> QuantizedExperts:
    if dense:
        return QuantizedExperts(
            *(text.hidden_size, text.intermediate_size, plan.experts, kernels),
            router=None,
            num_shared=1,
        )
    router = Router(
        *(text.hidden_size, text.n_routed_experts, text.num_experts_per_tok),
        text.routed_scaling_factor,
    )
    return QuantizedExperts(
        *(text.hidden_size, text.moe_intermediate_size, plan.experts, kernels),
        router=router,
        num_shared=text.n_shared_experts,
    )
