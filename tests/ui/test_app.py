"""Every key of the cockpit, on a session that really runs: prepared answers, a form in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Select, Static, TextArea

from agent.action_text import action_text, finish_text
from agent.watch import private_folder
from env.actions import Action, Click, Point
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FakeDesktop
from trajectories.reading import Episode, read_runs
from ui.app import Cockpit, Places
from ui.approval_screen import ApprovalScreen
from ui.board import BoardScreen
from ui.dialogs import ExamplesScreen, HelpScreen, LeaveScreen, SetupScreen
from ui.doctor_screen import DoctorScreen
from ui.models_screen import ModelsScreen
from ui.picture import BlockPicture
from ui.progress import Stand
from ui.record_screen import RecordScreen
from ui.rehearsal import Rehearsal, rehearsal
from ui.replay_screen import ReplayScreen
from ui.run_screen import RunScreen
from ui.runner import SessionSetup
from ui.task_box import TaskBox, TaskHistory
from ui.timeline import Timeline
from ui.trial import text_of, until

PRESS = Click(Point(*BUTTON.center))
CHECK = Click(Point(*CHECK_BOX.center))
DONE = finish_text(True, words="Done.")


def say(action: Action, words: str) -> str:
    return action_text(action, FAKE_SIZE, words=words, thought="Because it is asked for.")


CLICKS = [say(CHECK, "Check the box."), say(PRESS, "Press it."), DONE]
MANY = [say(CHECK, "Check it."), say(PRESS, "Press it.")] * 7 + [DONE]
"""More than a test waits for."""
SENDS = [say(PRESS, "Send it."), say(CHECK, "Check the box."), DONE]

SYSTEM = ["system", "threads", "memory", "disk", "fonts"]
NAMES = [*SYSTEM, "sandbox", "display", "bus", "browser", "weights", "session"]

Play = Callable[[Cockpit, "Pilot[None]", Rehearsal], Awaitable[None]]


def played(folder: Path, answers: list[str], play: Play, **settings: object) -> Rehearsal:
    """The cockpit attached to a session, and a person at its keys."""
    private = private_folder(folder / "private")

    async def go(hosted: Rehearsal) -> None:
        places = Places(
            sockets=private, history=folder / "tasks", runs=hosted.runs, results=folder / "results"
        )
        app = Cockpit(places, SessionSetup(desktop="fake"), attach=hosted.socket)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.progress.state is not None)
            await play(app, pilot, hosted)

    with rehearsal(private, answers, **settings) as hosted:  # type: ignore[arg-type]
        asyncio.run(go(hosted))
    return hosted


async def give(pilot: "Pilot[None]", text: str) -> None:
    pilot.app.screen.query_one(TaskBox).focus()
    pilot.app.screen.query_one(TaskBox).put(text)
    await pilot.press("enter")


async def asked(app: Cockpit, pilot: "Pilot[None]") -> ApprovalScreen:
    await until(pilot, lambda: isinstance(app.screen, ApprovalScreen))
    screen = app.screen
    assert isinstance(screen, ApprovalScreen)
    await until(pilot, lambda: not screen.is_deaf)
    return screen


def desktop_of(hosted: Rehearsal) -> FakeDesktop:
    assert isinstance(hosted.desktop, FakeDesktop)
    return hosted.desktop


def last_episode(hosted: Rehearsal) -> Episode:
    return list(read_runs(hosted.runs))[-1].episodes[-1]


def test_a_task_is_typed_done_and_shown(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press(*"Save it", "enter")
        await until(pilot, lambda: app.progress.over is not None)
        assert app.progress.over is not None
        assert app.progress.over.ending == "done"
        assert text_of(app, "#told-task") == "Save it"
        assert "done" in text_of(app, "#headline")
        assert app.screen.query_one(Timeline).num_lines == 3
        assert app.screen.query_one("#live").query_one(BlockPicture).size.height > 4

    hosted = played(tmp_path, CLICKS, play)
    assert desktop_of(hosted).checked
    assert desktop_of(hosted).num_presses == 1


def test_the_thought_is_shown_while_it_streams(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        await until(pilot, lambda: "Because it" in text_of(app, "#thought"))
        assert app.progress.last is not None
        assert app.progress.last.stand is Stand.THINKING, "not only when the answer is whole"
        await until(pilot, lambda: app.progress.over is not None)

    played(tmp_path, CLICKS, play, seconds_a_piece=0.1)


@pytest.mark.parametrize(("key", "presses"), [("y", 1), ("a", 1)])
def test_a_question_is_answered_yes(tmp_path: Path, key: str, presses: int) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        screen = await asked(app, pilot)
        shown = " ".join(str(widget.content) for widget in screen.query(Static))
        assert "it may show something to others" in shown
        assert "pyautogui.click" in shown
        assert screen.query_one("#crop").display
        await pilot.press(key)
        await until(pilot, lambda: app.progress.over is not None)
        assert hosted.session.gate.allowed == ({"sends"} if key == "a" else set())

    assert desktop_of(played(tmp_path, SENDS, play)).num_presses == presses


def test_a_no_takes_a_reason(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        await asked(app, pilot)
        await pilot.press("n", *"not yet", "enter")
        await until(pilot, lambda: app.progress.over is not None)
        assert app.progress.steps[0].stand is Stand.DECLINED
        assert app.progress.steps[0].reason == "the user said no: not yet"

    assert desktop_of(played(tmp_path, SENDS, play)).num_presses == 0


def test_an_action_is_changed_before_it_is_done(tmp_path: Path) -> None:
    x, y = CHECK_BOX.center

    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        screen = await asked(app, pilot)
        await pilot.press("e")
        area = screen.query_one("#instead", TextArea)
        assert app.focused is area
        area.load_text("import os")
        await pilot.press("ctrl+s")
        assert "expected" in text_of(app, "#edit-trouble"), "what cannot be read is not sent"
        area.load_text(f"pyautogui.click(x={x / FAKE_SIZE.width}, y={y / FAKE_SIZE.height})")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.progress.over is not None)

    hosted = played(tmp_path, [SENDS[0], DONE], play)
    assert (desktop_of(hosted).num_presses, desktop_of(hosted).checked) == (0, True)
    assert [guard.kind for guard in last_episode(hosted).guards] == ["edited"]


def test_the_buttons_answer_to_the_mouse(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        await asked(app, pilot)
        await pilot.click("#yes")
        await until(pilot, lambda: app.progress.over is not None)

    assert desktop_of(played(tmp_path, SENDS, play)).num_presses == 1


def test_keys_of_the_first_moment_are_not_an_answer(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        await until(pilot, lambda: isinstance(app.screen, ApprovalScreen))
        screen = app.screen
        assert isinstance(screen, ApprovalScreen)
        while screen.is_deaf:
            await pilot.press("y", "enter", "space")
        assert app.progress.question is not None
        await pilot.press("enter", "space")
        assert app.progress.question is not None, "no button is under the enter key"
        await pilot.press("n", "enter")
        await until(pilot, lambda: app.progress.over is not None)

    assert desktop_of(played(tmp_path, SENDS, play)).num_presses == 0


def test_a_question_nobody_answers_goes_away_as_a_no(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        await until(pilot, lambda: isinstance(app.screen, ApprovalScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.progress.over is not None)
        assert isinstance(app.screen, LeaveScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))

    hosted = played(tmp_path, SENDS, play, answer_seconds=5.0)
    assert desktop_of(hosted).num_presses == 0


@pytest.mark.parametrize("where", ["question", "thought", "board"])
def test_ctrl_k_stops_from_anywhere(tmp_path: Path, where: str) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        if where == "question":
            await until(pilot, lambda: isinstance(app.screen, ApprovalScreen))
        else:
            await until(pilot, lambda: bool(app.progress.steps))
        if where == "board":
            await pilot.press("f5")
            await until(pilot, lambda: isinstance(app.screen, BoardScreen))
        await pilot.press("ctrl+k")
        await until(pilot, lambda: app.progress.over is not None)
        assert app.progress.over is not None
        assert app.progress.over.ending == "stopped"

    if where == "question":
        played(tmp_path, SENDS, play)
    else:
        played(tmp_path, MANY, play, seconds_a_piece=0.1)


def test_f8_pauses_and_goes_on(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        await until(pilot, lambda: bool(app.progress.steps))
        await pilot.press("f8")
        await until(pilot, lambda: app.progress.is_paused)
        assert "paused by the user" in text_of(app, "#headline")
        await pilot.press("f8")
        await until(pilot, lambda: not app.progress.is_paused)
        await pilot.press("ctrl+k")
        await until(pilot, lambda: app.progress.over is not None)

    played(tmp_path, MANY, play, seconds_a_piece=0.1)


def test_f9_does_one_step(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        await until(pilot, lambda: bool(app.progress.steps))
        await pilot.press("f9")
        screen = await asked(app, pilot)
        assert screen.question.until is None
        await pilot.press("y")
        await until(pilot, lambda: app.progress.is_paused)
        assert desktop_of(hosted).performed
        await pilot.press("ctrl+k")
        await until(pilot, lambda: app.progress.over is not None)

    played(tmp_path, MANY, play, seconds_a_piece=0.05)


def test_f10_takes_over_and_hands_back(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        await until(pilot, lambda: bool(app.progress.steps))
        await pilot.press("f10")
        await until(pilot, lambda: app.progress.is_paused)
        assert "you have the desktop" in text_of(app, "#headline")
        await pilot.press("f10")
        await until(pilot, lambda: not app.progress.is_paused)
        await pilot.press("ctrl+k")
        await until(pilot, lambda: app.progress.over is not None)

    hosted = played(tmp_path, MANY, play, seconds_a_piece=0.1)
    assert "takeover" in {guard.kind for guard in last_episode(hosted).guards}


def test_the_agent_is_told_something(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Send it")
        await asked(app, pilot)
        await pilot.press("n", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await give(pilot, "Use the box")
        await until(pilot, lambda: app.progress.over is not None)

    hosted = played(tmp_path, [SENDS[0], *CLICKS], play, seconds_a_piece=0.1)
    assert "Use the box" in [step.told for step in last_episode(hosted).steps]


def test_earlier_steps_are_looked_back_at(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        await until(pilot, lambda: app.progress.over is not None)
        app.screen.query_one(Timeline).focus()
        await pilot.press("home")
        await pilot.pause(0.1)
        assert "Check the box." in text_of(app, "#plan")
        await pilot.press("end")
        await pilot.pause(0.1)
        assert "Done." in text_of(app, "#plan")

    played(tmp_path, CLICKS, play)


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("f3", RecordScreen),
        ("f4", ReplayScreen),
        ("f5", BoardScreen),
        ("f6", ModelsScreen),
        ("f7", DoctorScreen),
    ],
)
def test_every_screen_has_its_key_and_its_tab(tmp_path: Path, key: str, screen: type) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, screen))
        await pilot.click("#tab-run")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))

    played(tmp_path, CLICKS, play)


def test_the_doctor_says_what_main_py_doctor_says(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, DoctorScreen))
        screen = app.screen
        assert isinstance(screen, DoctorScreen)
        await until(pilot, lambda: len(screen.found) == len(NAMES))
        assert [each.name for each in screen.found] == NAMES
        assert screen.query_one("#findings", DataTable).row_count == len(NAMES)
        await until(pilot, lambda: "Looking" not in text_of(app, "#verdict"))

    played(tmp_path, CLICKS, play)


def test_help_opens_with_f1_and_closes_with_escape(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, DoctorScreen))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))

    played(tmp_path, CLICKS, play)


def test_a_question_mark_in_a_task_is_only_that(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press("w", "question_mark")
        assert app.screen.query_one(TaskBox).text == "w?"

    played(tmp_path, CLICKS, play)


def test_the_palette_has_the_screens_and_the_modes(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        await pilot.press(*"ask: always")
        await pilot.pause(0.5)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.setup.mode == "always")
        await until(pilot, lambda: hosted.session.gate.mode == "always")

    played(tmp_path, CLICKS, play)


def test_an_example_becomes_the_task(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ExamplesScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert "newest file" in app.screen.query_one(TaskBox).text

    played(tmp_path, CLICKS, play)


def test_the_set_up_changes_when_it_asks(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        app.screen.query_one("#mode", Select).value = "always"
        app.screen.query_one("#max-steps", Input).value = "0"
        await pilot.press("ctrl+s")
        assert "from 1 up" in text_of(app, "#setup-trouble")
        app.screen.query_one("#max-steps", Input).value = "4"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: hosted.session.gate.mode == "always")
        assert app.max_steps == 4

    played(tmp_path, CLICKS, play)


def test_leaving_asks_while_something_is_being_done(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        await until(pilot, lambda: bool(app.progress.steps))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, LeaveScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, LeaveScreen))
        await pilot.press("l")
        await pilot.pause(0.1)
        assert hosted.session.control.stopped is None

    hosted = played(tmp_path, MANY, play, seconds_a_piece=0.1)
    assert hosted.session.control.stopped == "the session is closed", "by the test's end alone"


def test_a_task_of_many_lines_is_one_task(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        box = app.screen.query_one(TaskBox)
        await pilot.press("a", "ctrl+j", "b")
        await pilot.pause()
        assert box.text == "a\nb"
        assert box.size.height == 2
        await pilot.press("enter")
        await until(pilot, lambda: app.progress.began is not None)
        assert app.progress.began is not None
        assert app.progress.began.instruction == "a\nb"

    played(tmp_path, CLICKS, play)


def test_tasks_of_before_come_back(tmp_path: Path) -> None:
    TaskHistory(tmp_path / "tasks").add("first\nof two lines \\n")

    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        box = app.screen.query_one(TaskBox)
        await pilot.press("x", "up")
        assert box.text == "first\nof two lines \\n"
        await pilot.press("down")
        assert box.text == "x", "what was being typed is not lost"

    played(tmp_path, CLICKS, play)


def test_the_themes_change_every_screen(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        for theme in ("day", "night"):
            app.theme = theme
            for key in ("f3", "f4", "f5", "f6", "f7", "f2"):
                await pilot.press(key)
                await pilot.pause()

    played(tmp_path, CLICKS, play)


def test_a_terminal_that_is_resized_keeps_working(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]", hosted: Rehearsal) -> None:
        await give(pilot, "Save it")
        for size in ((80, 24), (40, 12), (200, 60), (120, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
        await until(pilot, lambda: app.progress.over is not None)

    played(tmp_path, CLICKS, play, seconds_a_piece=0.05)
