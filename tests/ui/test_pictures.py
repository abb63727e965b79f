"""What the cockpit looks like: pictures of its main screens, small, large, by night and by day.

A change of looks is accepted with `pytest tests/ui/test_pictures.py --snapshot-update`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agent.announce import crop_round, jpeg_of
from agent.reports import Acted, Asking, Began, Opened, Planned, Report, Saw, State, Streamed
from env.actions import Click, Point
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FakeDesktop
from ui.app import Cockpit, Places
from ui.approval_screen import ApprovalScreen
from ui.connection import Reported
from ui.runner import SessionSetup

SIZES = [(80, 24), (120, 40), (200, 60)]
THOUGHT = "The box is checked. What is left is the button, which is below it."

Compare = Callable[..., bool]


def cockpit(folder: Path, theme: str) -> Cockpit:
    places = Places(sockets=folder, history=None, runs=folder / "runs", results=folder / "results")
    return Cockpit(places, SessionSetup(desktop="fake"), theme=theme)


def reports() -> list[Report]:
    """An episode on the form, as a session tells it."""
    screen = FakeDesktop().screenshot().image
    began = Began(
        task="free",
        instruction="Check the box and save.",
        max_steps=15,
        width=FAKE_SIZE.width,
        height=FAKE_SIZE.height,
        folder="",
    )
    told: list[Report] = [
        Opened(session="a", pid=1, model="nano", desktop="fake", unattended="go on"),
        State(mood="working", megabytes=398.0),
        began,
    ]
    told += [
        Saw(step=1, at=0.0, seconds=0.12, capture_seconds=0.03, image="1", jpeg=jpeg_of(screen)),
        Planned(
            step=1,
            thought="The box comes first.",
            sentence="Check the box.",
            code="pyautogui.click(x=0.088, y=0.283)",
            words="click at 28, 68",
            points=(CHECK_BOX.center,),
            seconds=0.21,
            tokens=40,
            tokens_per_second=212.0,
            prompt_tokens=1311,
            reused_tokens=812,
            parts={"vision": 0.04, "prefill": 0.05, "decode": 0.11, "model": 0.01},
        ),
        Acted(step=1, count=1, seconds=0.01),
        Saw(step=2, at=0.0, seconds=0.13, image="2", jpeg=jpeg_of(screen)),
        Streamed(step=2, text=f"## Thought:\n{THOUGHT}\n## Action:\nSend the form.\n"),
    ]
    return told


def question() -> Asking:
    crop, points = crop_round(FakeDesktop().screenshot().image, (Click(Point(*BUTTON.center)),))
    return Asking(
        number=1,
        step=2,
        thought=THOUGHT,
        sentence="Send the form.",
        code="pyautogui.click(x=0.188, y=0.425)",
        words="click at 60, 102",
        points=points,
        risks=(("sends", 'it may show something to others: it is called "send"'),),
        until=None,
        crop=crop,
    )


async def tell(pilot: "Pilot[None]", told: list[Report]) -> None:
    for report in told:
        pilot.app.post_message(Reported(report))
    await pilot.pause(0.4)


@pytest.mark.parametrize("theme", ["night", "day"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_task_that_is_being_done(
    snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    async def play(pilot: "Pilot[None]") -> None:
        await tell(pilot, reports())
        # A cursor that blinks is half the time another picture.
        pilot.app.screen.set_focus(None)

    assert snap_compare(cockpit(tmp_path, theme), terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_question(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    async def play(pilot: "Pilot[None]") -> None:
        await tell(pilot, [*reports(), question()])
        while not isinstance(pilot.app.screen, ApprovalScreen):
            await asyncio.sleep(0.02)
        await pilot.pause(0.3)

    assert snap_compare(cockpit(tmp_path, "night"), terminal_size=size, run_before=play)


@pytest.mark.parametrize("theme", ["night", "day"])
def test_a_first_run(snap_compare: Compare, tmp_path: Path, theme: str) -> None:
    async def play(pilot: "Pilot[None]") -> None:
        await pilot.pause(0.3)
        pilot.app.screen.set_focus(None)

    assert snap_compare(cockpit(tmp_path, theme), terminal_size=(80, 24), run_before=play)
