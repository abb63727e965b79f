"""Whether a task was done, as OSWorld counts it: a float, or nothing with the reason why.

OSWorld's order: a task that cannot be done is worth 1 if the last thing the agent
did was to say so; saying so of any other is worth 0. Then each check in turn: what
is there (`result`), what should be (`expected`), and a metric over both.
"""

import inspect
import logging
import zipfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from env.tasks import registry
from env.tasks.errors import TaskRefused, Unscored
from env.tasks.machine import Bench
from env.tasks.task import Check, Source, Task

log = logging.getLogger(__name__)

FAIL = "FAIL"
"""What an agent says last that takes a task for impossible."""

_OURS = frozenset({"bench", "exact"})
_SHOWN = 300
MOST_UNPACKED_BYTES = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One check of a task."""

    metric: str
    score: float
    result: str = ""
    """What was found, shortened; files by their names."""
    expected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    score: float | None
    """In [0, 1] for nearly all metrics; None: it could not be judged."""
    reason: str = ""
    """Why there is no score; or what decided it."""
    parts: tuple[Part, ...] = ()
    """Those that were looked at: the rest does not matter once one has decided."""


def judge(task: Task, bench: Bench, last_action: str | None) -> Verdict:
    """Judge the machine as it is now. `finish` (postconfig) has been run.

    Args:
        last_action: the last of the agent's actions in OSWorld's words ("FAIL", "DONE",
            a line of Python); None: there was none.
    """
    gave_up = last_action == FAIL
    if task.evaluator.infeasible:
        return Verdict(score=1.0 if gave_up else 0.0, reason="the task cannot be done")
    if gave_up:
        return Verdict(score=0.0, reason="the agent took the task for impossible")
    parts: list[Part] = []
    looker = _Looker(bench)
    either = task.evaluator.conj == "or"
    try:
        for check in task.evaluator.checks:
            part = looker.look(check, either=either)
            parts.append(part)
            if part.score == (1.0 if either else 0.0):
                return Verdict(
                    score=part.score, reason=f"{part.metric} decided", parts=tuple(parts)
                )
    except Unscored as error:
        return Verdict(score=None, reason=str(error), parts=tuple(parts))
    except TaskRefused as error:
        return Verdict(score=None, reason=f"the task file: {error}", parts=tuple(parts))
    except Exception as error:
        # Graders read whatever the agent left behind, with a dozen libraries. OSWorld lets the
        # task drop out of the mean in silence; here it is unscored, and the log says why.
        log.exception("judging %s", task.id)
        reason = f"the grader failed: {type(error).__name__}: {error}"
        return Verdict(score=None, reason=reason, parts=tuple(parts))
    scores = [part.score for part in parts]
    score = max(scores) if either else sum(scores) / len(scores)
    return Verdict(score=score, parts=tuple(parts))


class _Looker:
    """Looks at one check after the other."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._before: list[Any] = []

    def look(self, check: Check, *, either: bool) -> Part:
        bench = self._bench
        try:
            result = fetch(check.result, bench)
        except FileNotFoundError as error:
            if not (bench.exact and either and self._before):
                return Part(metric=check.metric, score=0.0, result=f"no file: {error}")
            # OSWorld goes on with what the check before it found.
            result = self._before[-1]
        self._before.append(result)
        arguments = [result]
        if check.expected is not None:
            arguments.append(fetch(check.expected, bench))
        shown = [_shown(one) for one in arguments]
        score, reason = self._measured(check, arguments)
        return Part(
            metric=check.metric,
            score=score,
            result=shown[0] + reason,
            expected="".join(shown[1:]),
        )

    def _measured(self, check: Check, arguments: list[Any]) -> tuple[float, str]:
        if any(map(_is_bomb, _paths(arguments[0]))):
            return 0.0, f" holds more than {MOST_UNPACKED_BYTES} bytes"
        options = deepcopy(dict(check.options))
        try:
            return measure(check.metric, self._bench, *arguments, **options), ""
        except (Unscored, TaskRefused):
            raise
        except Exception as error:
            if self._bench.exact or not self._reads_gold(check, arguments):
                raise
            # An agent that spoils its file must not be spared the zero.
            log.info("%s cannot read what the agent left: %r", check.metric, error)
            return 0.0, f" cannot be read: {error}"

    def _reads_gold(self, check: Check, arguments: list[Any]) -> bool:
        """Whether the metric works on the gold file, so that the other one is to blame."""
        if len(arguments) != 2 or not all(isinstance(one, str) for one in arguments):
            return False
        if not all(Path(one).is_file() for one in arguments):
            return False
        try:
            measure(check.metric, self._bench, arguments[1], arguments[1], **dict(check.options))
        except Exception:
            # Whatever it is, the gold file is no better.
            return False
        return True


def fetch(source: Source | None, bench: Bench) -> Any:
    """What a getter finds; None: the task names none."""
    if source is None:
        return None
    return registry.getter(source.type)(bench, deepcopy(dict(source.parameters)))


def measure(name: str, bench: Bench, *arguments: Any, **options: Any) -> float:
    """A metric's score. Those with a flaw to keep are told whether to, by `exact`; those that
    need the machine are handed the bench."""
    function = registry.metric(name)
    if reserved := options.keys() & _OURS:
        raise TaskRefused(f"options: {name} has no option {', '.join(sorted(reserved))}")
    takes = inspect.signature(function).parameters
    ours = {"bench": bench, "exact": bench.exact}
    options |= {key: value for key, value in ours.items() if key in takes}
    return float(function(*arguments, **options))


def _paths(value: Any) -> list[str]:
    """Of files among what was found."""
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, str) and Path(one[:4096]).is_absolute()]


def _is_bomb(path: str) -> bool:
    """Office files are archives, and a small one can hold more than our memory does."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(one.file_size for one in archive.infolist()) > MOST_UNPACKED_BYTES
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
