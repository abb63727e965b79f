"""Which kernels a machine gets: none is left without, and no broken library is taken."""

from functools import partial
from pathlib import Path

import pytest
import torch

from model.kernels.build import NoKernels, library
from model.kernels.choice import best_kernels
from model.kernels.compiled import CompiledKernels
from model.kernels.plain import PlainKernels

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("compilers", "reason"), [((), "no C\\+\\+ compiler"), (("false",), "false failed")]
)
def test_without_a_working_compiler_torch_computes(
    tmp_path: Path, compilers: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(NoKernels, match=reason):
        library(tmp_path, compilers)
    assert not list(tmp_path.glob("*.so"))
    assert isinstance(best_kernels(CPU, partial(library, tmp_path, compilers)), PlainKernels)


def test_a_library_that_is_none_is_not_taken(tmp_path: Path) -> None:
    broken = tmp_path / "kernels.so"
    broken.write_bytes(b"no library")
    assert isinstance(best_kernels(CPU, lambda: broken), PlainKernels)


def test_what_is_not_a_cpu_computes_with_torch() -> None:
    assert isinstance(best_kernels(torch.device("meta")), PlainKernels)


def test_what_is_made_once_is_found_again() -> None:
    try:
        first = library()
    except NoKernels as reason:
        pytest.skip(str(reason))
    assert library(compilers=()) == first
    assert isinstance(best_kernels(CPU), CompiledKernels)
