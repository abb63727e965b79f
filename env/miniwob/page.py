"""Drives one MiniWoB++ page: opens a task, starts an episode by its seed, tells the outcome.

Works on any Playwright page, in a window or without. The agent sees none of this but
the instruction; the rest is for rewards, scripted experts and labels.
"""

import difflib
import importlib.util
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Error, Page

from env.errors import DesktopLost, DesktopUnavailable, PageBroken, UnknownTask
from env.miniwob.tasks import PIX2ACT_59 as PIX2ACT_59
from env.miniwob.tasks import TASKS as TASKS
from env.screen import ScreenSize

TASK_SIZE = ScreenSize(160, 210)
"""What a task draws on, from the top left of the page; the yellow strip is its upper 50 rows."""

# The native limits (7 to 30 s) are for people. More than 2**31 - 1 ms overflows the page's
# timer and ends the episode at once. Some tasks set the limit again: hence not writable.
# After an episode a black START cover comes back; `startEpisodeReal` is a click on it.
RESET = """
seed => {
  if (!core.cover_div) core.startEpisode();
  clearTimeout(core.EP_TIMER);
  Object.defineProperty(core, 'EPISODE_MAX_TIME',
    {value: 2147483647, writable: false, configurable: true});
  if (document.activeElement) document.activeElement.blur();
  Math.seedrandom(seed);
  core.startEpisodeReal();
  core.clearTimer();
  return core.getUtterance();
}
"""

WRITE_IN = """
addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent = '* { font-family: ' + FAMILY + ' !important }';
  document.head.append(style);
});
"""

OUTCOME = "() => [WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL, WOB_REWARD_REASON]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    done: bool
    raw_reward: float
    """-1 to 1, without the page's time penalty; 0 while the episode runs."""
    reason: str | None
    """Why, where the page says it; for people."""


class MiniWobPage:
    """A page showing one task. Whoever made the Playwright page closes it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._cdp: CDPSession | None = None
        self.task: str | None = None
        self.instruction = ""
        """What the agent is asked, on one line."""
        self.fields: dict[str, str] = {}
        """What the instruction means, where the page tells it (the email-*-nl tasks)."""

    def write_in(self, family: str) -> None:
        """Write all that pages opened from now on say in one font, whatever they choose.

        Raises:
            ValueError: no such font here; the browser would quietly take another.
        """
        found = subprocess.run(
            ["fc-match", "--format", "%{family}", family], capture_output=True, text=True
        ).stdout
        if family not in found.split(","):
            raise ValueError(f"no font named {family!r} here; the nearest is {found or 'none'}")
        self._page.add_init_script(WRITE_IN.replace("FAMILY", json.dumps(json.dumps(family))))

    def open(self, task: str) -> None:
        """Load the page of a task; the episode starts with `reset`.

        Raises:
            UnknownTask: no page of that name.
            DesktopLost: the browser died.
        """
        if task not in TASKS:
            near = ", ".join(difflib.get_close_matches(task, TASKS, n=5)) or "none near"
            raise UnknownTask(f"no MiniWoB++ task is named {task!r}; near names: {near}")
        try:
            self._page.goto((html_folder() / "miniwob" / f"{task}.html").as_uri())
        except Error as error:
            raise DesktopLost(f"the page of {task} did not load: {error.message}") from error
        self.task = task

    def reset(self, seed: int, *, reload: bool = False) -> str:
        """Start the episode of this seed, without a time limit; the instruction comes back.

        Args:
            reload: load the page anew, 0.2 s. 12 of 130 tasks look different after an
                earlier episode (focus, hover); evaluations reload, bulk data need not.
        """
        assert self.task is not None, "reset before open"
        try:
            if reload:
                self._page.reload()
            # Beside the task: nothing starts with the pointer over it.
            self._page.mouse.move(TASK_SIZE.width + 300, TASK_SIZE.height + 90)
        except Error as error:
            raise DesktopLost(f"the browser is gone: {error.message}") from error
        utterance = self.evaluate(RESET, seed)
        if isinstance(utterance, dict):
            self.instruction = str(utterance["utterance"])
            self.fields = {str(key): str(value) for key, value in utterance["fields"].items()}
        else:
            self.instruction = str(utterance)
            self.fields = {}
        return self.instruction

    def outcome(self) -> Outcome:
        done, raw_reward, reason = self.evaluate(OUTCOME)
        return Outcome(
            done=bool(done),
            raw_reward=float(raw_reward),
            reason=None if reason is None else str(reason),
        )

    def is_over(self) -> bool:
        return self.outcome().done

    def evaluate(self, js: str, arg: object = None) -> Any:
        """Run a function in the page and bring back its value (JSON types).

        Raises:
            DesktopLost: the page or the browser is gone.
            PageBroken: the function failed there; the page may no longer be the task's.
        """
        try:
            return self._page.evaluate(js, arg)
        except Error as error:
            if self._page.is_closed() or "closed" in error.message or "crash" in error.message:
                raise DesktopLost(f"the browser is gone: {error.message}") from error
            raise PageBroken(f"the page of {self.task}: {error.message}") from error

    def inside(self, selector: str, function: str) -> Any:
        """Run a function whose `this` is the closed inside of a native control.

        A date field keeps its parts (month, day, year) where page scripts cannot look.

        Raises:
            DesktopLost: the page or the browser is gone.
        """
        try:
            if self._cdp is None:
                self._cdp = self._page.context.new_cdp_session(self._page)
            expression = f"document.querySelector({json.dumps(selector)})"
            control = self._cdp.send("Runtime.evaluate", {"expression": expression})["result"]
            node = self._cdp.send(
                "DOM.describeNode", {"objectId": control["objectId"], "depth": 1, "pierce": True}
            )["node"]
            root = self._cdp.send(
                "DOM.resolveNode", {"backendNodeId": node["shadowRoots"][0]["backendNodeId"]}
            )["object"]
            call = {
                "objectId": root["objectId"],
                "functionDeclaration": function,
                "returnByValue": True,
            }
            return self._cdp.send("Runtime.callFunctionOn", call)["result"]["value"]
        except Error as error:
            raise DesktopLost(f"the browser is gone: {error.message}") from error


def html_folder() -> Path:
    """Where `pip install miniwob` put its pages. The package itself is never imported:
    it wants selenium and gymnasium.

    Raises:
        DesktopUnavailable: it is not installed.
    """
    spec = importlib.util.find_spec("miniwob")
    if spec is None or not spec.submodule_search_locations:
        raise DesktopUnavailable("the MiniWoB++ pages are missing: pip install miniwob==1.1.0")
    return Path(spec.submodule_search_locations[0]) / "html"
