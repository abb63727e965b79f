"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from env.tasks import registry

Make = Callable[[Path], tuple[Any, ...]]


def texts(*contents: bytes) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [folder / f"{at}.csv" for at, _ in enumerate(contents)]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return tuple(map(str, paths))

    return make


OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    ("compare_csv", {}, texts(b"a,b\n1,2\n", b"a,b\r\n1,2"), 1.0),
    ("compare_csv", {}, texts(b"a,b\n", b"a,c\n"), 0.0),
    ("compare_csv", {"strict": False, "ignore_case": True}, texts(b" A,b\n", b"a,b\n"), 1.0),
    (
        "compare_csv",
        {},
        lambda f: (lambda p: (p[0], [p[1], p[2]]))(texts(b"x\n", b"y\n", b"x\n")(f)),
        1.0,
    ),
]


@pytest.mark.parametrize(("name", "options", "make", "score"), OPTIONS)
def test_a_table_of_text_is_scored_as_osworld_scores_it(
    name: str, options: dict[str, Any], make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path), **options) == score
