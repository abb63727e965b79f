"""Our towers against transformers' own of the same families, at random sizes, float32.

The decoder is `deepseek_v3` without the query's low rank and without groups of experts; the
vision tower is that of `kimi_k25`, which keeps rotated channels in halves where the public
Kimi-VL (and ours) has them in pairs, and queries, keys and values apart.
"""

import random
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM
from transformers.models.kimi_k25.configuration_kimi_k25 import Kimi_K25VisionConfig
from transformers.models.kimi_k25.modeling_kimi_k25 import Kimi_K25VisionModel

from model.config import KimiVLConfig, TextConfig, VisionConfig
from model.kimi_vl import KimiVL
from model.moonvit import Grid
from model.train.initial import random_network

CLOSE = 1e-5


def text_config(rng: random.Random) -> TextConfig:
    num_experts = rng.choice([4, 6, 16])
    num_layers = rng.randint(2, 4)
    return TextConfig(
        vocab_size=512,
        hidden_size=rng.choice([48, 64, 96]),
        num_hidden_layers=num_layers,
        num_attention_heads=rng.choice([2, 3, 4]),
        kv_lora_rank=rng.choice([16, 24, 40]),
        qk_nope_head_dim=rng.choice([8, 16, 24]),
        qk_rope_head_dim=rng.choice([4, 8, 12]),
        v_head_dim=rng.choice([8, 12, 20]),
        intermediate_size=rng.choice([80, 128]),
        moe_intermediate_size=rng.choice([16, 40]),
        n_routed_experts=num_experts,
        num_experts_per_tok=rng.randint(1, num_experts),
        n_shared_experts=rng.choice([1, 2, 3]),
        first_k_dense_replace=rng.randint(0, num_layers),
        routed_scaling_factor=rng.choice([1.0, 2.446]),
        max_position_embeddings=256,
        rope_theta=rng.choice([10_000.0, 800_000.0]),
        rms_norm_eps=rng.choice([1e-5, 1e-6]),
    )


def vision_config(rng: random.Random) -> VisionConfig:
    num_heads = rng.choice([2, 3, 4])
    side = rng.choice([8, 12, 16])
    return VisionConfig(
        hidden_size=num_heads * rng.choice([8, 12, 16, 20]),
        num_hidden_layers=rng.randint(1, 4),
        num_attention_heads=num_heads,
        intermediate_size=rng.choice([40, 72]),
        init_pos_emb_height=side,
        init_pos_emb_width=side,
    )


def network_of(rng: random.Random) -> KimiVL:
    config = KimiVLConfig(
        vision=vision_config(rng),
        text=text_config(rng),
        media_placeholder_token_id=500,
        eos_token_ids=(2,),
    )
    network = random_network(config, seed=rng.randrange(1000)).float().eval()
    noise = torch.Generator().manual_seed(rng.randrange(1000))
    with torch.no_grad():
        # Norms and biases start as ones and zeros, where a wrong one would not show.
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.ndim == 1:
                tensor += 0.1 * torch.randn(tensor.shape, generator=noise)
    return network


def their_decoder(network: KimiVL) -> DeepseekV3ForCausalLM:
    text = network.config.text
    theirs = DeepseekV3ForCausalLM(
        DeepseekV3Config(
            vocab_size=text.vocab_size,
            hidden_size=text.hidden_size,
            intermediate_size=text.intermediate_size,
            moe_intermediate_size=text.moe_intermediate_size,
            num_hidden_layers=text.num_hidden_layers,
            num_attention_heads=text.num_attention_heads,
            num_key_value_heads=text.num_attention_heads,
            n_shared_experts=text.n_shared_experts,
            n_routed_experts=text.n_routed_experts,
            routed_scaling_factor=text.routed_scaling_factor,
            kv_lora_rank=text.kv_lora_rank,
            q_lora_rank=None,
            qk_rope_head_dim=text.qk_rope_head_dim,
            v_head_dim=text.v_head_dim,
            qk_nope_head_dim=text.qk_nope_head_dim,
            n_group=1,
            topk_group=1,
            num_experts_per_tok=text.num_experts_per_tok,
            first_k_dense_replace=text.first_k_dense_replace,
            norm_topk_prob=True,
            max_position_embeddings=text.max_position_embeddings,
            rms_norm_eps=text.rms_norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": text.rope_theta},
            tie_word_embeddings=False,
        )
    ).eval()
    state = dict(network.language_model.state_dict())
    for layer in range(text.first_k_dense_replace, text.num_hidden_layers):
        experts = f"model.layers.{layer}.mlp.experts."
        gate, up, down = (
            torch.stack(
                [state.pop(f"{experts}{e}.{part}.weight") for e in range(text.n_routed_experts)]
            )
            for part in ("gate_proj", "up_proj", "down_proj")
        )
        state[experts + "gate_up_proj"] = torch.cat((gate, up), dim=1)
        state[experts + "down_proj"] = down
    theirs.load_state_dict(state, strict=True)
    return theirs


