"""What Chromium shows: the tab in front, its address, other tabs, pages looked up anew."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from playwright.sync_api import Browser, Error, Page
from playwright.sync_api import TimeoutError as PageTimeout

from env.tasks import browser
from env.tasks.errors import Unscored
from env.tasks.getters.chrome_profile import appearance_of_profile
from env.tasks.machine import Bench
from env.tasks.metrics.markup import UBUNTU, parsed

Parameters = Mapping[str, Any]

_NAMES = ("Google Chrome", "Chromium")
"""OSWorld looks for one by the kind of processor; on Debian it is the other."""

_BAR = "Address and search bar"
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+\-.]*:")
_LOAD_MS = 60_000
_TABS_MS = 10_000
_SELECTOR_MS = 10_000
_CONNECT_SECONDS = 5.0
_START_SECONDS = 20.0
_HALF_OFF = "50_PERCENT_ off & more"
_LESS_OFF = ("30_PERCENT_ off & more", "20_PERCENT_ off & more")
_MODES = {0: "system", 1: "light", 2: "dark"}
_READ_MODE = """() => {
  const prefs = document.querySelector('settings-ui')?.prefs?.browser?.theme;
  return prefs?.color_scheme2?.value ?? prefs?.color_scheme?.value ?? null;
}"""


def active_url_from_accessTree(bench: Bench, parameters: Parameters) -> str | None:
    """The address in the bar that has the focus, else in the last one; None: there is none."""
    tree = parsed(bench.machine.accessibility_tree())
    bars = [
        entry
        for application in tree.iter("application")
        if application.get("name") in _NAMES
        for entry in application.iter("entry")
        if entry.get("name") == _BAR and entry.text
    ]
    if not bars:
        return None
    focused = [bar for bar in bars if bar.get(f"{{{UBUNTU['st']}}}focused") == "true"]
    text, prefix = (focused or bars)[-1].text.strip(), parameters.get("goto_prefix", "https://")
    if _SCHEME.match(text):
        return str(text)
    # Chromium leaves "www." out, or not.
    return f"{prefix or ''}{text.removeprefix('www.') if (prefix or '').endswith('www.') else text}"


def active_tab_info(bench: Bench, parameters: Parameters) -> dict[str, Any] | None:
    """Title, address and text of the page in front, looked up anew."""
    url = active_url_from_accessTree(bench, parameters)
    if url is None:
        return None
    try:
        with browser.connected(bench, seconds=_CONNECT_SECONDS) as running:
            return _looked_up(running, url)
    except (ConnectionError, Error):
        return None


def page_info(bench: Bench, parameters: Parameters) -> dict[str, Any]:
    """Raises `Unscored`: it is a page of a site that cannot be reached."""
    with _any_browser(bench) as running:
        try:
            return _looked_up(running, parameters["url"])
        except Error as error:
            raise Unscored(f"needs the site {parameters['url']}: {error.message}") from error


def _looked_up(running: Browser, url: str) -> dict[str, Any]:
    page = running.contexts[0].new_page()
    try:
        try:
            page.goto(url, wait_until="networkidle", timeout=_LOAD_MS)
        except PageTimeout:
            return {"title": "Load timeout", "url": page.url, "content": page.content()}
        return {"title": page.title(), "url": page.url, "content": page.content()}
    finally:
        page.close()


def open_tabs_info(bench: Bench, parameters: Parameters) -> list[dict[str, str]]:
    """Title and address of every tab. An empty list: no browser answers."""
    try:
        with browser.connected(bench, seconds=_CONNECT_SECONDS) as running:
            return [_tab(page) for context in running.contexts for page in context.pages]
    except (ConnectionError, Error):
        return []


def _tab(page: Page) -> dict[str, str]:
    try:
        page.wait_for_load_state("networkidle", timeout=_TABS_MS)
        return {"title": page.title(), "url": page.url}
    except PageTimeout:
        return {"title": "Load timeout", "url": page.url}
    except Error:
        return {"title": "Error encountered", "url": page.url}


def active_tab_url_parse(bench: Bench, parameters: Parameters) -> dict[str, Any] | None:
    """Values of the address's query, by new names if `replace` gives them."""
    url = active_url_from_accessTree(bench, parameters)
    return None if url is None else query_of(url, parameters)


def query_of(url: str, parameters: Parameters) -> dict[str, Any]:
    query, renamed = parse_qs(urlparse(url).query), parameters.get("replace", {})
    found = {renamed.get(key, key): query.get(key, [""])[0] for key in parameters["parse_keys"]}
    if parameters.get("split_list", False):
        return {key: value.split(",") for key, value in found.items()}
    return found


def url_dashPart(bench: Bench, parameters: Parameters) -> Any:
    """One part of the address between slashes."""
    url = active_url_from_accessTree(bench, parameters)
    return None if url is None else part_of(url, parameters)


def part_of(url: str, parameters: Parameters) -> Any:
    parts, place = url.split("/"), int(parameters["partIndex"])
    if place >= len(parts):
        return None
    part = parts[place].split("?")[0] if parameters.get("needDeleteId", False) else parts[place]
    match parameters["returnType"]:
        case "string":
            return part
        case "json":
            return {parameters["key"]: part}
    return None


