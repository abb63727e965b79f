"""What a browser shows and remembers: tabs, bookmarks, cookies, history, settings."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import urlparse, urlunparse

from env.tasks import apart
from env.tasks.urls import same_url

Rules = Mapping[str, Any]


def is_expected_active_tab(result: Any, rules: Rules) -> float:
    """The address of the tab in front; a `dict` with it, or the address itself."""
    if not result or rules["type"] != "url":
        return 0.0
    return float(same_url(rules["url"], _address(result)))


def is_expected_active_tab_approximate(result: Any, rules: Rules) -> float:
    """As `is_expected_active_tab`, whatever the query; and letter by letter."""
    address = _address(result) if result else None
    if address is None or rules["type"] != "url":
        return 0.0
    expected, found = (
        urlunparse(urlparse(one)._replace(query="")) for one in (rules["url"], address)
    )
    return float(expected == found)


def is_expected_url_pattern_match(result: Any, rules: Rules) -> float:
    """Every pattern matches somewhere in the address."""
    address = _address(result) if result else None
    if not isinstance(address, str):
        return 0.0
    return float(all(apart.found(pattern, [address]) for pattern in rules["expected"]))


def _address(result: Any) -> Any:
    return result.get("url") if isinstance(result, Mapping) else result


def is_expected_search_query(result: Any, rules: Rules) -> float:
    if not result:
        return 0.0
    return float(apart.found(rules["expect"]["pattern"], [result["url"]]))


def is_expected_tabs(result: Sequence[Rules] | None, rules: Rules) -> float:
    """As many tabs as expected, and one for each address."""
    if not result or rules["type"] != "url":
        return 0.0
    expected, found = rules["urls"], [tab["url"] for tab in result]
    return float(
        len(expected) == len(found)
        and all(any(same_url(one, other) for other in found) for one in expected)
    )


def is_added_to_steam_cart(result: Any, rules: Rules) -> float:
    if not result:
        return 0.0
    return float(all(item in result["content"] for item in rules["items"]))


def is_expected_installed_extensions(result: Sequence[str] | None, rules: Rules) -> float:
    return float(bool(result) and set(rules["expected"]) <= set(result or ()))


def is_expected_bookmarks(result: Any, rules: Rules) -> float:
    """What is on the bookmarks bar, in any order."""
    if not result:
        return 0.0
    bar = result["bookmark_bar"]["children"]
    match rules["type"]:
        case "bookmark_bar_folders_names":
            return float({one["name"] for one in _of(bar, "folder")} == set(rules["names"]))
        case "bookmark_bar_websites_urls":
            return float({one["url"] for one in _of(bar, "url")} == set(rules["urls"]))
        case "liked_authors_websites_urls":
            folders = [one for one in _of(bar, "folder") if one["name"] == "Liked Authors"]
            if not folders:
                return 0.0
            found = {one["url"] for one in _of(folders[0]["children"], "url")}
            # Some of the addresses may be any of several.
            choices = ([url] if isinstance(url, str) else url for url in rules["urls"])
            return float(any(set(chosen) == found for chosen in product(*choices)))
    raise TypeError(f"no rule of bookmarks is called {rules['type']!r}")


def _of(bookmarks: Sequence[Any], kind: str) -> list[Any]:
    return [one for one in bookmarks if one["type"] == kind]


def is_cookie_deleted(result: Sequence[Sequence[Any]] | None, rules: Rules) -> float:
    """Args: result: rows of Chromium's table of cookies, the host being the second column."""
    if result is None:
        return 0.0
    if rules["type"] != "domains":
        raise TypeError(f"no rule of cookies is called {rules['type']!r}")
    return float(
        not any(same_url(domain, cookie[1]) for domain in rules["domains"] for cookie in result)
    )


def check_history_deleted(result: Sequence[Sequence[Any]] | None, rules: Rules) -> float:
    """Args: result: rows with an address first."""
    if result is None:
        return 0.0
    if rules["type"] != "keywords":
        raise TypeError(f"no rule of histories is called {rules['type']!r}")
    return float(not any(word in visit[0] for word in rules["keywords"] for visit in result))


def is_shortcut_on_desktop(result: Mapping[str, str], rules: Rules) -> float:
    """Args: result: texts of `.desktop` files by their paths."""
    lines = {"name": "Name", "exec": "Exec"}
    if rules["type"] not in lines:
        raise TypeError(f"no rule of shortcuts is called {rules['type']!r}")
    line = f"{lines[rules['type']]}={rules[rules['type']]}\n"
    return float(any(line in text for text in result.values()))


def check_enabled_experiments(result: Sequence[str], rules: Rules) -> float:
    """Args: result: "name@choice"."""
    if rules["type"] != "names":
        raise TypeError(f"no rule of experiments is called {rules['type']!r}")
    return float([one.split("@")[0] for one in result] == rules["names"])


def check_font_size(result: Rules, rules: Rules) -> float:
    size = result["default_font_size"]
    match rules["type"]:
        case "value":
            return float(size == rules["value"])
        case "range":
            return float(rules["min"] < size < rules["max"])
    raise TypeError(f"no rule of sizes is called {rules['type']!r}")
