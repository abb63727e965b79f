"""OSWorld's own metric functions beside ours, on the files of our tests.

`python -m benchmarks.metrics_beside_osworld --original DIR`: DIR holds `desktop_env`, as the
wheel of PyPI's desktop-env unpacks. Libraries of theirs that are not installed here are stood
in for; what needs them is counted as not run. Theirs is run as it is: trust it first.
"""

import argparse
import importlib
import importlib.util
import inspect
import logging
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from env.tasks import registry

TESTS = Path(__file__).parents[1] / "tests/env/tasks/metrics"
ABSENT = ("easyocr", "borb", "borb.pdf", "acoustid", "cv2", "fitz", "fastdtw", "PyPDF2")
NEAR = 1e-9


class Case(NamedTuple):
    metric: str
    options: dict[str, Any]
    make: Callable[[Path], tuple[Any, ...]]


class _Anything(ModuleType):
    """Stands in for a library; whatever is asked of it fails when it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def originals(folder: Path) -> ModuleType:
    """Their metrics, without what the package's own `__init__` brings."""
    sys.path.insert(0, str(folder))
    for name in [name for name in ABSENT if not _is_here(name)]:
        sys.modules[name] = _Anything(name)
    for name in ("desktop_env", "desktop_env.evaluators"):
        package = ModuleType(name)
        package.__path__ = [str(folder / name.replace(".", "/"))]
        sys.modules[name] = package
    return importlib.import_module("desktop_env.evaluators.metrics")


def _is_here(name: str) -> bool:
    return importlib.util.find_spec(name.partition(".")[0]) is not None


def cases() -> Iterator[Case]:
    for path in sorted(TESTS.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        for name, make, _ in getattr(module, "CASES", ()):
            yield Case(name, {}, make)
        for name, options, make, *_ in (
            *getattr(module, "OPTIONS", ()),
            *getattr(module, "FLAWS", ()),
        ):
            yield Case(name, options, make)


def score(function: Callable[..., Any], case: Case, **ours: Any) -> float | None:
    """None: it raised."""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        try:
            return float(function(*case.make(Path(folder)), **case.options, **ours))
        except Exception:
            return None


def compare(theirs: ModuleType) -> Counter[str]:
    counted: Counter[str] = Counter()
    for case in cases():
        original = getattr(theirs, case.metric, None)
        function = registry.metric(case.metric)
        keeps_flaws = "exact" in inspect.signature(function).parameters
        there = None if original is None else score(original, case)
        here = score(function, case, **({"exact": True} if keeps_flaws else {}))
        if there is None:
            counted["not run there, or failed there"] += 1
        elif here is not None and abs(here - there) < NEAR:
            counted["equal"] += 1
        else:
            counted["different"] += 1
            print(f"{case.metric} {case.options}: theirs {there}, ours {here}")
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--original", type=Path, required=True)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for what, count in sorted(compare(originals(parser.parse_args().original)).items()):
        print(f"{what}: {count}")


if __name__ == "__main__":
    main()
