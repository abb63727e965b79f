from pathlib import Path
from typing import Any

import pytest

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText
from env.input_event import InputEvent
from trajectories.recording import RECORDER, WITHHELD, Recording
from trajectories.reduce import reduce_recording
from trajectories.schema import Frame, Pause, Run


class Person:
    """Events with a clock of their own, and what the screen looked like."""

    def __init__(self) -> None:
        run = Run(run_id="r", policy="person", started_at=0.0)
        self.recording = Recording(run, Path("recording-r"))
        self.now = 10.0
        self.at = (0, 0)
        self.frame("first", at=0.0)

    def frame(self, image: str, at: float | None = None) -> "Person":
        moment = self.now if at is None else at
        self.recording.frames.append(Frame(at=moment, image=image))
        return self

    def event(self, kind: Any, **fields: Any) -> "Person":
        self.recording.events.append(InputEvent(self.now, kind, *self.at, **fields))
        self.now += 0.02
        return self

    def wait(self, seconds: float) -> "Person":
        self.now += seconds
        return self

    def move(self, x: int, y: int) -> "Person":
        self.at = (x, y)
        return self.event("move")

    def button(self, down: bool, button: int = 1) -> "Person":
        return self.event("button", down=down, button=button)

    def click(self, button: int = 1) -> "Person":
        return self.button(True, button).button(False, button)

    def wheel(self, button: int, times: int = 1) -> "Person":
        for _ in range(times):
            self.click(button)
        return self

    def key(self, key: str, down: bool, char: str = "", code: int = 0) -> "Person":
        return self.event("key", down=down, key=key, char=char, code=code or hash(key) % 200)

    def tap(self, key: str, char: str = "") -> "Person":
        return self.key(key, True, char).key(key, False, char)

    def type(self, text: str) -> "Person":
        for char in text:
            self.tap(char, char)
        return self

    def actions(self) -> list[Action | None]:
        return [each.action for each in reduce_recording(self.recording)]


AT = Point(40, 50)


def there() -> Person:
    return Person().move(*AT)


