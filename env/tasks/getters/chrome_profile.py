"""What Chromium has written into its profile."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from env.tasks.browser import PROFILE
from env.tasks.getters.files import fetched
from env.tasks.machine import Bench

Parameters = Mapping[str, Any]

_FIRST_FONTS = {"default_fixed_font_size": 13, "default_font_size": 16, "minimum_font_size": 13}
_UNREADABLE = "Google"
"""What OSWorld says of several settings when there is no profile."""


def default_search_engine(bench: Bench, parameters: Parameters) -> str:
    template = _at(_preferences(bench), "default_search_provider_data", "template_url_data")
    return str(_at(template, "short_name") or "Google")


def profile_name(bench: Bench, parameters: Parameters) -> Any:
    return _at(_preferences(bench), "profile", "name")


def chrome_font_size(bench: Bench, parameters: Parameters) -> Any:
    return _at(_preferences(bench), "webkit", "webprefs") or _FIRST_FONTS


def enable_do_not_track(bench: Bench, parameters: Parameters) -> str:
    return _said(_at(_preferences(bench), "enable_do_not_track"))


def enable_safe_browsing(bench: Bench, parameters: Parameters) -> str:
    chosen = _at(_preferences(bench), "safebrowsing")
    return _said(_at(chosen, "enhanced") or _at(chosen, "enabled"))


def enable_enhanced_safety_browsing(bench: Bench, parameters: Parameters) -> str:
    preferences = _preferences(bench)
    if preferences is None:
        return _UNREADABLE
    return _said(_at(preferences, "safebrowsing", "enhanced"))


def new_startup_page(bench: Bench, parameters: Parameters) -> str:
    """ "true": it starts with a new tab, as a fresh profile does."""
    preferences = _preferences(bench)
    if preferences is None:
        return _UNREADABLE
    return _said(
        "session" not in preferences or _at(preferences, "session", "restore_on_startup") == 5
    )


def data_delete_automacally(bench: Bench, parameters: Parameters) -> str:
    preferences = _preferences(bench)
    if preferences is None or "profile" not in preferences:
        return _UNREADABLE
    return _said(_at(preferences, "profile", "default_content_setting_values") is not None)


def find_unpacked_extension_path(bench: Bench, parameters: Parameters) -> Any:
    return _of_extensions(bench, "path")


def find_installed_extension_name(bench: Bench, parameters: Parameters) -> Any:
    return _of_extensions(bench, "manifest", "name")


def _of_extensions(bench: Bench, *keys: str) -> Any:
    """Of each extension, in either of the files that Chromium keeps them in."""
    read = [_json(bench, f"{PROFILE}/{name}") for name in ("Preferences", "Secure Preferences")]
    if all(one is None for one in read):
        return _UNREADABLE
    settings = (_at(one, "extensions", "settings") or {} for one in read)
    found = (_at(extension, *keys) for one in settings for extension in one.values())
    return [value for value in found if value is not None]


def bookmarks(bench: Bench, parameters: Parameters) -> Any:
    """The tree's roots; an empty list: there are none."""
    return _at(_json(bench, f"{PROFILE}/Bookmarks"), "roots") or []


def enabled_experiments(bench: Bench, parameters: Parameters) -> Any:
    return _at(_local_state(bench), "browser", "enabled_labs_experiments") or []


def chrome_language(bench: Bench, parameters: Parameters) -> Any:
    return _at(_local_state(bench), "intl", "app_locale") or "en-US"


def cookie_data(bench: Bench, parameters: Parameters) -> list[Any] | None:
    return _rows(bench, "Cookies", parameters, "SELECT * FROM cookies")


def history(bench: Bench, parameters: Parameters) -> list[Any] | None:
    return _rows(bench, "History", parameters, "SELECT url, title, last_visit_time FROM urls")


def _rows(bench: Bench, name: str, parameters: Parameters, query: str) -> list[Any] | None:
    """None: no such database, or none that can be read."""
    path = fetched(bench, f"{_profile(bench)}/{name}", parameters.get("dest", name))
    if path is None:
        return None
    # What is not in the main file yet lies beside it.
    fetched(bench, f"{_profile(bench)}/{name}-wal", f"{parameters.get('dest', name)}-wal")
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()


def shortcuts_on_desktop(bench: Bench, parameters: Parameters) -> dict[str, str]:
    """Texts of the `.desktop` files on the desktop, by name."""
    folder = f"{bench.machine.home}/Desktop"
    listed = bench.machine.run(("find", folder, "-maxdepth", "1", "-name", "*.desktop", "-print0"))
    found: dict[str, str] = {}
    for path in filter(None, listed.output.split("\0")):
        try:
            text = bench.machine.get_file(path).decode("utf-8", "replace")
        except OSError:
            continue
        found[PurePosixPath(path).name] = text
    return found


def _profile(bench: Bench) -> str:
    return f"{bench.machine.home}/{PROFILE}"


def _preferences(bench: Bench) -> dict[str, Any] | None:
    return _json(bench, f"{PROFILE}/Preferences")


def _local_state(bench: Bench) -> dict[str, Any] | None:
    return _json(bench, str(PurePosixPath(PROFILE).parent / "Local State"))


def _json(bench: Bench, path: str) -> dict[str, Any] | None:
    """An object in a file of the home; None: there is none."""
    try:
        value = json.loads(bench.machine.get_file(f"{bench.machine.home}/{path}"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _at(value: Any, *keys: str) -> Any:
    """None: something on the way is not there."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _said(truth: Any) -> str:
    return "true" if truth else "false"


def appearance_of_profile(bench: Bench) -> str:
    """ "light", "dark" or "system"."""
    theme = _at(_preferences(bench), "browser", "theme")
    modes = {0: "system", 1: "light", 2: "dark"}
    chosen = _at(theme, "color_scheme2")
    return modes.get(_at(theme, "color_scheme") if chosen is None else chosen, "system")
