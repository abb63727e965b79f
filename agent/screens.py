"""Real applications looked at and labelled: grounding data as the paper collects it, in a sandbox.

An application is opened on a virtual desktop of its own with made-up content, and clicked through
at random: menus, tabs, buttons. Every screen that comes of it is photographed; where things are and
what they are called, the application tells assistive tools. These are labels only: what acts never
sees through them. The same seed opens the same applications with the same content; what a click
does, the application decides.
"""

import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from env.accessible_tree import AccessibleTree, Node
from env.actions import Click, Keys, Point
from env.desktop import wait_until_settled
from env.miniwob.specimen import WORDS
from env.screen import ScreenSize
from env.virtual import VirtualDesktop

SIZE = ScreenSize(640, 480)
"""A quarter of the usual: a small network looks at every patch."""
LOOKS = 8
"""Screens of one opening."""
START_SECONDS = 30.0
TEXT_NAME = "notes.txt"

NAMED_ROLES = {
    "push button": "button",
    "button": "button",
    "toggle button": "button",
    "menu": "menu",
    "menu item": "menu item",
    "check menu item": "menu item",
    "check box": "checkbox",
    "radio button": "radio",
    "page tab": "tab",
    "table cell": "cell",
    "list item": "item",
    "icon": "icon",
    "label": "label",
    "link": "link",
}
"""AT-SPI's roles to the words questions use; others are not asked about."""
CLICKED = ("menu", "tab", "button", "checkbox", "cell", "item", "icon")
MOST_LETTERS = 40


class Program(NamedTuple):
    name: str
    """A part of what it calls itself on the accessibility bus."""
    command: tuple[str, ...]
    """{home} stands for its home, as it knows it."""


PROGRAMS = (
    Program("mousepad", ("mousepad", f"{{home}}/{TEXT_NAME}")),
    Program("thunar", ("thunar", "{home}")),
)


def label_screens(first_seed: int, count: int, out: Path) -> Iterator[int]:
    """Write `count` screens to `out`: a PNG each, and one JSON line each in one index.

    The index appears when all of its screens are there. Yields their numbers as they are done.

    Raises:
        DesktopUnavailable: no X server, no sandbox, or a program is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f"{first_seed}.partial"
    done = 0
    with partial.open("w", encoding="utf-8") as index:
        for opening in range(count):
            looks = min(LOOKS, count - done)
            for number, (png, widgets) in enumerate(_looks(first_seed + opening, looks)):
                picture = f"{first_seed + opening}-{number}.png"
                (out / picture).write_bytes(png)
                row = {"picture": picture, "characters": [], "widgets": widgets}
                index.write(json.dumps(row, ensure_ascii=False) + "\n")
                yield done
                done += 1
            if done == count:
                break
    partial.rename(out / f"{first_seed}.jsonl")


def _looks(seed: int, count: int) -> Iterator[tuple[bytes, list[list[object]]]]:
    rng = random.Random(seed)
    program = rng.choice(PROGRAMS)
    with VirtualDesktop(SIZE, accessible=True) as desktop:
        _furnish(desktop.home, rng)
        desktop.launch([part.format(home=desktop.home_inside) for part in program.command])
        assert desktop.session_bus is not None, "it was asked for"
        tree = AccessibleTree(desktop.session_bus)
        try:
            _wait_for(tree, program)
            for _ in range(count):
                settled = wait_until_settled(desktop, ceiling_seconds=2.0)
                nodes = tree.nodes(program.name)
                yield settled.screenshot.png(), labels_of(nodes, SIZE)
                _explore(desktop, nodes, rng)
        finally:
            tree.close()


def _furnish(home: Path, rng: random.Random) -> None:
    """A text to show and folders to look into."""
    lines = [" ".join(rng.choices(WORDS, k=rng.randint(3, 9))) for _ in range(20)]
    (home / TEXT_NAME).write_text("\n".join(lines) + "\n")
    for word in rng.sample(WORDS, 6):
        (home / word).mkdir(exist_ok=True)


def _wait_for(tree: AccessibleTree, program: Program) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and not tree.nodes(program.name):
        time.sleep(0.2)


def _explore(desktop: VirtualDesktop, nodes: Sequence[Node], rng: random.Random) -> None:
    """A click on something, or a way back."""
    places = [
        node.box.center
        for node in nodes
        if node.box is not None and _is_shown(node, SIZE)
        if NAMED_ROLES.get(node.role) in CLICKED
    ]
    if not places or rng.random() < 0.2:
        desktop.perform(Keys(("escape",)))
        return
    desktop.perform(Click(Point(*rng.choice(places))))


def labels_of(nodes: Sequence[Node], size: ScreenSize) -> list[list[object]]:
    """Kind and name in words with the box, of what has both and is on the screen."""
    return [
        [f'{NAMED_ROLES[node.role]} "{node.name.strip()}"', *node.box]
        for node in nodes
        if node.role in NAMED_ROLES
        if node.box is not None and _is_shown(node, size)
        if 0 < len(node.name.strip()) <= MOST_LETTERS
    ]


def _is_shown(node: Node, size: ScreenSize) -> bool:
    box = node.box
    return (
        box is not None
        and 0 <= box.left < box.right <= size.width
        and 0 <= box.top < box.bottom <= size.height
    )
