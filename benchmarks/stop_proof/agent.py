"""An agent in a process of its own, brought into one state after another.

python -m benchmarks.stop_proof.agent DISPLAY COOKIE FOLDER: a state's name in on each line of
standard input; "begun" out when it is there, and how its episode ended when it has.
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from agent.action_text import action_text
from agent.control import Control
from agent.events import Event, Observed, Proposed
from agent.loop import Loop, LoopConfig
from env.actions import Action, Click, Drag, Keys, Point, Scroll, TypeText
from env.screen import ScreenSize
from env.x11 import X11Display
from env.x11_person import StopKeys
from model.messages import Completion, Message, OnText, Sampling
from trajectories.store import RunStore

STOP_KEYS = StopKeys(presses=1)
"""The first of two strokes is already a person's touch and pauses; here the stop itself is to
reach the middle of an action."""

SIZE = ScreenSize(640, 480)
ACTING: dict[str, tuple[Action, ...]] = {
    "typing": (TypeText("The quick brown Fox jumps. " * 70),),
    "typing foreign": (TypeText("日本語かなカナ漢字 ελληνικά " * 60),),
    "dragging": tuple(Drag(Point(20, 20), Point(600, 400 - n)) for n in range(12)),
    "scrolling": tuple(Scroll(Point(300, 200), 50 - n % 2) for n in range(40)),
    "holding": (Click(Point(100, 100), hold_seconds=8.0, modifiers=("ctrl", "shift")),),
    "chords": tuple(Keys(("ctrl", "alt", "shift", "F5"), presses=45) for _ in range(2)),
}
"""What is done in the states in which something is."""

STATES = (*ACTING, "idle", "thinking", "silent", "paused")
THINK_SECONDS = 8.0
SILENT_SECONDS = 0.7


class OneAnswer:
    """Answers at once, or thinks aloud until it is stopped, or says nothing for a while."""

    def __init__(self, state: str) -> None:
        self._state = state

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        assert on_text is not None
        if self._state == "thinking":
            until = time.monotonic() + THINK_SECONDS
            while time.monotonic() < until:
                time.sleep(0.01)
                on_text("hm ")
        if self._state == "silent":
            # As a model that is stopped or starved: no token, and then the whole answer.
            time.sleep(SILENT_SECONDS)
        return Completion(text=answer_of(ACTING.get(self._state, ACTING["typing"])))


def answer_of(actions: Sequence[Action]) -> str:
    """One answer with all of them."""
    codes = [
        action_text(action, SIZE, words="").split("```python\n")[1].split("\n```")[0]
        for action in actions
    ]
    return "\n".join(("## Action:", "Go.", "## Code:", "```python", *codes, "```"))


def episode(state: str, display: X11Display, folder: Path) -> dict[str, str]:
    """Bring about the state; how it ended."""
    control = Control()

    def listen(event: Event) -> None:
        begins = Proposed if state in ACTING else Observed
        if isinstance(event, begins):
            say("begun")

    if state == "idle":
        display.heed(control)
        say("begun")
        return {"ending": "STOPPED" if stopped_within(control, THINK_SECONDS) else "IDLE"}
    if state == "paused":
        control.pause("by a test")
        threading.Timer(0.05, say, ["begun"]).start()
    config = LoopConfig(max_steps=2, settle_ceiling_seconds=0.1, look_again=0)
    with RunStore.create(folder, policy="proof", durable=False) as store:
        loop = Loop(OneAnswer(state), display, store, config, listen, control=control)
        # A pause is a person's touch; whoever touched will not say that it may go on.
        control.subscribe(lambda: end_takeover(control))
        result = loop.run("Prove it.")
    return {"ending": result.ending.name, "reason": result.reason}


def end_takeover(control: Control) -> None:
    taken_over = control.pauses and control.pauses[-1].takeover
    if taken_over and control.stopped is None:
        threading.Timer(0.3, control.stop, ["taken over"]).start()


def stopped_within(control: Control, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while control.stopped is None and control.paused is None and time.monotonic() < until:
        time.sleep(0.005)
    return control.stopped is not None or control.paused is not None


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    name, cookie, folder = words
    with X11Display(name, Path(cookie), about="a proof", stop_keys=STOP_KEYS) as display:
        say("up")
        for line in sys.stdin:
            say(json.dumps(episode(line.strip(), display, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
