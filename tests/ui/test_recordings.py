import json
import signal
import threading
from pathlib import Path

import pytest

from agent.demonstrate import Draft
from env.actions import Click, Point
from env.errors import DesktopUnavailable
from trajectories.schema import Frame
from ui.commands.recordings import _edited, record, reduce
from ui.options import Record, Reduce


def drafts() -> list[Draft]:
    return [
        Draft(action=Click(Point(n, n)), words=f"Step {n}.", frame=Frame(at=0.0, image="f"))
        for n in range(1, 6)
    ]


def words(answer: str) -> list[str]:
    return [draft.words for draft in _edited(drafts(), answer)]


def test_steps_are_deleted_by_number_and_range() -> None:
    assert words("2 4-5") == ["Step 1.", "Step 3."]


def test_a_step_is_told_in_other_words() -> None:
    assert words("2: Open the menu.")[1] == "Open the menu."


@pytest.mark.parametrize("answer", ["6", "0", "x", "9: words"])
def test_a_step_that_is_not_there_is_told(answer: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 5"):
        words(answer)


def asked(question: str) -> str:
    raise AssertionError(f"asked {question!r} before it was known that nothing can be recorded")


def test_a_wayland_session_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    with pytest.raises(DesktopUnavailable, match="X11 session"):
        record(Record(task="x", out=tmp_path), print, asked)
    monkeypatch.delenv("XDG_SESSION_TYPE")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(DesktopUnavailable, match="DISPLAY is not set"):
        record(Record(task="x", out=tmp_path), print, asked)
    with pytest.raises(ValueError, match="real or virtual"):
        record(Record(task="x", desktop="moon", out=tmp_path), print, asked)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_of_agentnettool_is_reduced_to_its_own_files(tmp_path: Path) -> None:
    press = {"action": "click", "x": 5, "y": 6, "button": "left"}
    rows = [
        {"time_stamp": 1.0, "event_idx": 0, **press, "pressed": True},
        {"time_stamp": 1.1, "event_idx": 1, **press, "pressed": False},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said: list[str] = []
    assert reduce(Reduce(path=tmp_path, opencua=True), said.append) == 0
    complete = json.loads((tmp_path / "reduced_events_complete.jsonl").read_text())
    shown = json.loads((tmp_path / "reduced_events_vis.jsonl").read_text())
    assert complete["coordinate"] == {"x": 5, "y": 6}
    assert shown["description"] == "Single left Click"
    assert said[-1].startswith("1 actions")


def test_who_records_a_virtual_desktop_is_told_how_to_see_it(tmp_path: Path) -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        while signal.getsignal(signal.SIGINT) is before and not over.wait(0.05):
            pass
        if not over.is_set():
            signal.raise_signal(signal.SIGINT)

    over = threading.Event()
    hand = threading.Thread(target=interrupt)
    hand.start()
    try:
        record(Record(task="x", desktop="virtual", keep=True, out=tmp_path), said.append, asked)
    finally:
        over.set()
        hand.join()
    assert sum("--view vnc" in line for line in said) == 1
