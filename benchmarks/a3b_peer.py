"""What `benchmarks.a3b` measures of a peer, in a process of its own with the peer's packages.

A context here is a real one: a prompt that goes on with the last, of which the peer keeps what it
has computed. One that would take longer than `--limit` at the last rate is filled with random
latents instead, as ours is, where the peer lets us (llama.cpp, by the file of a saved slot); else
it is not run, and said so.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import numpy as np

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


class Peer(NamedTuple):
    ask: Ask
    fill: Callable[[list[int]], None] | None = None
    """Let it hold latents for these tokens, whatever they say."""


def tell(kind: str, **figures: Any) -> None:
    print(json.dumps({"kind": kind, **figures}), flush=True)


def ids_of(count: int) -> list[int]:
    return [7 * place % 1000 + 10 for place in range(count)]


def llama_cpp(path: str, threads: int, longest: int) -> Peer:
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
    slots = tempfile.mkdtemp()
    params.slot_save_path = f"{slots}/"
    params.endpoint_slots = True
    server = xllamacpp.Server(params)

    def slot(action: str) -> None:
        address = f"{server.listening_address}/slots/0?action={action}"
        content = json.dumps({"filename": "slot"}).encode()
        request = Request(address, content, {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            answer.read()

    def fill(tokens: list[int]) -> None:
        slot("save")
        path = Path(slots, "slot")
        path.write_bytes(filled_slot(path.read_bytes(), tokens))
        slot("restore")
        path.unlink()

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

    return Peer(ask, fill)


def filled_slot(saved: bytes, tokens: list[int]) -> bytes:
    """A slot's file as one that holds these tokens, their latents random.

    Words of 32 bits: magic, version, how many words of a prompt: -1, 1, how many tokens, they, 0;
    then streams (1), cells, and of each its position, 1 and its sequence; then 0 (values are not
    turned), layers, 0, 0; and of each layer the type (1: half precision), the bytes of a row in
    64 bits, the rows. Values are part of the latents.
    """
    head = np.frombuffer(saved[:12], np.uint32)
    rest = np.frombuffer(saved[12 + 4 * int(head[2]) :], np.uint8).tobytes()
    num_cells = int(np.frombuffer(rest[4:8], np.uint32)[0])
    layers = rest[8 + 12 * num_cells :]
    told = np.frombuffer(layers[:16], np.uint32)
    kind, row_bytes = layers[16:20], int(np.frombuffer(layers[20:28], np.uint64)[0])
    assert list(told[[0, 2, 3]]) == [0, 0, 0], told
    assert len(layers) == 16 + int(told[1]) * (12 + num_cells * row_bytes), "of another version"
    count = len(tokens)
    prompt = np.array([0xFFFFFFFF, 1, count, *tokens, 0], np.uint32)
    cells = np.stack((np.arange(count), np.ones(count), np.zeros(count)), axis=1)
    rows = np.random.default_rng(0).standard_normal((count, row_bytes // 2)).astype(np.float16)
    layer = kind + row_bytes.to_bytes(8, "little") + rows.tobytes()
    start = np.array([head[0], head[1], len(prompt)], np.uint32)
    streams = np.array([1, count], np.uint32)
    parts = (start, prompt, streams, cells.astype(np.uint32), told)
    return b"".join(part.tobytes() for part in parts) + layer * int(told[1])


def ik_llama_cpp(path: str, threads: int, longest: int) -> Peer:
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

    return Peer(ask)


def transformers_bf16(layers: str, threads: int, longest: int) -> Peer:
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

    return Peer(ask)


PEERS: dict[str, Callable[[str, int, int], Peer]] = {
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
    peer = PEERS[options.peer](options.model, options.threads, max(options.contexts))
    peer.ask(ids_of(8), 2)
    tell("load", seconds=time.perf_counter() - since)
    before, a_token = 10, 0.0
    for context in options.contexts:
        if a_token * (context - before) > options.limit:
            seconds = a_token * (context - before)
            if peer.fill is None:
                tell("skipped", context=context, why=f"would take {seconds:.0f} s and more")
                continue
            peer.fill(ids_of(context))
            lap = peer.ask(ids_of(context + 1), options.decode)
            tell("decode", context=context, tokens=lap.decoded, seconds=lap.decode_seconds)
            before = context
            continue
        lap = peer.ask(ids_of(context), options.decode)
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
