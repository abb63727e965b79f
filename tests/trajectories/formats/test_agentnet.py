import json
from pathlib import Path

import pytest

from tests.trajectories.conftest import MakeRun
from trajectories.demo import demos_of
from trajectories.errors import FormatError
from trajectories.formats.agentnet import read_agentnet, write_agentnet
from trajectories.reading import read_run
from trajectories.thoughts import (
    StepThoughts,
    TaskThoughts,
    add_step_thoughts,
    add_task_thoughts,
)

STEP = StepThoughts(
    observation="A form.",
    thought="It is empty.",
    action="Click it.",
    last_step_correct=True,
    last_step_redundant=False,
    reflection="It has the focus.",
)
TASK = TaskThoughts(
    task_completed=True, alignment_score=9, efficiency_score=8, task_difficulty=2, reason="Good."
)


def test_episodes_are_written_and_read_again_with_their_thoughts(
    make_run: MakeRun, tmp_path: Path
) -> None:
    folder = make_run()
    add_step_thoughts(folder, 0, 1, STEP)
    add_task_thoughts(folder, 0, TASK)
    (demo,) = demos_of(read_run(folder))
    path = tmp_path / "out" / "trajectories.jsonl"
    path.parent.mkdir()
    assert write_agentnet([demo], path) == 1
    line = json.loads(path.read_text())
    assert line["traj"][0]["value"]["reflection"] == "It has the focus."
    assert line["alignment_score"] == 9
    (again,) = read_agentnet(path)
    assert (again.instruction, again.thoughts, again.success) == ("Save Ada.", TASK, True)
    assert again.steps[0].thoughts == STEP
    assert [step.sections.code for step in again.steps] == [
        step.sections.code for step in demo.steps
    ]
    assert [step.png for step in again.steps] == [step.png for step in demo.steps]
    # A refused answer is no step of a demonstration.
    assert len(demo.steps) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"traj": []}, "traj is empty"),
        ({"instruction": 3}, "instruction is a int"),
        ({"traj": [{"index": 0, "image": "../x.png", "value": {"code": "c"}}]}, "without a folder"),
        ({"traj": [{"index": 0, "image": "x.png", "value": {"code": "c"}}]}, "cannot be read"),
        ({"traj": [{"index": 0, "image": "x.png", "value": {}}]}, "no code"),
        ({"alignment_score": 11}, "missing|expected 0 to 10"),
    ],
)
def test_a_line_that_does_not_fit_is_refused_by_its_field(
    make_run: MakeRun, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "trajectories.jsonl"
    write_agentnet(demos_of(read_run(make_run())), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(FormatError, match=message):
        list(read_agentnet(path))
