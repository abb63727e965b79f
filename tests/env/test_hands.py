"""The hands: what stops them, and that nothing is held afterwards."""

import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from agent.control import Control
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.errors import ActionCut, ActionRefused, DesktopLost
from env.hands import AgentGone, Hands
from env.hands_client import HandsClient
from env.hands_wire import BadMessage, Reader, decode, encode
from env.pace import Bucket
from env.screen import ScreenSize
from env.stop_socket import runtime_folder, stop_one
from env.virtual import VirtualDesktop
from env.x11_connection import connect
from env.x11_person import StopKeys, X11Person
from env.xvfb_person import XvfbPerson

LONG = TypeText("Moonhand " * 200)
ACTIONS: tuple[Action, ...] = (
    Click(Point(1, 2), "right", 2, ("ctrl",)),
    Click(Point(1, 2), hold_seconds=1.5),
    Move(Point(3, 4)),
    Drag(Point(1, 2), Point(3, 4), modifiers=("shift", "alt")),
    Scroll(Point(1, 2), -3, sideways=True),
    TypeText("日本\n\t🎉"),
    Keys(("ctrl", "c"), 3),
    Wait(0.5),
)


class Stage:
    """A virtual desktop, somebody at it, and eyes on what is held."""

    def __init__(self, desktop: VirtualDesktop) -> None:
        self.desktop = desktop
        self.name = desktop.environment["DISPLAY"]
        self.authority = Path(desktop.environment["XAUTHORITY"])
        self.x = connect(self.name, self.authority)
        self.person = XvfbPerson(self.x)

    def held(self) -> tuple[int, ...]:
        """Keycodes that are down, and the mask of buttons and modifiers."""
        told = self.x.query_keymap()
        codes = [code for code in range(256) if told[code // 8] >> code % 8 & 1]
        return *codes, self.x.screen().root.query_pointer().mask

    def wait_until_held(self) -> None:
        until = time.monotonic() + 10.0
        while self.held() == (0,):
            assert time.monotonic() < until, "nothing was ever held"

    def wait_until_free(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.held() != (0,):
            assert time.monotonic() < until, f"still held: {self.held()}"
            time.sleep(0.01)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with VirtualDesktop(ScreenSize(320, 240)) as desktop:
        found = Stage(desktop)
        yield found
        found.x.close()


@pytest.fixture
def control(stage: Stage) -> Control:
    """The desktop heeds it from now on."""
    steering = Control()
    stage.desktop.heed(steering)
    return steering


def cut_in_the_middle(stage: Stage, action: Action, interrupt: Callable[[], object]) -> str:
    """Why the action ended, when that comes 0.1 s after its begin."""
    timer = threading.Timer(0.1, interrupt)
    timer.start()
    began = time.monotonic()
    with pytest.raises(ActionCut) as cut:
        stage.desktop.perform(action)
    timer.join()
    assert time.monotonic() - began < 5.0
    assert stage.held() == (0,)
    return str(cut.value)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_an_action_is_the_same_after_the_wire(action: Action) -> None:
    assert decode(json.loads(json.dumps(encode(action)))) == action


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "Shell", "text": "rm"},
        {"kind": "Move"},
        {"kind": "Move", "to": [1, 2], "speed": 3},
        {"kind": "Move", "to": [1.5, 2]},
        {"kind": "Move", "to": [True, 2]},
        {"kind": "Move", "to": "12"},
        {"kind": "TypeText", "text": "a" * 2001},
        {"kind": "TypeText", "text": None},
        {"kind": "Keys", "keys": "ctrl", "presses": 1},
        {"kind": "Keys", "keys": ["a"], "presses": 51},
        {"kind": "Wait", "seconds": 1e9},
        {"kind": "Wait", "seconds": float("nan")},
        {
            "kind": "Scroll",
            "at": [1, 2],
            "notches": 10**6,
            "sideways": False,
            "modifiers": [],
        },
    ],
    ids=str,
)
def test_what_is_no_action_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        decode(message)


