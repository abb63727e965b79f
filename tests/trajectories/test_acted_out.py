from pathlib import Path

import pytest

from agent.action_text import action_text
from env.actions import Action, Click, Drag, Keys, Point, Scroll, TypeText
from env.fake import FAKE_SIZE
from tests.trajectories.conftest import MakeRun, make_run
from trajectories import action_json
from trajectories.acted_out import acted_out
from trajectories.reading import read_run
from trajectories.reduce import reduce_recording

__all__ = ["make_run"]

AT, THERE = Point(40, 50), Point(120, 90)
ACTIONS: list[Action] = [
    Click(AT),
    Click(AT, "right"),
    Click(AT, "middle"),
    Click(AT, count=2),
    Click(AT, count=3),
    Click(AT, modifiers=("ctrl", "shift")),
    Click(AT, hold_seconds=1.5),
    Drag(AT, THERE),
    Drag(AT, THERE, "right", ("alt",)),
    Scroll(AT, -3),
    Scroll(AT, 2, sideways=True),
    Scroll(AT, 5, modifiers=("ctrl",)),
    TypeText("Grüße $5, (日本)"),
    TypeText("a"),
    Keys(("enter",)),
    Keys(("ctrl", "shift", "t")),
    Keys(("shift", "tab"), 3),
    Keys(("win",)),
    Keys(("f5",)),
]


def acted(make_run: MakeRun, actions: list[Action]) -> list[Action | None]:
    run = read_run(make_run([action_text(action, FAKE_SIZE, words="Do.") for action in actions]))
    done = [step.intent.actions[0] for step in run.episodes[0].steps if step.intent]
    assert [action_json.decode(each) for each in done] == actions
    return [each.action for each in reduce_recording(acted_out(run, 0).recording)]


@pytest.mark.parametrize("action", ACTIONS, ids=repr)
def test_an_action_acted_out_is_the_action_again(action: Action, make_run: MakeRun) -> None:
    assert acted(make_run, [action]) == [action]


def test_the_same_twice_stays_two_steps(make_run: MakeRun) -> None:
    actions: list[Action] = [
        TypeText("ab"), TypeText("cd"), Click(AT), Click(AT), Scroll(AT, 1), Scroll(AT, 1)
    ]  # fmt: skip
    assert acted(make_run, actions) == actions


def test_every_action_is_done_on_the_screen_it_was_decided_on(make_run: MakeRun) -> None:
    run = read_run(make_run())
    made = acted_out(run, 0)
    images = {step.number: step.observation.image for step in run.episodes[0].steps}
    for each in reduce_recording(made.recording):
        assert each.frame is not None
        (number,) = [
            place
            for place, told in enumerate(made.told, start=1)
            if told.since <= each.began <= told.until
        ]
        assert each.frame.image == images[number]
    assert (Path(made.recording.folder) / "blobs").is_dir()
