"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfWriter

from env.tasks import registry

Make = Callable[[Path], tuple[Any, ...]]


def text(content: str, *more: Any, name: str = "file") -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        (folder / name).write_text(content, encoding="utf-8")
        return (str(folder / name), *more)

    return make


def two(one: str, other: str, ending: str = "txt") -> Make:
    return lambda f: (*text(one, name=f"a.{ending}")(f), *text(other, name=f"b.{ending}")(f))


def plus(make: Make, *more: Any) -> Make:
    return lambda folder: (*make(folder), *more)


def zipped(*archives: dict[str, str]) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.zip") for at, _ in enumerate(archives)]
        for files, path in zip(archives, paths, strict=True):
            with zipfile.ZipFile(path, "w") as made:
                for name, content in files.items():
                    made.writestr(name, content)
        return tuple(paths)

    return make


def pdfs(*pages: str) -> Make:
    """One page of text each; read back by two libraries, so it is written plainly."""

    def make(folder: Path) -> tuple[Any, ...]:
        paths = [folder / f"{at}.pdf" for at, _ in enumerate(pages)]
        for line, path in zip(pages, paths, strict=True):
            path.write_bytes(_pdf(line))
        return tuple(map(str, paths))

    return make


def _pdf(line: str) -> bytes:
    drawn = f"BT /F1 24 Tf 72 700 Td ({line}) Tj ET".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def blank(count: int) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        writer = PdfWriter()
        for _ in range(count):
            writer.add_blank_page(100, 100)
        with open(folder / "blank.pdf", "wb") as file:
            writer.write(file)
        return (str(folder / "blank.pdf"),)

    return make


def pictured(*patterns: int) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.pdf") for at, _ in enumerate(patterns)]
        for pattern, path in zip(patterns, paths, strict=True):
            image = Image.new("RGB", (64, 64))
            image.putdata(
                [((x * pattern) % 256, (y * 3) % 256, 0) for y in range(64) for x in range(64)]
            )
            image.save(path)
        return tuple(paths)

    return make


def status(state: str, field: str, value: str) -> str:
    return (
        f'<root><state>{state}</state><information><category name="meta">'
        f'<info name="{field}">{value}</info></category></information></root>'
    )


def vlcrc(line: str, **rules: Any) -> Make:
    return text(f"[qt]\n#some-key=1\n{line}\n", rules)


def xcu(item: str, name: str, value: str) -> str:
    return (
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry">'
        f'<item oor:path="{item}"><prop oor:name="{name}"><value>{value}</value></prop></item>'
        "</oor:items>"
    )


PREFS = 'user_pref("mail.a", 3);\nuser_pref("mail.b", "x");\n'
FILTER = (
    'name="Work"\nenabled="yes"\ntype="17"\naction="Move to folder"\nactionValue="mailbox://a"\n'
    'condition="AND (subject,contains,report)"\n'
)
MAIL = "From - Mon Jan 1\nX-Mozilla-Status: 0001\nSubject: a\n\nHello\n"
GONE = "From - Tue Jan 2\nX-Mozilla-Status: 0009\nSubject: b\n\nBye\n"
EPUB = {"toc.ncx": "<a/>\n<navPoint id='1'/>\n", "content.opf": "<b/>\n", "p.html": "<p>one</p>"}
IMPRESS, SAVING = (
    "/org.openoffice.Office.Impress/Misc/Start",
    "/org.openoffice.Office.Common/Save/Document",
)
SLIDES_VIEW = '<desktop-frame><document-frame name="{}"/></desktop-frame>'

