"""Every task file of a folder read, without anything being started: which are taken, and as what.

`python -m benchmarks.osworld_tasks OSWorld/evaluation_examples [--mirror DIR] [--json FILE]`

Instead of that folder: `osworld-tasks.json` of PyPI's cua-speedrun (0.3.14), which has all 369 of
xlang-ai/OSWorld at 315a7603, Apache-2.0, in one file.

For each domain: files, those read, those that can be tried with what is here, those that cannot
be scored and why; and every getter and metric named, with its function found. The exit code is 1
if a file was refused or a name leads nowhere.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from env.tasks import registry
from env.tasks.errors import TaskRefused
from env.tasks.mirror import Mirror
from env.tasks.needs import unmet
from env.tasks.task import Task

_KIND_WORDS = 2
"""Of a reason: "needs the", "needs a": what follows names the file or the site."""


@dataclass(slots=True)
class Domain:
    files: int = 0
    read: int = 0
    infeasible: int = 0
    can_be_tried: int = 0
    unscored: Counter[str] = field(default_factory=Counter)
    """By the first reason, without the name of what is missing."""


@dataclass(frozen=True, slots=True)
class Survey:
    domains: dict[str, Domain] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Path, and the field that does not fit."""
    metrics: Counter[str] = field(default_factory=Counter)
    getters: Counter[str] = field(default_factory=Counter)
    unresolved: dict[str, str] = field(default_factory=dict)


def survey(texts: Iterable[tuple[str, str, bytes]], mirror: Mirror) -> Survey:
    """Args: texts: domain, name and content of each task file."""
    found = Survey()
    for domain_name, name, text in texts:
        domain = found.domains.setdefault(domain_name, Domain())
        domain.files += 1
        try:
            task = Task.from_json(text, domain=domain_name)
        except TaskRefused as error:
            found.refused[f"{domain_name}/{name}"] = str(error)
            continue
        domain.read += 1
        domain.infeasible += task.evaluator.infeasible
        found.metrics.update(check.metric for check in task.evaluator.checks)
        found.getters.update(_getters(task))
        reasons = unmet(task, mirror)
        domain.can_be_tried += not reasons
        if reasons:
            domain.unscored[_kind(reasons[0])] += 1
    found.unresolved.update(_unresolved(found))
    return found


def task_files(where: Path) -> Iterator[tuple[str, str, bytes]]:
    """Raises: ValueError: no task files there."""
    if where.is_file():
        for key, task in json.loads(where.read_bytes())["sources"].items():
            domain, _, name = key.partition("__")
            yield domain, name, json.dumps(task).encode()
        return
    root = where / "examples" if (where / "examples").is_dir() else where
    paths = sorted(root.glob("*/*.json"))
    if not paths:
        raise ValueError(f"no task files in {where}; expected DOMAIN/ID.json")
    for path in paths:
        yield path.parent.name, path.stem, path.read_bytes()


def _getters(task: Task) -> Iterator[str]:
    for check in task.evaluator.checks:
        yield from (one.type for one in (check.result, check.expected) if one is not None)


def _kind(reason: str) -> str:
    words = reason.split()
    is_named = any(mark in words[-1] or mark in reason for mark in ("/", ": "))
    return " ".join(words[: _KIND_WORDS + 1]) if is_named else reason


def _unresolved(found: Survey) -> Iterator[tuple[str, str]]:
    for names, resolve in ((found.metrics, registry.metric), (found.getters, registry.getter)):
        for name in names:
            try:
                resolve(name)
            except (AttributeError, ImportError) as error:
                yield name, repr(error)


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", type=Path)
    parser.add_argument("--mirror", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(words)
    found = survey(task_files(given.files), Mirror(given.mirror))
    print(f"{'domain':24}{'files':>6}{'read':>6}{'infeasible':>12}{'to try':>8}")
    for name, one in sorted(found.domains.items()):
        print(f"{name:24}{one.files:6}{one.read:6}{one.infeasible:12}{one.can_be_tried:8}")
        for reason, count in one.unscored.most_common():
            print(f"    {count:4} unscored: {reason}")
    print(f"{len(found.metrics)} metrics, {len(found.getters)} getters named")
    for name, trouble in (found.refused | found.unresolved).items():
        print(f"BAD {name}: {trouble}")
    if given.json is not None:
        given.json.write_bytes(TypeAdapter(Survey).dump_json(found, indent=2) + b"\n")
    return 1 if found.refused or found.unresolved else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
