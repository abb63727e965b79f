"""How long a call takes, on a card as on a processor."""

import time
from collections.abc import Callable
from typing import Any

import torch


def seconds_of(run: Callable[[], Any], device: torch.device, *, times: int = 3) -> float:
    """The mean over `times` calls after one that does not count."""
    run()
    wait_for(device)
    began = time.perf_counter()
    for _ in range(times):
        run()
    wait_for(device)
    return (time.perf_counter() - began) / times


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