def test_a_message_longer_than_any_action_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack("<I", 1_000_000))
        reader = Reader(theirs)
        reader.fill()
        with pytest.raises(BadMessage, match="1000000 bytes"):
            reader.take()


@pytest.mark.parametrize("char", ["\u07ae", "\ufe64", "\uff20", "\ufffe", "\x07"])
def test_what_an_application_would_take_for_something_else_is_refused_by_name(
    stage: Stage, char: str
) -> None:
    said = re.escape(f"the character {char!r} cannot be typed")
    with pytest.raises(ActionRefused, match=said):
        stage.desktop.perform(TypeText(f"ab{char}c"))


def test_more_than_the_rate_has_to_wait() -> None:
    now = 0.0
    bucket = Bucket(10.0, 2.0, lambda: now)
    assert [bucket.take(), bucket.take()] == [0.0, 0.0]
    assert bucket.take() == pytest.approx(0.1)
    now = 10.0
    assert bucket.take() == 0.0


def test_a_stop_reaches_the_middle_of_a_long_text(stage: Stage, control: Control) -> None:
    assert cut_in_the_middle(stage, LONG, lambda: control.stop("enough")) == "enough"
    with pytest.raises(ActionCut, match="enough"):
        stage.desktop.perform(Move(Point(1, 1)))


@pytest.mark.parametrize(
    "action",
    [
        LONG,
        TypeText("日本語" * 300),
        Click(Point(50, 50), hold_seconds=5.0, modifiers=("shift",)),
        Keys(("ctrl", "alt", "F5"), presses=50),
        Wait(5.0),
    ],
    ids=lambda action: type(action).__name__,
)
def test_escape_twice_stops_whatever_is_done(
    stage: Stage, control: Control, action: Action
) -> None:
    def interrupt() -> None:
        stage.person.tap("escape")
        stage.person.tap("escape")

    if isinstance(action, Keys):
        # 50 chords are over in no time.
        interrupt()
        with pytest.raises(ActionCut):
            stage.desktop.perform(action)
    else:
        cut_in_the_middle(stage, action, interrupt)
    until = time.monotonic() + 5.0
    while control.stopped is None and time.monotonic() < until:
        time.sleep(0.01)
    assert control.stopped == "escape was pressed 2 times"


def test_a_person_pauses_it_and_it_goes_on_when_told(stage: Stage, control: Control) -> None:
    why = cut_in_the_middle(stage, LONG, lambda: stage.person.tap("a"))
    assert why == "a person used the keyboard"
    (pause,) = control.pauses
    assert pause.takeover
    with pytest.raises(ActionCut):
        stage.desktop.perform(Move(Point(1, 1)))
    control.resume()
    stage.desktop.perform(Move(Point(7, 9)))
    pointer = stage.x.screen().root.query_pointer()
    assert (pointer.root_x, pointer.root_y) == (7, 9)


def test_a_person_who_steps_into_a_pause_makes_it_a_takeover(
    stage: Stage, control: Control
) -> None:
    control.pause("for coffee")
    with pytest.raises(ActionCut, match="for coffee"):
        stage.desktop.perform(Wait(0.1))
    stage.person.click()
    until = time.monotonic() + 5.0
    while not control.pauses[-1].takeover and time.monotonic() < until:
        time.sleep(0.01)
    assert control.paused == "a person used the mouse"
    assert len(control.pauses) == 1


def test_a_person_who_only_nudges_the_table_is_not_there(stage: Stage, control: Control) -> None:
    stage.person.move(100, 100)
    stage.desktop.perform(Wait(0.1))
    assert control.paused is None
    for x in range(100, 120, 4):
        stage.person.move(x, 100)
    with pytest.raises(ActionCut, match="moved the mouse"):
        stage.desktop.perform(Wait(1.0))
    assert control.paused is not None


def test_a_corner_stops_it_when_a_person_goes_there_and_not_when_it_does(
    stage: Stage, control: Control
) -> None:
    stage.desktop.perform(Click(Point(0, 0)))
    stage.desktop.perform(Wait(0.1))
    assert control.stopped is None
    stage.person.move(319, 239)
    with pytest.raises(ActionCut, match="corner"):
        stage.desktop.perform(Wait(2.0))


