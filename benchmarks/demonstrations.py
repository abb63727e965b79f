"""Does a recorded demonstration, performed again, do what the person did?

A scripted person works a page on the virtual desktop through XTEST, on a connection of their
own: clicks, double clicks, long presses, drags, wheels and keys, with modifiers, Unicode and
pauses. It is recorded and reduced; the reduced actions are performed on the page as it was at
first. Equal is what the page then says of itself, and what is on it.

    python benchmarks/demonstrations.py --count 200 --out demonstrations.json
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.demonstrate import drafts_of  # noqa: E402
from agent.recorder import Recorder, Source  # noqa: E402
from env.actions import Action, Button, Click, Drag, Keys, Move, Point, Scroll, TypeText  # noqa: E402
from env.desktop import wait_until_settled  # noqa: E402
from env.headed import HeadedBrowser  # noqa: E402
from env.virtual import VirtualDesktop  # noqa: E402
from env.x11 import X11Display  # noqa: E402
from trajectories.recording import read_recording  # noqa: E402
from trajectories.schema import Tally  # noqa: E402
from trajectories.secret_rules import SecretRules  # noqa: E402
from trajectories.store import RunStore  # noqa: E402

WORDS = ("Ada", "Grüße", "naïve <b>", "日本語", "Привет", "a_b-c", "x=1;", "“ok”", "ñandú", "½ €")
STEPS_A_DEMONSTRATION = (3, 7)
PAGE = """
<body style="margin:0;background:#fff;font:14px sans-serif;height:2000px">
<style>.at{position:absolute}</style>
<input id=one class=at style="left:20px;top:20px;width:240px" aria-label=One>
<textarea id=two class=at style="left:20px;top:60px;width:240px;height:70px"
  aria-label=Two></textarea>
<button id=go class=at style="left:300px;top:20px;width:90px;height:34px">Go</button>
<button id=hold class=at style="left:410px;top:20px;width:90px;height:34px">Hold</button>
<div id=list class=at style="left:300px;top:70px;width:200px;height:90px;overflow:scroll">
  <div style="width:3000px;height:3000px;background:linear-gradient(45deg,#acf,#fca)"></div></div>
