from pathlib import Path

import pytest
import torch

from model.devices import (
    ROOM_BYTES,
    SMALL_BYTES,
    best_place,
    bits_on_card,
    quick_products,
    stored_bytes,
    threads_worth,
)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_on_a_cpu_small_weights_are_computed_with_in_float32_and_large_ones_are_not() -> None:
    assert best_place(SMALL_BYTES) == (torch.device("cpu"), torch.float32)
    assert best_place(SMALL_BYTES + 1) == (torch.device("cpu"), torch.bfloat16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(
    ("flags", "products"),
    [
        ("flags\t: avx2 avx512f avx512_bf16", "bfloat16"),
        ("flags\t: avx512f amx_bf16 amx_tile", "bfloat16"),
        ("flags\t: avx2 avx512f", "float32"),
        (None, "float32"),
    ],
)
def test_a_training_multiplies_bfloat16_where_the_cpu_has_instructions_for_it(
    tmp_path: Path, flags: str | None, products: str
) -> None:
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\nbugs\t:\n")
    assert quick_products(tmp_path / "cpuinfo") == products


def test_only_the_tensors_of_a_folder_are_counted(tmp_path: Path) -> None:
    (tmp_path / "model-1.safetensors").write_bytes(b"12345")
    (tmp_path / "model-2.safetensors").write_bytes(b"123")
    (tmp_path / "tiktoken.model").write_bytes(b"1")
    assert stored_bytes(tmp_path) == 8


@pytest.mark.parametrize(
    ("load", "num_cores", "threads"),
    [(0.0, 2, 2), (2.0, 2, 2), (26.0, 2, 1), (16.0, 16, 16), (48.0, 16, 5), (500.0, 16, 1)],
)
def test_a_crowded_cpu_is_computed_on_with_fewer_threads(
    load: float, num_cores: int, threads: int
) -> None:
    assert threads_worth(load, num_cores) == threads


def test_a_card_holds_weights_as_they_are_only_if_there_is_room_beside_them() -> None:
    assert bits_on_card(100, 100 + ROOM_BYTES) == 16
    assert bits_on_card(100, 99 + ROOM_BYTES) == 4
    assert bits_on_card(num_bytes=33 << 30, free_bytes=24 << 30) == 4
