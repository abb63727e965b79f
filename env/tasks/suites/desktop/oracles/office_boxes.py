"""Where LibreOffice's elements really are.

Until it is clicked for the first time, it tells the places of all that it draws
itself as if there were no menu bar above; GTK's own elements inside (the name box,
the row of sheets' buttons) and dialogs are right. Seen with 7.4 under GTK 3.
"""

from collections.abc import Sequence
from dataclasses import replace

from env.accessibility_calls import Reference
from env.accessible_tree import Node
from env.screen import Box

_ABOVE = ("menu", "menu bar")


def straightened(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, windows first, with their boxes where they are seen. A window that is still
    being built shows nothing of what LibreOffice draws."""
    panes = {node.reference for node in nodes if node.role == "root pane"}
    missing = missing_height(nodes) if panes else 0
    if missing is None:
        return [node for node in nodes if panes.isdisjoint(node.parents)]
    if not missing:
        return list(nodes)
    boxes = {node.reference: node.box for node in nodes}
    right: set[Reference] = set()
    straight = []
    for node in nodes:
        if not panes.isdisjoint(node.parents) and node.box is not None:
            around = boxes.get(node.parents[-1])
            of_gtk = around is not None and node.box[:3] == _lower(around, missing)[:3]
            if of_gtk or not right.isdisjoint(node.parents) or node.role in _ABOVE:
                right.add(node.reference)
            else:
                straight.append(replace(node, box=_lower(node.box, missing)))
                continue
        straight.append(node)
    return straight


def missing_height(nodes: Sequence[Node]) -> int | None:
    """Pixels to add; 0 once it knows its places; None: there is nothing to tell by yet."""
    bars = [node.box for node in nodes if node.role == "menu bar" and node.box]
    tools = [node.box for node in nodes if node.role == "tool bar" and node.box]
    if not bars or not tools:
        return None
    return max(0, max(box.bottom for box in bars) - min(box.top for box in tools))


def _lower(box: Box, pixels: int) -> Box:
    return box._replace(top=box.top + pixels, bottom=box.bottom + pixels)
