import json
import multiprocessing
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.draws import Row, Source
from model.train.initial import random_network
from model.train.replicas import Replicas
from model.train.samples import Conversation, Label, Turn
from model.train.stages import Stage
from model.train.trainer import Trainer
from model.train.vocabulary import train_ranks

STAGE = Stage(
    name="joint",
    steps=30,
    batch_size=2,
    learning_rate=0.01,
    warmup_steps=3,
    mixture={"pages": 1.0},
    pointer_weight=0.5,
)


@pytest.fixture
def source(page_picture: Path, characters: list[Label]) -> Source:
    return page_source(page_picture, characters)


def page_source(picture: Path, characters: list[Label]) -> Source:
    """Always the same page; one of two questions."""
    told = (("Where is it?", "x=0.25, y=0.18"), ("What is it?", "Submit"))

    def draw(rng: random.Random) -> Row:
        turns = (Turn(*rng.choice(told)),)
        return Conversation(system="Look.", picture=picture, turns=turns), characters

    return draw


def words_of_tests() -> Tokenizer:
    """The session's `tokenizer`, for processes that have no fixtures."""
    words = {" the": 9, " click": 8, "Action": 7, "Where": 6, " button": 5, "Submit": 4}
    return Tokenizer(train_ranks(Counter(words), 372))


def trainer(
    config: KimiVLConfig,
    tokenizer: Tokenizer,
    source: Source,
    folder: Path,
    stage: Stage = STAGE,
    earlier: Path | None = None,
    readers: int = 0,
) -> Trainer:
    network = random_network(config, seed=1)
    return Trainer(
        network, tokenizer, stage, {"pages": source}, folder, earlier=earlier, readers=readers
    )


