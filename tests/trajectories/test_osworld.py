"""The layout, as OSWorld's own tools go through it."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from agent.action_text import action_text
from env.actions import Keys
from env.fake import FAKE_SIZE
from tests.trajectories.conftest import MakeRun
from trajectories.osworld import LastLook, result_folder, write_result
from trajectories.reading import Episode, read_run


@pytest.fixture
def episode(make_run: MakeRun) -> Episode:
    return read_run(make_run()).episodes[0]


def png() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", FAKE_SIZE, "red").save(buffer, format="PNG")
    return buffer.getvalue()


def lines_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "traj.jsonl").read_text().splitlines()]


def read_as_show_result(target: Path) -> tuple[dict[str, list[float]], list[float]]:
    """The walk of OSWorld's `show_result.py`: every folder of every folder; a result.txt counts."""
    by_domain: dict[str, list[float]] = {}
    everything = []
    for domain in target.iterdir():
        if domain.is_dir():
            for example in domain.iterdir():
                if example.is_dir() and "result.txt" in [path.name for path in example.iterdir()]:
                    score = float((example / "result.txt").read_text())
                    by_domain.setdefault(domain.name, []).append(score)
                    everything.append(score)
    return by_domain, everything


def test_a_folder_of_results_is_read_by_show_result(episode: Episode, tmp_path: Path) -> None:
    run = episode.steps[0].folder
    for domain, task, score in (("chrome", "a", 1.0), ("chrome", "b", 0.25), ("gimp", "c", None)):
        write_result(result_folder(tmp_path, "nano", domain, task), episode, run, score)
    by_domain, everything = read_as_show_result(tmp_path / "pyautogui" / "screenshot" / "nano")
    assert sorted(by_domain["chrome"]) == [0.25, 1.0]
    assert len(everything) == 2, "what could not be judged is not counted as 0"


def test_every_line_has_an_action_in_desktop_envs_words(episode: Episode, tmp_path: Path) -> None:
    write_result(tmp_path, episode, episode.steps[0].folder, 1.0)
    lines = lines_of(tmp_path)
    assert [line["action"] for line in lines] == [
        "pyautogui.click(120, 35)",
        "pyautogui.write('Ada \"x\" $5\\n')",
        "pyautogui.hotkey('ctrl', 'a')",
        "pyautogui.scroll(-2, 80, 162)",
        "pyautogui.moveTo(29, 215)\npyautogui.dragTo(60, 215, duration=0.5, button='left')",
        "",
        "pyautogui.click(60, 102, clicks=2, interval=0.05)",
        "DONE",
    ]
    assert [line["step_num"] for line in lines] == list(range(1, 9))
    assert [line["done"] for line in lines] == [False] * 7 + [True]
    assert lines[-1]["info"] == {"done": True}
    assert "no code block" in str(lines[5]["info"])
    assert {"action_timestamp", "natural_language_action", "response", "reward"} <= set(lines[0])


def test_every_line_names_the_picture_of_the_screen_after_it(
    episode: Episode, tmp_path: Path
) -> None:
    write_result(tmp_path, episode, episode.steps[0].folder, 1.0, LastLook(png(), 1e9))
    lines = lines_of(tmp_path)
    pictures = sorted(tmp_path.glob("step_*.png"), key=lambda path: int(path.name.split("_")[1]))
    assert [path.name for path in pictures[1:]] == [line["screenshot_file"] for line in lines]
    assert pictures[0].name.startswith("step_0_")
    for path, step in zip(pictures, episode.steps, strict=False):
        with Image.open(path) as picture:
            assert picture.convert("RGB").tobytes() == step.image().tobytes()
    with Image.open(pictures[-1]) as picture:
        assert picture.getpixel((0, 0)) == (255, 0, 0)


def test_without_a_last_look_an_ending_shows_what_it_was_said_of(
    episode: Episode, tmp_path: Path
) -> None:
    write_result(tmp_path, episode, episode.steps[0].folder, 1.0)
    (picture,) = tmp_path.glob("step_8_*.png")
    assert picture.read_bytes() == episode.steps[-1].png()


def test_a_key_pyautogui_does_not_have_is_told_as_a_value(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run([action_text(Keys(("é",)), FAKE_SIZE, words="Press.")])
    episode = read_run(run).episodes[0]
    write_result(tmp_path / "out", episode, run, 0.0)
    action = lines_of(tmp_path / "out")[0]["action"]
    assert action == {"action": "Keys", "keys": ["é"], "presses": 1}
