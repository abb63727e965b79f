from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from ui.arguments import POSITIONAL, Command, parse_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """Make bread."""

    flour: Annotated[str, "which", POSITIONAL]
    out: Annotated[Path, "where to"]
    num_loaves: Annotated[int, "how many, 100 % of the oven"] = 2
    crisp: Annotated[bool, "longer"] = False
    oven: Annotated[Path | None, "another oven"] = None
    seed: Annotated[tuple[str, ...], "strewn on it; may be given several times"] = ()

    def __post_init__(self) -> None:
        if self.num_loaves < 1:
            raise ValueError(f"{self.num_loaves} loaves; expected at least 1")


COMMANDS = {"bake": Command(Bake, lambda options: 0)}


def parsed(*words: str) -> object:
    return parse_arguments("A bakery.", COMMANDS, words)[1]


def test_fields_are_flags_with_their_types_and_defaults() -> None:
    assert parsed("bake", "rye", "--out", "shelf") == Bake(flour="rye", out=Path("shelf"))
    words = ["bake", "rye", "--out", "s", "--num-loaves", "3", "--crisp", "--oven", "o"]
    assert parsed(*words) == Bake(
        flour="rye", out=Path("s"), num_loaves=3, crisp=True, oven=Path("o")
    )


def test_a_flag_of_many_values_is_given_again_for_each() -> None:
    words = ["bake", "rye", "--out", "s", "--seed", "poppy", "--seed", "flax"]
    assert parsed(*words) == Bake(flour="rye", out=Path("s"), seed=("poppy", "flax"))


@pytest.mark.parametrize(
    "words", [["bake"], ["bake", "rye"], ["bake", "rye", "--out", "s", "--num-loaves", "x"], []]
)
def test_words_that_do_not_fit_end_with_code_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parsed(*words)
    assert end.value.code == 2


def test_the_sentences_under_the_fields_are_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("bake", "--help")
    told = capsys.readouterr().out
    assert "Make bread." in told
    assert "how many, 100 % of the oven (default: 2)" in told


def test_what_the_options_refuse_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="0 loaves"):
        parsed("bake", "rye", "--out", "s", "--num-loaves", "0")
