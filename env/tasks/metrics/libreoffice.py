"""LibreOffice's settings (`registrymodifications.xcu`) and what it shows."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from env.tasks.metrics.markup import parsed, parsed_file

_IMPRESS_START = "/org.openoffice.Office.Impress/Misc/Start"
_SAVING = "/org.openoffice.Office.Common/Save/Document"
_OOR = "{http://openoffice.org/2001/registry}"


def _settings(path: str, item: str, name: str) -> list[str]:
    """Values of a setting, in the file's order."""
    where = f".//item[@{_OOR}path='{item}']//prop[@{_OOR}name='{name}']//value"
    return [value.text or "" for value in parsed_file(path).iterfind(where)]


def check_presenter_console_disable(result: str | None) -> float:
    from lxml import etree

    if not result:
        return 0.0
    try:
        found = _settings(result, _IMPRESS_START, "EnablePresenterScreen")
    except (etree.XMLSyntaxError, OSError):
        return 0.0
    return float(bool(found) and found[0].lower() == "false")


def check_auto_saving_time(result: str | None, rules: Mapping[str, Any]) -> float:
    """Minutes between two automatic savings."""
    from lxml import etree

    if not result:
        return 0.0
    try:
        found = _settings(result, _SAVING, "AutoSaveTimeIntervall")
    except (etree.XMLSyntaxError, OSError):
        return 0.0
    return float(bool(found) and int(found[-1]) == rules["minutes"])


def check_left_panel(tree: str) -> float:
    """Impress shows its slides at the side, as the accessibility tree tells."""
    frames = parsed(tree).iter("document-frame")
    return float(any(frame.get("name") == "Slides View" for frame in frames))


def check_libre_locale(result: str, rules: Mapping[str, Any]) -> float:
    """The language of the system's settings, else of the surface, fits one of the patterns."""
    root = parsed_file(result)
    for name in ("ooSetupSystemLocale", "ooLocale"):
        for prop in root.iterfind(f".//item/prop[@{_OOR}name='{name}']"):
            if prop.getparent().get(f"{_OOR}path", "").endswith("L10N"):
                found = prop.findtext("value") or ""
                return float(any(fnmatchcase(found, pattern) for pattern in rules["locale_set"]))
    return 0.0
