"""A grounding set of real applications: the suite's, as its tasks begin and with menus open.

Where a widget is and what it is called, the application tells assistive tools; LibreOffice's places
are put right first (`office_boxes`). What covers others (an open menu, a dialog) is all that is
asked about while it does. What cannot be told apart by its name is no target.
"""

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agent.desktop_stages import DesktopStage, DesktopStages
from agent.grounding_sets import as_floats, is_name, is_on, keep_picture
from agent.stages import TaskJob
from env.accessible_tree import Node
from env.actions import Click, Keys, Point
from env.desktop import wait_until_settled
from env.screen import Box, Screenshot
from env.tasks.suites.desktop.make import EXAMPLES, make
from env.tasks.suites.desktop.oracles.sight import Sight
from env.tasks.task import Task
from trajectories.formats.screenspot import GroundingSample, Kind, write_screenspot_pro


class Application(NamedTuple):
    name: str
    group: str
    """ScreenSpot-Pro's."""


APPLICATIONS: Mapping[str, Application] = {
    "calc.sum_column": Application("libreoffice_calc", "Office"),
    "writer.center_title": Application("libreoffice_writer", "Office"),
    "impress.change_title": Application("libreoffice_impress", "Office"),
    "gimp.flip": Application("gimp", "Creative"),
    "vlc.start_minimal": Application("vlc", "Creative"),
    "thunderbird.open_inbox": Application("thunderbird", "Office"),
    "thunar.rename_file": Application("thunar", "OS"),
    "mousepad.sort_lines": Application("mousepad", "Dev"),
    "chrome.follow_link": Application("chromium", "OS"),
}
"""By the oracle of the task whose beginning is looked at."""

MENUS = 3
"""Opened of each application, by the seed."""
MOST_OF_A_KIND = 12
"""On one screen, by the seed: a sheet has a thousand cells."""
NARROWEST_LETTER_PX = 4
_SQUARE = 2.0
_SETTLED_SECONDS = 5.0

_WORDS = {
    "push button": 'Click on the "{}" button.',
    "button": 'Click on the "{}" button.',
    "toggle button": 'Click on the "{}" button.',
    "menu": 'Open the "{}" menu.',
    "menu item": 'Click on "{}" in the menu.',
    "check menu item": 'Click on "{}" in the menu.',
    "radio menu item": 'Click on "{}" in the menu.',
    "check box": 'Check the "{}" box.',
    "radio button": 'Choose "{}".',
    "page tab": 'Open the tab "{}".',
    "table cell": 'Click on "{}".',
    "table column header": 'Click on the header "{}".',
    "list item": 'Click on "{}" in the list.',
    "tree item": 'Click on "{}" in the tree.',
    "combo box": 'Open the list "{}".',
    "entry": 'Click into the field "{}".',
    "icon": 'Click on the "{}" icon.',
    "link": 'Click on the link "{}".',
}
"""How what has the role is asked for."""

_COVERING = "dialog|alert|file chooser"
_IN_MENUS = ("menu", "menu item", "check menu item", "radio menu item")
_MAYBE_DRAWN = ("push button", "button", "toggle button", "radio button", "list item", "table cell")


def make_application_set(
    folder: Path, *, seed: int = 0, oracles: Sequence[str] = tuple(APPLICATIONS)
) -> Path:
    """Pictures of applications on a desktop of their own, and what can be clicked on them.

    Raises:
        DesktopUnavailable, Unscored: an application is not installed.
    """
    tasks = {str(task.extra["oracle"]): task for task in map(Task.from_file, _files())}
    samples: list[GroundingSample] = []
    with tempfile.TemporaryDirectory(prefix="moonhand-targets-") as scratch:
        make(Path(scratch), tasks=[tasks[oracle] for oracle in oracles])
        stages = DesktopStages(mirror=Path(scratch))
        for oracle in oracles:
            task = tasks[oracle]
            job = TaskJob(task.domain, task.id, 0, str(EXAMPLES / task.domain / f"{task.id}.json"))
            with stages(job, Path(scratch) / "files" / task.id) as stage:
                assert isinstance(stage, DesktopStage)
                stage.prepare()
                application = APPLICATIONS[oracle]
                samples += _of_application(stage, stage.sight(), application, folder, seed)
    return write_screenspot_pro(samples, folder, name="desktop")