CASES: list[tuple[str, Make, float]] = [
    (
        "is_vlc_playing",
        text(status("playing", "filename", "a.mp4"), {"type": "file_name", "file_name": "a.mp4"}),
        1.0,
    ),
    (
        "is_vlc_playing",
        text(status("paused", "filename", "a.mp4"), {"type": "file_name", "file_name": "a.mp4"}),
        0.0,
    ),
    (
        "is_vlc_playing",
        text(status("playing", "filename", "b.mp4"), {"type": "file_name", "file_name": "a.mp4"}),
        0.0,
    ),
    (
        "is_vlc_playing",
        text(
            status("playing", "url", "https://h/x/a.m3u8?k"),
            {"type": "url", "url": "https://h/x/a.m3u8"},
        ),
        1.0,
    ),
    (
        "is_vlc_playing",
        text(status("playing", "filename", "a.m3u8"), {"type": "url", "url": "https://h/x/a.m3u8"}),
        1.0,
    ),
    (
        "is_vlc_playing",
        text(
            status("playing", "url", "https://i/x/a.m3u8"),
            {"type": "url", "url": "https://h/x/a.m3u8"},
        ),
        0.0,
    ),
    (
        "is_vlc_recordings_folder",
        vlcrc("input-record-path=/home/user/Desktop", recording_file_path="/home/user/Desktop"),
        1.0,
    ),
    (
        "is_vlc_recordings_folder",
        vlcrc("#input-record-path=", recording_file_path="/home/user/Desktop"),
        0.0,
    ),
    ("is_vlc_fullscreen", lambda _: ({"width": 9, "height": 8}, {"width": 9, "height": 8}), 1.0),
    ("is_vlc_fullscreen", lambda _: ({"width": 9, "height": 7}, {"width": 9, "height": 8}), 0.0),
    ("check_qt_bgcone", vlcrc("qt-bgcone=0", expected_qt_bgcone=0), 1.0),
    ("check_qt_bgcone", vlcrc("", expected_qt_bgcone=0), 0.0),
    ("check_qt_max_volume", vlcrc("qt-max-volume=200", expected_qt_max_volume=200), 1.0),
    ("check_qt_max_volume", vlcrc("", expected_qt_max_volume=200), 0.0),
    ("check_qt_minimal_view", vlcrc("qt-minimal-view=1", expected_qt_minimal_view=1), 1.0),
    ("check_qt_minimal_view", vlcrc("", expected_qt_minimal_view=1), 0.0),
    ("check_play_and_exit", vlcrc("play-and-exit=1", expected_play_and_exit="1"), 1.0),
    ("check_play_and_exit", vlcrc("", expected_play_and_exit="1"), 0.0),
    (
        "check_one_instance_when_started_from_file",
        vlcrc(
            "one-instance-when-started-from-file=0", expected_one_instance_when_started_from_file=0
        ),
        1.0,
    ),
    (
        "check_one_instance_when_started_from_file",
        vlcrc("", expected_one_instance_when_started_from_file=0),
        0.0,
    ),
    (
        "check_global_key_play_pause",
        vlcrc("global-key-play-pause=Ctrl+p", expected_global_key_play_pause=1),
        1.0,
    ),
    (
        "check_global_key_play_pause",
        vlcrc("global-key-play-pause=", expected_global_key_play_pause=1),
        0.0,
    ),
    ("check_qt_slider_colours", vlcrc("qt-slider-colours=1;2;3;4;5;6", type="blackish"), 1.0),
    ("check_qt_slider_colours", vlcrc("qt-slider-colours=1;2;3;4;5;200", type="blackish"), 0.0),
    (
        "check_qt_slider_colours",
        vlcrc(
            "",
            type="match",
            expected_qt_slider_colours="153;210;153;20;210;20;255;199;15;245;39;29",
        ),
        1.0,
    ),
    (
        "check_thunderbird_prefs",
        text(
            PREFS,
            {
                "expect": {"mail.a": {"method": "ge", "ref": 3}},
                "unexpect": {"mail.b": {"method": "eq", "ref": "y"}},
            },
        ),
        1.0,
    ),
    (
        "check_thunderbird_prefs",
        text(PREFS, {"expect": {"mail.c": {"method": "eq", "ref": 3}}}),
        0.0,
    ),
    (
        "check_thunderbird_prefs",
        text(PREFS, {"unexpect": {"mail.b": {"method": "eq", "ref": "x"}}}),
        0.0,
    ),
    (
        "check_thunderbird_filter",
        text(
            FILTER, {"expect": [{"enabled": "yes", "condition": ["AND (subject,contains,report)"]}]}
        ),
        1.0,
    ),
    ("check_thunderbird_filter", text(FILTER, {"expect": [{"action": "Delete"}]}), 0.0),
    ("check_thunderbird_filter", text(FILTER, {"unexpect": [{"name": "Work"}]}), 0.0),
    ("check_thunderbird_folder", two(MAIL, MAIL), 1.0),
    ("check_thunderbird_folder", lambda f: (None, *text(MAIL)(f)), 0.0),
    ("check_presenter_console_disable", text(xcu(IMPRESS, "EnablePresenterScreen", "false")), 1.0),
    ("check_presenter_console_disable", text(xcu(IMPRESS, "EnablePresenterScreen", "true")), 0.0),
    (
        "check_auto_saving_time",
        text(xcu(SAVING, "AutoSaveTimeIntervall", "3"), {"minutes": 3}),
        1.0,
    ),
    (
        "check_auto_saving_time",
        text(xcu(SAVING, "AutoSaveTimeIntervall", "10"), {"minutes": 3}),
        0.0,
    ),
    ("check_left_panel", lambda _: (SLIDES_VIEW.format("Slides View"),), 1.0),
    ("check_left_panel", lambda _: (SLIDES_VIEW.format("Presentation"),), 0.0),
    (
        "check_libre_locale",
        text(
            xcu("/org.openoffice.Setup/L10N", "ooSetupSystemLocale", "de-AT"),
            {"locale_set": ["de-*"]},
        ),
        1.0,
    ),
    (
        "check_libre_locale",
        text(xcu("/org.openoffice.Setup/L10N", "ooLocale", "fr"), {"locale_set": ["de-*"]}),
        0.0,
    ),
    ("compare_pdfs", pdfs("Hello world", "Hello world"), 1.0),
    ("compare_pdfs", pdfs("Hello world", "Hello there"), 7 / 11),
    ("compare_pdfs", lambda f: (str(f / "none.pdf"), *pdfs("a")(f)), 0.0),
    ("compare_pdf_images", pictured(5, 5), 1.0),
    ("compare_pdf_images", pictured(5, 40), 0.0),
    ("compare_pdf_images", lambda f: (*pictured(5)(f), *blank(1)(f)), 0.0),
    ("check_pdf_pages", plus(blank(3), {"relation": "eq", "ref_value": 3}), 1.0),
    ("check_pdf_pages", plus(blank(2), {"relation": "ge", "ref_value": 3}), 0.0),
    (
        "is_gold_text_included_in_pdf",
        lambda f: (*pdfs("Hello world")(f), *text('{"a": "world"}')(f)),
        1.0,
    ),
    (
        "is_gold_text_included_in_pdf",
        lambda f: (*pdfs("Hello world")(f), *text('{"a": "moon"}')(f)),
        0.0,
    ),
    ("compare_zip_files", zipped({"a": "1"}, {"a": "1"}), 1.0),
    ("compare_zip_files", zipped({"a": "1"}, {"a": "2"}), 0.0),
    ("compare_zip_files", zipped({"a": "1"}, {"b": "1"}), 0.0),
    ("compare_archive", zipped({"a.txt": "1"}, {"a.txt": "1"}), 1.0),
    ("compare_archive", zipped({"a.txt": "1", "b.txt": "x"}, {"a.txt": "1", "b.txt": "y"}), 0.5),
    ("compare_archive", zipped({"a.txt": "1"}, {"b.txt": "1"}), 0.0),
    ("compare_epub", zipped(EPUB, EPUB), 1.0),
    ("compare_epub", zipped(EPUB, {}), 0.0),
    ("compare_epub", zipped(EPUB | {"p.html": "<p>two</p>"}, EPUB), 2 / 3),
    ("compare_htmls", two("<p class='a'>x</p>", "<p class='a'>x</p>"), 1.0),
    ("compare_htmls", two("<p class='a'>x</p>", "<p class='b'>x</p>"), 0.0),
]

OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    (
        "compare_archive",
        {"file_path": "in", "file_type": "csv"},
        zipped({"in/a.csv": "1"}, {"in/a.csv": "1", "b": "x"}),
        1.0,
    ),
    ("compare_htmls", {"ignore_sdnum": True}, two("<p sdnum='1'>x</p>", "<p sdnum='2'>x</p>"), 1.0),
    ("compare_htmls", {}, two("<p sdnum='1'>x</p>", "<p sdnum='2'>x</p>"), 0.0),
]

FLAWS: list[tuple[str, dict[str, Any], Make, float, float]] = [
    ("check_thunderbird_folder", {}, two(MAIL, MAIL + MAIL.replace("Hello", "Other")), 0.0, 1.0),
    ("check_thunderbird_folder", {}, two(MAIL + GONE, MAIL), 1.0, 1.0),
    (
        "check_thunderbird_folder",
        {"ignore_status": True},
        two(MAIL, MAIL.replace("0001", "0011")),
        1.0,
        1.0,
    ),
    ("compare_htmls", {}, two("<p>x</p>", "<p>x</p><b></b>"), 0.0, 1.0),
    ("check_qt_bgcone", {}, vlcrc("#qt-bgcone=0", expected_qt_bgcone=0), 0.0, 1.0),
]
"""The score, and the one that OSWorld's flaw gives."""


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_what_applications_leave_is_scored_as_osworld_scores_it(
    name: str, make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path)) == pytest.approx(score)


@pytest.mark.parametrize(("name", "options", "make", "score"), OPTIONS)
def test_options_are_those_of_osworld(
    name: str, options: dict[str, Any], make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path), **options) == pytest.approx(score)


@pytest.mark.parametrize(("name", "options", "make", "score", "flawed"), FLAWS)
def test_a_flaw_is_mended_and_kept_when_asked_for(
    name: str, options: dict[str, Any], make: Make, score: float, flawed: float, tmp_path: Path
) -> None:
    arguments, metric = make(tmp_path), registry.metric(name)
    assert metric(*arguments, **options) == score
    assert metric(*arguments, **options, exact=True) == flawed


def test_an_archive_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    (bad, good) = zipped({"../../out.txt": "x"}, {"a.txt": "x"})(tmp_path)
    assert registry.metric("compare_archive")(bad, good) == 0.0
    assert not (tmp_path.parent / "out.txt").exists()
