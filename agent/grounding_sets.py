"""Grounding sets of our own, in ScreenSpot-Pro's format: pictures of this machine's own screens,
with targets from those who drew them.

Web targets come from the pages themselves (`env.miniwob.reader`), each page
with a seed that no training has seen; those of applications are made in
`agent.application_targets`. What cannot be told apart by its name is no target.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.miniwob import FIRST_EVALUATION_SEED
from env.browser import BrowserDesktop
from env.desktop import wait_until_settled
from env.miniwob.page import PIX2ACT_59, MiniWobPage
from env.miniwob.reader import Widget, read
from env.screen import Box, Screenshot
from trajectories.formats.screenspot import GroundingSample, Kind, write_screenspot_pro

LEAST_SIDE_PX = 4
MOST_WORDS = 8

_WEB_WORDS = {
    "button": 'Click on the "{}" button.',
    "link": 'Click on the link "{}".',
    "checkbox": 'Check the "{}" box.',
    "radio": 'Choose "{}".',
    "tab": 'Open the tab "{}".',
    "header": 'Open the section "{}".',
    "option": 'Choose "{}" in the list.',
    "menu item": 'Click on "{}" in the menu.',
    "tree item": 'Click on "{}" in the tree.',
    "textbox": 'Click into the field "{}".',
    "icon": 'Click on the "{}" icon.',
}
"""How a widget of the kind is asked for."""

_WEB_ICONS = ("checkbox", "radio", "icon")
"""What is drawn, not written."""


def make_web_set(folder: Path, *, seed: int = 0, tasks: Sequence[str] = PIX2ACT_59) -> Path:
    """Pictures of MiniWoB++ pages at their own size, and what can be clicked on them.

    Args:
        seed: of the pages; none is one that data is collected with.

    Raises:
        DesktopUnavailable: no Chromium.
    """
    samples: list[GroundingSample] = []
    with BrowserDesktop() as browser:
        page = MiniWobPage(browser.page)
        for task in tasks:
            page.open(task)
            page.reset(FIRST_EVALUATION_SEED + seed, reload=True)
            screen = wait_until_settled(browser).screenshot
            image = keep_picture(screen, folder / "images" / "web" / f"{task}-{seed}.png")
            samples += _web_samples(task, seed, image, screen, read(page).widgets)
    return write_screenspot_pro(samples, folder, name="web")


def _web_samples(
    task: str, seed: int, image: Path, screen: Screenshot, widgets: Sequence[Widget]
) -> Iterator[GroundingSample]:
    named = Counter((widget.kind, widget.label) for widget in widgets)
    number = 0
    for widget in widgets:
        if widget.kind not in _WEB_WORDS or widget.disabled or not is_name(widget.label):
            continue
        if named[widget.kind, widget.label] > 1 or not is_on(widget.box, screen):
            continue
        yield GroundingSample(
            id=f"{task}-{seed}-{number}",
            image=image,
            instruction=_WEB_WORDS[widget.kind].format(widget.label),
            box=as_floats(widget.box),
            size=(screen.size.width, screen.size.height),
            kind=_kind(widget.kind in _WEB_ICONS),
            platform="web",
            application=task,
            group="MiniWoB",
        )
        number += 1


def keep_picture(screen: Screenshot, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(screen.png())
    return path


def is_name(label: str) -> bool:
    """A few readable words."""
    words = label.split()
    return 0 < len(words) <= MOST_WORDS and re.search(r"\w", label) is not None


def is_on(box: Box, screen: Screenshot) -> bool:
    """All of it, and large enough to be meant."""
    width, height = screen.size
    wide, high = box.right - box.left, box.bottom - box.top
    inside = box.left >= 0 and box.top >= 0 and box.right <= width and box.bottom <= height
    return inside and min(wide, high) >= LEAST_SIDE_PX


def as_floats(box: Box) -> tuple[float, float, float, float]:
    return float(box.left), float(box.top), float(box.right), float(box.bottom)


def _kind(is_drawn: bool) -> Kind:
    return "icon" if is_drawn else "text"
