"""Halves of gestures into whole ones: moveTo + dragTo, keyDown + click + keyUp, mouseDown +
sleep + mouseUp, the same chord again and again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agent.errors import BadArguments, UnpairedCall
from agent.proposals import (
    ClickAt,
    DragFrom,
    Finish,
    Fraction,
    MoveTo,
    PressKeys,
    Proposal,
    ScrollAt,
    WaitFor,
)
from env.actions import MAX_HOLD_SECONDS, MAX_PRESSES, Button


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """pyautogui.keyDown: an opening bracket until its keyUp."""

    key: str


@dataclass(frozen=True, slots=True)
class KeyReleased:
    key: str


@dataclass(frozen=True, slots=True)
class ButtonHeld:
    """pyautogui.mouseDown; without a point it is where the pointer was moved to just before."""

    at: Fraction | None
    button: Button


@dataclass(frozen=True, slots=True)
class ButtonReleased:
    """Without a point: where it was pressed, or moved to since."""

    at: Fraction | None
    button: Button


@dataclass(frozen=True, slots=True)
class DragTo:
    """The second half of a drag; `relative` counts from where the first half left the pointer."""

    to: Fraction
    relative: bool
    button: Button


Gesture = Proposal | KeyHeld | KeyReleased | ButtonHeld | ButtonReleased | DragTo


def join(gestures: Sequence[Gesture]) -> tuple[Proposal, ...]:
    """
    Raises:
        UnpairedCall: half of a gesture without its other half.
        BadArguments: something after the end of the task.
    """
    proposals: list[Proposal] = []
    for proposal in _Joiner().whole(gestures):
        if proposals and isinstance(proposals[-1], Finish):
            raise BadArguments("a call after computer.terminate; expected it to be the last")
        last = proposals[-1] if proposals else None
        if (
            isinstance(proposal, PressKeys)
            and isinstance(last, PressKeys)
            and last.keys == proposal.keys
            and last.presses + proposal.presses <= MAX_PRESSES
        ):
            proposals[-1] = replace(last, presses=last.presses + proposal.presses)
        else:
            proposals.append(proposal)
    return tuple(proposals)


def _starts_at_pointer(gesture: Gesture) -> bool:
    match gesture:
        case DragTo() | ButtonHeld() | ScrollAt(at=None):
            return True
        case _:
            return False


class _Joiner:
    """What is down, and where the pointer was put."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._pointer: MoveTo | None = None
        """Moved and not yet used by what follows."""
        self._here: Fraction | None = None
        """Where the pointer is, if a call of this answer put it anywhere."""
        self._pressed: ButtonHeld | None = None
        self._moved_to: Fraction | None = None
        """Since the button went down."""
        self._held_seconds = 0.0

    def whole(self, gestures: Sequence[Gesture]) -> Iterator[Proposal]:
        for gesture in gestures:
            if self._pressed is not None:
                yield from self._while_pressed(gesture)
            else:
                yield from self._usual(gesture)
        if self._pointer is not None:
            yield self._pointer
        if self._keys:
            raise UnpairedCall(
                f"keyDown without keyUp for {self._keys}; expected every key released"
            )
        if self._pressed is not None:
            raise UnpairedCall("mouseDown without mouseUp; expected the button released")

    def _usual(self, gesture: Gesture) -> Iterator[Proposal]:
        if self._pointer is not None and not _starts_at_pointer(gesture):
            yield self._pointer
        start, self._pointer = self._pointer, None
        modifiers = tuple(self._keys)
        match gesture:
            case KeyHeld(key=key) if key not in self._keys:
                self._keys.append(key)
            case KeyReleased(key=key) if key in self._keys:
                self._keys.remove(key)
            case KeyHeld(key=key) | KeyReleased(key=key):
                raise UnpairedCall(f"keyDown/keyUp of {key!r} out of order; expected pairs")
            case ButtonHeld(at=at):
                where = at if at is not None or start is None else start.to
                if where is None:
                    raise UnpairedCall("mouseDown without a point; expected x and y")
                self._pressed, self._moved_to = replace(gesture, at=where), None
                self._held_seconds = 0.0
            case ButtonReleased():
                raise UnpairedCall("mouseUp without mouseDown; expected pairs")
            case DragTo(to=to, relative=relative, button=button) if start:
                end = Fraction(start.to.x + to.x, start.to.y + to.y) if relative else to
                self._here = end
                yield DragFrom(start.to, end, button, modifiers)
            case DragTo():
                raise UnpairedCall("a drag without a start; expected moveTo(x, y) just before it")
            case MoveTo(to=to):
                self._pointer, self._here = gesture, to
            case ScrollAt(at=at):
                # AgentNet's spelling of a scroll at a point: moveTo, then scroll.
                self._here = at or (start.to if start else self._here)
                yield replace(gesture, at=self._here, modifiers=modifiers)
            case ClickAt(at=at):
                self._here = at
                yield replace(gesture, modifiers=modifiers)
            case PressKeys():
                yield replace(gesture, keys=(*modifiers, *gesture.keys))
            case _ if modifiers:
                raise UnpairedCall(
                    f"{self._keys} held down around something other than mouse or key presses"
                )
            case _:
                yield gesture

    def _while_pressed(self, gesture: Gesture) -> Iterator[Proposal]:
        pressed = self._pressed
        assert pressed is not None
        assert pressed.at is not None
        match gesture:
            case MoveTo(to=to):
                self._moved_to = to
            case WaitFor(seconds=seconds):
                self._held_seconds = min(self._held_seconds + seconds, MAX_HOLD_SECONDS)
            case ButtonReleased(at=at):
                end = at or self._moved_to
                modifiers = tuple(self._keys)
                self._pressed, self._here = None, end or pressed.at
                if end is None or end == pressed.at:
                    yield ClickAt(pressed.at, pressed.button, 1, modifiers, self._held_seconds)
                else:
                    yield DragFrom(pressed.at, end, pressed.button, modifiers)
            case _:
                raise UnpairedCall(
                    f"a {type(gesture).__name__} while a mouse button is down; expected moveTo,"
                    " sleep or mouseUp"
                )
