"""The virtual desktop's own promises: nobody enters without the cookie, nothing outlives it."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from Xlib import X
from Xlib.protocol import request

from env.actions import Action, Click, Drag, Keys, Move, Point, TypeText, Wait
from env.errors import DesktopLost, DesktopUnavailable
from env.headed import HeadedBrowser
from env.screen import ScreenSize
from env.virtual import VirtualDesktop
from env.x11 import X11Display

SIZE = ScreenSize(320, 240)
MODIFIERS = X.ShiftMask | X.ControlMask | X.Mod1Mask | X.Mod4Mask
BUTTONS = X.Button1Mask | X.Button2Mask | X.Button3Mask


@pytest.fixture
def desktop() -> Iterator[VirtualDesktop]:
    with VirtualDesktop(SIZE) as opened:
        yield opened


def processes_of(desktop: VirtualDesktop) -> list[int]:
    """Every process that was given this desktop's cookie, seen from outside."""
    mark = os.fsencode(desktop.environment["XAUTHORITY"])
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:
                # It ended while we looked.
                continue
            if mark in told:
                found.append(int(folder.name))
    return found


def name_of(pid: int) -> str:
    """Empty: it ended meanwhile."""
    return read_quietly(Path(f"/proc/{pid}/comm")).decode().strip()


def test_it_is_up_soon() -> None:
    started = time.monotonic()
    with VirtualDesktop(SIZE) as desktop:
        desktop.screenshot()
    # 0.2 s alone on the machine; the rest is for a busy one.
    assert time.monotonic() - started < 8.0


