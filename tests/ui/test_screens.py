"""The screens beside the one that runs tasks: every key of theirs."""

import asyncio
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import DataTable, Input

from trajectories.results import TaskKey
from ui.app import Cockpit
from ui.board import BoardScreen
from ui.compare_screen import CompareScreen
from ui.confirm import ConfirmScreen
from ui.doctor_screen import DoctorScreen
from ui.models_on_disk import DOWNLOADS
from ui.models_screen import ModelsScreen
from ui.record_screen import RecordScreen
from ui.replay_screen import ReplayScreen
from ui.run_screen import RunScreen
from ui.specimens import FINDINGS, write_evaluation, write_run, write_two_runs
from ui.timeline import Timeline
from ui.trial import Play, cockpit, opened, rows, text_of, until


def played(folder: Path, play: Play) -> None:
    async def go() -> None:
        app = cockpit(folder)
        async with app.run_test(size=(120, 40)) as pilot:
            await play(app, pilot)

    asyncio.run(go())


def doctor_screen() -> DoctorScreen:
    return DoctorScreen(lambda: iter(FINDINGS))


# Replay and comparison


def test_a_run_is_found_by_its_words_and_looked_through(tmp_path: Path) -> None:
    write_two_runs(tmp_path)

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f4", ReplayScreen)
        await until(pilot, lambda: rows(app, "#episodes") == 2)
        await pilot.press("slash", *"cat", "enter")
        await until(pilot, lambda: rows(app, "#episodes") == 1)
        await until(pilot, lambda: "Feed the cat" in text_of(app, "#past-task"))
        steps = app.screen.query_one(Timeline)
        for key, place in (("right", 1), ("right", 2), ("right", 2), ("left", 1)):
            await pilot.press(key)
            assert steps.chosen == place
        assert "Step 2 is the form." in text_of(app, "#past-words")
        steps.focus()
        for key, place in (("home", 0), ("down", 1), ("end", 2), ("up", 1), ("pagedown", 2)):
            await pilot.press(key)
            assert steps.chosen == place
        await pilot.click("#past-steps", offset=(4, 1))
        assert steps.chosen == 0

    played(tmp_path, play)


def test_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    write_two_runs(tmp_path)

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f4", ReplayScreen)
        await until(pilot, lambda: rows(app, "#episodes") == 2)
        await pilot.press("c", "down", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.press("right", "right", "right")
        assert "step 3 of 3" in text_of(app, "#where-0")
        assert "step 2 of 2" in text_of(app, "#where-1"), "the shorter one stays at its last"
        await pilot.press("left", "left")
        assert "step 1 of 2" in text_of(app, "#where-1")
        await pilot.press("escape")
        assert isinstance(app.screen, ReplayScreen)

    played(tmp_path, play)


def test_a_run_is_written_as_a_page_and_deleted_when_sure(tmp_path: Path) -> None:
    write_two_runs(tmp_path)
    folders = sorted((tmp_path / "runs").glob("run-*"))

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f4", ReplayScreen)
        await until(pilot, lambda: rows(app, "#episodes") == 2)
        await pilot.press("w")
        await until(pilot, lambda: (folders[1] / "replay.html").is_file())
        for key in ("escape", "n"):
            await pilot.press("d")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, ReplayScreen))
        assert folders[1].is_dir()
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: rows(app, "#episodes") == 1)
        write_run(tmp_path / "runs", "One more.", done=True)
        await pilot.press("r")
        await until(pilot, lambda: rows(app, "#episodes") == 2)

    played(tmp_path, play)
    assert [folder.is_dir() for folder in folders] == [True, False]


# Board


def test_a_failed_episode_is_jumped_to_and_the_own_runs_come_back(tmp_path: Path) -> None:
    write_two_runs(tmp_path)
    write_evaluation(tmp_path)

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f5", BoardScreen)
        await until(pilot, lambda: rows(app, "#losses") == 1)
        app.screen.query_one("#losses").focus()
        await opened(pilot, "enter", ReplayScreen)
        await until(pilot, lambda: "Please move" in text_of(app, "#past-task"))
        await opened(pilot, "f5", BoardScreen)
        await opened(pilot, "f4", ReplayScreen)
        await until(pilot, lambda: rows(app, "#episodes") == 2)

    played(tmp_path, play)


def test_the_board_shows_what_is_being_done_as_it_goes(tmp_path: Path) -> None:
    results = write_evaluation(tmp_path)
    key = TaskKey("writer", "italic")

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        with results.draft(key) as draft:
            assert draft is not None
            await opened(pilot, "f5", BoardScreen)
            await until(pilot, lambda: "writer italic  opening" in text_of(app, "#running"))
            assert "3 of 5" in text_of(app, "#board-head")
            # The lock is the worker's still: who looks does not take it.
            with results.draft(key) as other:
                assert other is None
            write_run(draft, "Make it italic.", done=True)
            await pilot.press("r")
            await until(pilot, lambda: "writer italic  step 2" in text_of(app, "#running"))
            (draft / "episode.json").write_text('{"score": 0.0, "ending": "REPEATED"}')
            results.publish(key, draft)
        await pilot.press("r")
        await until(pilot, lambda: "repeated" in text_of(app, "#endings"))
        assert text_of(app, "#running") == ""
        groups = app.screen.query_one("#groups", DataTable)
        groups.focus()
        await pilot.press("down")
        await until(pilot, lambda: rows(app, "#losses") == 1)

    played(tmp_path, play)


# Models, doctor, recording


def test_a_model_is_chosen_and_a_command_copied(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f6", ModelsScreen)
        await until(pilot, lambda: rows(app, "#on-disk") >= 1)
        await pilot.press("y")
        assert app.clipboard == DOWNLOADS[0].command
        await pilot.press("tab", "down", "enter")
        assert app.clipboard == DOWNLOADS[1].command
        await pilot.press("r", "shift+tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert app.setup.model == "nano"

    played(tmp_path, play)


def test_what_mends_it_is_copied_and_looked_at_again(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await app.push_screen(doctor_screen())
        await until(pilot, lambda: "must be mended" in text_of(app, "#verdict"))
        await pilot.press("y")
        assert app.clipboard == "", "nothing to mend there"
        await pilot.press("down", "down", "y")
        assert app.clipboard == "apt install xvfb"
        await pilot.press("r")
        await until(pilot, lambda: rows(app, "#findings") == len(FINDINGS))

    played(tmp_path, play)


def test_a_recording_wants_its_task_first(tmp_path: Path) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f3", RecordScreen)
        screen = app.screen
        assert isinstance(screen, RecordScreen)
        await pilot.press("ctrl+r")
        await pilot.click("#record-start")
        await pilot.press("ctrl+e")
        assert not screen.is_recording
        assert app.focused is screen.query_one("#record-task", Input)
        # An expression that cannot be read: the recorder says so, and ends.
        screen.query_one("#record-exclude", Input).value = "("
        await pilot.press(*"Tidy up", "enter")
        assert screen.is_recording
        assert not screen.query_one("#record-end").disabled
        await until(pilot, lambda: "error" in text_of(app, "#record-lines"))
        await until(pilot, lambda: not screen.is_recording)

    played(tmp_path, play)
