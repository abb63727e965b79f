"""Kimi-VL-A3B at its real sizes on a processor: ours beside llama.cpp, ik_llama.cpp, transformers.

Random weights, so no download; each engine in a process of its own, pinned to the same cores, in
turn and the first once more at the end (A B C A), so that what else the machine does falls on all.
Whole (`--layers 27`), or by several numbers of layers and drawn out to 27 along a line through the
smallest and the largest of them: layer 0 is dense, the head is in all, the rest are alike. What
was drawn out is marked. A peer that cannot run is told with its reason.

    python -m benchmarks.a3b --install                       the peers, into .peers
    python -m benchmarks.a3b --layers 2 5 --json a3b.json --picture a3b.png
    python -m benchmarks.a3b --memory                        the whole network in 14 GB
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.conditions import conditions

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".peers"
PACKAGES = ("xllamacpp==2026.10.11549", "ik-llama-cpp-python==0.1.5", "gguf==0.19.0")
WHOLE = 27
OURS = "ours"
ONLY_WHOLE = ("ik_llama.cpp",)
"""It takes a network of the kind for this one by its 27 layers, and opens no other."""
MOST_OF_A_WARM_UP = 10
LIMIT_BYTES = 14_000_000_000
MOST_RESIDENT_GB = 11.0
PREFILLED_AT_THE_END = 1024
Row = dict[str, Any]


def install(wheels: Path | None) -> int:
    """The peers' packages, apart from the product's; from a folder of wheels where it is given."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(PEERS)]
    if wheels is not None:
        command += ["--no-index", "--no-deps", "--find-links", str(wheels)]
    return subprocess.run([*command, *PACKAGES]).returncode


def command_of(engine: str, layers: int, options: argparse.Namespace) -> list[str]:
    """Of an engine's process; its model is made if it is not there."""
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [str(context) for context in options.contexts]
    shared = ["--threads", str(options.threads), "--decode", str(options.decode)]
    if engine == OURS:
        model = folder / f"ours-{options.bits}-{layers}"
        if not (model / "config.json").exists():
            make = ["benchmarks.a3b_folder", str(model), "--layers", str(layers)]
            run([sys.executable, "-m", *make, "--bits", str(options.bits)])
        more = ["--prefill", *map(str, options.prefill), "--contexts", *numbers]
        pictures = ["--pictures", *map(str, options.pictures)] if options.pictures else []
        return ["benchmarks/a3b_ours.py", str(model), *shared, *more, *pictures]
    source = str(layers)
    if engine != "transformers":
        gguf = folder / f"q4_k_m-{layers}.gguf"
        if not gguf.exists():
            partial = gguf.with_suffix(".partial")
            run([sys.executable, "benchmarks/a3b_gguf.py", str(partial), "--layers", str(layers)])
            partial.replace(gguf)
        source = str(gguf)
    limit = ["--limit", str(options.limit)]
    return ["benchmarks/a3b_peer.py", engine, source, *shared, "--contexts", *numbers, *limit]


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, cwd=ROOT, env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(PEERS)))}


def measured(engine: str, layers: int, options: argparse.Namespace) -> list[Row]:
    """The lines an engine told; a last one of kind "failed" if it ended otherwise."""
    try:
        command = [sys.executable, *command_of(engine, layers, options)]
    except (subprocess.CalledProcessError, OSError) as error:
        return [{"kind": "failed", "why": f"its model could not be made: {error}"}]
    cores = sorted(os.sched_getaffinity(0))[: options.threads]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**environment(), "OMP_NUM_THREADS": str(options.threads)},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=options.timeout,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        output, code, errors = done.stdout, done.returncode, done.stderr
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode(errors="replace")
        code, errors = -1, f"ended after {options.timeout} s"
    rows = [json.loads(line) for line in output.splitlines() if line.startswith('{"kind"')]
    if code:
        rows.append({"kind": "failed", "why": f"ended with {code}: {errors[-600:].strip()}"})
    return rows


