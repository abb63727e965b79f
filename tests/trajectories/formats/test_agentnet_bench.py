import json
from pathlib import Path

import pytest

from trajectories.errors import FormatError
from trajectories.formats.agentnet_bench import (
    published_predictions,
    read_bench,
    read_bench_task,
    write_bench_task,
)
from trajectories.formats.bench_score import Prediction

TASK = {
    "task_id": "t1",
    "high_level_task_description": "Copy it.",
    "steps": [
        {
            "step_num": 2,
            "image": "t1_2.png",
            "inner_monologue": {"thought": "So.", "low_level_instruction": "Press Ctrl + C."},
            "ground_truth_actions": [{"type": "hotkey", "params": {"keys": ["ctrl", "c"]}}],
            "unknown_field": 1,
        }
    ],
}

ANSWERS: list[tuple[str, list[Prediction]]] = [
    ("## Code:\n```python\npyautogui.click(x=0.5, y=0.25)\n```", [("click", (0.5, 0.25))]),
    ("pyautogui.click(0.5, 0.5)", []),
    ("pyautogui.middleClick(x=0.5, y=0.5)", []),
    ("pyautogui.tripleClick(x=0.5, y=0.5)", []),
    ("computer.triple_click(x=0.5, y=0.5)", [("triple_click", (0.5, 0.5))]),
    ("pyautogui.doubleClick(x=0.1, y=0.2)", [("doubleClick", (0.1, 0.2))]),
    ('pyautogui.write(message="it\'s")', [("write", "it")]),
    ("pyautogui.hotkey(keys=['cmd', 'c'])", [("hotkey", ["ctrl", "c"])]),
    ("pyautogui.press(keys=['enter'])", [("press", ["enter"])]),
    ("pyautogui.scroll(-3)", [("scroll", -3)]),
    ("pyautogui.scroll(-3, x=.5, y=.5)", []),
    ("pyautogui.hscroll(2)", []),
    ("computer.terminate(status='success')", [("terminate", "success")]),
    ("First do pyautogui.click(x=0.5, y=0.5)", [("click", (0.5, 0.5))]),
    ("nothing to do", []),
    # What ends their program with an exception.
    ("pyautogui.click(x=1.2.3, y=0.5)", []),
    ("pyautogui.scroll(3-4)", []),
    (f"pyautogui.scroll({'9' * 5000})", []),
]


@pytest.mark.parametrize(("answer", "predicted"), ANSWERS)
def test_an_answer_is_made_out_as_their_agent_does(
    answer: str, predicted: list[Prediction]
) -> None:
    assert published_predictions(answer) == predicted


def test_a_task_is_read_and_written_again(tmp_path: Path) -> None:
    (tmp_path / "t1.json").write_text(json.dumps(TASK))
    (task,) = read_bench(tmp_path)
    assert task.steps[0].alternative_options == []
    again = read_bench_task(write_bench_task(task, tmp_path))
    assert again == task


def test_a_file_that_is_no_task_is_refused_by_its_field(tmp_path: Path) -> None:
    broken = {**TASK, "steps": [{"step_num": 1, "image": "a.png"}]}
    (tmp_path / "t1.json").write_text(json.dumps(broken))
    with pytest.raises(FormatError, match=r"t1\.json: steps\.0\.ground_truth_actions"):
        list(read_bench(tmp_path))
    with pytest.raises(FormatError, match=r"no \*\.json"):
        list(read_bench(tmp_path / "images"))
