"""Out to every format and in again: the same actions, thoughts and pictures."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.action_text import action_text
from env.actions import Action, Keys, TypeText
from env.fake import FAKE_SIZE
from tests.trajectories.conftest import ANSWERS, MakeRun, make_run
from trajectories import action_json
from trajectories.errors import FormatError
from trajectories.osworld import result_folder
from trajectories.pictures import png_of
from trajectories.reading import Episode, Step, read_run
from trajectories.schema import EpisodeEnd, EpisodeStart, Frame, Note
from trajectories.store import RunStore
from ui.commands.data import export_runs
from ui.commands.imports import import_files
from ui.options import Export, Import

__all__ = ["make_run"]

# What is written, and what of it is read.
FORMATS = {
    "agentnet": "trajectories.jsonl",
    "opencua": "*.json",
    "osworld": "",
    "sft": "",
    "llava": "train.json",
    "parquet": "train.parquet",
    "webdataset": "",
}


def again(run: Path, out: Path, name: Any, style: str = "nano") -> Episode:
    said: list[str] = []
    assert export_runs(Export(paths=(run,), out=out / "set", format=name, style=style), print) == 0
    place = out / "set"
    if FORMATS[name]:
        (place,) = place.glob(FORMATS[name])
    assert import_files(Import(path=place, out=out, format=name), said.append) == 0
    assert "1 episodes" in said[-2]
    (episode,) = read_run(Path(said[-1].removeprefix("run folder: "))).episodes
    return episode


def done(step: Step) -> tuple[list[Action], str, str, bytes]:
    assert step.intent is not None
    assert step.outcome is not None
    assert step.outcome.performed == len(step.intent.actions)
    actions = [action_json.decode(each) for each in step.intent.actions]
    return actions, step.intent.thought, step.intent.sentence, step.image().tobytes()


@pytest.mark.parametrize(
    ("name", "style"), [*((name, "nano") for name in FORMATS), ("llava", "opencua")]
)
def test_what_goes_out_comes_in_again(
    name: str, style: str, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run()
    (original,) = read_run(run).episodes
    episode = again(run, tmp_path, name, style)
    # A refused answer is nothing to learn from, and goes out with none of them.
    wanted = [done(step) for step in original.steps if not step.error]
    assert [done(step) for step in episode.steps] == wanted
    assert len(wanted) == 7
    assert episode.start.instruction == original.start.instruction
    assert (episode.start.width, episode.start.height) == (
        original.start.width,
        original.start.height,
    )
    assert episode.success
    if name not in ("agentnet", "opencua"):
        assert (episode.start.task, episode.start.seed) == ("form", 1)


# The text and the enter in it are two keys to a recorder, and no dollar comes through their words.
RAW = [ANSWERS[0], action_text(TypeText("Ada, (x)"), FAKE_SIZE, words="Type."), *ANSWERS[2:5],
       *ANSWERS[6:]]  # fmt: skip


@pytest.mark.parametrize("rules", ["opencua-raw", "opencua-recording"])
def test_a_run_goes_out_as_agentnettools_folder_and_comes_in_again(
    rules: Any, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(RAW)
    (original,) = read_run(run).episodes
    said: list[str] = []
    raw = Export(paths=(run,), out=tmp_path / "set", format="opencua-raw")
    assert export_runs(raw, said.append) == 0
    (folder,) = (tmp_path / "set").iterdir()
    assert import_files(Import(path=folder, out=tmp_path, format=rules), said.append) == 0
    (episode,) = read_run(Path(said[-1].removeprefix("run folder: "))).episodes
    assert episode.start.instruction == original.start.instruction
    ours, theirs = ([done(step) for step in each.steps] for each in (original, episode))
    assert [(actions, pixels) for actions, _, _, pixels in theirs[:-1]] == [
        (actions, pixels) for actions, _, _, pixels in ours[:-1]
    ]
    if rules == "opencua-raw":
        assert [words for _, _, words, _ in theirs[:-1]] == [words for _, _, words, _ in ours[:-1]]
    assert episode.success


def test_a_recording_goes_out_once_it_was_looked_through(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(RAW[-1:], folder=tmp_path)
    settings = {"kind": "recording", "size": [8, 8], "reviewed": False}
    said: list[str] = []
    for told in ("", "2 steps were deleted", "whole"):
        with RunStore.create(
            tmp_path, policy="person", settings=settings, kind="recording"
        ) as store:
            store.append(Note(step=1, kind="before", text="Save it."))
            image = store.store_image(png_of(Image.new("RGB", (8, 8))))
            store.append(Frame(at=1.0, image=image))
            if told:
                store.append(Note(step=1, kind="reviewed", text=told))
    raw = Export(paths=(tmp_path,), out=tmp_path / "out", format="opencua-raw")
    assert export_runs(raw, said.append) == 0
    first, second, last = said
    assert "nobody looked it through" in first
    assert "2 steps were deleted" in second
    # And the run that lies beside them.
    assert last.startswith("2 recordings")


def test_osworlds_own_results_are_read_by_what_was_sent_to_the_screen(
    make_run: MakeRun, tmp_path: Path
) -> None:
    """As their runner leaves them: code in pixels, no first screen, no instruction."""
    run = read_run(make_run())
    folder = tmp_path / "results" / "pyautogui" / "screenshot" / "kimi" / "chrome" / "abc"
    folder.mkdir(parents=True)
    first, second = run.episodes[0].steps[:2]
    (folder / "step_1_20261126@100000.png").write_bytes(first.png())
    (folder / "step_2_20261126@100005.png").write_bytes(second.png())
    width, height = run.episodes[0].start.width, run.episodes[0].start.height
    code = f"import pyautogui; pyautogui.click({width // 2}, y={height // 4}, button='right')"
    answer = {"role": "assistant", "content": "## Action:\nOpen the menu.", "reasoning_content": ""}
    told = {"action_timestamp": "x", "reward": 0, "info": {}, "response": answer}
    lines = [
        {**told, "step_num": 1, "action": "WAIT", "screenshot_file": "step_1_20261126@100000.png"},
        {**told, "step_num": 2, "action": code, "screenshot_file": "step_2_20261126@100005.png"},
        {"Error": "the environment went away"},
        {**told, "step_num": 3, "action": "DONE", "screenshot_file": "step_2_20261126@100005.png"},
    ]
    (folder / "traj.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "result.txt").write_text("0.5\n")
    options = Import(path=tmp_path / "results", out=tmp_path / "runs", format="osworld")
    with pytest.raises(FormatError, match="--tasks"):
        import_files(options, print)
    examples = tmp_path / "evaluation_examples" / "examples" / "chrome"
    examples.mkdir(parents=True)
    (examples / "abc.json").write_text(json.dumps({"id": "abc", "instruction": "Open it."}))
    said: list[str] = []
    options = Import(
        path=tmp_path / "results",
        out=tmp_path / "other",
        format="osworld",
        tasks=tmp_path / "evaluation_examples",
    )
    assert import_files(options, said.append) == 0
    (episode,) = read_run(Path(said[-1].removeprefix("run folder: "))).episodes
    assert episode.end is not None
    assert (episode.end.score, episode.start.instruction) == (0.5, "Open it.")
    click, end = episode.steps
    (action,), _, sentence, pixels = done(click)
    assert action_json.encode(action)["at"] == [width // 2, height // 4]
    assert (sentence, pixels) == ("Open the menu.", first.image().tobytes())
    assert end.intent is not None
    assert end.intent.proposals[0]["proposal"] == "Finish"


def test_conversations_of_strangers_are_episodes(make_run: MakeRun, tmp_path: Path) -> None:
    """ShareGPT's, with a picture a turn and code without a fence."""
    step = read_run(make_run()).episodes[0].steps[0]
    (tmp_path / "a.png").write_bytes(step.png())
    turns = [
        {"from": "human", "value": "<image>\nSay hello."},
        {"from": "gpt", "value": "Type it.\npyautogui.write(message='hello')"},
        {"from": "human", "value": "<image>"},
        {"from": "gpt", "value": "pyautogui.hotkey('ctrl', 's')"},
    ]
    told = [{"id": "x", "image": ["a.png", "a.png"], "conversations": turns}]
    (tmp_path / "chats.json").write_text(json.dumps(told))
    said: list[str] = []
    options = Import(path=tmp_path / "chats.json", out=tmp_path / "runs", format="llava")
    assert import_files(options, said.append) == 0
    (episode,) = read_run(Path(said[-1].removeprefix("run folder: "))).episodes
    assert episode.start.instruction == "Say hello."
    assert episode.end is not None
    assert episode.end.score is None
    assert [done(each)[:3] for each in episode.steps] == [
        ([TypeText("hello")], "", "Type it."),
        ([Keys(("ctrl", "s"))], "", ""),
    ]


