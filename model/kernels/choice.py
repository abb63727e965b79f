"""Who computes here: the compiled kernels, or torch."""

import logging
from collections.abc import Callable
from pathlib import Path

import torch

from model.kernels.build import NoKernels, library
from model.kernels.compiled import CompiledKernels
from model.kernels.contract import Kernels
from model.kernels.plain import PlainKernels

log = logging.getLogger(__name__)


def best_kernels(device: torch.device, find: Callable[[], Path] = library) -> Kernels:
    """On a CPU the compiled ones, made on the spot if set-up did not; torch where they cannot be.

    Args:
        find: the compiled ones' library.
    """
    if device.type != "cpu":
        return PlainKernels()
    try:
        return CompiledKernels(find())
    except (NoKernels, OSError) as error:
        log.warning("quantized weights are computed with by torch, slowly: %s", error)
        return PlainKernels()
