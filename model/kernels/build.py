"""The compiled kernels' library: made once by the machine's own compiler, at set-up or when a
quantized network is first opened.

It lies beside its sources under their digest, so that an older one is never taken
for it, and several processes may make it at once. Run as a program (`python -m
model.kernels.build`, which set-up does) it says where it is, or why there is none.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from platform import machine

SOURCES = Path(__file__).parent
FLAGS = (
    *("-O3", "-std=c++17", "-fPIC", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"),
    # gcc 12 takes its own intrinsics' undefined registers for mistakes.
    *("-Wall", "-Wno-maybe-uninitialized", "-Wno-uninitialized"),
)
AVX512 = ("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mfma")
AMX = (*AVX512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16")
UNITS = {
    "driver": (),
    "layer": (),
    "picture": (),
    "plain": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": (*AVX512, "-mprefer-vector-width=512"),
    "attend_bf16": (*AVX512, "-mavx512bf16"),
    "amx": AMX,
    "picture_amx": AMX,
}


class NoKernels(Exception):
    """They cannot be made here; torch computes instead."""


BUILT = SOURCES / "built"
COMPILERS = ("g++", "c++")


def library(folder: Path = BUILT, compilers: Sequence[str] = COMPILERS) -> Path:
    """The library, made if it is not there.

    Args:
        compilers: the first of these that is installed makes it.

    Raises:
        NoKernels: no compiler, another kind of processor, or the compiler's complaint.
    """
    if machine() != "x86_64":
        raise NoKernels(f"a processor of the kind {machine()}; the kernels are for x86_64")
    path = folder / f"kernels-{_digest()}.so"
    if path.is_file():
        return path
    compiler = next(filter(None, map(shutil.which, compilers)), None)
    if compiler is None:
        raise NoKernels("no C++ compiler (g++) is installed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as room:

        def compiled(unit: str) -> str:
            made = str(Path(room) / f"{unit}.o")
            _run([compiler, *FLAGS, *UNITS[unit], "-c", str(SOURCES / f"{unit}.cpp"), "-o", made])
            return made

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compiled, UNITS))
        whole = Path(room) / "kernels.so"
        _run([compiler, "-shared", "-fopenmp", "-o", str(whole), *objects])
        whole.replace(path)
    return path


def _digest() -> str:
    """Of all that the library depends on."""
    digest = hashlib.sha256(repr((FLAGS, UNITS)).encode())
    for path in sorted(SOURCES.iterdir()):
        if path.suffix in (".cpp", ".h", ".inc"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NoKernels(f"{' '.join(command[:1])} failed: {done.stderr.strip()[:2000]}")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{library()}\n")
    except (NoKernels, OSError) as error:
        sys.exit(f"no compiled kernels: {error}")