<div id=pad class=at style="left:20px;top:180px;width:480px;height:120px;background:#eee"></div>
<script>
{
  // In a block: the window outlives its page, and a name cannot be given twice.
  const told = [];
  const held = e => [e.ctrlKey && "ctrl", e.shiftKey && "shift", e.altKey && "alt"].filter(Boolean);
  let since = 0, from = null;
  for (const id of ["go", "hold"]) {
    const it = document.getElementById(id);
    it.onmousedown = () => { since = performance.now() };
    it.onclick = e => told.push(["click", id, e.detail, held(e), performance.now() - since > 700]);
    it.ondblclick = e => told.push(["double", id]);
    it.oncontextmenu = e => { e.preventDefault(); told.push(["menu", id]) };
    it.onauxclick = e => { if (e.button === 1) told.push(["middle", id]) };
  }
  pad.onmousedown = e => { from = [e.clientX, e.clientY, e.button]; e.preventDefault() };
  onmouseup = e => {
    if (from) told.push(["drag", ...from, e.clientX, e.clientY, held(e)]);
    from = null;
  };
  pad.oncontextmenu = e => e.preventDefault();
  onkeydown = e => { if (e.ctrlKey && e.key === "b") { e.preventDefault(); told.push(["chord"]) } };
  window.state = () =>
    JSON.stringify([told, one.value, two.value, list.scrollLeft, list.scrollTop]);
}
</script>
"""


class Person:
    """Makes up what to do from a seed, and does it like somebody who is not in a hurry."""

    def __init__(self, display: X11Display, left: int, top: int, seed: int) -> None:
        self._display = display
        self._left, self._top = left, top
        self._chance = random.Random(seed)

    def act(self) -> None:
        for _ in range(self._chance.randint(*STEPS_A_DEMONSTRATION)):
            for action in self._next():
                self._approach(action)
                self._display.perform(action)
                time.sleep(self._chance.uniform(0.12, 0.3))
            # Apart from what comes next, as a person's steps are.
            time.sleep(self._chance.choice((0.55, 0.7, 1.2)))

    def _approach(self, action: Action) -> None:
        """The pointer goes there first, on a way that is not straight."""
        match action:
            case Click(at=at) | Scroll(at=at) | Drag(start=at):
                for _ in range(3):
                    x = at.x + self._chance.randint(-30, 30)
                    y = at.y + self._chance.randint(-12, 12)
                    self._display.perform(Move(Point(max(0, x), max(0, y))))
                    time.sleep(0.01)

    def _at(self, x: int, y: int) -> Point:
        return Point(self._left + x, self._top + y)

    def _inside(self, left: int, top: int, right: int, bottom: int) -> Point:
        return self._at(self._chance.randint(left, right), self._chance.randint(top, bottom))

    def _next(self) -> list[Action]:
        go = self._inside(305, 25, 385, 48)
        modifiers = self._chance.choice(((), ("ctrl",), ("shift",), ("ctrl", "shift")))
        button: Button = self._chance.choice(("right", "middle"))
        match self._chance.randrange(9):
            case 0:
                return [Click(go, modifiers=modifiers)]
            case 1:
                return [Click(go, count=self._chance.choice((2, 3)))]
            case 2:
                return [Click(go, button)]
            case 3:
                return [Click(self._inside(415, 25, 495, 48), hold_seconds=1.3)]
            case 4:
                start = self._inside(25, 185, 200, 290)
                return [Drag(start, self._inside(260, 185, 490, 290), "left", modifiers)]
            case 5:
                way = self._chance.choice((-3, -2, -1, 1))
                at = self._inside(310, 80, 480, 140)
                return [Scroll(at, way, self._chance.random() < 0.3)]
            case 6:
                field = self._inside(30, 28, 200, 34)
                return [Click(field), TypeText(self._words())]
            case 7:
                field = self._inside(30, 70, 200, 120)
                return [
                    Click(field),
                    TypeText(self._words()),
                    Keys(("enter",)),
                    TypeText(self._words()),
                    Keys(("backspace",), self._chance.randint(1, 3)),
                ]
            case _:
                return [
                    Click(self._inside(30, 28, 200, 34)),
                    Keys(("ctrl", "a")),
                    Keys(("ctrl", "b")),
                ]

    def _words(self) -> str:
        return " ".join(self._chance.choices(WORDS, k=self._chance.randint(1, 3)))


class Studio:
    """A desktop with the page on it, for one demonstration after another."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._desktop = self._stack.enter_context(VirtualDesktop(accessible=True))
        self._browser = self._stack.enter_context(HeadedBrowser(self._desktop))
        told = self._desktop.environment
        self.source = Source(
            display=told["DISPLAY"],
            authority=Path(told["XAUTHORITY"]),
            size=self._desktop.size,
            session_bus=self._desktop.session_bus,
        )

    def try_one(self, folder: Path, seed: int) -> dict[str, Any]:
        """One demonstration and its repetition."""
        self._reset()
        tally = self._record(folder, seed)
        wanted = self._state()
        (recording_folder,) = folder.glob("recording-*")
        drafts = drafts_of(read_recording(recording_folder))
        self._reset()
        for draft in drafts:
            assert draft.action is not None, draft.words
            # As the agent does: look until the screen stands still, then act.
            wait_until_settled(self._desktop)
            self._desktop.perform(draft.action)
        found = self._state()
        return {
            "seed": seed,
            "equal": wanted == found,
            "steps": len(drafts),
            "events": tally.num_seen,
            "lost": tally.num_seen - tally.num_stored,
            "wanted": wanted,
            "found": found,
        }

    def close(self) -> None:
        self._stack.close()

    def _reset(self) -> None:
        self._browser.page.set_content(PAGE)
        self._browser.wait_until_drawn()
        # Where nothing lies, and away from where it will go.
        self._desktop.perform(Move(Point(self._desktop.size.width - 20, 20)))
        time.sleep(0.3)

    def _state(self) -> str:
        time.sleep(0.3)
        wait_until_settled(self._desktop)
        state: str = self._browser.page.evaluate("state()")
        return state

    def _record(self, folder: Path, seed: int) -> Tally:
        settings = {"kind": "recording", "size": list(self.source.size)}
        with RunStore.create(folder, policy="person", settings=settings, kind="recording") as store:
            recorder = Recorder(self.source, store, SecretRules())
            tallies: list[Tally] = []
            writing = threading.Thread(target=lambda: tallies.append(recorder.run()))
            writing.start()
            try:
                with X11Display(self.source.display, self.source.authority) as hands:
                    Person(hands, self._browser.box.left, self._browser.box.top, seed).act()
                    time.sleep(0.2)
            finally:
                recorder.stop()
                writing.join()
                recorder.close()
        return tallies[0]


def try_many(count: int, seed: int) -> list[dict[str, Any]]:
    studio = Studio()
    results = []
    try:
        for number in range(count):
            with tempfile.TemporaryDirectory() as folder:
                results.append(studio.try_one(Path(folder), seed + number))
    finally:
        studio.close()
    return results


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("demonstrations.json"))
    options = parser.parse_args(words)
    results = try_many(options.count, options.seed)
    equal = sum(result["equal"] for result in results)
    events = sum(result["events"] for result in results)
    lost = sum(result["lost"] for result in results)
    print(f"{equal} of {len(results)} reached the same end; {events} events, {lost} lost")
    for result in results:
        if not result["equal"]:
            print(f"seed {result['seed']}:\n  {result['wanted']}\n  {result['found']}")
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return 0 if equal >= 0.99 * len(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
