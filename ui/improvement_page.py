"""What rounds of improving came to, as a page: the curve, where the time went, every task."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.improve import ACTING, LEARNING, MEASURING, Round, best_of
from agent.measure import rates
from ui.curves import INKS, STYLE

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 48, 44, 14, 40
BAR_PX = 200
INK, STALE, LOSS = INKS[0], "#b8c4ce", INKS[1]
MORE_STYLE = """.lead{font-size:1.9rem;margin:.4rem 0 0}.small{color:#555;font-size:.85rem}
table{border-collapse:collapse;width:100%;margin:.4rem 0}td,th{padding:.15rem .6rem .15rem 0;
text-align:right;font-variant-numeric:tabular-nums;border-bottom:1px solid #eee;font-weight:400}
th{color:#555;font-size:.85rem}td:first-child,th:first-child{text-align:left}
td.bar{width:200px;padding-right:0}td.bar svg{width:200px;height:12px;display:block}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """Start and best on seeds that chose nothing."""

    episodes: int
    """Seeds a task."""
    before: dict[str, Any]
    """A summary, as `agent.summary` makes it."""
    after: dict[str, Any]

    @property
    def before_mean(self) -> float:
        return float(self.before["mean"])

    @property
    def after_mean(self) -> float:
        return float(self.after["mean"])


def write_improvement_page(path: Path, rounds: Sequence[Round], final: Final | None = None) -> Path:
    """
    Args:
        rounds: at least the measurement before the first.
    """
    best = best_of(rounds)
    parts = [
        _lead(rounds, best, final),
        _curve(rounds),
        "<h2>Rounds</h2>",
        _rounds(rounds),
        "<h2>Tasks</h2>",
        _tasks(rounds[0], best, final),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "<!doctype html><meta charset='utf-8'><title>Improving by doing</title>"
        f"<style>{STYLE}{MORE_STYLE}</style><h1>Improving by doing</h1>{''.join(parts)}",
        encoding="utf-8",
    )
    return path


def _lead(rounds: Sequence[Round], best: Round, final: Final | None) -> str:
    minutes = round(rounds[-1].hours * 60)
    if final is None:
        told = f"{rounds[0].mean:.1%} to {best.mean:.1%}"
        seeds = "on the unseen seeds that choose what is kept, so the best is flattered a little"
    else:
        told = f"{final.before_mean:.1%} to {final.after_mean:.1%}"
        errors = [_error(summary["standard_error"]) for summary in (final.before, final.after)]
        seeds = (
            f"on {final.episodes} seeds a task that chose nothing (standard errors"
            f" {' and '.join(errors)}); {rounds[0].mean:.1%} to {best.mean:.1%} on those that did"
        )
    return (
        f"<p class='lead'>{told}</p><p class='small'>success over {len(best.rates)} tasks,"
        f" {html.escape(seeds)}. {len(rounds) - 1} rounds in {minutes} minutes of work; the best"
        f" is round {best.number}: {html.escape(best.weights)}.{_slope(rounds)}</p>"
    )


def _slope(rounds: Sequence[Round]) -> str:
    """How far the curve still rises: one round alone would be mostly luck with the seeds."""
    if len(rounds) < 3:
        return ""
    earlier, last = rounds[-3], rounds[-1]
    gain, minutes = (last.mean - earlier.mean) * 100, (last.hours - earlier.hours) * 60
    return f" The last two rounds brought {gain:+.1f} points in {minutes:.0f} minutes."


def _curve(rounds: Sequence[Round]) -> str:
    """Success over minutes, each with its standard error; what was not kept is hollow."""
    span = max(rounds[-1].hours * 60, 1.0)
    high = min(1.0, max(each.mean + (each.standard_error or 0.0) for each in rounds) * 1.15 + 0.01)

    def across(minutes: float) -> float:
        return LEFT + minutes / span * (WIDTH - LEFT - RIGHT)

    def up(rate: float) -> float:
        return HEIGHT - BOTTOM - rate / high * (HEIGHT - TOP - BOTTOM)

    drawn = [
        f"<line x1='{LEFT}' y1='{up(at / 10):.1f}' x2='{WIDTH - RIGHT}' y2='{up(at / 10):.1f}'"
        f" stroke='#e5e5e5'/><text x='{LEFT - 8}' y='{up(at / 10) + 4:.1f}'"
        f" text-anchor='end'>{at * 10} %</text>"
        for at in range(int(high * 10) + 1)
    ]
    every = max(1, round(span / 6 / 5)) * 5
    drawn += [
        f"<text x='{across(at):.1f}' y='{HEIGHT - BOTTOM + 18}' text-anchor='middle'>{at}</text>"
        for at in range(0, int(span) + 1, every)
    ]
    points = [(across(each.hours * 60), each) for each in rounds]
    path = " ".join(f"{x:.1f},{up(each.mean):.1f}" for x, each in points)
    drawn.append(f"<polyline fill='none' stroke='{INK}' stroke-width='2' points='{path}'/>")
    for x, each in points:
        error = each.standard_error or 0.0
        low, top = up(max(0.0, each.mean - error)), up(each.mean + error)
        fill = INK if each.kept else "#fff"
        drawn.append(
            f"<line x1='{x:.1f}' y1='{low:.1f}' x2='{x:.1f}' y2='{top:.1f}' stroke='{INK}'/>"
            f"<circle cx='{x:.1f}' cy='{up(each.mean):.1f}' r='4' fill='{fill}' stroke='{INK}'/>"
            f"<text x='{x + 7:.1f}' y='{up(each.mean) + 15:.1f}'>{each.mean:.0%}</text>"
        )
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>{''.join(drawn)}"
        f"<text x='{WIDTH - RIGHT}' y='{HEIGHT - 6}' text-anchor='end'>minutes of work</text></svg>"
    )


def _rounds(rounds: Sequence[Round]) -> str:
    head = ("", "success", "standard error", ACTING, LEARNING, MEASURING, "minutes", "")
    rows, before = [], dict[str, float]()
    for each in rounds:
        parts = [each.seconds.get(work, 0.0) for work in (ACTING, LEARNING, MEASURING)]
        spent = [
            f"{(part - before.get(work, 0.0)) / 60:.1f}"
            for work, part in zip((ACTING, LEARNING, MEASURING), parts, strict=True)
        ]
        before = each.seconds
        name = f"round {each.number}" if each.number else "start"
        rows.append(
            (
                name,
                f"{each.mean:.1%}",
                _error(each.standard_error),
                *spent,
                f"{each.hours * 60:.0f}",
                "kept" if each.kept else "",
            )
        )
    return _table(head, rows)


def _tasks(start: Round, best: Round, final: Final | None) -> str:
    """From what was gained most to what was lost."""
    before, after = start.rates, best.rates
    if final is not None:
        before, after = rates(final.before), rates(final.after)
    gains = sorted(after, key=lambda task: (before.get(task, 0.0) - after[task], task))
    cells = []
    for task in gains:
        was, now = before.get(task, 0.0), after[task]
        cells.append(
            f"<tr><td>{html.escape(task)}</td><td>{was:.0%}</td><td>{now:.0%}</td>"
            f"<td class='bar'>{_bar(was, now)}</td></tr>"
        )
    return (
        f"<table><tr><th>task</th><th>start</th><th>best</th><th></th></tr>{''.join(cells)}</table>"
    )


def _bar(was: float, now: float) -> str:
    """What stayed in grey, what was gained or lost beside it."""
    kept, change = min(was, now) * BAR_PX, abs(now - was) * BAR_PX
    ink = INK if now > was else LOSS
    return (
        f"<svg viewBox='0 0 {BAR_PX} 12'><rect y='2' width='{kept:.0f}' height='8' fill='{STALE}'/>"
        f"<rect x='{kept:.0f}' y='2' width='{change:.0f}' height='8' fill='{ink}'/></svg>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{heads}</tr>{cells}</table>"


def _error(error: float | None) -> str:
    return "" if error is None else f"{error:.1%}"
