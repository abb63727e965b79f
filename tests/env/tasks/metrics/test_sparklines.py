"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from env.tasks import registry

Make = Callable[[Path], tuple[Any, ...]]
SHEET = "xl/worksheets/sheet1.xml"
URI = "{05C60535-1F16-4fd2-B633-F4F36F0B64E0}"
X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
XM = "http://schemas.microsoft.com/office/excel/2006/main"


def sparked(*sources: str) -> Make:
    """Books with a small chart in a cell each, drawn from other cells."""

    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.xlsx") for at, _ in enumerate(sources)]
        for source, path in zip(sources, paths, strict=True):
            Workbook().save(path)
            line = f"<x14:sparkline><xm:f>{source}</xm:f><xm:sqref>F3</xm:sqref></x14:sparkline>"
            ext = f'<ext uri="{URI}" xmlns:x14="{X14}" xmlns:xm="{XM}">{line}</ext>'
            end = f"<extLst>{ext}</extLst></worksheet>".encode()
            with zipfile.ZipFile(path) as plain:
                parts = {name: plain.read(name) for name in plain.namelist()}
            parts[SHEET] = parts[SHEET].replace(b"</worksheet>", end)
            with zipfile.ZipFile(path, "w") as again:
                for name, content in parts.items():
                    again.writestr(name, content)
        return tuple(paths)

    return make


RULE = {"rules": [{"type": "sparkline", "sheet_idx0": 0, "sheet_idx1": "EI0"}]}

OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    ("compare_table", RULE, sparked("Sheet!A1:B1", "Sheet!A1:B1"), 1.0),
    ("compare_table", RULE, sparked("Sheet!A1:B1", "Sheet!A1:B2"), 0.0),
]


@pytest.mark.parametrize(("name", "options", "make", "score"), OPTIONS)
def test_small_charts_in_cells_are_compared(
    name: str, options: dict[str, Any], make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path), **options) == score
