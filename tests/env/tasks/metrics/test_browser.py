"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from env.tasks import registry
from env.tasks.urls import same_url

Make = Callable[[Path], tuple[Any, ...]]

BAR = {
    "bookmark_bar": {
        "children": [
            {"type": "folder", "name": "Favorites", "children": []},
            {"type": "url", "name": "n", "url": "https://a.org/"},
            {
                "type": "folder",
                "name": "Liked Authors",
                "children": [{"type": "url", "url": "https://x.org"}],
            },
        ]
    }
}
TAB = {
    "url": "https://www.example.com/a?q=1",
    "title": "t",
    "content": "The Dota 2 Official Soundtrack",
}

CASES: list[tuple[str, Make, float]] = [
    (
        "is_expected_active_tab",
        lambda _: (TAB, {"type": "url", "url": "https://example.org/a?q=1"}),
        1.0,
    ),
    (
        "is_expected_active_tab",
        lambda _: (TAB["url"], {"type": "url", "url": "https://example.com/b"}),
        0.0,
    ),
    (
        "is_expected_active_tab_approximate",
        lambda _: (TAB, {"type": "url", "url": "https://www.example.com/a?z"}),
        1.0,
    ),
    (
        "is_expected_active_tab_approximate",
        lambda _: (TAB, {"type": "url", "url": "https://www.example.com/b"}),
        0.0,
    ),
    ("is_expected_url_pattern_match", lambda _: (TAB, {"expected": ["example", r"q=\d"]}), 1.0),
    ("is_expected_url_pattern_match", lambda _: (TAB["url"], {"expected": [r"q=\d\d"]}), 0.0),
    ("is_expected_search_query", lambda _: (TAB, {"expect": {"pattern": "q=1"}}), 1.0),
    ("is_expected_search_query", lambda _: (TAB, {"expect": {"pattern": "q=2"}}), 0.0),
    (
        "is_expected_tabs",
        lambda _: ([TAB], {"type": "url", "urls": ["https://example.com/a?q=1"]}),
        1.0,
    ),
    (
        "is_expected_tabs",
        lambda _: ([TAB, TAB], {"type": "url", "urls": ["https://example.com/a?q=1"]}),
        0.0,
    ),
    ("is_added_to_steam_cart", lambda _: (TAB, {"items": ["The Dota 2 Official Soundtrack"]}), 1.0),
    ("is_added_to_steam_cart", lambda _: (TAB, {"items": ["Portal"]}), 0.0),
    ("is_expected_installed_extensions", lambda _: (["a", "b"], {"expected": ["a"]}), 1.0),
    ("is_expected_installed_extensions", lambda _: (["b"], {"expected": ["a"]}), 0.0),
    (
        "is_expected_bookmarks",
        lambda _: (
            BAR,
            {"type": "bookmark_bar_folders_names", "names": ["Liked Authors", "Favorites"]},
        ),
        1.0,
    ),
    (
        "is_expected_bookmarks",
        lambda _: (BAR, {"type": "bookmark_bar_websites_urls", "urls": ["https://b.org/"]}),
        0.0,
    ),
    (
        "is_expected_bookmarks",
        lambda _: (
            BAR,
            {"type": "liked_authors_websites_urls", "urls": [["https://y.org", "https://x.org"]]},
        ),
        1.0,
    ),
    (
        "is_expected_bookmarks",
        lambda _: ([], {"type": "bookmark_bar_folders_names", "names": []}),
        0.0,
    ),
    (
        "is_cookie_deleted",
        lambda _: ([(1, ".google.com")], {"type": "domains", "domains": [".amazon.com"]}),
        1.0,
    ),
    (
        "is_cookie_deleted",
        lambda _: ([(1, ".amazon.com")], {"type": "domains", "domains": [".amazon.com"]}),
        0.0,
    ),
    (
        "check_history_deleted",
        lambda _: ([("https://a.org", "t", 1)], {"type": "keywords", "keywords": ["youtube"]}),
        1.0,
    ),
    (
        "check_history_deleted",
        lambda _: (
            [("https://youtube.com", "t", 1)],
            {"type": "keywords", "keywords": ["youtube"]},
        ),
        0.0,
    ),
    (
        "is_shortcut_on_desktop",
        lambda _: ({"a.desktop": "[x]\nName=Play\n"}, {"type": "name", "name": "Play"}),
        1.0,
    ),
    (
        "is_shortcut_on_desktop",
        lambda _: ({"a.desktop": "Exec=run it\n"}, {"type": "exec", "exec": "run"}),
        0.0,
    ),
    ("check_enabled_experiments", lambda _: (["a@1"], {"type": "names", "names": ["a"]}), 1.0),
    ("check_enabled_experiments", lambda _: (["a@1"], {"type": "names", "names": []}), 0.0),
    (
        "check_font_size",
        lambda _: ({"default_font_size": 20}, {"type": "range", "min": 16, "max": 99}),
        1.0,
    ),
    ("check_font_size", lambda _: ({"default_font_size": 16}, {"type": "value", "value": 20}), 0.0),
]


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_what_a_browser_shows_is_scored_as_osworld_scores_it(
    name: str, make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path)) == score


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.airbnb.com/", "https://airbnb.com.sg", True),
        ("airbnb.com", "http://airbnb.com/", True),
        ("https://a.b.com/x", "https://b.com/x", False),
        ("https://b.com/x?q=1", "https://b.com/x", False),
        ("chrome://settings/", "chrome://settings", True),
        (None, None, True),
        (None, "https://b.com", False),
    ],
)
def test_when_two_addresses_are_the_same(one: str | None, other: str | None, same: bool) -> None:
    assert same_url(one, other) is same


def test_a_query_may_be_passed_over() -> None:
    assert same_url("https://b.com/x?q=1#a", "https://b.com/x", full=False)
