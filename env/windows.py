"""Which window is in front on an X11 display (EWMH), through a connection of the caller's."""

from typing import Any, NamedTuple

from Xlib import X
from Xlib import error as xerror


class Window(NamedTuple):
    title: str
    window_class: str
    """WM_CLASS, both parts: "chromium.Chromium"."""


NO_WINDOW = Window("", "")


def window_in_front(connection: Any) -> Window:
    """What the window manager calls active; `NO_WINDOW` if none is, or it just went."""
    try:
        root = connection.screen().root
        active = root.get_full_property(
            connection.intern_atom("_NET_ACTIVE_WINDOW"), X.AnyPropertyType
        )
        if active is None or not active.value or not active.value[0]:
            return NO_WINDOW
        window = connection.create_resource_object("window", active.value[0])
        told = window.get_full_property(connection.intern_atom("_NET_WM_NAME"), X.AnyPropertyType)
        title = told.value if told is not None else window.get_wm_name() or ""
        name = window.get_wm_class() or ()
    except (xerror.BadWindow, xerror.BadDrawable):
        return NO_WINDOW
    text = title.decode("utf-8", "replace") if isinstance(title, bytes) else str(title)
    return Window(text, ".".join(name))
