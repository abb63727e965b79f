"""Settings of the system, as commands print them."""

import ast
from collections.abc import Mapping
from typing import Any


def check_gnome_favorite_apps(result: str, rules: Mapping[str, Any]) -> float:
    """Args: result: "['thunderbird.desktop', 'vim.desktop']", as gsettings prints it."""
    apps = ast.literal_eval(result)
    expected = rules["expected"]
    return float(len(apps) == len(expected) and set(apps) == set(expected))


def is_utc_0(result: str) -> float:
    """The fourth line of `timedatectl` names a zone without offset."""
    return float(result.split("\n")[3].endswith("+0000)"))


def check_text_enlarged(result: str) -> float:
    return float(float(result) > 1.0)


def check_moved_jpgs(result: Mapping[str, Any], rules: Mapping[str, Any]) -> float:
    names = [node["name"] for node in result["children"]]
    expected = rules["expected"]
    return float(len(names) == len(expected) and set(names) == set(expected))


def is_in_vm_clickboard(config: Mapping[str, Any], output: str, *, exact: bool = False) -> float:
    """The rule comes first in the task that uses it."""
    if output is None and not exact:
        return 0.0
    expected = config["expected"]
    wanted = expected if isinstance(expected, list) else [expected]
    return float(all(one in output for one in wanted))
