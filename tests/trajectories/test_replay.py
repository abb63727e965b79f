import base64
import gzip
import re
from pathlib import Path

import pytest

from agent.action_text import action_text
from agent.loop import Loop, LoopConfig, Score
from agent.policy import ScriptedPolicy
from env.actions import Action, Click, Drag, Keys, Point, Scroll, TypeText
from env.fake import BUTTON, FAKE_SIZE, FakeDesktop
from trajectories import action_json
from trajectories.log import scan
from trajectories.reading import read_run
from trajectories.replay import Mark, describe, marks_of, render_replay
from trajectories.store import RunStore


def page_of(folder: Path, answers: list[str], instruction: str = "Save it.") -> str:
    with (
        FakeDesktop() as desktop,
        RunStore.create(folder, policy="scripted", durable=False) as store,
    ):
        config = LoopConfig(max_steps=len(answers))
        Loop(ScriptedPolicy(answers), desktop, store, config, judge=lambda: Score(1.0)).run(
            instruction, task="form", seed=3
        )
    return render_replay(read_run(store.folder))


def steps_in(page: str) -> str:
    (packed,) = re.findall(r'unpack\("([^"]+)"\)', page)
    return gzip.decompress(base64.b64decode(packed)).decode()


def test_the_page_tells_the_run_and_needs_nothing_else(tmp_path: Path) -> None:
    press = action_text(
        Click(Point(*BUTTON.center)), FAKE_SIZE, words="Click Save.", thought="Filled in."
    )
    page = page_of(tmp_path, [press, "gibberish"])
    for told in ("form 3", "Save it.", "success"):
        assert told in page
    for told in ("Click Save.", "Filled in.", "no code block", '"marks":[["click"'):
        assert told in steps_in(page)
    assert steps_in(page).count('"picture":') == 2
    for outside in ("http://", "https://", 'src="/', "url("):
        assert outside not in page.replace("url(#tip)", "")


def test_what_a_model_or_a_page_says_is_text_and_never_markup(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>"
    answer = action_text(TypeText(attack), FAKE_SIZE, words=attack, thought=attack)
    page = page_of(tmp_path, [answer], instruction=attack)
    assert attack not in page
    assert "&lt;script&gt;alert(1)" in page


def test_an_episode_nobody_finished_is_shown_as_far_as_it_came(tmp_path: Path) -> None:
    page_of(tmp_path, ["gibberish"])
    (folder,) = tmp_path.glob("run-*")
    log = folder / "steps.log"
    data = log.read_bytes()
    # The record that closes the log, and the one that ended the episode.
    log.write_bytes(data[: [raw.end for raw in scan(data)][-3]])
    assert "interrupted" in render_replay(read_run(folder))


MARKS: dict[Action, tuple[Mark, ...]] = {
    Click(Point(3, 4), count=2): (Mark("click", Point(3, 4), Point(3, 4), 2),),
    Drag(Point(1, 2), Point(5, 6)): (
        Mark("dot", Point(1, 2), Point(1, 2)),
        Mark("arrow", Point(1, 2), Point(5, 6)),
    ),
    Scroll(Point(50, 50), -2): (Mark("arrow", Point(50, 50), Point(50, 74)),),
    Keys(("enter",)): (),
}


@pytest.mark.parametrize(("action", "marks"), MARKS.items(), ids=map(describe, MARKS))
def test_marks_lie_where_the_action_was(action: Action, marks: tuple[Mark, ...]) -> None:
    assert marks_of(action) == marks


@pytest.mark.parametrize("action", MARKS, ids=map(describe, MARKS))
def test_an_action_comes_back_from_json_as_it_was(action: Action) -> None:
    assert action_json.decode(action_json.encode(action)) == action


@pytest.mark.parametrize(
    "record",
    [{}, {"action": "Launch"}, {"action": "Wait"}, {"action": "Wait", "seconds": 1, "x": 2}],
)
def test_json_that_is_no_action_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no action named|validation error|Wait with"):
        action_json.decode(record)
