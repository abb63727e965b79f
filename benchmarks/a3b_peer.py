"""What `benchmarks.a3b` measures of a peer, in a process of its own with the peer's packages.

A context here is a real one: a prompt that goes on with the last, of which the peer keeps what it
has computed. One that would take longer than `--limit` at the last rate is not run, and said so.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

BATCH = 512
"""Tokens of llama.cpp's products; its own default and its fastest here."""
DECODED_OF_TRANSFORMERS = 4


class Lap(NamedTuple):
    prefilled: int
    prefill_seconds: float
    decoded: int
    decode_seconds: float


Ask = Callable[[list[int], int], Lap]
"""A prompt and how many tokens to draw after it."""


def tell(kind: str, **figures: Any) -> None:
    print(json.dumps({"kind": kind, **figures}), flush=True)


def ids_of(count: int) -> list[int]:
    return [7 * place % 1000 + 10 for place in range(count)]


def llama_cpp(path: str, threads: int, longest: int) -> Ask:
    """By xllamacpp, which has llama.cpp's server in a wheel; the times are the server's own."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = longest + 256
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.n_gpu_layers = 0
    params.fit_params = params.warmup = False
    server = xllamacpp.Server(params)

    def ask(prompt: list[int], count: int) -> Lap:
        told = server.handle_completions(
            {
                "prompt": prompt,
                "n_predict": count,
                "temperature": 0,
                "ignore_eos": True,
                "cache_prompt": True,
            }
        )["timings"]
        return Lap(
            *(told["prompt_n"], told["prompt_ms"] / 1e3),
            *(told["predicted_n"], told["predicted_ms"] / 1e3),
        )

    return ask


def ik_llama_cpp(path: str, threads: int, longest: int) -> Ask:
    """By the low-level binding of ik-llama-cpp-python: MLA 3, flash attention, fused experts."""
    from ik_llama_cpp import _ctypes_api as api
    from ik_llama_cpp._internals import IkModel, make_batch_range, make_batch_single

    model = IkModel(path, use_mmap=True, use_mlock=False, n_gpu_layers=0)
    settings = api.llama_context_default_params()
    settings.n_ctx = longest + 256
    settings.n_batch = settings.n_ubatch = BATCH
    settings.n_threads = settings.n_threads_batch = threads
    settings.flash_attn = settings.fused_moe_up_gate = True
    settings.mla_attn = 3
    context = api.llama_init_from_model(model.model, settings)
    if not context:
        raise RuntimeError("no context; see the lines above")
    held: list[int] = []

    def run(batch: Any) -> None:
        # Named here so that it lives as long: the binding frees a model with its object.
        if api.llama_decode(context, batch) != 0:
            raise RuntimeError(f"llama_decode failed: {model.desc}")

    def ask(prompt: list[int], count: int) -> Lap:
        begun = time.perf_counter()
        new = prompt[len(held) :]
        for start in range(0, len(new), BATCH):
            some = new[start : start + BATCH]
            run(make_batch_range(some, pos_start=len(held)))
            held.extend(some)
        middle = time.perf_counter()
        for step in range(count):
            run(make_batch_single(10 + step, len(held)))
            held.append(10 + step)
        # The next prompt goes on after what was drawn; only its length matters.
        return Lap(len(new), middle - begun, count, time.perf_counter() - middle)

    return ask


def transformers_bf16(layers: str, threads: int, longest: int) -> Ask:
    """transformers' DeepSeek-V3 in bfloat16, its experts grouped, its cache the latents."""
    import torch
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    torch.set_num_threads(threads)
    settings = DeepseekV3Config(
        vocab_size=163840,
        hidden_size=2048,
        intermediate_size=11264,
        moe_intermediate_size=1408,
        num_hidden_layers=int(layers),
        num_attention_heads=16,
        num_key_value_heads=16,
        n_shared_experts=2,
        n_routed_experts=64,
        routed_scaling_factor=2.446,
        kv_lora_rank=512,
        q_lora_rank=None,
        qk_rope_head_dim=64,
        v_head_dim=128,
        qk_nope_head_dim=128,
        n_group=1,
        topk_group=1,
        num_experts_per_tok=6,
        first_k_dense_replace=1,
        max_position_embeddings=131072,
    )
    with torch.device("meta"):
        network = DeepseekV3ForCausalLM(settings).bfloat16().eval()
    network.to_empty(device="cpu")
    pool = torch.empty(1 << 24, dtype=torch.bfloat16).normal_(std=0.02)
    with torch.inference_mode():
        for tensor in (*network.parameters(), *network.buffers()):
            flat = tensor.view(-1)
            for start in range(0, len(flat), len(pool)):
                piece = flat[start : start + len(pool)]
                piece.copy_(pool[: len(piece)])
    past: Any = None
    held = 0

    @torch.inference_mode()
    def ask(prompt: list[int], count: int) -> Lap:
        nonlocal past, held
        count = min(count, DECODED_OF_TRANSFORMERS)
        begun = time.perf_counter()
        new = prompt[held:]
        for start in range(0, len(new), 2048):
            ids = torch.tensor([new[start : start + 2048]])
            past = network(ids, past_key_values=past, logits_to_keep=1).past_key_values
        middle = time.perf_counter()
        for _ in range(count):
            past = network(torch.tensor([[10]]), past_key_values=past).past_key_values
        held = len(prompt) + count
        return Lap(len(new), middle - begun, count, time.perf_counter() - middle)

    return ask


PEERS: dict[str, Callable[[str, int, int], Ask]] = {
    "llama.cpp": llama_cpp,
    "ik_llama.cpp": ik_llama_cpp,
    "transformers": transformers_bf16,
}


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("model", help="a GGUF; of transformers, the number of layers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--contexts", type=int, nargs="+", default=[1024, 8192, 32768])
    parser.add_argument("--decode", type=int, default=16)
    parser.add_argument("--limit", type=float, default=300, help="seconds a context may take")
    options = parser.parse_args(words)
    since = time.perf_counter()
    ask = PEERS[options.peer](options.model, options.threads, max(options.contexts))
    ask(ids_of(8), 2)
    tell("load", seconds=time.perf_counter() - since)
    before, a_token = 10, 0.0
    for context in options.contexts:
        if a_token * (context - before) > options.limit:
            seconds = a_token * (context - before)
            tell("skipped", context=context, why=f"would take {seconds:.0f} s and more")
            continue
        lap = ask(ids_of(context), options.decode)
        a_token = lap.prefill_seconds / max(lap.prefilled, 1)
        spent = lap.prefill_seconds
        tell("prefill", to=context, tokens=lap.prefilled, past=before, seconds=spent)
        tell("decode", context=context, tokens=lap.decoded, seconds=lap.decode_seconds)
        before = context
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    tell("memory", context=before, VmHWM_gb=round(peak, 3))
    return 0


if __name__ == "__main__":
    # Its packages lie in a folder of their own: `benchmarks.a3b` says which, by PYTHONPATH.
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path.cwd()]
    raise SystemExit(main(sys.argv[1:]))