def _files() -> Iterator[Path]:
    return EXAMPLES.glob("*/*.json")


def _of_application(
    stage: DesktopStage, sight: Sight, application: Application, folder: Path, seed: int
) -> Iterator[GroundingSample]:
    chance = random.Random(f"{application.name} {seed}")
    desktop = stage.desktop
    menus = _told_apart(_in_menu_bars(sight))
    opened = chance.sample(menus, min(len(menus), MENUS))
    for look, menu in enumerate((None, *opened)):
        if menu is not None:
            desktop.perform(Click(Point(*_box(menu).center)))
        screen = wait_until_settled(desktop, ceiling_seconds=_SETTLED_SECONDS).screenshot
        targets = list(_targets(_on_top(sight, menu), screen, chance))
        name = f"{application.name}-{seed}-{look}"
        image = folder / "images" / "desktop" / f"{name}.png"
        if targets:
            keep_picture(screen, image)
        for number, node in enumerate(targets):
            yield GroundingSample(
                id=f"{name}-{number}",
                image=image,
                instruction=_words(node),
                box=as_floats(_box(node)),
                size=(screen.size.width, screen.size.height),
                kind=_kind(node),
                platform="linux",
                application=application.name,
                group=application.group,
            )
        if menu is not None:
            desktop.perform(Keys(("escape",)))
            wait_until_settled(desktop, ceiling_seconds=_SETTLED_SECONDS)


def _in_menu_bars(sight: Sight) -> list[Node]:
    """Qt calls the menus of a bar items."""
    bars = {bar.reference for bar in sight.find_all("menu bar")}
    return [node for node in sight.find_all("menu|menu item") if node.parents[-1] in bars]


def _on_top(sight: Sight, menu: Node | None) -> list[Node]:
    """What nothing covers."""
    if menu is not None:
        return [node for node in sight.find_all("|".join(_IN_MENUS)) if node.is_in(menu)]
    # Of a menu that is shut, some toolkits tell where its items would be.
    nodes = [node for node in sight.find_all("|".join(_WORDS)) if node.role not in _IN_MENUS]
    nodes += _in_menu_bars(sight)
    covers = sight.find_all(_COVERING)
    return [node for node in nodes if node.is_in(covers[-1])] if covers else nodes


def _targets(nodes: Sequence[Node], screen: Screenshot, chance: random.Random) -> Iterator[Node]:
    by_role: dict[str, list[Node]] = defaultdict(list)
    for node in _told_apart(nodes):
        if is_on(_box(node), screen) and is_name(node.name) and node.has("sensitive"):
            by_role[node.role].append(node)
    for several in by_role.values():
        yield from chance.sample(several, min(len(several), MOST_OF_A_KIND))


def _told_apart(nodes: Sequence[Node]) -> list[Node]:
    """Those that no other of the kind is called as. One that is told twice, as LibreOffice tells
    its menus, is the larger of the two: the other is a little off."""
    alike: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        alike[_words(node)].append(node)
    largest = [max(several, key=lambda node: _area(_box(node))) for several in alike.values()]
    return [
        one
        for one, several in zip(largest, alike.values(), strict=True)
        if all(_holds_middle(_box(one), _box(other)) for other in several)
    ]


def _words(node: Node) -> str:
    return _WORDS[node.role].format(node.name.strip())


def _box(node: Node) -> Box:
    assert node.box is not None, "find_all gives what is in view"
    return node.box


def _area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)


def _holds_middle(box: Box, other: Box) -> bool:
    x, y = other.center
    return box.left <= x <= box.right and box.top <= y <= box.bottom


def _kind(node: Node) -> Kind:
    """Drawn, not written, is what is too narrow for its name, or about as high as it is wide."""
    box = _box(node)
    wide, high = box.right - box.left, box.bottom - box.top
    if node.role == "icon" or len(node.name.strip()) * NARROWEST_LETTER_PX > wide:
        return "icon"
    return "icon" if node.role in _MAYBE_DRAWN and wide <= _SQUARE * high else "text"
