"""Several processes with one network, each with its part of every batch.

`torchrun --nproc-per-node 2 main.py sft ...` starts them; without it there is one and
nothing is sent. Each keeps its own optimizer, which sees the same mean gradients.
"""

import os
from collections.abc import Sequence
from typing import Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

RowT = TypeVar("RowT")


class Replicas:
    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def join(cls) -> Self:
        """The group torchrun started, or one process alone."""
        if not dist.is_torchelastic_launched():
            return cls(0, 1)
        if not dist.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def leads(self) -> bool:
        """Writes checkpoints and metrics."""
        return self.rank == 0

    def share(self, rows: Sequence[RowT]) -> Sequence[RowT]:
        """Every size-th row: rows sorted by length are dealt out evenly."""
        return rows[self.rank :: self.size]

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by the mean over the processes.

        A parameter no process used keeps none; one that some used counts as zero in the
        others (an expert without tokens).
        """
        if self.size == 1:
            return
        device = parameters[0].device
        used = torch.tensor([float(p.grad is not None) for p in parameters], device=device)
        dist.all_reduce(used)
        shared = [p for p, count in zip(parameters, used.tolist(), strict=True) if count]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared]
        flat = torch.cat([grad.flatten().float() for grad in grads])
        dist.all_reduce(flat)
        flat /= self.size
        parts = flat.split([grad.numel() for grad in grads])
        for parameter, part in zip(shared, parts, strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype)

    def add_up(self, counts: Tensor) -> None:
        """Sum over the processes, in place."""
        if self.size == 1:
            return
        shared = counts.cuda() if dist.get_backend() == "nccl" else counts
        dist.all_reduce(shared)
        counts.copy_(shared)

    def any(self, here: bool) -> bool:
        """Whether it is so in any of the processes."""
        if self.size == 1:
            return here
        found = torch.tensor(float(here))
        self.add_up(found)
        return bool(found)

    def wait(self) -> None:
        """Until every process is here: what the leader wrote can then be read."""
        if self.size > 1:
            dist.barrier()
