"""A recording as a demonstration: what is learned from, once a person has looked through it.

Until then nothing of it is a run; `keep` writes one, with the steps the person
left in and in the words they chose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent import parser
from agent.action_text import action_text, finish_text
from agent.events import Ending
from agent.logged_step import write_done, write_seen
from env.actions import Action, Click, Drag, Keys, Move, Scroll, TypeText, Wait, points_of
from env.screen import ScreenSize
from trajectories import action_json
from trajectories.recording import WITHHELD, Recording
from trajectories.reduce import Reduced, reduce_recording
from trajectories.schema import EpisodeEnd, EpisodeStart, Frame, Intent, Outcome, Place
from trajectories.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A step as it is proposed to the person who recorded it."""

    action: Action | None
    """None: it cannot be said or was withheld; such a step cannot be learned."""
    words: str
    frame: Frame
    """What it was done on."""


def drafts_of(recording: Recording) -> list[Draft]:
    """Every step of a recording, in words."""
    size = ScreenSize(*recording.run.settings["size"])
    return [
        _draft(reduced, reduced.frame, size)
        for reduced in reduce_recording(recording)
        if reduced.frame is not None
    ]


def _draft(reduced: Reduced, frame: Frame, size: ScreenSize) -> Draft:
    points = () if reduced.action is None else points_of(reduced.action)
    if all(0 <= point.x < size.width and 0 <= point.y < size.height for point in points):
        return Draft(action=reduced.action, words=in_words(reduced), frame=frame)
    # Of a recording made elsewhere: a click beside the picture cannot be learned.
    return Draft(action=None, words=f"Something off the screen, at {points}.", frame=frame)


def in_words(reduced: Reduced) -> str:
    """One sentence, with the element's name where an application told it."""
    target = _target(reduced.place)
    match reduced.action:
        case None:
            return "Type what is not kept." if reduced.told == WITHHELD else reduced.told
        case Click(button=button, count=count, modifiers=modifiers, hold_seconds=hold):
            verb = {1: "Click", 2: "Double-click", 3: "Triple-click"}[count]
            if hold:
                verb = "Press and hold"
            side = "" if button == "left" else f" with the {button} button"
            return f"{verb} {target}{side}{_held(modifiers)}."
        case Move():
            return f"Point at {target}."
        case Drag(modifiers=modifiers):
            return f"Drag from {target}{_held(modifiers)}."
        case Scroll(notches=notches, sideways=sideways, modifiers=modifiers):
            ways = ("right", "left") if sideways else ("up", "down")
            return f"Scroll {ways[0] if notches > 0 else ways[1]}{_held(modifiers)}."
        case TypeText(text=text):
            return f'Type "{text}".'
        case Keys(keys=keys, presses=presses):
            times = "" if presses == 1 else f" {presses} times"
            return f"Press {'+'.join(keys)}{times}."
        case Wait(seconds=seconds):
            return f"Wait {seconds:g} s."


def _target(place: Place | None) -> str:
    if place is None or not place.role:
        return "here"
    return f'the "{place.name}" {place.role}' if place.name else f"the {place.role}"


def _held(modifiers: Sequence[str]) -> str:
    return f" with {' and '.join(modifiers)} held" if modifiers else ""


def keep(
    recording: Recording,
    drafts: Sequence[Draft],
    store: RunStore,
    *,
    instruction: str,
    success: bool,
) -> int:
    """Write the demonstration as an episode of the run. Gives how many steps can be learned.

    Raises:
        BlobMissing: a screenshot of the recording is gone.
        OSError: the log cannot be written.
    """
    size = ScreenSize(*recording.run.settings["size"])
    store.append(
        EpisodeStart(
            task=recording.run.settings.get("task", "demonstration"),
            instruction=instruction,
            width=size.width,
            height=size.height,
            started_at=recording.run.started_at,
        )
    )
    learned = 0
    for number, draft in enumerate(drafts, start=1):
        answer = (
            None if draft.action is None else action_text(draft.action, size, words=draft.words)
        )
        _write_step(recording, store, number, draft, answer)
        learned += answer is not None
    if recording.frames:
        end = Draft(action=None, words="The task is done.", frame=recording.frames[-1])
        answer = finish_text(success, words=end.words)
        _write_step(recording, store, len(drafts) + 1, end, answer)
    ending = Ending.DONE if success else Ending.FAILED
    store.append(
        EpisodeEnd(ending=ending.name, score=float(success), reason="said by who recorded it"),
        sync=True,
    )
    return learned


def _write_step(
    recording: Recording, store: RunStore, number: int, draft: Draft, answer: str | None
) -> None:
    write_seen(store, number, recording.png(draft.frame), draft.frame.at)
    if answer is None:
        store.append(Intent(step=number, response="", thought="", sentence=draft.words))
        store.append(Outcome(step=number, performed=0, refused=draft.words))
        return
    actions = [] if draft.action is None else [action_json.encode(draft.action)]
    write_done(store, number, answer, parser.parse(answer), actions)


def reworded(draft: Draft, words: str) -> Draft:
    return replace(draft, words=words)
