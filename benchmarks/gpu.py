"""Whether the network is right on a card, and how quick: every check by itself, all in 100 seconds.

A card is lent for minutes and seldom, so a check that fails says so with its error and the next
one begins; what is known so far is in the file after each. Small checks compare with the golden
numbers, with the weights unpacked, with the same pass not recorded. The large ones take random
weights of the real sizes: decoding, prefill, memory, pictures of 4,096 and 10,764 patches.

    python -m benchmarks.gpu --json gpu.json
    python -m benchmarks.gpu --device cpu --small    (the same checks where there is no card)
"""

import argparse
import gc
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import gpu_small, gpu_whole  # noqa: E402
from model.attention import flash_attention  # noqa: E402
from model.config import KimiVLConfig, TextConfig, VisionConfig  # noqa: E402


class Check(NamedTuple):
    name: str
    run: Callable[[], Mapping[str, Any]]


def checks(device: torch.device, config: KimiVLConfig) -> list[Check]:
    """In the order of what one would miss most, were time to run out."""
    golden = ROOT / "tests" / "model" / "golden" / "tiny-a"
    return [
        Check("machine", lambda: machine(device)),
        Check("golden float32", lambda: gpu_small.golden(golden, device, torch.float32)),
        Check("golden bfloat16", lambda: gpu_small.golden(golden, device, torch.bfloat16)),
        Check("int4 layout", lambda: gpu_small.layout(device)),
        Check("int4 products", lambda: gpu_small.products(device, config)),
        Check("experts bf16", lambda: gpu_small.experts(device, config, 16)),
        Check("experts int4", lambda: gpu_small.experts(device, config, 4)),
        Check("graphs bf16", lambda: gpu_small.graphs(device, 16)),
        Check("graphs int4", lambda: gpu_small.graphs(device, 4)),
        Check("packs of pictures", lambda: gpu_small.packs(device)),
        Check("whole int4", lambda: gpu_whole.whole(device, config, 4)),
        Check("whole bf16", lambda: gpu_whole.whole(device, config, 16)),
        Check("vision", lambda: gpu_whole.vision(device, config)),
        Check("profile int4", lambda: gpu_whole.profile(device, config, 4)),
    ]


def machine(device: torch.device) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ok": True,
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "flash_attn": flash_attention() is not None,
    }
    if device.type == "cuda":
        seen = torch.cuda.get_device_properties(device)
        found |= {
            "card": seen.name,
            "memory_gb": round(seen.total_memory / 1e9, 1),
            "capability": list(torch.cuda.get_device_capability(device)),
        }
    return found


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small sizes in place of the real")
    parser.add_argument("--only", nargs="+", help="checks whose name begins so")
    parser.add_argument("--seconds", type=float, default=150, help="no check begins after these")
    parser.add_argument("--json", type=Path, help="also write the figures here, after every check")
    options = parser.parse_args(words)
    device = torch.device(options.device)
    config = KimiVLConfig(vision=VisionConfig(), text=TextConfig())
    if options.small:
        config = gpu_small.small_config()
    began, all_ok = time.perf_counter(), True
    told: dict[str, dict[str, Any]] = {}
    for check in checks(device, config):
        if options.only and not check.name.startswith(tuple(options.only)):
            continue
        since = time.perf_counter()
        if since - began > options.seconds:
            told[check.name] = {"ok": False, "error": f"not begun: {options.seconds} s were over"}
        else:
            told[check.name] = attempted(check, device)
        told[check.name]["took_seconds"] = round(time.perf_counter() - since, 2)
        all_ok = all_ok and told[check.name]["ok"]
        print(f"{check.name}: {json.dumps(told[check.name])}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(told, indent=2) + "\n")
    print(f"{'all ok' if all_ok else 'FAILED'} in {time.perf_counter() - began:.0f} s")
    return 0 if all_ok else 1


def attempted(check: Check, device: torch.device) -> dict[str, Any]:
    try:
        with torch.inference_mode():
            return dict(check.run())
    # Whatever a driver, a library or a kernel raises is this check's result.
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-4:]
        places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.line}" for frame in where]
        return {"ok": False, "error": f"{type(error).__name__}: {error}"[:1500], "at": places}
    finally:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
