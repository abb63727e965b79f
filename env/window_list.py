"""The windows of a display that has a window manager: found by their titles, raised, closed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from Xlib import X
from Xlib import error as xerror
from Xlib.protocol import event

from env.screen import ScreenSize


class Window(NamedTuple):
    handle: Any
    """python-xlib's window."""
    title: str
    classes: tuple[str, ...]
    """Its instance and class, as WM_CLASS has them."""


def windows_on(root: Any) -> Iterator[Window]:
    """Those the window manager manages, oldest first."""
    display = root.display
    listed = root.get_full_property(display.get_atom("_NET_CLIENT_LIST"), X.AnyPropertyType)
    for number in listed.value if listed is not None else ():
        handle = type(root)(root.display, number)
        try:
            yield Window(handle, _title(handle), tuple(handle.get_wm_class() or ()))
        except (xerror.BadWindow, xerror.BadDrawable):
            # It closed while we looked.
            continue


def window_named(root: Any, name: str, *, strict: bool, by_class: bool) -> Window | None:
    """As `wmctrl -a` finds it: the name is a part of the title, or all of it; letters' case
    counts only for all of it."""
    for window in windows_on(root):
        texts = (".".join(window.classes),) if by_class else (window.title,)
        for text in texts:
            if text == name or (not strict and name.lower() in text.lower()):
                return window
    return None


def activate(root: Any, window: Window) -> None:
    _ask(root, window, "_NET_ACTIVE_WINDOW", (2, X.CurrentTime, 0, 0, 0))


def close(root: Any, window: Window) -> None:
    """Ask it to close; it may ask its user first."""
    _ask(root, window, "_NET_CLOSE_WINDOW", (X.CurrentTime, 2, 0, 0, 0))


def size_of(window: Window) -> ScreenSize:
    geometry = window.handle.get_geometry()
    return ScreenSize(geometry.width, geometry.height)


def _ask(root: Any, window: Window, name: str, data: tuple[int, ...]) -> None:
    message = event.ClientMessage(
        window=window.handle, client_type=root.display.get_atom(name), data=(32, data)
    )
    root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
    root.display.flush()


def _title(handle: Any) -> str:
    display = handle.display
    for name in ("_NET_WM_NAME", "WM_NAME"):
        told = handle.get_full_property(display.get_atom(name), X.AnyPropertyType)
        if told is not None:
            value = told.value
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return ""
