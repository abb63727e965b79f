"""A small network in two processes, each with half of every weight: the losses of one."""

import json
import multiprocessing
from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.copying import CopySource
from model.train.draws import Row, Source
from model.train.initial import random_network
from model.train.replicas import Replicas
from model.train.samples import Conversation, Turn
from model.train.sharded import ShardedTrainer
from model.train.stages import Stage
from model.train.vocabulary import train_ranks

STAGE = Stage(
    name="full",
    steps=4,
    batch_size=2,
    sequence_length=150,
    learning_rate=2e-3,
    warmup_steps=1,
    mixture={"pages": 1.0, "copying": 1.0},
    dtype="float32",
    expert_balance_rate=0.01,
    checkpointed=True,
    sharded=True,
)


def sources(picture: Path) -> dict[str, Source]:
    turns = (Turn("Where is it?", "x=0.25, y=0.18"),)
    page = Conversation(system="Look.", picture=picture, turns=turns)

    def draw(_rng: object) -> Row:
        return page, None

    return {"pages": draw, "copying": CopySource(("vel", "ut"))}


def train(
    rank: int, size: int, folder: Path, picture: Path, config: KimiVLConfig, steps: tuple[int, ...]
) -> None:
    """So many steps each life; what comes after a save goes on in the next."""
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder.with_suffix(".store")), size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    words = {" the": 9, " click": 8, "Action": 7, "Where": 6, " button": 5, "Submit": 4}
    tokenizer = Tokenizer(train_ranks(Counter(words), 372))
    for number in steps:
        made = ShardedTrainer(
            random_network(config, seed=1),
            tokenizer,
            STAGE,
            sources(picture),
            folder,
            Replicas(rank, size),
        )
        made.resume()
        while made.step < number:
            row = made.one_step()
            if rank == 0:
                folder.mkdir(exist_ok=True)
                with (folder / "metrics.jsonl").open("a") as metrics:
                    metrics.write(json.dumps(row) + "\n")
        made.save()
    made.write_whole()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, small_config: KimiVLConfig) -> Path:
    """By one process, by two, and by two that stopped in the middle."""
    from PIL import Image

    root = tmp_path_factory.mktemp("sharded")
    Image.new("RGB", (84, 56), "white").save(root / "page.png")
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(
            target=train,
            args=(rank, size, root / name, root / "page.png", small_config, steps),
        )
        for name, size, steps in (("one", 1, (4,)), ("two", 2, (4,)), ("twice", 2, (2, 4)))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(200)
        assert process.exitcode == 0
    return root


def losses(folder: Path) -> list[float]:
    return [
        json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]


def test_two_processes_lose_what_one_does(trained: Path) -> None:
    assert losses(trained / "two") == pytest.approx(losses(trained / "one"), abs=2e-4)
    assert losses(trained / "one")[-1] < losses(trained / "one")[0]


def test_stopped_and_gone_on_with_it_is_the_same_to_the_bit(trained: Path) -> None:
    for rank in range(2):
        name = f"part-{rank}-of-2.safetensors"
        one, other = load_file(trained / "two" / name), load_file(trained / "twice" / name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_parts_become_a_checkpoint_like_any_other(
    trained: Path, small_config: KimiVLConfig
) -> None:
    one, two = (
        KimiVL.from_pretrained(trained / name / "last", dtype=torch.float32).state_dict()
        for name in ("one", "two")
    )
    start = random_network(small_config, seed=1).state_dict()
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=2e-3), name
    assert not torch.allclose(
        one["language_model.lm_head.weight"], start["language_model.lm_head.weight"]
    )
