"""Makes the files the suite's tasks need: `python -m env.tasks.suites.desktop.make DIR`.

DIR is then what `--mirror` takes: the files lie under the host of their addresses.
"""

import argparse
import importlib
import os
import pkgutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from env.tasks.steps import Download
from env.tasks.suites.desktop import inputs
from env.tasks.suites.desktop.inputs import files
from env.tasks.task import Task

ADDRESS = "suite.moonhand.example/desktop"
"""What follows `https://` in the tasks' addresses; a name that nobody can own."""

EXAMPLES = Path(__file__).with_name("examples")
"""The task files, by domain; `test_all.json` beside it lists them as OSWorld's does."""


def make(folder: Path, seed: int = 0, tasks: Sequence[Task] | None = None) -> int:
    """Write what is not there yet; returns how many files there are to be.

    A file is there whole or not at all, so that several may be at it.

    Args:
        tasks: only what these need; None: all (GIMP's takes 20 s).
    """
    for module in pkgutil.iter_modules(inputs.__path__):
        importlib.import_module(f"{inputs.__name__}.{module.name}")
    wanted = files.all_files() if tasks is None else needed(tasks)
    for path in wanted:
        target = folder / ADDRESS / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(target, files.content(path, seed))
    return len(wanted)


def _write_whole(target: Path, content: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as draft:
        made = Path(draft) / target.name
        made.write_bytes(content)
        os.replace(made, target)


def needed(tasks: Sequence[Task]) -> list[str]:
    """The paths in the mirror of all that these tasks put on the machine or compare with."""
    urls = [
        file.url
        for task in tasks
        for step in (*task.config, *task.evaluator.postconfig)
        if isinstance(step, Download)
        for file in step.files
    ]
    urls += [
        str(check.expected.parameters["path"])
        for task in tasks
        for check in task.evaluator.checks
        if check.expected is not None and check.expected.type == "cloud_file"
    ]
    return sorted({url.removeprefix(f"https://{ADDRESS}/") for url in urls})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{make(given.folder, given.seed)} files in {given.folder}")


if __name__ == "__main__":
    main()
