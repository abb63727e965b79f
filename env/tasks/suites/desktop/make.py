"""Makes the files the suite's tasks need: `python -m env.tasks.suites.desktop.make DIR`.

DIR is then what `--mirror` takes: the files lie under the host of their addresses.
"""

import argparse
import importlib
import pkgutil
from pathlib import Path

from env.tasks.suites.desktop import inputs
from env.tasks.suites.desktop.inputs import files

ADDRESS = "suite.moonhand.example/desktop"
"""What follows `https://` in the tasks' addresses; a name that nobody can own."""

EXAMPLES = Path(__file__).with_name("examples")
SUITE = Path(__file__).with_name("test_all.json")


def make(folder: Path, seed: int = 0) -> int:
    """Write every file; returns how many there are."""
    for module in pkgutil.iter_modules(inputs.__path__):
        importlib.import_module(f"{inputs.__name__}.{module.name}")
    for path in files.all_files():
        target = folder / ADDRESS / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files.content(path, seed))
    return len(files.all_files())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{make(given.folder, given.seed)} files in {given.folder}")


if __name__ == "__main__":
    main()