def url_path_parse(bench: Bench, parameters: Parameters) -> dict[str, Any] | None:
    """A shop's filters, which it writes into the path: names, a slash, their values."""
    url = active_url_from_accessTree(bench, parameters)
    return None if url is None else filters_of(url, parameters)


def filters_of(url: str, parameters: Parameters) -> dict[str, Any]:
    path = unquote(urlparse(url).path)
    parts = path.strip("/").split("/")
    pairs = (pair for pair in pairwise(parts) if all("," in one for one in pair))
    named = next(pairs, None)
    chosen: dict[str, str] = {}
    if named is not None:
        keys, values = ([word.strip() for word in one.split(",")] for one in named)
        chosen = dict(zip(keys, values, strict=False))
    shirts = "shirts" in path or chosen.get("Product_department") in ("shirts", "Shirts", "Shirt")
    short = "short-sleeve" in path or chosen.get("Sleeve_length") in (
        "short-sleeve",
        "Short Sleeve",
    )
    found: dict[str, Any] = {
        "mens_clothing": "mens-clothing" in path or None,
        "shirts": shirts or None,
        "short_sleeve": short or None,
    }
    for key in parameters["parse_keys"]:
        if key == "Price_discount_range":
            off = [one.strip() for one in chosen.get(key, "").split("|")]
            half = _HALF_OFF in off and not any(one in off for one in _LESS_OFF)
            found[key] = _HALF_OFF if half else f"not_{_HALF_OFF}"
        elif key in chosen:
            found[key] = chosen[key] or None
        elif key == "Men_regular_size_t":
            found[key] = None
    return found


def chrome_appearance_mode_ui(bench: Bench, parameters: Parameters) -> str:
    """ "light", "dark" or "system", as the page of settings says, else the profile."""
    try:
        with browser.connected(bench, seconds=_CONNECT_SECONDS) as running:
            page = running.contexts[0].new_page()
            try:
                page.goto("chrome://settings/appearance", timeout=_SELECTOR_MS)
                page.wait_for_function(_READ_MODE + " !== null", timeout=_SELECTOR_MS)
                mode = page.evaluate(_READ_MODE)
            finally:
                page.close()
    except (ConnectionError, Error):
        mode = None
    return _MODES.get(mode) or appearance_of_profile(bench)


def pdf_from_url(bench: Bench, parameters: Parameters) -> str:
    """A page, printed. Raises `Unscored`: the page cannot be reached."""
    path = bench.file(parameters["dest"])
    with _any_browser(bench) as running:
        page = running.contexts[0].new_page()
        try:
            page.goto(parameters["path"], wait_until="networkidle", timeout=_LOAD_MS)
            page.pdf(path=path)
        except Error as error:
            raise Unscored(f"needs the site {parameters['path']}: {error.message}") from error
        finally:
            page.close()
    return str(path)


def info_from_website(bench: Bench, parameters: Parameters) -> Any:
    """Texts or attributes of elements of a page; `backups`, if it cannot be had.

    Raises:
        Unscored: it cannot be had, and there is nothing instead.
    """
    try:
        with _any_browser(bench) as running:
            page = running.contexts[0].new_page()
            try:
                return [_told(page, parameters["url"], info) for info in parameters["infos"]]
            finally:
                page.close()
    except (ConnectionError, Error) as error:
        if parameters.get("backups") is None:
            raise Unscored(f"needs the site {parameters['url']}") from error
        return parameters["backups"]


def _told(page: Page, url: str, info: Parameters) -> str | None:
    if page.url != url:
        page.goto(url, timeout=_LOAD_MS)
    selectors = info["selector"] if isinstance(info["selector"], list) else [info["selector"]]
    for selector in selectors[:-1]:
        page.locator(selector).first.click(timeout=_SELECTOR_MS)
        page.wait_for_load_state("load")
    last = page.locator(selectors[-1]).first
    if info.get("action", "inner_text").endswith("attribute"):
        return last.get_attribute(info["attribute"], timeout=_SELECTOR_MS)
    return last.inner_text(timeout=_SELECTOR_MS)


def gotoRecreationPage_and_get_html_content(bench: Bench, parameters: Parameters) -> Any:
    """Raises `Unscored`, always: it is a walk through one site."""
    raise Unscored("needs the site https://www.recreation.gov")


def number_of_search_results(bench: Bench, parameters: Parameters) -> Any:
    """Raises `Unscored`, always."""
    raise Unscored("needs the site https://google.com")


@contextmanager
def _any_browser(bench: Bench) -> Iterator[Browser]:
    """The one that runs; one is started if none answers. Raises `ConnectionError`."""
    try:
        with browser.connected(bench, seconds=_CONNECT_SECONDS) as running:
            yield running
            return
    except ConnectionError:
        bench.machine.launch(("google-chrome", "--remote-debugging-port=1337"))
    with browser.connected(bench, seconds=_START_SECONDS) as running:
        yield running