def figures(rows: Iterable[Row]) -> dict[str, float]:
    """By what was measured, seconds: of a prompt, a token, a picture, the start."""
    found: dict[str, float] = {}
    so_far = 0.0
    for row in rows:
        match row["kind"]:
            case "load":
                found["load"] = row["seconds"]
            case "prefill":
                # Peers go on with what they hold, but for the few tokens of their first call.
                so_far = row["seconds"] + (so_far if row["past"] > MOST_OF_A_WARM_UP else 0.0)
                found[f"prefill of {row['to']}"] = so_far
            case "decode":
                found[f"decode a token after {row['context']}"] = row["seconds"] / row["tokens"]
            case "picture":
                found[f"picture of {row['patches']} patches"] = row["seconds"]
            case "memory":
                found["peak GB"] = max(found.get("peak GB", 0.0), row["VmHWM_gb"])
            case _:
                pass
    return found


def drawn_out(by_layers: dict[int, dict[str, float]]) -> dict[str, float]:
    """To 27 layers, along the line through the smallest and the largest number of them."""
    few, many = min(by_layers), max(by_layers)
    if few == many:
        return dict(by_layers[many])
    grown: dict[str, float] = {}
    for name, most in by_layers[many].items():
        least = by_layers[few].get(name)
        if name.startswith("picture"):
            grown[name] = most
        elif least is not None:
            grown[name] = most + (WHOLE - many) * (most - least) / (many - few)
    return grown


def compare(options: argparse.Namespace) -> Row:
    order = [*options.engines, options.engines[0]] if len(options.engines) > 1 else options.engines
    pictures = options.pictures
    raw: list[Row] = []
    by_engine: dict[str, dict[int, list[dict[str, float]]]] = {}
    reasons: dict[str, list[str]] = {}
    for engine in order:
        for layers in (WHOLE,) if engine in ONLY_WHOLE else options.layers:
            turn = argparse.Namespace(**vars(options))
            turn.pictures = pictures if layers == max(options.layers) else []
            rows = measured(engine, layers, turn)
            if engine == OURS and turn.pictures:
                # No peer is asked for pictures: once is enough.
                pictures = []
            raw.append({"engine": engine, "layers": layers, "rows": rows})
            for row in rows:
                if row["kind"] in ("failed", "skipped"):
                    told = f"{layers} layers: {row.get('context', '')} {row['why']}"
                    reasons.setdefault(engine, []).append(told)
            by_engine.setdefault(engine, {}).setdefault(layers, []).append(figures(rows))
            print(f"{engine}, {layers} layers: {json.dumps(figures(rows))}", flush=True)
            if options.json:
                so_far = summary(by_engine, reasons, raw, options)
                options.json.write_text(json.dumps(so_far, indent=2) + "\n")
    return summary(by_engine, reasons, raw, options)


def summary(
    by_engine: Mapping[str, Mapping[int, Sequence[dict[str, float]]]],
    reasons: Mapping[str, Sequence[str]],
    raw: Sequence[Row],
    options: argparse.Namespace,
) -> Row:
    whole = {
        engine: drawn_out({layers: medians(runs) for layers, runs in found.items()})
        for engine, found in by_engine.items()
    }
    ours = whole.get(OURS, {})
    return {
        "seconds": whole,
        "times_ours": {
            engine: {
                name: round(spent / ours[name], 2) for name, spent in found.items() if name in ours
            }
            for engine, found in whole.items()
            if engine != OURS
        },
        "drawn_out": max(options.layers) != WHOLE or len(options.layers) > 1,
        "not_run": reasons,
        "raw": raw,
        "threads": options.threads,
        "bits": options.bits,
        **conditions(),
    }


def medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in runs for name in one)
    return {name: median([one[name] for one in runs if name in one]) for name in names}


def table(told: Row) -> str:
    engines = list(told["seconds"])
    names = dict.fromkeys(name for found in told["seconds"].values() for name in found)
    lines = [f"{'seconds':<36}" + "".join(f"{engine:>16}" for engine in engines)]
    for name in names:
        cells = (told["seconds"][engine].get(name) for engine in engines)
        lines.append(
            f"{name:<36}"
            + "".join(f"{cell:>16.4f}" if cell is not None else f"{'-':>16}" for cell in cells)
        )
    for engine, ratios in told["times_ours"].items():
        lines.append(f"{engine}, times ours: {json.dumps(ratios)}")
    if told["drawn_out"]:
        lines.append("drawn out to 27 layers from fewer")
    for engine, reasons in told["not_run"].items():
        lines += [f"{engine}: {reason[:300]}" for reason in reasons]
    return "\n".join(lines)


