"""Curves as a page of HTML that needs nothing else: a plot a group, drawn as SVG."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT, MARGIN = 640, 220, 44
INKS = ("#1668a8", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0f766e")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;
color:#1c1c1c;background:#fff}h1{font-size:1.3rem}h2{font-size:1rem;margin:1.6rem 0 .2rem}
svg{width:100%;height:auto}p{margin:.1rem 0}
text{font:11px system-ui,sans-serif;fill:#555}"""


def write_page(
    path: Path, title: str, plots: Mapping[str, Mapping[str, Points]], notes: Sequence[str] = ()
) -> Path:
    """
    Args:
        plots: heading to curves, each a name and its points in order of x.
    """
    drawn = "".join(
        f"<h2>{html.escape(heading)}</h2>{plot(curves)}" for heading, curves in plots.items()
    )
    told = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    path.write_text(
        f"<!doctype html><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{told}{drawn}",
        encoding="utf-8",
    )
    return path


def plot(curves: Mapping[str, Points]) -> str:
    """One SVG; the axes' ends are told, names stand in the colour of their curve."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return "<p>nothing yet</p>"
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    across, up = (right - left) or 1.0, (high - low) or 1.0

    def place(x: float, y: float) -> str:
        column = MARGIN + (x - left) / across * (WIDTH - 2 * MARGIN)
        row = HEIGHT - MARGIN / 2 - (y - low) / up * (HEIGHT - MARGIN)
        return f"{column:.1f},{row:.1f}"

    lines, names = [], []
    for index, (name, curve) in enumerate(curves.items()):
        ink = INKS[index % len(INKS)]
        path = " ".join(place(x, y) for x, y in curve)
        lines.append(f"<polyline fill='none' stroke='{ink}' stroke-width='1.6' points='{path}'/>")
        names.append(
            f"<text x='{MARGIN + 110 * index}' y='12' style='fill:{ink}'>{html.escape(name)}</text>"
        )
    floor = HEIGHT - MARGIN / 2
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>"
        f"<line x1='{MARGIN}' y1='{floor}' x2='{WIDTH - MARGIN}' y2='{floor}' stroke='#bbb'/>"
        f"{''.join(lines)}{''.join(names)}"
        f"<text x='2' y='{MARGIN / 2 + 4}'>{high:.3g}</text>"
        f"<text x='2' y='{floor}'>{low:.3g}</text>"
        f"<text x='{MARGIN}' y='{HEIGHT - 4}'>{left:g}</text>"
        f"<text x='{WIDTH - MARGIN}' y='{HEIGHT - 4}' text-anchor='end'>{right:g}</text></svg>"
    )
