import multiprocessing
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from model.train.replicas import Replicas


def test_alone_it_keeps_every_row_and_its_own_gradients() -> None:
    alone = Replicas.join()
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 3.0])
    alone.average_gradients([weight])
    assert alone.leads
    assert alone.share([1, 2, 3]) == [1, 2, 3]
    assert weight.grad.tolist() == [1.0, 3.0]


def test_rows_are_dealt_out_evenly() -> None:
    assert [Replicas(rank, 2).share("abcde") for rank in range(2)] == ["ace", "bd"]


def _one_of_two(rank: int, folder: str) -> None:
    store = dist.FileStore(os.path.join(folder, "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    replicas = Replicas(rank, 2)
    both, one, none = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    both.grad = torch.full((2,), float(rank))
    if rank == 0:
        one.grad = torch.ones(2)
    replicas.average_gradients([both, one, none])
    assert one.grad is not None
    counts = torch.tensor([1.0, float(rank)])
    replicas.add_up(counts)
    told = [both.grad.tolist(), one.grad.tolist(), none.grad, counts.tolist()]
    Path(folder, f"{rank}.txt").write_text(repr(told))
    dist.destroy_process_group()


def test_two_processes_agree_on_mean_gradients_and_summed_counts(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_one_of_two, args=(rank, str(tmp_path))) for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    told = {(tmp_path / f"{rank}.txt").read_text() for rank in range(2)}
    assert told == {"[[0.5, 0.5], [0.5, 0.5], None, [2.0, 1.0]]"}
