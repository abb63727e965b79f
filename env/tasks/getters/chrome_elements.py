"""Texts of elements of the page in front, found as a task says: by class, path, label, field."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from playwright.sync_api import Browser, Error, Page

from env.tasks import browser
from env.tasks.getters.chrome_pages import active_url_from_accessTree
from env.tasks.machine import Bench

Parameters = Mapping[str, Any]

_LOAD_MS = 60_000
_FIND_MS = 5_000
_OTHER = "is_other_exist"
_OWN_TEXTS = """node => Array.from(node.childNodes)
  .filter(one => one.nodeType === Node.TEXT_NODE)
  .map(one => one.textContent.trim()).filter(Boolean)"""


def active_tab_html_parse(bench: Bench, parameters: Parameters) -> dict[str, Any] | None:
    """None: no address is to be seen; an empty object: no tab has it."""
    url = active_url_from_accessTree(bench, parameters)
    if url is None:
        return None
    with browser.connected(bench) as running:
        page = _page_at(running, url)
        return {} if page is None else elements_of(page, parameters)


def _page_at(running: Browser, url: str) -> Page | None:
    wanted = unquote(url).rstrip("/")
    for context in running.contexts:
        for page in context.pages:
            try:
                page.wait_for_load_state("networkidle", timeout=_LOAD_MS)
            except Error:
                continue
            if unquote(page.url).rstrip("/") == wanted:
                return page
    return None


def elements_of(page: Page, parameters: Parameters) -> dict[str, Any]:
    """What is not there is an empty text."""
    match parameters["category"]:
        case "class":
            return _by_class(page, parameters)
        case "label":
            labels = parameters.get("labelObject", {})
            return {key: _text(page, f"text={label}") for label, key in labels.items()}
        case "xpath":
            paths = parameters.get("xpathObject", {})
            return {key: _text(page, f"xpath={path}") for path, key in paths.items()}
        case "input":
            paths = parameters.get("inputObject", {})
            return {key: _value(page, f"xpath={path}") for path, key in paths.items()}
        case "class&url":
            return _by_class_and_url(page, parameters)
    return {}


def _by_class(page: Page, parameters: Parameters) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ranked = {
        "class_multiObject": _texts,
        "class_multiObject_child": _own_texts,
        "class_multiObject_only_child": _headings,
    }
    for name, read in ranked.items():
        for class_name, keys in parameters.get(name, {}).items():
            texts = read(page, f".{class_name}")
            for rank, key in keys.items():
                found[key] = texts[int(rank)] if int(rank) < len(texts) else ""
    for class_name, wanted in parameters.get("class_multiObject_search_exist", {}).items():
        texts = _texts(page, f".{class_name}")
        found |= {text: text in texts for text in wanted if text != _OTHER}
        if _OTHER in wanted:
            others = any(text not in wanted for text in texts)
            found[_OTHER] = others or found.get(_OTHER, False)
    for class_name, key in parameters.get("class_singleObject", {}).items():
        texts = _texts(page, f".{class_name}")
        found[key] = texts[0] if texts else ""
    return found


def _by_class_and_url(page: Page, parameters: Parameters) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, read in (("class_multiObject", _texts), ("class_multiObject_li", _products)):
        for class_name, wanted in parameters.get(name, {}).items():
            texts = [text.lower() for text in read(page, f".{class_name}")]
            lower = [text.lower() for text in wanted]
            found |= {text: True for text in lower if text in texts}
            others = any(all(text not in one for one in lower) for text in texts)
            found[_OTHER] = others or found.get(_OTHER, False)
    url = page.url.lower()
    for part in parameters.get("url_include_expected", []):
        found.setdefault(part.lower(), part.lower() in url)
    for part, key in parameters.get("url_include_expected_multichoice", {}).items():
        found.setdefault(key.lower(), part.lower() in url)
    return found


def _texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_text_contents()]


def _own_texts(page: Page, selector: str) -> list[str]:
    """Of the first element, without those of elements in it."""
    first = page.query_selector(selector)
    texts: list[str] = first.evaluate(_OWN_TEXTS) if first else []
    return texts


def _headings(page: Page, selector: str) -> list[str]:
    headings = (one.query_selector("h3") for one in page.query_selector_all(selector))
    return [(one.text_content() or "").strip() for one in headings if one]


def _products(page: Page, selector: str) -> list[str]:
    items = page.query_selector_all(f"{selector} li.catAllProducts")
    spans = (item.query_selector("span") for item in items)
    return [span.inner_text().strip() for span in spans if span]


def _text(page: Page, selector: str) -> str:
    try:
        return (page.locator(selector).first.text_content(timeout=_FIND_MS) or "").strip()
    except Error:
        return ""


def _value(page: Page, selector: str) -> str:
    try:
        return page.locator(selector).first.input_value(timeout=_FIND_MS).strip()
    except Error:
        return ""
