"""The monitors an X11 screen is made of, and how large it is meant to look."""

from typing import Any

from Xlib import Xatom

_USUAL_DPI = 96.0


def monitors_of(connection: Any) -> list[dict[str, Any]]:
    """RandR's: name, place on the screen in pixels, which may be negative, and whether primary."""
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
