"""Pages of random text, photographed and labelled: what the vision tower learns to read from."""

import json
from collections.abc import Iterator
from pathlib import Path

from agent.labels import labels_json
from env.browser import BrowserDesktop
from env.miniwob.page import MiniWobPage
from env.miniwob.reader import read
from env.miniwob.specimen import specimen_html


def label_specimens(first_seed: int, count: int, out: Path) -> Iterator[int]:
    """Write `count` pages to `out`: a PNG each, and one JSON line each in one index.

    The index appears when all of its pages are there. Yields the seeds as they are done.

    Raises:
        DesktopUnavailable: no Chromium.
        DesktopLost: it died.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f"{first_seed}.partial"
    with BrowserDesktop() as desktop, partial.open("w", encoding="utf-8") as index:
        page = MiniWobPage(desktop.page)
        for seed in range(first_seed, first_seed + count):
            desktop.page.set_content(specimen_html(seed))
            picture = f"{seed}.png"
            (out / picture).write_bytes(desktop.screenshot().png())
            labels = json.loads(labels_json(read(page)))
            index.write(json.dumps({"picture": picture, **labels}, ensure_ascii=False) + "\n")
            yield seed
    partial.rename(out / f"{first_seed}.jsonl")