def test_without_the_cookie_nobody_connects(desktop: VirtualDesktop, tmp_path: Path) -> None:
    empty = tmp_path / "no cookie"
    empty.write_bytes(b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
    with pytest.raises(DesktopUnavailable, match="cannot connect"):
        X11Display(desktop.environment["DISPLAY"], empty)


def test_with_the_cookie_it_connects(desktop: VirtualDesktop) -> None:
    name, cookie = desktop.environment["DISPLAY"], desktop.environment["XAUTHORITY"]
    with X11Display(name, Path(cookie)) as display:
        assert display.size == SIZE


def test_the_server_shares_memory_with_its_applications_and_not_with_this_machine(
    desktop: VirtualDesktop,
) -> None:
    """A client tells the server by number which memory to attach, and the server has the rights
    of the one who started it."""
    (server,) = [pid for pid in processes_of(desktop) if name_of(pid) == "Xvfb"]
    inside = desktop.run(("readlink", "/proc/self/ns/ipc"), timeout_seconds=10).text.strip()
    assert os.readlink(f"/proc/{server}/ns/ipc") == inside
    assert os.readlink("/proc/self/ns/ipc") != inside


def test_only_its_owner_reads_the_cookie(desktop: VirtualDesktop) -> None:
    assert Path(desktop.environment["XAUTHORITY"]).stat().st_mode & 0o777 == 0o600


def test_two_stand_side_by_side() -> None:
    with VirtualDesktop(SIZE) as one, VirtualDesktop(ScreenSize(200, 100)) as other:
        assert one.environment["DISPLAY"] != other.environment["DISPLAY"]
        assert other.screenshot().size == ScreenSize(200, 100)
        assert one.screenshot().size == SIZE


def test_applications_get_nothing_of_our_environment(
    desktop: VirtualDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    desktop.launch(["sleep", "60"])
    sleeping = wait_for(desktop, "sleep")
    told = Path(f"/proc/{sleeping}/environ").read_bytes()
    assert b"secret" not in told
    assert b"HOME=/home/user" in told.split(b"\0")


def wait_for(desktop: VirtualDesktop, name: str) -> int:
    """The process of that name on the desktop, once it runs."""
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        for pid in processes_of(desktop):
            if name_of(pid) == name:
                return pid
        time.sleep(0.02)
    raise AssertionError(f"{name} did not start")


def test_nothing_is_left_after_close() -> None:
    desktop = VirtualDesktop(SIZE)
    desktop.launch(["sleep", "60"])
    wait_for(desktop, "sleep")
    folder = Path(desktop.environment["XAUTHORITY"]).parent
    desktop.close()
    assert processes_of(desktop) == []
    assert not folder.exists()


def test_nothing_is_left_of_a_process_that_was_killed() -> None:
    code = (
        "import time; from env.virtual import VirtualDesktop; desktop = VirtualDesktop();"
        "print(desktop.environment['XAUTHORITY'], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        cookie = child.stdout.readline().decode().strip()
        child.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5.0
    while (left := holding(cookie)) and time.monotonic() < until:
        time.sleep(0.05)
    shutil.rmtree(Path(cookie).parent)
    assert left == []


def holding(cookie: str) -> list[str]:
    return [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if os.fsencode(cookie) in read_quietly(path)
    ]


def read_quietly(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_server_killed_between_two_looks_is_a_lost_desktop(desktop: VirtualDesktop) -> None:
    desktop.screenshot()
    for pid in processes_of(desktop):
        if name_of(pid) == "Xvfb":
            os.kill(pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(DesktopLost):
            desktop.screenshot()
        with pytest.raises(DesktopLost):
            desktop.perform(Click(Point(5, 5)))


def test_nothing_stays_held_after_an_action(desktop: VirtualDesktop) -> None:
    actions = (
        Click(Point(9, 9), modifiers=("ctrl", "shift")),
        Keys(("ctrl", "alt", "A")),
        Drag(Point(5, 5), Point(50, 50)),
        TypeText("A<é"),
    )
    for action in actions:
        desktop.perform(action)
        assert held_on(desktop) == 0


@pytest.mark.parametrize(
    ("action", "after_seconds"),
    [
        # The drag takes 0.13 s at least and waits in between; the typing talks all the time.
        (Drag(Point(5, 5), Point(50, 50)), 0.05),
        (TypeText("Aa" * 1000), 0.02),
        (TypeText("Aa" * 1000), 0.03),
        (TypeText("日本" * 1000), 0.1),
        (Keys(("ctrl", "shift", "F5"), presses=50), 0.002),
    ],
)
def test_nothing_stays_held_when_an_action_is_cut_off(
    desktop: VirtualDesktop, action: Action, after_seconds: float
) -> None:
    def ring(*_: object) -> None:
        raise KeyboardInterrupt

    desktop.perform(Move(Point(1, 1)))
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, after_seconds)
        with pytest.raises(KeyboardInterrupt):
            desktop.perform(action)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert held_on(desktop) == 0
    desktop.perform(Keys(("a",)))


def held_on(desktop: VirtualDesktop) -> int:
    """The mask of keys and buttons that are down."""
    name, cookie = desktop.environment["DISPLAY"], desktop.environment["XAUTHORITY"]
    with X11Display(name, Path(cookie)) as display:
        mask: int = display.root.query_pointer().mask
        return mask & (BUTTONS | MODIFIERS)


def test_the_pointer_goes_to_the_pixel(desktop: VirtualDesktop) -> None:
    name, cookie = desktop.environment["DISPLAY"], desktop.environment["XAUTHORITY"]
    for point in (Point(0, 0), Point(319, 239), Point(17, 203)):
        desktop.perform(Move(point))
        with X11Display(name, Path(cookie)) as display:
            pointer = display.root.query_pointer()
        assert (pointer.root_x, pointer.root_y) == point


def test_the_key_map_is_as_it_was_after_close(desktop: VirtualDesktop) -> None:
    name, cookie = desktop.environment["DISPLAY"], desktop.environment["XAUTHORITY"]
    with X11Display(name, Path(cookie)) as outside:
        before = key_map(outside)
        with X11Display(name, Path(cookie)) as display:
            display.perform(TypeText("日本語"))
            assert key_map(outside) != before
        assert key_map(outside) == before


def key_map(display: X11Display) -> list[list[int]]:
    connection = display.root.display
    reply = request.GetKeyboardMapping(display=connection, first_keycode=8, count=248)
    return [list(row[:2]) for row in reply.keysyms]


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("env.room.SEARCH_PATH", "/nowhere")
    with pytest.raises(DesktopUnavailable, match="apt-get install xvfb"):
        VirtualDesktop()


def test_an_application_that_is_not_installed_is_named(desktop: VirtualDesktop) -> None:
    with pytest.raises(DesktopUnavailable, match="no-such-program"):
        desktop.launch(["no-such-program"])


def test_lines_tabs_and_caps_lock_arrive_in_a_real_window() -> None:
    with VirtualDesktop() as desktop, HeadedBrowser(desktop) as window:
        window.page.set_content("<textarea id=field autofocus style='width:300px;height:90px'>")
        desktop.perform(Click(Point(window.box.left + 50, window.box.top + 50)))
        desktop.perform(Wait(0.5))
        desktop.perform(Keys(("capslock",)))
        desktop.perform(TypeText("One <line>\nand anöther"))
        until = time.monotonic() + 10.0
        while time.monotonic() < until:
            if window.page.evaluate("field.value") == "One <line>\nand anöther":
                return
            time.sleep(0.05)
        pytest.fail(f"arrived: {window.page.evaluate('field.value')!r}")


def test_pictures_are_made_in_memory_that_was_theirs_before() -> None:
    # What a capture costs, told by what does not depend on how busy the machine is.
    with VirtualDesktop(ScreenSize(1920, 1080)) as desktop:
        for _ in range(3):
            desktop.screenshot()
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for _ in range(10):
            desktop.screenshot()
        faults = (resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before) / 10
    # Of its 2,025 pages.
    assert faults < 200
