"""One task of OSWorld's format: what is asked, how it is set up, how it is judged.

Task files are other people's: each is read once, here, into values that can no
longer surprise, and a file that does not fit is refused with the field's name.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from env.screen import ScreenSize
from env.tasks.errors import TaskRefused
from env.tasks.registry import GETTERS, METRICS, REQUIRED
from env.tasks.steps import Step, parse_steps

INFEASIBLE = "infeasible"
LARGEST_FILE_BYTES = 4_000_000
LONGEST_SIDE_PX = 8192
"""Of a screen that a task asks for."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


_IGNORED = ("trajectory", "_config_note")
_KNOWN = (
    "id",
    "snapshot",
    "instruction",
    "source",
    "config",
    "related_apps",
    "evaluator",
    "proxy",
    "fixed_ip",
    "possibility_of_env_change",
    "screen",
)
_EVALUATOR_KEYS = ("func", "result", "expected", "options", "conj", "postconfig", "_config_note")


@dataclass(frozen=True, slots=True)
class Source:
    """Where something to be judged, or to be judged by, comes from."""

    type: str
    """A name of `env.tasks.registry.GETTERS`."""
    parameters: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    metric: str
    """A name of `env.tasks.registry.METRICS`."""
    result: Source | None = None
    expected: Source | None = None
    options: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    checks: tuple[Check, ...] = ()
    """None: the task cannot be done, and saying so is what is asked."""
    conj: Literal["and", "or"] = "and"
    postconfig: tuple[Step, ...] = ()

    @property
    def infeasible(self) -> bool:
        return not self.checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    id: str
    instruction: str
    """All that the agent is told."""
    evaluator: Evaluator
    domain: str = ""
    """The folder of its file: "chrome", "libreoffice_calc"."""
    config: tuple[Step, ...] = ()
    snapshot: str = ""
    source: tuple[str, ...] = ()
    """Where the idea came from."""
    related_apps: tuple[str, ...] = ()
    proxy: bool = False
    fixed_ip: bool = False
    possibility_of_env_change: str = ""
    screen: ScreenSize | None = None
    """Its own, which no file of OSWorld's has; None: that of all tasks."""
    content_hash: str = ""
    """SHA-256 of the file's JSON; OSWorld edits its tasks in place."""
    folder: Path | None = None
    """Of its file; `upload_file` reads beside it. None: it came as text."""
    extra: Mapping[str, Any] = field(default_factory=_nothing)
    """Keys of the file that OSWorld does not have ("difficulty", "oracle") or does not use."""

    @classmethod
    def from_file(cls, path: Path) -> "Task":
        """Read one task file.

        Raises:
            TaskRefused: it is none; the message has its path and the field.
        """
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise TaskRefused(f"{path}: over {LARGEST_FILE_BYTES} bytes is no task file")
        try:
            return cls.from_json(path.read_bytes(), domain=path.parent.name, folder=path.parent)
        except TaskRefused as error:
            raise TaskRefused(f"{path}: {error}") from error

    @classmethod
    def from_json(
        cls, text: str | bytes, *, domain: str = "", folder: Path | None = None
    ) -> "Task":
        """Raises `TaskRefused`, naming the field."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise TaskRefused(f"not JSON: {error}") from error
        if not isinstance(value, dict):
            raise TaskRefused(f"a task is an object, not {type(value).__name__}")
        canonical = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
        return cls(
            id=_text(value, "id"),
            instruction=_text(value, "instruction"),
            evaluator=_evaluator(value.get("evaluator")),
            domain=domain,
            config=parse_steps(value.get("config", []), "config"),
            snapshot=_text(value, "snapshot", ""),
            source=_one_or_more(value, "source"),
            related_apps=_texts(value, "related_apps"),
            proxy=_flag(value, "proxy"),
            fixed_ip=_flag(value, "fixed_ip"),
            possibility_of_env_change=_text(value, "possibility_of_env_change", ""),
            screen=_screen(value),
            content_hash=hashlib.sha256(canonical).hexdigest(),
            folder=folder,
            extra=MappingProxyType(
                {key: value[key] for key in value if key not in (*_KNOWN, *_IGNORED)}
            ),
        )


def _text(value: dict[str, Any], key: str, default: str | None = None) -> str:
    found = value.get(key, default)
    if not isinstance(found, str) or (default is None and not found):
        raise TaskRefused(f"{key}: expected text, not {found!r:.80}")
    return found


def _one_or_more(value: dict[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key, [])
    return (found,) if isinstance(found, str) else _texts(value, key)


def _texts(value: dict[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise TaskRefused(f"{key}: expected a list of texts, not {found!r:.80}")
    return tuple(found)


def _flag(value: dict[str, Any], key: str) -> bool:
    found = value.get(key, False)
    if not isinstance(found, bool):
        raise TaskRefused(f"{key}: expected true or false, not {found!r:.80}")
    return found


def _screen(value: dict[str, Any]) -> ScreenSize | None:
    match value.get("screen"):
        case None:
            return None
        case [int(width), int(height)] if (
            0 < min(width, height) <= max(width, height) <= LONGEST_SIDE_PX
        ):
            return ScreenSize(width, height)
        case found:
            raise TaskRefused(f"screen: expected its width and height, not {found!r:.80}")


def _evaluator(value: Any) -> Evaluator:
    if not isinstance(value, dict):
        raise TaskRefused(f"evaluator: expected an object, not {value!r:.80}")
    if extra := value.keys() - set(_EVALUATOR_KEYS):
        raise TaskRefused(f"evaluator: there is no {', '.join(sorted(extra))}")
    conj = value.get("conj", "and")
    if conj not in ("and", "or"):
        raise TaskRefused(f"evaluator.conj: expected and, or; not {conj!r:.80}")
    postconfig = parse_steps(value.get("postconfig", []), "evaluator.postconfig")
    func = value.get("func")
    if func == INFEASIBLE:
        return Evaluator(postconfig=postconfig)
    if not isinstance(func, list):
        checks: tuple[Check, ...] = (_check(func, value, ""),)
    else:
        columns = {key: _column(value, key, len(func)) for key in ("result", "expected", "options")}
        rows = [{key: column[row] for key, column in columns.items()} for row in range(len(func))]
        checks = tuple(
            _check(name, row, f"[{at}]")
            for at, (name, row) in enumerate(zip(func, rows, strict=True))
        )
    if not checks:
        raise TaskRefused("evaluator.func: an empty list judges nothing")
    return Evaluator(checks=checks, conj=conj, postconfig=postconfig)


def _column(value: dict[str, Any], key: str, length: int) -> list[Any]:
    """One entry for each metric; a single object of options is meant for all of them."""
    found = value.get(key) or [None] * length
    if key == "options" and isinstance(found, dict):
        return [found] * length
    if not isinstance(found, list) or len(found) != length:
        raise TaskRefused(f"evaluator.{key}: expected {length} entries, one for each func")
    return found


def _check(metric: Any, value: Mapping[str, Any], place: str) -> Check:
    if metric not in METRICS:
        raise TaskRefused(f"evaluator.func{place}: no metric is called {metric!r:.80}")
    options = value.get("options") or {}
    if not isinstance(options, dict):
        raise TaskRefused(f"evaluator.options{place}: expected an object, not {options!r:.80}")
    return Check(
        metric=metric,
        result=_source(value.get("result"), f"evaluator.result{place}"),
        expected=_source(value.get("expected"), f"evaluator.expected{place}"),
        options=MappingProxyType(dict(options)),
    )


def _source(value: Any, where: str) -> Source | None:
    if not value:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise TaskRefused(f"{where}: expected an object with a type, not {value!r:.80}")
    kind = value["type"]
    if kind not in GETTERS:
        raise TaskRefused(f"{where}.type: no getter is called {kind!r}")
    for name in REQUIRED.get(kind, ()):
        if name not in value:
            raise TaskRefused(f"{where}.{name}: a {kind} needs it")
    parameters = {key: one for key, one in value.items() if key != "type"}
    return Source(kind, MappingProxyType(parameters))
