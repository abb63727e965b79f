"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docx import Document

from env.tasks import registry
from env.tasks.errors import TaskRefused, Unscored

Make = Callable[[Path], tuple[Any, ...]]
Case = tuple[str, Make, float]


def text(folder: Path, content: str, name: str = "file.txt") -> str:
    (folder / name).write_text(content, encoding="utf-8")
    return str(folder / name)


def as_json(folder: Path, value: Any, name: str = "file.json") -> str:
    return text(folder, json.dumps(value), name)


def words(folder: Path, *paragraphs: str) -> str:
    document = Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(str(folder / "words.docx"))
    return str(folder / "words.docx")


def database(folder: Path) -> str:
    connection = sqlite3.connect(folder / "a.sqlite")
    connection.execute("CREATE TABLE t (n INTEGER)")
    connection.execute("INSERT INTO t VALUES (3), (4)")
    connection.commit()
    connection.close()
    return str(folder / "a.sqlite")


TREE = (
    '<desktop-frame xmlns:st="https://accessibility.ubuntu.example.org/ns/state">'
    '<application name="Thunderbird"><frame><entry name="To" st:showing="true">ann@x.org</entry>'
    "</frame></application></desktop-frame>"
)
EXPECT = {"expect": [{"key": ["a", "b"], "method": "eq", "ref": 2}]}
PEOPLE = "name,age\nAnn,31\nBob,7\n"


def twins(one: str, other: str) -> Make:
    return lambda folder: (text(folder, one, "one.txt"), text(folder, other, "two.txt"))