def their_vision(network: KimiVL) -> Kimi_K25VisionModel:
    vision = network.config.vision
    theirs = Kimi_K25VisionModel(
        Kimi_K25VisionConfig(
            patch_size=vision.patch_size,
            pos_emb_height=vision.init_pos_emb_height,
            pos_emb_width=vision.init_pos_emb_width,
            num_attention_heads=vision.num_attention_heads,
            num_hidden_layers=vision.num_hidden_layers,
            hidden_size=vision.hidden_size,
            intermediate_size=vision.intermediate_size,
            rope_parameters={"rope_type": "axial", "rope_theta": 10_000.0},
        )
    ).eval()
    theirs.load_state_dict(dict(_vision_state(network)), strict=True)
    return theirs


def _vision_state(network: KimiVL) -> Iterator[tuple[str, Tensor]]:
    heads = network.config.vision.num_attention_heads
    ours_to_theirs = {
        "patch_embed.pos_emb.weight": "patch_embed.pos_emb.position_embeddings",
        "encoder.final_layernorm.": "final_layernorm.",
        "encoder.blocks.": "layers.",
        ".mlp.fc1.": ".mlp.fc2.",
        ".mlp.fc0.": ".mlp.fc1.",
        ".norm1.": ".norm2.",
        ".norm0.": ".norm1.",
        ".wo.": ".attn.proj.",
    }
    for name, tensor in network.vision_tower.state_dict().items():
        for ours, theirs in ours_to_theirs.items():
            name = name.replace(ours, theirs)
        if ".wqkv." not in name:
            yield name, tensor
            continue
        for part, rows in zip("qkv", tensor.chunk(3), strict=True):
            by_head = rows.unflatten(0, (heads, -1))
            if part != "v":
                by_head = torch.cat((by_head[:, 0::2], by_head[:, 1::2]), dim=1)
            yield name.replace(".wqkv.", f".attn.{part}_proj."), by_head.flatten(0, 1)


@pytest.mark.parametrize("seed", range(8))
def test_the_decoder_is_deepseek_v3(seed: int) -> None:
    rng = random.Random(seed)
    network = network_of(rng)
    ids = torch.randint(3, 500, (2, rng.randint(5, 40)), generator=torch.manual_seed(seed))
    with torch.inference_mode():
        ours = network(ids)
        theirs = their_decoder(network)(ids, use_cache=False).logits
    assert float((ours - theirs).abs().max()) < CLOSE


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_batches_are_those_of_deepseek_v3(side: str) -> None:
    network = network_of(random.Random(5))
    ids = torch.randint(3, 500, (2, 12), generator=torch.manual_seed(5))
    mask = torch.ones_like(ids)
    mask[1, slice(0, 5) if side == "left" else slice(7, 12)] = 0
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.inference_mode():
        ours = network(ids, attention_mask=mask)
        theirs = their_decoder(network)(ids, attention_mask=mask, position_ids=positions).logits
    assert float((ours - theirs)[mask.bool()].abs().max()) < CLOSE


@pytest.mark.parametrize("seed", range(8))
def test_the_vision_tower_is_that_of_kimi_k25(seed: int) -> None:
    rng = random.Random(100 + seed)
    network = network_of(rng)
    grids = [Grid(2 * rng.randint(1, 9), 2 * rng.randint(1, 9)) for _ in range(rng.randint(1, 4))]
    num_patches = sum(grid.num_patches for grid in grids)
    pixels = torch.randn(num_patches, 3, 14, 14, generator=torch.manual_seed(seed))
    with torch.inference_mode():
        patches = network.vision_tower(pixels, grids)
        merged = network.vision_tower.merged(patches, grids)
        grid_thw = torch.tensor([(1, *grid) for grid in grids])
        theirs = their_vision(network)(pixels, grid_thw=grid_thw)
    assert float((patches - theirs.last_hidden_state).abs().max()) < CLOSE
    assert float((merged - theirs.pooler_output).abs().max()) < CLOSE