CASES: dict[str, tuple[Person, list[Action | None]]] = {
    "a click": (there().click(), [Click(AT)]),
    "two quick clicks": (there().click().wait(0.1).click(), [Click(AT, count=2)]),
    "three quick clicks": (there().click().click().click(), [Click(AT, count=3)]),
    "a fourth is another": (
        there().click().click().click().click(),
        [Click(AT, count=3), Click(AT)],
    ),
    "two slow clicks": (there().click().wait(0.6).click(), [Click(AT), Click(AT)]),
    "two clicks apart": (
        there().click().move(60, 50).click(),
        [Click(AT), Click(Point(60, 50))],
    ),
    "the other buttons": (
        there().click(3).wait(1).click(2),
        [Click(AT, "right"), Click(AT, "middle")],
    ),
    "a long press": (
        there().button(True).wait(1.5).button(False),
        [Click(AT, hold_seconds=1.5)],
    ),
    "a click with keys held": (
        there().key("ctrl", True).key("shift", True).click().key("shift", False).key("ctrl", False),
        [Click(AT, modifiers=("ctrl", "shift"))],
    ),
    "a drag with a key held": (
        there().key("alt", True).button(True).move(90, 50).button(False).key("alt", False),
        [Drag(AT, Point(90, 50), "left", ("alt",))],
    ),
    "a key let go before the button": (
        there().key("ctrl", True).button(True).key("ctrl", False).button(False),
        [Click(AT, modifiers=("ctrl",))],
    ),
    "a key pressed after the button": (
        there().button(True).key("ctrl", True).button(False).key("ctrl", False),
        [Click(AT)],
    ),
    "a key pressed on the way of a drag": (
        there().button(True).move(90, 50).key("ctrl", True).button(False).key("ctrl", False),
        [Drag(AT, Point(90, 50), "left", ("ctrl",))],
    ),
    "a modifier let go where keys are withheld": (
        there().key("alt", True).tap("tab").key(WITHHELD, False).click(),
        [Keys(("alt", "tab")), Click(AT)],
    ),
    "a hand that trembles": (there().button(True).move(43, 52).button(False), [Click(AT)]),
    "notches of one way": (there().wheel(5, 4), [Scroll(AT, -4)]),
    "a way and back": (there().wheel(5, 2).wheel(4), [Scroll(AT, -2), Scroll(AT, 1)]),
    "sideways": (there().wheel(7, 2), [Scroll(AT, 2, sideways=True)]),
    "a wheel with a key held": (
        there().key("ctrl", True).wheel(4, 2).key("ctrl", False),
        [Scroll(AT, 2, modifiers=("ctrl",))],
    ),
    "two turns apart in time": (there().wheel(5).wait(1).wheel(5), [Scroll(AT, -1)] * 2),
    "a text": (Person().type("Grüße $5 日本"), [TypeText("Grüße $5 日本")]),
    "shifted letters": (
        Person().key("shift", True).tap("A", "A").key("shift", False).type("da"),
        [TypeText("Ada")],
    ),
    "a text with a long pause": (
        Person().type("ab").wait(3).type("cd"),
        [TypeText("ab"), TypeText("cd")],
    ),
    "enter is a key of its own": (
        Person().type("ab").tap("enter").type("c"),
        [TypeText("ab"), Keys(("enter",)), TypeText("c")],
    ),
    "a key again and again": (
        Person().tap("backspace").tap("backspace"),
        [Keys(("backspace",), 2)],
    ),
    "shift and tab": (
        Person().key("shift", True).tap("tab").key("shift", False),
        [Keys(("shift", "tab"))],
    ),
    "shift and an arrow": (
        Person().key("shift", True).tap("left").tap("left").key("shift", False),
        [Keys(("shift", "left"), 2)],
    ),
    "a chord": (
        Person().key("ctrl", True).key("shift", True).tap("T", "T").key("shift", False)
        .key("ctrl", False),
        [Keys(("ctrl", "shift", "t"))],
    ),
    "win alone opens a menu": (Person().tap("win"), [Keys(("win",))]),
    "shift alone does nothing": (Person().tap("shift"), []),
    "caps lock shows in the letters": (Person().tap("capslock").type("AB"), [TypeText("AB")]),
    "an accent shows in its letter": (Person().tap("dead acute").tap("e", "é"), [TypeText("é")]),
    "moves alone are nothing": (Person().move(1, 1).wait(2).move(90, 90), []),
    "the recorder's keys": (
        Person().key("ctrl", True).tap(RECORDER).key("ctrl", False),
        [],
    ),
    "what was withheld": (Person().tap(WITHHELD).tap(WITHHELD).type("a"), [None, TypeText("a")]),
    "a press without an end": (there().button(True), [None]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_events_become_what_was_done(name: str) -> None:
    person, actions = CASES[name]
    assert person.actions() == actions


def test_a_pointer_at_rest_over_which_something_opened_was_put_there() -> None:
    person = Person().move(1, 1).move(30, 30).wait(0.2).frame("menu").wait(0.6).move(40, 40)
    assert person.actions() == [Move(Point(30, 30))]


def test_what_was_let_go_in_a_pause_is_not_held_afterwards() -> None:
    person = there().key("ctrl", True)
    person.recording.pauses.append(Pause(at=person.now, paused=True))
    assert person.wait(5).click().actions() == [Click(AT)]


def test_an_action_is_matched_to_the_still_screen_before_it() -> None:
    """Not to the one that lit up when the pointer came near, nor to one still moving."""
    person = Person()
    person.now = 20.0
    person.frame("moving", at=19.0).frame("still", at=19.1)
    person.move(10, 10).wait(0.2).frame("lit up").move(*AT).wait(0.05).click()
    (click,) = reduce_recording(person.recording)
    assert click.frame is not None
    assert click.frame.image == "still"
    person.wait(1).frame("after").wait(1).type("a")
    assert [each.frame.image for each in reduce_recording(person.recording) if each.frame] == [
        "still",
        "after",
    ]
