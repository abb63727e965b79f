from pathlib import Path

import pytest

from tests.trajectories.conftest import MakeRun
from tests.trajectories.formats.test_agentnet import STEP
from trajectories.demo import annotated
from trajectories.errors import FormatError
from trajectories.reading import read_run
from trajectories.thoughts import THOUGHTS_NAME, TaskThoughts, add_step_thoughts, read_thoughts


def test_the_last_thought_about_a_step_counts_and_a_torn_one_is_passed_over(
    tmp_path: Path,
) -> None:
    add_step_thoughts(tmp_path, 0, 1, STEP)
    with (tmp_path / THOUGHTS_NAME).open("a") as file:
        file.write('{"episode": 0, "step": 2, "about')
    assert list(read_thoughts(tmp_path).steps) == [(0, 1)]
    add_step_thoughts(tmp_path, 0, 3, STEP)
    assert list(read_thoughts(tmp_path).steps) == [(0, 1), (0, 3)]


def test_a_line_that_was_changed_is_told(tmp_path: Path) -> None:
    add_step_thoughts(tmp_path, 0, 1, STEP)
    add_step_thoughts(tmp_path, 0, 2, STEP)
    path = tmp_path / THOUGHTS_NAME
    path.write_text(path.read_text().replace("observation", "opinion", 1))
    with pytest.raises(FormatError, match=r"thoughts\.jsonl:1"):
        read_thoughts(tmp_path)


def test_levels_say_as_much_as_they_are_asked_to(make_run: MakeRun) -> None:
    folder = make_run()
    add_step_thoughts(folder, 0, 1, STEP)

    def first(level: int) -> str:
        (episode,) = annotated(read_run(folder), level).episodes
        assert episode.steps[0].intent is not None
        return episode.steps[0].intent.response

    assert first(1).startswith("## Action:\nClick it.\n## Code:")
    assert first(2).startswith("## Thought:\nIt is empty.\n## Action:")
    assert first(3).startswith("## Observation:\nA form.\n## Thought:")


def test_a_figure_off_its_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="alignment_score of 11"):
        TaskThoughts(task_completed=True, alignment_score=11, efficiency_score=1, task_difficulty=1)