CASES: list[Case] = [
    ("check_include_exclude", lambda _: ("abc", {"include": ["a"], "exclude": ["x"]}), 1.0),
    ("check_include_exclude", lambda _: ("abc", {"include": ["a"], "exclude": ["c"]}), 0.0),
    ("check_include_exclude", lambda _: (None, {"include": []}), 0.0),
    ("exact_match", lambda _: ("100\n", {"expected": "100\n"}), 1.0),
    ("exact_match", lambda _: ("100", {"expected": "100\n"}), 0.0),
    ("match_in_list", lambda _: ("light", {"expected": ["light", "system"]}), 1.0),
    ("match_in_list", lambda _: ("dark", {"expected": ["light", "system"]}), 0.0),
    ("is_in_list", lambda _: (["a", "b"], {"expected": "b"}), 1.0),
    ("is_in_list", lambda _: (["a", "b"], {"expected": "c"}), 0.0),
    ("literal_match", lambda _: (12, "12"), 1.0),
    ("literal_match", lambda _: ("a", "b"), 0.0),
    ("fuzzy_match", lambda _: ("kitten", {"expected": "sitting"}), 0.6153846153846154),
    ("fuzzy_match", lambda _: ("abc", {"expected": "xyz"}), 0.0),
    ("diff_text_file", twins("a\n", "b\n"), 0.0),
    ("fuzzy_match", lambda _: ("same", {"expected": "same"}), 1.0),
    ("diff_text_file", twins("a\nb\nc\n", "a\nb\nc\n"), 1.0),
    ("diff_text_file", twins("a\nb\nc\n", "a\nx\nc\nd\n"), 4 / 7),
    (
        "fuzzy_place_math",
        lambda f: (words(f, "alpha beta", "gama"), {"expected": ["alpha", "beta", "gamma"]}),
        (2 + 8 / 9) / 3,
    ),
    ("fuzzy_place_math", lambda f: (words(f, "alpha"), {"expected": ["alpha"]}), 0.0),
    (
        "check_csv",
        lambda f: (text(f, PEOPLE), {"expect": [{"name": "Ann"}], "unexpect": [{"age": "8"}]}),
        1.0,
    ),
    ("check_csv", lambda f: (text(f, PEOPLE), {"expect": [{"name": "Ann", "age": "7"}]}), 0.0),
    ("check_csv", lambda f: (text(f, PEOPLE), {"unexpect": [{"age": "7"}]}), 0.0),
    (
        "check_list",
        lambda f: (text(f, "x=1\ny=2\n"), {"expect": ["^x=", r"2\n?$"], "unexpect": ["z"]}),
        1.0,
    ),
    ("check_list", lambda f: (text(f, "x=1\ny=2\n"), {"expect": ["^x=2"]}), 0.0),
    ("check_list", lambda f: (text(f, "x=1\ny=2\n"), {"unexpect": ["y"]}), 0.0),
    (
        "check_accessibility_tree",
        lambda _: (
            TREE,
            [{"selectors": ["entry[st|showing=true]"], "text": "ann@x.org", "exact": True}],
        ),
        1.0,
    ),
    (
        "check_accessibility_tree",
        lambda _: (TREE, [{"xpath": "//entry[@st:showing]", "text": "bob@x.org", "exact": False}]),
        2 / 3,
    ),
    ("check_accessibility_tree", lambda _: (TREE, [{"xpath": "//label"}]), 0.0),
    ("run_sqlite3", lambda f: (database(f), {"sql": "SELECT sum(n) FROM t"}), 7.0),
    ("run_sqlite3", lambda f: (database(f), {"sql": "SELECT sum(n) FROM t WHERE n > 9"}), 0.0),
    ("check_json", lambda f: (as_json(f, {"a": {"b": 2}}), EXPECT), 1.0),
    ("check_json", lambda f: (as_json(f, {"a": {"b": 3}}), EXPECT), 0.0),
    ("check_json", lambda f: (as_json(f, {"a": 1}), EXPECT), 0.0),
    ("check_json", lambda f: (text(f, "{"), EXPECT), 0.0),
    ("check_json", lambda f: (text(f, "a:\n  b: 2\n"), EXPECT, True), 1.0),
    ("check_json", lambda f: (as_json(f, {"a": {"b": 2}}), {"unexpect": EXPECT["expect"]}), 0.0),
    ("check_json", lambda f: (as_json(f, {}), {"unexpect": EXPECT["expect"]}), 1.0),
    ("check_direct_json_object", lambda _: ({"a": "1", "b": "2"}, {"expected": {"a": "1"}}), 1.0),
    ("check_direct_json_object", lambda _: ("{'a': '1'}", {"expected": {"a": "2"}}), 0.0),
    ("check_direct_json_object", lambda _: (None, {"expected": {"a": "2"}}), 0.0),
    (
        "check_direct_json_object",
        lambda _: ({"a": "seven"}, {"expect_in_result": True, "expected": {"a": "eve"}}),
        1.0,
    ),
    (
        "check_direct_json_object",
        lambda _: ({"a": ["x"]}, {"expect_in_result": True, "expected": {"a": ["x", "y"]}}),
        1.0,
    ),
    (
        "check_direct_json_object",
        lambda _: ({"a": 3}, {"expect_in_result": True, "expected": {"a": "3"}}),
        0.0,
    ),
    (
        "check_direct_json_object",
        lambda _: ({"a": "1"}, {"expected": {"a": "__EVALUATION_FAILED__"}}),
        0.0,
    ),
    ("compare_time_in_speedtest_results", lambda f: (text(f, "a,b\nx,2020-01-01 99:99\n"), 5), 0.0),
    (
        "is_included_all_json_objects",
        lambda f: (as_json(f, {"a": 1}, "g"), as_json(f, {"a": 1, "b": 2}, "r")),
        1.0,
    ),
    (
        "is_included_all_json_objects",
        lambda f: (as_json(f, {"a": 1}, "g"), as_json(f, {"a": 2}, "r")),
        0.0,
    ),
    ("file_contains", lambda f: (text(f, "CPU %user"), {"expected": ["CPU", "%user"]}), 1.0),
    ("file_contains", lambda f: (text(f, "CPU"), {"expected": ["CPU", "%user"]}), 0.0),
    ("file_contains", lambda f: (str(f / "none"), {"expected": []}), 0.0),
    (
        "check_line_number",
        lambda f: (text(f, "12:00:01 a\nb\n23:59:60 c\n"), {"expected": "2"}),
        1.0,
    ),
    ("check_line_number", lambda f: (text(f, "24:00:01 a\n"), {"expected": "1"}), 0.0),
    ("compare_terminal_and_txt", lambda f: (text(f, "out\n"), "out\n"), 1.0),
    ("compare_terminal_and_txt", lambda f: (text(f, "out\n"), "out"), 0.0),
    ("compare_text_file", twins("a  b", "a  b"), 1.0),
    ("compare_text_file", twins("a  b", "a b"), 0.0),
    ("compare_config", lambda f: (text(f, "x\n"), {"expected": "x\n"}), 1.0),
    ("compare_config", lambda f: (text(f, "x\n"), {"expected": "x"}), 0.0),
    ("compare_answer", lambda _: ("yes", {"expected": "yes"}), 1.0),
    ("compare_answer", lambda _: ("", {"expected": ""}), 0.0),
    (
        "is_extension_installed",
        lambda _: ("ms.python\n", {"type": "contain", "expected": "ms.python"}),
        1.0,
    ),
    (
        "is_extension_installed",
        lambda _: ("ms.python\n", {"type": "not_contain", "expected": "python"}),
        0.0,
    ),
    ("check_json_settings", lambda f: (as_json(f, {"a": 1, "b": 2}), {"expected": {"a": 1}}), 1.0),
    ("check_json_settings", lambda f: (as_json(f, {"b": 2}), {"expected": {"a": 1}}), 0.0),
    (
        "check_json_keybindings",
        lambda f: (text(f, '// mine\n[{"key": "f5"}]'), {"expected": {"key": "f5"}}),
        1.0,
    ),
    (
        "check_json_keybindings",
        lambda f: (text(f, '[{"key": "f6"}]'), {"expected": {"key": "f5"}}),
        0.0,
    ),
    ("compare_python_pure_text", twins("#!/bin/py\nx = 1\n\n", "x = 1   \n"), 1.0),
    ("compare_python_pure_text", twins("x = 1\n", " x = 1\n"), 0.0),
    ("compare_result_files", twins("it took 3.5 s", "3.5"), 1.0),
    ("compare_result_files", twins("3.49999", "3.5"), 1.0),
    ("compare_result_files", twins("4", "3.5"), 0.0),
    (
        "check_html_background_image",
        lambda f: (
            text(f, "<style>body{background-image: url('a.png')}</style>"),
            {"value": "a.png"},
        ),
        1.0,
    ),
    (
        "check_html_background_image",
        lambda f: (text(f, "<style></style>"), {"value": "a.png"}),
        0.0,
    ),
    (
        "check_gnome_favorite_apps",
        lambda _: ("['a.desktop', 'b.desktop']", {"expected": ["b.desktop", "a.desktop"]}),
        1.0,
    ),
    ("check_gnome_favorite_apps", lambda _: ("['a.desktop']", {"expected": ["b.desktop"]}), 0.0),
    ("is_utc_0", lambda _: ("a\nb\nc\n Time zone: Atlantic/Faroe (WET, +0000)\n",), 1.0),
    ("is_utc_0", lambda _: ("a\nb\nc\n Time zone: Europe/Rome (CET, +0100)\n",), 0.0),
    ("check_text_enlarged", lambda _: ("1.25\n",), 1.0),
    ("check_text_enlarged", lambda _: ("1.0\n",), 0.0),
    (
        "check_moved_jpgs",
        lambda _: ({"children": [{"name": "a.jpg"}]}, {"expected": ["a.jpg"]}),
        1.0,
    ),
    (
        "check_moved_jpgs",
        lambda _: ({"children": [{"name": "a.jpg"}, {"name": "b"}]}, {"expected": ["a.jpg"]}),
        0.0,
    ),
    ("is_in_vm_clickboard", lambda _: ({"expected": ["a", "b"]}, "b a"), 1.0),
    ("is_in_vm_clickboard", lambda _: ({"expected": "c"}, "b a"), 0.0),
]


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_what_was_found_is_scored_as_osworld_scores_it(
    name: str, make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path)) == pytest.approx(score)


