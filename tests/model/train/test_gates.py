"""A stage's gate: what was measured, on what, and that nothing goes past it."""

import json
import random
from pathlib import Path

import pytest

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.copying import CopySource
from model.train.draws import Row, Source
from model.train.gates import GateClosed, measured, pass_gate
from model.train.initial import random_network
from model.train.recipe import Recipe, follow
from model.train.samples import Conversation, Label, Turn, Watch
from model.train.stages import MEASURES, Gate, Stage
from model.train.trainer import GLYPH_HEAD, Trainer
from model.train.vocabulary import write_ranks


@pytest.fixture
def source(page_picture: Path, characters: list[Label]) -> Source:
    def draw(_rng: random.Random) -> Row:
        turns = (Turn("Where is it?", "x=0.25, y=0.18"),)
        return Conversation(system="Look.", picture=page_picture, turns=turns), characters

    return draw


STAGE = Stage(
    name="joint",
    steps=40,
    batch_size=2,
    learning_rate=0.01,
    warmup_steps=3,
    mixture={"pages": 1.0},
    pointer_weight=0.5,
    dtype="float32",
)


def test_what_was_learned_is_measured(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    network = random_network(small_config, seed=1)
    made = Trainer(network, tokenizer, STAGE, {"pages": source}, tmp_path)
    made.save()

    def scores() -> dict[str, float]:
        return {
            measure: measured(
                Gate(measure=measure, at_least=0.0, source="pages", rows=3),
                network,
                tokenizer,
                source,
                tmp_path / GLYPH_HEAD,
            )
            for measure in MEASURES
            if measure != "copy_accuracy"
        }

    before = scores()
    assert before["exact"] == 0.0
    made.run()
    after = scores()
    assert after["exact"] == 1.0
    assert after["token_accuracy"] == 1.0
    assert after["glyph_accuracy"] > before["glyph_accuracy"]


def test_a_closed_gate_says_the_figure_and_writes_it_down(
    small_config: KimiVLConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    network = random_network(small_config, seed=1)
    folder = tmp_path / "copying"
    source = CopySource(("vel", "ut"))
    Trainer(network, tokenizer, STAGE, {"pages": source}, folder).save()
    gate = Gate(measure="copy_accuracy", at_least=0.9, source="copying", rows=4)
    with pytest.raises(GateClosed, match=r"copying: copy_accuracy of 0\.\d+ .*asks for 0\.9"):
        pass_gate(gate, network, tokenizer, source, folder)
    told = json.loads((folder / "gate.json").read_text())
    assert told["value"] < 0.9 == told["at_least"]


class Data:
    """One source for everything; remembers what was asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.asked: list[str] = []

    def sources(self, stage: Stage) -> dict[str, Source]:
        self.asked.append(stage.name)
        return {"pages": self.source}

    def held_out(self, name: str, stage: Stage) -> Source:
        self.asked.append(f"held out {name}")
        return self.source


def test_the_next_stage_waits_for_the_gate(
    ranks: dict[bytes, int], source: Source, tmp_path: Path
) -> None:
    write_ranks(ranks, tmp_path / "tiktoken.model")

    def stage(name: str, least: float | None = None) -> Stage:
        gate = None
        if least is not None:
            gate = Gate(measure="glyph_accuracy", at_least=least, source="pages", rows=1)
        return Stage(
            name=name, trains="vision", steps=1, batch_size=1, mixture={"pages": 1.0}, gate=gate
        )

    stages = (stage("open", 0.0), stage("closed", 1.0), stage("never"))
    data = Data(source)
    out = tmp_path / "out"
    with pytest.raises(GateClosed, match="closed: glyph_accuracy"):
        follow(Recipe(seed=0, stages=stages), tmp_path / "tiktoken.model", data, out, Watch())
    assert data.asked == ["open", "held out pages", "closed", "held out pages"]
    assert not (out / "never").exists()
    assert KimiVL.from_pretrained(out / "closed" / "last").config.text.num_hidden_layers
