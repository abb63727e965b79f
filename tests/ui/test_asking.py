"""Asking in the terminal before an action."""

import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.action_text import action_text, finish_text
from agent.approval import Instead, No, Yes
from agent.control import Control
from agent.events import Ending
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from env.actions import Click, Point
from env.fake import BUTTON, FAKE_SIZE, FakeDesktop
from trajectories.reading import Episode, read_run
from trajectories.store import RunStore
from ui.asking import answer_in, gate_at, mode_of

PRESS = action_text(Click(Point(*BUTTON.center)), FAKE_SIZE, words="Press.")
DONE = finish_text(True, words="Done.")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A person's end and the program's."""
    person, program = os.openpty()
    tty.setraw(program)
    yield person, program
    os.close(person)
    os.close(program)


def played(terminal: tuple[int, int], line: str, folder: Path) -> tuple[Ending, Episode]:
    """An episode of one click; a person who is asked touches the keyboard and strikes the line."""
    person, program = terminal
    control = Control()

    def say(text: str) -> None:
        if "Why asked" in text:
            control.pause("a person used the keyboard", takeover=True)
            os.write(person, line.encode())
            # The hands' word may come later than the line.
            later = (control.pause, ["a person used the keyboard"], {"takeover": True})
            threading.Timer(0.05, *later).start()

    config = LoopConfig(max_steps=3)
    with FakeDesktop() as desktop, RunStore.create(folder, policy="x", durable=False) as store:
        gate = gate_at(program, "always", control, say)
        policy = ScriptedPolicy([PRESS, DONE])
        loop = Loop(policy, desktop, store, config, control=control, approver=gate)
        result = loop.run("Press it.")
    (episode,) = read_run(store.folder).episodes
    return result.ending, episode


def test_a_yes_is_no_takeover_and_the_action_is_done(
    terminal: tuple[int, int], tmp_path: Path
) -> None:
    ending, episode = played(terminal, "what?\ny\n", tmp_path)
    assert ending is Ending.DONE
    assert [step.error for step in episode.steps] == ["", ""]
    assert episode.guards == []


def test_a_no_is_told_to_the_model(terminal: tuple[int, int], tmp_path: Path) -> None:
    _, episode = played(terminal, "n not that one\n", tmp_path)
    assert "not that one" in episode.steps[0].error


def test_where_no_terminal_is_a_real_desktop_is_refused() -> None:
    with pytest.raises(ValueError, match="no terminal to answer in; --ask watch"):
        mode_of("auto", "real")
    with pytest.raises(ValueError, match="before every action on virtual"):
        mode_of("always", "virtual")
    assert mode_of("watch", "real") == mode_of("auto", "virtual") == "watch"


def test_what_an_answer_is() -> None:
    said = ["y", "A", "n", "n why not", "e click(x=0.1, y=0.2)", "e", "", "perhaps"]
    assert [answer_in(line) for line in said] == [
        *(Yes(), Yes(always=True), No(""), No("why not"), Instead("click(x=0.1, y=0.2)")),
        *(None, None, None),
    ]
