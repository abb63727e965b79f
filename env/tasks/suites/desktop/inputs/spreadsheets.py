"""Workbooks to work on in Calc, and how they should look afterwards."""

import random
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font

from env.tasks.suites.desktop.inputs.files import made

Rows = list[list[Any]]

_ITEMS = ("Apples", "Bread", "Cheese", "Dates", "Eggs", "Flour", "Grapes", "Honey")
_TOWNS = ("Aalborg", "Bergen", "Cork", "Dresden", "Evora", "Faro", "Ghent", "Haarlem")
_DATED = datetime(2026, 1, 1)


@made("calc/stock.xlsx")
def stock(rng: random.Random) -> bytes:
    return workbook(_stock(rng))


@made("calc/stock_bread.xlsx", like="calc/stock.xlsx")
def stock_bread(rng: random.Random) -> bytes:
    rows = _stock(rng)
    rows[2][1] = 250
    return workbook(rows)


@made("calc/stock_total.xlsx", like="calc/stock.xlsx")
def stock_total(rng: random.Random) -> bytes:
    rows = _stock(rng)
    return workbook([*rows, ["Total", sum(int(row[1] or 0) for row in rows[1:]), None]])


@made("calc/stock_without_dates.xlsx", like="calc/stock.xlsx")
def stock_without_dates(rng: random.Random) -> bytes:
    return workbook([row for row in _stock(rng) if row[0] != "Dates"])


@made("calc/stock_value.xlsx", like="calc/stock.xlsx")
def stock_value(rng: random.Random) -> bytes:
    head, *rows = _stock(rng)
    return workbook([[*head, "Value"], *([*row, row[1] * row[2]] for row in rows)])


@made("calc/stock_bold.xlsx", like="calc/stock.xlsx")
def stock_bold(rng: random.Random) -> bytes:
    return workbook(_stock(rng), bold=("A1", "B1", "C1"))


@made("calc/stock_frozen.xlsx", like="calc/stock.xlsx")
def stock_frozen(rng: random.Random) -> bytes:
    return workbook(_stock(rng), frozen="A2")


@made("calc/stock_named.xlsx", like="calc/stock.xlsx")
def stock_named(rng: random.Random) -> bytes:
    return workbook(_stock(rng), title="Pantry")


@made("calc/towns.xlsx")
def towns(rng: random.Random) -> bytes:
    return workbook([["Town", "Visitors"], *_towns(rng)], title="Towns")


@made("calc/towns_sorted.xlsx", like="calc/towns.xlsx")
def towns_sorted(rng: random.Random) -> bytes:
    rows = sorted(_towns(rng), key=lambda row: -int(row[1] or 0))
    return workbook([["Town", "Visitors"], *rows], title="Towns")


@made("calc/towns.csv", like="calc/towns.xlsx")
def towns_csv(rng: random.Random) -> bytes:
    rows = [["Town", "Visitors"], *_towns(rng)]
    return "".join(f"{town},{visitors}\n" for town, visitors in rows).encode()


@made("calc/towns_top.txt", like="calc/towns.xlsx")
def towns_top(rng: random.Random) -> bytes:
    return f"{max(_towns(rng), key=lambda row: int(row[1] or 0))[0]}\n".encode()


@made("calc/empty.xlsx")
def empty(rng: random.Random) -> bytes:
    return workbook([["Name", "Price"]], title="Prices")


@made("calc/prices.xlsx")
def prices(rng: random.Random) -> bytes:
    return workbook([["Name", "Price"], ["Lamp", 40], ["Chair", 95], ["Desk", 210]], title="Prices")


def workbook(
    rows: Rows, *, title: str = "Stock", bold: Sequence[str] = (), frozen: str | None = None
) -> bytes:
    book = Workbook()
    book.properties.created = book.properties.modified = _DATED
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for cell in bold:
        sheet[cell].font = Font(bold=True)
    sheet.freeze_panes = frozen
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _stock(rng: random.Random) -> Rows:
    rows: Rows = [["Item", "Pieces", "Price"]]
    for item in _ITEMS:
        rows.append([item, rng.randint(10, 99), rng.randint(2, 40) * 0.25])
    return rows


def _towns(rng: random.Random) -> Rows:
    visitors = rng.sample(range(200, 9000), len(_TOWNS))
    return [[town, number] for town, number in zip(_TOWNS, visitors, strict=True)]