def draw(told: Row, path: Path) -> None:
    """Tokens a second by context; the product does not need matplotlib, this picture does."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for place, kind in enumerate(("prefill", "decode")):
        axes = figure.add_subplot(1, 2, place + 1)
        for engine, found in told["seconds"].items():
            points = sorted(
                (tokens, (tokens if kind == "prefill" else 1) / seconds)
                for name, seconds in found.items()
                if name.startswith(kind) and (tokens := int(name.split()[-1]))
            )
            axes.plot(*zip(*points, strict=True) if points else ([], []), marker="o", label=engine)
        axes.set(title=kind, xlabel="tokens in the context", ylabel="tokens a second")
        axes.set(xscale="log", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)


def memory_proof(options: argparse.Namespace) -> Row:
    """The whole network, 8 K of context for what is resident, 32 K under a limit of 14 GB.

    The end of a context is prefilled, the rest filled. The limit is of addresses (`prlimit --as`),
    which counts the mapped weights and what is only reserved: harder than a cgroup's of pages.
    """
    options.layers, options.prefill, options.pictures = [WHOLE], [], [4096]
    told: Row = {}
    for context, limit in ((8192, None), (32768, LIMIT_BYTES)):
        options.contexts = [context - PREFILLED_AT_THE_END]
        command = [sys.executable, *command_of(OURS, WHOLE, options)]
        command += ["--suffix", str(PREFILLED_AT_THE_END)]

        def limited(limit: int | None = limit) -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        done = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, preexec_fn=limited
        )
        rows = [json.loads(row) for row in done.stdout.splitlines() if row.startswith('{"kind"')]
        told[f"{context} tokens"] = {"ended": done.returncode, "rows": rows, "limit": limit}
        if done.returncode:
            told[f"{context} tokens"]["why"] = done.stderr[-600:]
    peaks = [row["VmHWM_gb"] for row in told["8192 tokens"]["rows"] if row["kind"] == "memory"]
    told["peak_gb"] = max(peaks, default=0.0)
    ended = all(one["ended"] == 0 for one in (told["8192 tokens"], told["32768 tokens"]))
    told["holds"] = ended and 0.0 < told["peak_gb"] <= MOST_RESIDENT_GB
    return told


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--install", action="store_true", help="the peers' packages, and end")
    parser.add_argument("--wheels", type=Path, help="install them from this folder")
    parser.add_argument("--memory", action="store_true", help="only what the whole one takes")
    parser.add_argument("--engines", nargs="+", default=[OURS, "llama.cpp", "ik_llama.cpp"])
    parser.add_argument("--layers", type=int, nargs="+", default=[WHOLE])
    parser.add_argument("--bits", type=int, choices=(4, 8), default=4, help="of ours")
    parser.add_argument("--threads", type=int, default=2, help="and cores")
    parser.add_argument("--prefill", type=int, nargs="*", default=[1024, 2048], help="of ours")
    parser.add_argument("--contexts", type=int, nargs="+", default=[1024, 8192, 32768])
    parser.add_argument("--pictures", type=int, nargs="*", default=[4096, 10764], help="patches")
    parser.add_argument("--decode", type=int, default=16, help="tokens after each context")
    parser.add_argument("--limit", type=float, default=300, help="seconds of a peer's context")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds of a process")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/moonhand-a3b"), help="of models")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="PNG; needs matplotlib")
    options = parser.parse_args(words)
    if options.install:
        return install(options.wheels)
    if options.picture and find_spec("matplotlib") is None:
        parser.error("--picture needs matplotlib, which is not installed")
    told = memory_proof(options) if options.memory else compare(options)
    if options.json:
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    if options.memory:
        print(json.dumps(told, indent=2))
        return 0 if told["holds"] else 1
    print(table(told))
    if options.picture:
        draw(told, options.picture)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
