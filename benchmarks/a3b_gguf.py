"""A GGUF of Kimi-VL's language model with random blocks, at the bits of llama.cpp's Q4_K_M.

Written straight as quantized blocks: no weights, no quantizer, 10.5 GB in half a minute. The
experts' down projections have 1,408 inputs, no multiple of the 256 of a K block, so that a
"Q4_K_M" of this model holds them as Q5_0 and Q8_0, half and half; as the real files do.

    python benchmarks/a3b_gguf.py OUT.gguf --layers 27      (with the package gguf)
"""

import argparse
import sys
from math import prod
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from numpy.typing import NDArray

DIM, HEADS, RANK, ROPE, NOPE, VALUE = 2048, 16, 512, 64, 128, 128
EXPERTS, HIDDEN, DENSE, SHARED, VOCABULARY = 64, 1408, 11264, 2816, 163840
ARCH = "deepseek2"
BLOCK = {
    # Weights and bytes of a block, and where in it its half-precision scales lie.
    GGMLQuantizationType.Q4_K: (256, 144, (0, 2)),
    GGMLQuantizationType.Q6_K: (256, 210, (208,)),
    GGMLQuantizationType.Q5_0: (32, 22, (0,)),
    GGMLQuantizationType.Q8_0: (32, 34, (0,)),
}
Q4_K, Q6_K, Q5_0, Q8_0 = BLOCK
SCALE = {Q4_K: 1e-4, Q6_K: 1e-5, Q5_0: 2e-3, Q8_0: 3e-4}
POOL_BYTES = 320 << 20
"""Of random blocks of one kind, cut into every tensor: the largest is the head, 275 MB."""


class Blocks:
    """Random blocks; every tensor of a kind is a piece of the same."""

    def __init__(self) -> None:
        self._pools: dict[GGMLQuantizationType, NDArray[np.uint8]] = {}

    def tensor(self, kind: GGMLQuantizationType, *shape: int) -> NDArray[np.uint8]:
        weights, num_bytes, _ = BLOCK[kind]
        count = prod(shape) // weights
        assert shape[-1] % weights == 0, (kind, shape)
        row_bytes = shape[-1] // weights * num_bytes
        return self._pool(kind)[: count * num_bytes].reshape(*shape[:-1], row_bytes)

    def _pool(self, kind: GGMLQuantizationType) -> NDArray[np.uint8]:
        if kind not in self._pools:
            _, num_bytes, scales = BLOCK[kind]
            rng = np.random.default_rng(0)
            pool = rng.integers(0, 256, (POOL_BYTES // num_bytes, num_bytes), dtype=np.uint8)
            for place in scales:
                pool[:, place : place + 2] = np.array([SCALE[kind]], np.float16).view(np.uint8)
            self._pools[kind] = pool.reshape(-1)
        return self._pools[kind]


def write(path: Path, num_layers: int) -> None:
    writer = GGUFWriter(path, ARCH)
    for name, number in {
        "block_count": num_layers,
        "context_length": 131072,
        "embedding_length": DIM,
        "feed_forward_length": DENSE,
        "attention.head_count": HEADS,
        "attention.head_count_kv": 1,
        "attention.key_length": RANK + ROPE,
        "attention.value_length": RANK,
        "attention.key_length_mla": NOPE + ROPE,
        "attention.value_length_mla": VALUE,
        "attention.kv_lora_rank": RANK,
        "attention.q_lora_rank": 0,
        "rope.dimension_count": ROPE,
        "leading_dense_block_count": 1,
        "vocab_size": VOCABULARY,
        "expert_feed_forward_length": HIDDEN,
        "expert_count": EXPERTS,
        "expert_used_count": 6,
        "expert_shared_count": 2,
        "expert_gating_func": 2,
    }.items():
        writer.add_uint32(f"{ARCH}.{name}", number)
    writer.add_float32(f"{ARCH}.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_float32(f"{ARCH}.rope.freq_base", 800000.0)
    writer.add_float32(f"{ARCH}.expert_weights_scale", 2.446)
    writer.add_bool(f"{ARCH}.expert_weights_norm", True)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    # The server turns what it draws into text; what text, nobody reads.
    writer.add_token_list([f"t{number}" for number in range(VOCABULARY)])
    writer.add_token_types([1] * VOCABULARY)
    writer.add_token_merges(["t 0"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    blocks = Blocks()

    def add(name: str, kind: GGMLQuantizationType, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", blocks.tensor(kind, *shape), raw_dtype=kind)

    def norm(name: str, size: int) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(size, np.float32))

    add("token_embd", Q4_K, VOCABULARY, DIM)
    norm("output_norm", DIM)
    add("output", Q6_K, VOCABULARY, DIM)
    rng = np.random.default_rng(1)
    for layer in range(num_layers):
        at = f"blk.{layer}"
        more = _more_bits(layer, num_layers)
        norm(f"{at}.attn_norm", DIM)
        norm(f"{at}.ffn_norm", DIM)
        norm(f"{at}.attn_kv_a_norm", RANK)
        add(f"{at}.attn_q", Q4_K, HEADS * (NOPE + ROPE), DIM)
        add(f"{at}.attn_kv_a_mqa", Q4_K, RANK + ROPE, DIM)
        add(f"{at}.attn_k_b", Q5_0, HEADS, RANK, NOPE)
        add(f"{at}.attn_v_b", Q4_K, HEADS, VALUE, RANK)
        add(f"{at}.attn_output", Q4_K, DIM, HEADS * VALUE)
        if layer == 0:
            add(f"{at}.ffn_gate", Q4_K, DENSE, DIM)
            add(f"{at}.ffn_up", Q4_K, DENSE, DIM)
            add(f"{at}.ffn_down", Q6_K, DIM, DENSE)
            continue
        router = rng.normal(0, 0.02, (EXPERTS, DIM)).astype(np.float32)
        writer.add_tensor(f"{at}.ffn_gate_inp.weight", router)
        writer.add_tensor(f"{at}.exp_probs_b.bias", np.zeros(EXPERTS, np.float32))
        add(f"{at}.ffn_gate_exps", Q4_K, EXPERTS, HIDDEN, DIM)
        add(f"{at}.ffn_up_exps", Q4_K, EXPERTS, HIDDEN, DIM)
        add(f"{at}.ffn_down_exps", Q8_0 if more else Q5_0, EXPERTS, DIM, HIDDEN)
        add(f"{at}.ffn_gate_shexp", Q4_K, SHARED, DIM)
        add(f"{at}.ffn_up_shexp", Q4_K, SHARED, DIM)
        add(f"{at}.ffn_down_shexp", Q6_K if more else Q4_K, DIM, SHARED)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _more_bits(layer: int, num_layers: int) -> bool:
    """llama.cpp's own rule for "_M": the first and last eighth, and every third between."""
    eighth = num_layers // 8
    return layer < eighth or layer >= 7 * num_layers // 8 or (layer - eighth) % 3 == 2


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--layers", type=int, default=27)
    options = parser.parse_args(words)
    write(options.out, options.layers)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