def test_a_key_struck_while_the_server_is_asked_something_is_heard(stage: Stage) -> None:
    with ExitStack() as stack:
        connections = [connect(stage.name, stage.authority) for _ in range(2)]
        pairs = (*socket.socketpair(), *socket.socketpair())
        for one in (*connections, *pairs):
            stack.callback(one.close)
        orders, _, news, told = pairs
        listening = X11Person(connections[0], StopKeys())
        for _ in range(2):
            stage.person.tap("escape")
        stage.x.sync()
        # Hands ask for the key map, or where the pointer is: the answer comes after the keys.
        connections[0].get_keyboard_mapping(8, 1)
        assert not select.select([listening], [], [], 0)[0], "the socket tells of them"
        hands = Hands(connections[1], listening, orders, news)
        thread = threading.Thread(target=serve_until_left, args=(hands,))
        thread.start()
        heard = Reader(told)
        while (message := heard.take()) is None and select.select([told], [], [], 5.0)[0]:
            heard.fill()
        told.shutdown(socket.SHUT_RDWR)
        thread.join(5.0)
        assert message == {"stop": "escape was pressed 2 times", "start": 0}


def serve_until_left(hands: Hands) -> None:
    with suppress(AgentGone):
        hands.serve()


def test_its_own_input_is_nobodys(stage: Stage, control: Control) -> None:
    for action in (
        TypeText("Own input, own keys.\n" * 20),
        Keys(("escape",), presses=4),
        Click(Point(0, 0), count=3),
        Drag(Point(0, 0), Point(319, 239)),
        Scroll(Point(9, 9), 20),
    ):
        stage.desktop.perform(action)
    assert (control.stopped, control.paused) == (None, None)


def test_a_new_control_begins_anew_after_a_stop(stage: Stage, control: Control) -> None:
    control.stop("enough")
    stage.desktop.heed(Control())
    stage.desktop.perform(Move(Point(5, 5)))


def test_the_hands_own_door_stops_them_whatever_the_agent_does(stage: Stage) -> None:
    told: list[tuple[str, str]] = []
    hands = HandsClient(
        stage.name, stage.authority, StopKeys(), lambda kind, why: told.append((kind, why))
    )
    hands.start(heeds_person=False, about="a test")
    door = runtime_folder() / f"{hands.process_id}.sock"
    threading.Timer(0.2, stop_one, [door, "from outside"]).start()
    with pytest.raises(ActionCut, match="from outside"):
        hands.perform(LONG)
    assert stage.held() == (0,)
    assert ("stop", "from outside") in told
    hands.close()
    assert not door.exists()


def test_hands_that_are_killed_leave_nothing_held(stage: Stage) -> None:
    spared: list[object] = []
    hands = HandsClient(stage.name, stage.authority, StopKeys(), lambda *told: spared.append(told))
    hands.start(heeds_person=False, about="a test")
    timer = threading.Timer(0.3, os.kill, [hands.process_id, signal.SIGKILL])
    timer.start()
    with pytest.raises(DesktopLost):
        hands.perform(Click(Point(50, 50), hold_seconds=5.0, modifiers=("ctrl", "é")))
    stage.wait_until_free(3.0)
    with pytest.raises(DesktopLost):
        hands.perform(Move(Point(1, 1)))
    hands.close()


AGENT = """
import sys
from pathlib import Path
from env.actions import Click, Point, TypeText
from env.x11 import X11Display
display = X11Display(sys.argv[1], Path(sys.argv[2]))
display.perform(Click(Point(9, 9)))
print("acting", flush=True)
display.perform(Click(Point(50, 50), hold_seconds=10.0, modifiers=("shift",)))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_an_agent_that_dies_or_hangs_leaves_nothing_held(
    stage: Stage, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AGENT, stage.name, str(stage.authority)], stdout=subprocess.PIPE
    ) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        stage.wait_until_held()
        agent.send_signal(number)
        # The lease is 0.5 s; the rest is for a busy machine.
        stage.wait_until_free(5.0)
        agent.kill()
