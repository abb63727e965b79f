"""The monitors an X11 screen is made of, and how large it is meant to look."""

from typing import Any

from Xlib import Xatom

_USUAL_DPI = 96.0


def monitors_of(connection: Any) -> list[dict[str, Any]]:
    """Name, place on the screen in pixels, and whether primary: RandR's, or Xinerama's where that
    knows of more (several cards joined to one screen, of which RandR tells the first)."""
    told, joined = _of_randr(connection), _of_xinerama(connection)
    return joined if len(joined) > len(told) else told


def _of_randr(connection: Any) -> list[dict[str, Any]]:
    if not connection.has_extension("RANDR"):
        return []
    root = connection.screen().root
    return [
        {
            "name": connection.get_atom_name(monitor.name),
            "x": monitor.x,
            "y": monitor.y,
            "width": monitor.width_in_pixels,
            "height": monitor.height_in_pixels,
            "primary": bool(monitor.primary),
        }
        for monitor in root.xrandr_get_monitors().monitors
    ]


def _of_xinerama(connection: Any) -> list[dict[str, Any]]:
    if not connection.has_extension("XINERAMA") or not connection.xinerama_is_active():
        return []
    return [
        {
            "name": f"screen {number}",
            "x": screen.x,
            "y": screen.y,
            "width": screen.width,
            "height": screen.height,
            "primary": number == 0,
        }
        for number, screen in enumerate(connection.xinerama_query_screens().screens)
    ]


def scale_of(connection: Any) -> float:
    """What desktops tell applications to enlarge by: `Xft.dpi` of the resources, over 96."""
    told = connection.screen().root.get_full_property(Xatom.RESOURCE_MANAGER, Xatom.STRING)
    resources = b"" if told is None else told.value
    text = resources.decode("latin-1") if isinstance(resources, bytes) else str(resources)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Xft.dpi":
            try:
                return float(value) / _USUAL_DPI
            except ValueError:
                break
    return 1.0