def test_options_loosen_the_comparison_of_texts(tmp_path: Path) -> None:
    compare = registry.metric("compare_text_file")
    files = twins("A \t b\n", "a b")(tmp_path)
    assert compare(*files, ignore_blanks=True, ignore_case=True) == 1.0
    assert compare(*files, ignore_blanks=True) == 0.0
    literal = registry.metric("literal_match")
    assert literal(["A", 1], ["a", "1"], type="list", ignore_case=True) == 1.0
    assert literal(["A"], ["a", "1"], type="list") == 0.0


def test_a_query_neither_writes_nor_reaches_another_file(tmp_path: Path) -> None:
    query = registry.metric("run_sqlite3")
    path = database(tmp_path)
    other = tmp_path / "other.sqlite"
    for sql in (
        f"ATTACH '{other}' AS o",
        "INSERT INTO t VALUES (1)",
        "PRAGMA writable_schema=1; x",
    ):
        with pytest.raises((sqlite3.Error, TypeError, sqlite3.Warning)):
            query(path, {"sql": sql})
    assert not other.exists()


def test_a_query_without_end_is_ended(tmp_path: Path) -> None:
    endless = (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    )
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        registry.metric("run_sqlite3")(database(tmp_path), {"sql": endless})


@pytest.mark.parametrize(
    ("method", "ref", "value", "follows"),
    [
        ("re.I", "ABC", "xabcx", True),
        ("re", "ABC", "xabcx", False),
        ("ge", 3, 3, True),
        ("lt", 3, 3, False),
        ("approx:0.5", 3, "3.4", True),
        ("approx:0.5", 3, "x", False),
        ("range.te", [0, 2], 2, True),
        ("range.te", [0, 2], 0, False),
        ("str_set_eq", ["a", "b"], '"b,a"', True),
        ("str_list_eq", ["a", "b"], "b,a", False),
    ],
)
def test_rules(method: str, ref: Any, value: Any, follows: bool) -> None:
    from env.tasks.metrics.rules import follows as asked

    assert asked(value, {"method": method, "ref": ref}) is follows


