"""Who computes here: the compiled kernels, or torch."""

import logging

from model.kernels.build import NoKernels, library
from model.kernels.compiled import CompiledKernels
from model.kernels.contract import Kernels
from model.kernels.plain import PlainKernels

log = logging.getLogger(__name__)


def best_kernels() -> Kernels:
    """The compiled ones, made on the spot if set-up did not; torch where they cannot be."""
    try:
        return CompiledKernels(library())
    except (NoKernels, OSError) as error:
        log.warning("quantized weights are computed with by torch, slowly: %s", error)
        return PlainKernels()
