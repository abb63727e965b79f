"""Our own terminal on the desktop that is worked: out of the agent's view and reach.

It is found by WINDOWID, which terminals tell the programs in them, or by the
process that owns a window being one we descend from (_NET_WM_PID, EWMH). It is
left where it is, since the person watches and steers there: the agent sees
black in its place, and is refused whatever would reach it. A terminal that is
neither, as behind tmux or ssh, is not known for ours.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from Xlib import X, Xatom
from Xlib import error as xerror

from env.actions import Action, Keys, Point, TypeText, points_of
from env.errors import ActionRefused
from env.screen import Box

_MAX_DEPTH = 32
_GONE = (xerror.BadWindow, xerror.BadDrawable)


class OwnWindows:
    """Through a connection of the caller's."""

    def __init__(self, connection: Any, environment: Mapping[str, str], process_id: int) -> None:
        """
        Args:
            environment: of this process; WINDOWID of it.
            process_id: whose ancestors' windows are ours.
        """
        self._x = connection
        self._root = connection.screen().root
        self.ids = frozenset(_found(connection, environment, process_id))

    def blacked(self, image: Image.Image, box: Box) -> Image.Image:
        """The picture of a part of the screen with black in their place; what lies above them
        stays to be seen."""
        frames = self._frames()
        if not frames:
            return image
        clean = image.copy()
        for window in self._root.query_tree().children:
            place = self._place(window)
            if place is None:
                continue
            shown = _overlap(place, box)
            if shown is None:
                continue
            if window.id in frames:
                clean.paste("black", shown)
            else:
                clean.paste(image.crop(shown), shown)
        return clean

    def refuse_reaching(self, action: Action) -> None:
        """Raise `ActionRefused` if the action would land in one of them."""
        frames = self._frames()
        if not frames:
            return
        for point in points_of(action):
            if self._at(point) in frames:
                raise ActionRefused(
                    f"({point.x}, {point.y}) lies in the terminal that runs this agent,"
                    " which is not to be worked"
                )
        if isinstance(action, TypeText | Keys) and self._with_keyboard() in frames:
            raise ActionRefused(
                "the keyboard is with the terminal that runs this agent; click another window first"
            )

    def _frames(self) -> set[int]:
        """What stands on the root window for each of them: their window manager's frame."""
        return {frame for number in self.ids if (frame := self._top_of(number)) is not None}

    def _top_of(self, number: int) -> int | None:
        window = self._x.create_resource_object("window", number)
        try:
            for _ in range(_MAX_DEPTH):
                parent = window.query_tree().parent
                if not hasattr(parent, "id") or parent.id == self._root.id:
                    return int(window.id)
                window = parent
        except _GONE:
            # It was closed.
            pass
        return None

    def _place(self, window: Any) -> Box | None:
        """Of a window that is to be seen."""
        try:
            if window.get_attributes().map_state != X.IsViewable:
                return None
            place = window.get_geometry()
        except _GONE:
            return None
        edge = 2 * place.border_width
        return Box(place.x, place.y, place.x + place.width + edge, place.y + place.height + edge)

    def _at(self, point: Point) -> int | None:
        child = self._root.translate_coords(self._root, point.x, point.y).child
        return int(child.id) if hasattr(child, "id") else None

    def _with_keyboard(self) -> int | None:
        focus = self._x.get_input_focus().focus
        if hasattr(focus, "id") and focus.id != self._root.id:
            return self._top_of(focus.id)
        # Then keys go to what is under the pointer.
        pointer = self._root.query_pointer()
        return self._at(Point(pointer.root_x, pointer.root_y))


def _overlap(place: Box, box: Box) -> Box | None:
    """The part of `place` within `box`, counted from its corner."""
    left, top = max(place.left, box.left), max(place.top, box.top)
    right, bottom = min(place.right, box.right), min(place.bottom, box.bottom)
    if left >= right or top >= bottom:
        return None
    return Box(left - box.left, top - box.top, right - box.left, bottom - box.top)


def _found(connection: Any, environment: Mapping[str, str], process_id: int) -> Iterator[int]:
    told = environment.get("WINDOWID", "")
    if told.isascii() and told.isdigit():
        yield int(told)
    root = connection.screen().root
    listed = root.get_full_property(connection.intern_atom("_NET_CLIENT_LIST"), Xatom.WINDOW)
    if listed is None:
        return
    ours = set(_ancestors(process_id))
    owner = connection.intern_atom("_NET_WM_PID")
    for number in listed.value:
        try:
            window = connection.create_resource_object("window", number)
            pid = window.get_full_property(owner, Xatom.CARDINAL)
        except _GONE:
            continue
        if pid is not None and pid.value and pid.value[0] in ours:
            yield int(number)


def _ancestors(process_id: int) -> Iterator[int]:
    """The process and whose child it is, up to but without the first of all."""
    while process_id > 1:
        yield process_id
        try:
            status = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        # The name before may hold spaces and brackets of its own.
        process_id = int(status.rpartition(")")[2].split()[1])
