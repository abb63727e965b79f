from collections.abc import Iterator
from pathlib import Path

import pytest

from env.screen import ScreenSize
from env.tasks.machine import Bench
from env.tasks.sandboxed import SandboxedMachine, task_desktop


@pytest.fixture(scope="module")
def machine() -> Iterator[SandboxedMachine]:
    with task_desktop(ScreenSize(1280, 720)) as desktop, SandboxedMachine(desktop) as opened:
        yield opened


@pytest.fixture
def bench(machine: SandboxedMachine, tmp_path: Path) -> Bench:
    return Bench(machine=machine, folder=tmp_path / "task", task_id="t1", beside=tmp_path)
