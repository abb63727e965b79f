"""Who computes here: the compiled kernels, or torch."""

from model.kernels.contract import Kernels
from model.kernels.plain import PlainKernels


def best_kernels() -> Kernels:
    return PlainKernels()