def test_one_page_is_learned_in_thirty_steps(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    made = trainer(small_config, tokenizer, source, tmp_path / "run")
    made.run()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    assert [line["step"] for line in metrics] == list(range(1, 31))
    first, last = metrics[0], metrics[-1]
    assert last["answer"] < 0.3 * first["answer"]
    assert last["glyphs"] < 0.8 * first["glyphs"]
    assert last["pointer"] < first["pointer"]
    assert last["token_accuracy"] > 0.7, "all but which of the two questions it was"
    network = KimiVL.from_pretrained(tmp_path / "run" / "last", dtype=torch.float32)
    assert network.config == small_config


def test_stopped_and_gone_on_with_it_is_the_same_to_the_bit(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, steps=6)
    straight = trainer(small_config, tokenizer, source, tmp_path / "straight", stage)
    straight.run()

    stopped = trainer(small_config, tokenizer, source, tmp_path / "stopped", stage)
    for _ in range(3):
        stopped.one_step()
    stopped.save()
    stopped.one_step()  # Lost: it was never saved.

    # Who draws the batches, and whether ahead, changes nothing either.
    gone_on = trainer(small_config, tokenizer, source, tmp_path / "stopped", stage, readers=2)
    assert gone_on.resume()
    assert gone_on.step == 3
    gone_on.run()
    for name in ("state.safetensors", "last/model.safetensors", "glyph_head.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("straight", "stopped"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name


def test_a_finished_stage_is_not_run_again(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, steps=2)
    trainer(small_config, tokenizer, source, tmp_path, stage).run()
    before = (tmp_path / "metrics.jsonl").read_text()
    again = trainer(small_config, tokenizer, source, tmp_path, stage)
    assert again.resume()
    again.run()
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_nothing_to_go_on_with_is_said(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    assert not trainer(small_config, tokenizer, source, tmp_path).resume()


def test_a_vision_stage_reads_glyphs_and_leaves_the_decoder_alone(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, trains="vision", steps=4)
    made = trainer(small_config, tokenizer, source, tmp_path, stage)
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items()}
    losses = [made.one_step()["glyphs"] for _ in range(4)]
    assert losses[-1] < losses[0]
    moved = {
        name
        for name, tensor in made.network.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert moved
    assert all(name.startswith("vision_tower.") for name in moved)


def test_the_reading_head_is_handed_on_to_the_next_stage(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    first = trainer(small_config, tokenizer, source, tmp_path / "a", replace(STAGE, steps=1))
    first.run()
    second = trainer(small_config, tokenizer, source, tmp_path / "b", earlier=tmp_path / "a")
    kept = second.objective.glyph_head.read.weight
    assert torch.equal(kept, first.objective.glyph_head.read.weight)


def test_the_balance_of_the_experts_is_saved_exactly(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    made = trainer(small_config, tokenizer, source, tmp_path, replace(STAGE, steps=3))
    made.run()
    name = "language_model.model.layers.1.mlp.gate.e_score_correction_bias"
    bias = made.network.state_dict()[name]
    assert bias.dtype == torch.float32
    assert bias.abs().max() > 0
    read = KimiVL.from_pretrained(tmp_path / "last", dtype=torch.bfloat16).state_dict()
    assert torch.equal(read[name], bias)


def test_a_mixture_without_its_source_is_refused(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, mixture={"books": 1.0})
    with pytest.raises(ValueError, match="books"):
        trainer(small_config, tokenizer, source, tmp_path, stage)


PACKED = replace(
    STAGE, steps=6, sequence_length=200, dtype="float32", ema_decay=0.9, schedule="cosine"
)


def train_saving(
    folder: Path, picture: Path, characters: list[Label], config: KimiVLConfig
) -> None:
    """In a process of its own, which is killed; saves after every step."""
    torch.set_num_threads(1)
    made = trainer(config, words_of_tests(), page_source(picture, characters), folder, PACKED)
    made.resume()
    made.run(save_every=1)


def test_killed_and_gone_on_with_it_is_the_same_to_the_bit(
    small_config: KimiVLConfig, page_picture: Path, characters: list[Label], tmp_path: Path
) -> None:
    arguments = (page_picture, characters, small_config)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    train_saving(straight, *arguments)
    process = multiprocessing.get_context("spawn").Process(
        target=train_saving, args=(killed, *arguments)
    )
    process.start()
    metrics = killed / "metrics.jsonl"
    while not metrics.exists() or len(metrics.read_text().splitlines()) < 3:
        time.sleep(0.005)
        assert process.is_alive(), "it ended before it was killed"
    process.kill()
    process.join()
    train_saving(killed, *arguments)
    for name in ("state.safetensors", "last/model.safetensors", "glyph_head.safetensors"):
        one, other = (load_file(folder / name) for folder in (straight, killed))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name


def test_asked_to_stop_it_saves_and_leaves(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    steps: list[float] = []
    network = random_network(small_config, seed=1)
    made = Trainer(
        network,
        tokenizer,
        STAGE,
        {"pages": source},
        tmp_path,
        on_step=lambda _stage, _steps, row: steps.append(row["step"]),
    )
    with pytest.raises(KeyboardInterrupt):
        made.run(stop=lambda: len(steps) == 2)
    again = trainer(small_config, tokenizer, source, tmp_path)
    assert again.resume()
    assert again.step == 2


def test_alignment_leaves_the_decoder_and_its_balance_alone(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    made = trainer(
        small_config, tokenizer, source, tmp_path, replace(STAGE, trains="alignment", steps=3)
    )
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items()}
    losses = [made.one_step()["answer"] for _ in range(3)]
    assert losses[-1] < losses[0]
    moved = {n for n, t in made.network.state_dict().items() if not torch.equal(t, before[n])}
    assert {name.split(".")[0] for name in moved} == {"vision_tower", "multi_modal_projector"}


def test_words_and_their_places_come_together(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, trains="vision", contrast_weight=1.0, steps=12, dtype="float32")
    made = trainer(small_config, tokenizer, source, tmp_path / "a", stage)
    losses = [made.one_step()["contrast"] for _ in range(12)]
    assert losses[-1] < 0.7 * losses[0]
    made.save()
    kept = trainer(small_config, tokenizer, source, tmp_path / "b", stage, earlier=tmp_path / "a")
    assert made.objective.contrast is not None
    assert kept.objective.contrast is not None
    assert torch.equal(kept.objective.contrast.look.weight, made.objective.contrast.look.weight)


def test_a_stage_that_continues_keeps_the_momenta_and_the_rate(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    first = trainer(small_config, tokenizer, source, tmp_path / "a", replace(STAGE, steps=4))
    first.run()
    then = replace(STAGE, continues=True, learning_rate=0.02)
    second = trainer(small_config, tokenizer, source, tmp_path / "b", then, tmp_path / "a")
    row = second.one_step()
    assert 0.01 < row["learning_rate"] < 0.02
    anew = trainer(small_config, tokenizer, source, tmp_path / "c", STAGE, tmp_path / "a")
    assert anew.one_step()["learning_rate"] < 0.004
    name = "network.vision_tower.encoder.blocks.0.wqkv.weight/momentum_buffer"
    assert not torch.allclose(second.optimizer.state()[name], anew.optimizer.state()[name])


def test_a_stage_gives_the_decoder_its_positions(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, steps=1, rope_theta=80_000.0, max_positions=8192)
    trainer(small_config, tokenizer, source, tmp_path, stage).run()
    made = KimiVL.from_pretrained(tmp_path / "last", dtype=torch.float32)
    assert made.config.text.rope_theta == made.language_model.model.rope_theta == 80_000.0
    assert made.config.text.max_position_embeddings == 8192


def _one_of_two(
    rank: int, folder: Path, picture: Path, characters: list[Label], config: KimiVLConfig
) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    network = random_network(config, seed=1)
    sources = {"pages": page_source(picture, characters)}
    replicas = Replicas(rank, 2)
    made = Trainer(network, words_of_tests(), PACKED, sources, folder / "two", replicas=replicas)
    made.run()
    # As a recipe does: whose partner is gone while it still talks to it may be ended by gloo.
    replicas.wait()
    dist.destroy_process_group()


def test_two_processes_lose_what_one_does(
    small_config: KimiVLConfig, page_picture: Path, characters: list[Label], tmp_path: Path
) -> None:
    arguments = (tmp_path, page_picture, characters, small_config)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_one_of_two, args=(rank, *arguments)) for rank in range(2)]
    for process in processes:
        process.start()
    train_saving(tmp_path / "one", page_picture, characters, small_config)
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    one, two = (
        [json.loads(line) for line in (tmp_path / n / "metrics.jsonl").read_text().splitlines()]
        for n in ("one", "two")
    )
    for name in ("loss", "answer", "glyphs", "pointer", "token_accuracy", "tokens"):
        assert [r[name] for r in one] == pytest.approx([r[name] for r in two], abs=2e-4), name
