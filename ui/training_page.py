"""What a training left behind, as a page: losses, scores and rates of every stage."""

import json
from pathlib import Path

from ui.curves import Points, write_page

METRICS = "metrics.jsonl"
PLOTS = {
    "losses": ("answer", "glyphs", "pointer", "copy", "contrast"),
    "right": ("token_accuracy", "glyph_accuracy", "pointer_accuracy", "copy_accuracy"),
    "learning rate": ("learning_rate",),
    "seconds a step": ("seconds",),
}
MOST_POINTS = 300


def write_training_page(folder: Path) -> Path | None:
    """`report.html` for the stages in a folder, or for the one it is; None without metrics."""
    found = sorted(folder.glob(f"*/{METRICS}"), key=lambda path: path.stat().st_mtime)
    if (folder / METRICS).exists():
        found = [folder / METRICS]
    plots: dict[str, dict[str, Points]] = {}
    notes = []
    for path in found:
        rows = {row["step"]: row for row in map(json.loads, path.read_text().splitlines())}
        stage = path.parent.name
        notes.append(f"{stage}: {len(rows)} steps, {_hours(list(rows.values())):.2f} hours")
        gate = path.with_name("gate.json")
        if gate.exists():
            told = json.loads(gate.read_text())
            notes.append(
                f"{stage}'s gate: {told['measure']} {told['value']}, at least {told['at_least']}"
            )
        for heading, names in PLOTS.items():
            curves = {name: smoothed(rows, name) for name in names}
            used = {name: curve for name, curve in curves.items() if any(y for _, y in curve)}
            if used:
                plots[f"{stage}: {heading}"] = used
    if not found:
        return None
    return write_page(folder / "report.html", f"Training in {folder.name}", plots, notes)


def smoothed(rows: dict[int, dict[str, float]], name: str) -> Points:
    """Means over neighbouring steps, few enough to be drawn."""
    steps = sorted(rows)
    size = max(1, len(steps) // MOST_POINTS)
    groups = [steps[start : start + size] for start in range(0, len(steps), size)]
    return [
        (group[-1], sum(rows[step].get(name, 0.0) for step in group) / len(group))
        for group in groups
    ]


def _hours(rows: list[dict[str, float]]) -> float:
    return sum(row["seconds"] for row in rows) / 3600