def test_odd_characters_split_no_line(make_run: MakeRun, tmp_path: Path) -> None:
    odd = "a\u2028b\x85c\x0cd \ud83d\ude00 <end>".encode("utf-16", "surrogatepass").decode("utf-16")
    answer = action_text(TypeText("x"), FAKE_SIZE, words=f"Type {odd}.", thought=odd)
    run = make_run([answer])
    for name in ("agentnet", "opencua", "osworld", "llava", "sft"):
        (step,) = again(run, tmp_path / name, name).steps
        assert done(step)[1:3] == (odd, f"Type {odd}.")


def test_a_text_with_an_image_mark_is_left_out_of_llavas_files_alone(
    make_run: MakeRun, tmp_path: Path
) -> None:
    marked = action_text(TypeText("<image>"), FAKE_SIZE, words="Type it.")
    run = make_run([marked, *ANSWERS[-1:]])
    said: list[str] = []
    export_runs(Export(paths=(run,), out=tmp_path, format="llava"), said.append)
    assert "<image>" in said[0]
    assert len(json.loads((tmp_path / "train.json").read_text())) == 1


@pytest.mark.parametrize("name", [*FORMATS, "opencua-raw", "bench"])
def test_an_episode_that_died_before_its_first_look_ends_no_export(
    name: Any, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(RAW[-1:])
    start = EpisodeStart(
        task="../../../escaped", instruction="x", width=9, height=9, started_at=0.0
    )
    with RunStore(run) as store:
        store.append(start)
        store.append(EpisodeEnd(ending="FAILED", score=1.0), sync=True)
    said: list[str] = []
    options = Export(paths=(run,), out=tmp_path / "a" / "b" / "set", format=name)
    assert export_runs(options, said.append) == 0
    assert not said[-1].startswith("0 ")
    assert not list(tmp_path.rglob("*escaped*"))


def test_no_name_in_a_run_leads_out_of_the_results() -> None:
    folder = result_folder(Path("out"), "../m", "../../d", "..")
    assert folder == Path("out/pyautogui/screenshot/.._m/.._.._d/_..")