def test_an_unknown_rule_is_not_guessed() -> None:
    from env.tasks.metrics.rules import follows as asked

    with pytest.raises(TaskRefused):
        asked(1, {"method": "__import__", "ref": 1})


def test_what_cannot_be_judged_here_is_no_zero(tmp_path: Path) -> None:
    picture = text(tmp_path, "x", "a.png")
    with pytest.raises(Unscored):
        registry.metric("compare_image_text")(picture, {"type": "text", "text": "ls"})
    with pytest.raises(Unscored):
        registry.metric("check_python_file_by_test_suite")(None, picture)


@pytest.mark.parametrize(
    ("kept", "wanted", "score"),
    [
        ('{"theme": "Dark", "zoom": {"level": 1}}', '{"theme": "Dark"}\n', 1.0),
        ('{"zoom": {"level": 1, "step": 2}}', '{"zoom": {"level": 1}}', 1.0),
        ('{"theme": "Light"}', '{"theme": "Dark"}', 0.0),
        ("open: project\n", "project", 1.0),
        ("open: nothing\n", "project", 0.0),
    ],
)
def test_settings_may_say_more_where_a_task_allows_it(
    kept: str, wanted: str, score: float, tmp_path: Path
) -> None:
    """As OSWorld's own since 2026; PyPI's desktop-env does not have the option."""
    compare = registry.metric("compare_config")
    assert compare(text(tmp_path, kept), {"expected": wanted}, containment_ok=True) == score
    assert compare(text(tmp_path, kept), {"expected": wanted}) == 0.0
