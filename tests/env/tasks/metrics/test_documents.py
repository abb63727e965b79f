"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK, WD_COLOR_INDEX, WD_TAB_ALIGNMENT
from docx.shared import Inches, Pt, RGBColor
from odf.opendocument import OpenDocumentText
from odf.style import Style, TextProperties
from odf.text import P, Span
from PIL import Image

from env.tasks import registry

Make = Callable[[Path], tuple[Any, ...]]
Change = Callable[[Any], object]


def nothing(document: Any) -> None:
    pass


def doc(*paragraphs: str, change: Change = nothing) -> Any:
    document = Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    change(document)
    return document


def odt(*paragraphs: str, mark: str = "") -> Any:
    document = OpenDocumentText()
    if mark:
        style = Style(name="M1", family="text")
        style.addElement(TextProperties(backgroundcolor=mark))
        document.automaticstyles.addElement(style)
    for paragraph in paragraphs:
        element = P(text="")
        element.addElement(Span(stylename="M1" if mark else None, text=paragraph))
        document.text.addElement(element)
    return document


def saved(*documents: Any, ending: str = "docx") -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.{ending}") for at, _ in enumerate(documents)]
        for document, path in zip(documents, paths, strict=True):
            document.save(path)
        return tuple(paths)

    return make


def plus(make: Make, *more: Any) -> Make:
    return lambda folder: (*make(folder), *more)


def first_run(**font: Any) -> Change:
    def change(document: Any) -> None:
        for name, value in font.items():
            setattr(document.paragraphs[0].runs[0].font, name, value)

    return change


def table(*rows: tuple[str, ...], colour: Any = None) -> Change:
    def change(document: Any) -> None:
        made = document.add_table(len(rows), len(rows[0]))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                cell = made.cell(row, column)
                if colour is None:
                    cell.text = text
                else:
                    cell.paragraphs[0].add_run(text).font.color.rgb = colour(text)

    return change


def picture(colour: str) -> Change:
    def change(document: Any) -> None:
        buffer = BytesIO()
        Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
        document.add_picture(BytesIO(buffer.getvalue()))

    return change


def spaced(*lines: float) -> Change:
    def change(document: Any) -> None:
        for paragraph, spacing in zip(document.paragraphs, lines, strict=True):
            paragraph.paragraph_format.line_spacing = spacing

    return change


def tabs(*inches: float) -> Change:
    def change(document: Any) -> None:
        stops = document.paragraphs[0].paragraph_format.tab_stops
        for position in inches:
            stops.add_tab_stop(Inches(position), WD_TAB_ALIGNMENT.RIGHT)

    return change


def footer(text: str) -> Change:
    def change(document: Any) -> None:
        document.sections[0].footer.paragraphs[0].text = text

    return change


def page_break(document: Any) -> None:
    document.paragraphs[0].add_run().add_break(WD_BREAK.PAGE)


def centred(document: Any) -> None:
    document.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER


def right_colours(word: str) -> RGBColor:
    return RGBColor(255, 0, 0) if word[0] in "aeiou" else RGBColor(0, 0, 255)


def all_red(word: str) -> RGBColor:
    return RGBColor(255, 0, 0)


TRAINS = ("1, A, x, 1", "2, B, x, 1", "3, A, x, 1")
REFS = ("Text", "References", "Knuth, 1974", "Turing, 1936")
ARIAL = {"font_name": "Arial"}
XCU = (
    '<oor:items xmlns:oor="http://openoffice.org/2001/registry">'
    '<item oor:path="/org.openoffice.Office.Writer/DefaultFont"><prop oor:name="Standard">'
    "<value>Arial</value></prop></item></oor:items>"
)


def xcu(folder: Path) -> str:
    (folder / "a.xcu").write_text(XCU)
    return str(folder / "a.xcu")


CASES: list[tuple[str, Make, float]] = [
    ("compare_docx_files", saved(doc("a  b", "c"), doc("a b", "c")), 1.0),
    ("compare_docx_files", saved(doc("a", "c"), doc("a", "d")), 0.0),
    ("compare_docx_files", saved(odt("a", "b"), odt("a", "b"), ending="odt"), 1.0),
    ("compare_docx_files", saved(odt("a"), odt("b"), ending="odt"), 0.0),
    ("compare_docx_files", lambda f: (str(f / "none.docx"), str(f / "none.docx")), 0.0),
    ("compare_docx_files_and_ignore_new_lines", saved(doc("a", "", "b"), doc("a", "b")), 1.0),
    ("compare_docx_files_and_ignore_new_lines", saved(doc("a"), doc("b")), 0.0),
    ("compare_docx_lines", saved(doc("a", "b"), doc("b ", "a", "a")), 1.0),
    ("compare_docx_lines", saved(doc("a", "b"), doc("a")), 0.0),
    ("compare_init_lines", saved(doc("a", "b"), doc("a", "b", "c")), 1.0),
    ("compare_init_lines", saved(doc("a", "b"), doc("a", "x", "c")), 0.0),
    (
        "compare_docx_tables",
        saved(doc(change=table(("a", "b"))), doc(change=table(("a ", "b")))),
        1.0,
    ),
    (
        "compare_docx_tables",
        saved(doc(change=table(("a", "b"))), doc(change=table(("a", "c")))),
        0.0,
    ),
    (
        "compare_docx_tables",
        saved(doc(change=table(("a", "b"))), doc(change=table(("a",), ("b",)))),
        0.0,
    ),
    ("compare_docx_images", saved(doc(change=picture("red")), doc(change=picture("red"))), 1.0),
    ("compare_docx_images", saved(doc(change=picture("red")), doc(change=picture("blue"))), 0.0),
    ("compare_contains_image", saved(doc(change=picture("red")), doc(change=picture("blue"))), 1.0),
    ("compare_contains_image", saved(doc(change=picture("red")), doc("text")), 0.0),
    ("compare_insert_equation", saved(doc("a"), doc("a")), 0.0),
    (
        "compare_line_spacing",
        saved(doc("a", change=spaced(2.0)), doc("a", change=spaced(2.0))),
        1.0,
    ),
    (
        "compare_line_spacing",
        saved(doc("a", change=spaced(2.0)), doc("a", change=spaced(1.0))),
        0.0,
    ),
    ("compare_references", saved(doc(*REFS), doc(*REFS)), 1.0),
    ("compare_references", saved(doc(*REFS[:3], "Turing, 1937"), doc(*REFS)), 0.9166666666666667),
    ("compare_references", saved(doc(*REFS), doc("Text")), 0.0),
    (
        "compare_unique_train_records",
        lambda f: (lambda p: (p[0], [p[1], p[2]]))(
            saved(doc(*TRAINS[:2]), doc(*TRAINS[:2]), doc(*TRAINS))(f)
        ),
        1.0,
    ),
    (
        "compare_unique_train_records",
        lambda f: (lambda p: (p[0], [p[1], p[2]]))(
            saved(doc(*TRAINS), doc(*TRAINS[:2]), doc(*TRAINS))(f)
        ),
        0.0,
    ),
    ("find_default_font", lambda f: (xcu(f), ARIAL), 1.0),
    ("find_default_font", lambda f: (xcu(f), {"font_name": "Times"}), 0.0),
    ("contains_page_break", plus(saved(doc("a", change=page_break)), {"page_break_count": 1}), 1.0),
    ("contains_page_break", plus(saved(doc("a", change=page_break)), {"page_break_count": 2}), 0.0),
    ("contains_page_break", plus(saved(doc("a")), {}), 0.0),
    ("compare_font_names", plus(saved(doc("a", change=first_run(name="Arial"))), ARIAL), 1.0),
    ("compare_font_names", plus(saved(doc("a")), ARIAL), 0.0),
    (
        "compare_subscript_contains",
        saved(
            doc("a", change=first_run(subscript=True)), doc("a", change=first_run(subscript=True))
        ),
        1.0,
    ),
    (
        "compare_subscript_contains",
        saved(doc("a"), doc("a", change=first_run(subscript=True))),
        0.0,
    ),
    ("has_page_numbers_in_footers", saved(doc("a", change=footer("1"))), 1.0),
    ("has_page_numbers_in_footers", saved(doc("a", change=footer("page"))), 0.0),
    ("is_first_line_centered", saved(doc("a", change=centred)), 1.0),
    ("is_first_line_centered", saved(doc("a")), 0.0),
    ("check_file_exists", lambda f: (str(f), Path(xcu(f)).name), 1.0),
    ("check_file_exists", lambda f: (str(f), "none"), 0.0),
    ("check_tabstops", saved(doc("a\tb", change=tabs(2)), doc("a\tb", change=tabs(2))), 1.0),
    ("check_tabstops", saved(doc("a\tb", change=tabs(2)), doc("a\tb", change=tabs(5))), 0.5),
    ("check_tabstops", saved(doc("a\tb"), doc("a\tb", change=tabs(5))), 0.0),
    (
        "evaluate_colored_words_in_tables",
        saved(
            doc(change=table(("egg", "ham"), colour=right_colours)),
            doc(change=table(("egg", "ham"))),
        ),
        1.0,
    ),
    (
        "evaluate_colored_words_in_tables",
        saved(doc(change=table(("egg", "ham"), colour=all_red)), doc(change=table(("egg", "ham")))),
        0.0,
    ),
    ("check_highlighted_words", saved(odt("a"), odt("a"), ending="odt"), 1.0),
    ("check_highlighted_words", saved(odt("a", mark="#ffff00"), odt("a"), ending="odt"), 0.0),
    ("check_highlighted_words", saved(odt("a", mark="#00ff00"), odt("a"), ending="odt"), 1.0),
    (
        "evaluate_strike_through_last_paragraph",
        saved(doc("a", change=first_run(strike=True)), doc("a")),
        1.0,
    ),
    ("evaluate_strike_through_last_paragraph", saved(doc("a"), doc("a")), 0.0),
    ("evaluate_conversion", saved(doc("lower", change=table(("x",)))), 1.0),
    ("evaluate_conversion", saved(doc("lower", change=table(("X",)))), 0.0),
    ("evaluate_spacing", saved(doc("a", "b", "c", change=spaced(1.0, 2.0, 1.5))), 1.0),
    ("evaluate_spacing", saved(doc("a", "b", "c", change=spaced(1.0, 1.0, 1.5))), 0.0),
    (
        "check_italic_font_size_14",
        saved(doc("a", change=first_run(italic=True, size=Pt(14))), doc("a")),
        1.0,
    ),
    (
        "check_italic_font_size_14",
        saved(doc("a", change=first_run(italic=True, size=Pt(12))), doc("a")),
        0.0,
    ),
    ("evaluate_alignment", saved(doc("one two three four. five")), 1.0),
    ("evaluate_alignment", saved(doc("one  two three four")), 0.0),
    ("check_no_duplicates", saved(doc(*TRAINS), doc(*TRAINS[:2])), 1.0),
    ("check_no_duplicates", saved(doc(*TRAINS), doc(*TRAINS)), 0.0),
    (
        "compare_highlighted_text",
        saved(
            doc("a", change=first_run(highlight_color=WD_COLOR_INDEX.YELLOW)),
            doc("a", change=first_run(highlight_color=WD_COLOR_INDEX.RED)),
        ),
        1.0,
    ),
    (
        "compare_highlighted_text",
        saved(doc("a", change=first_run(highlight_color=WD_COLOR_INDEX.YELLOW)), doc("a")),
        0.0,
    ),
]

OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    ("compare_docx_files", {"ignore_order": True}, saved(doc("b", "a"), doc("a", "b")), 1.0),
    ("compare_docx_files", {"ignore_blanks": False}, saved(doc("a", "b"), doc("a", "b ")), 0.0),
    ("compare_docx_files", {"ignore_blanks": False}, saved(doc("a", "b"), doc("a")), 0.0),
    ("compare_docx_files", {"ignore_case": True}, saved(doc("A"), doc("a")), 1.0),
    ("compare_docx_files", {"content_only": True}, saved(doc("abcd"), doc("abxd")), 0.75),
    ("compare_docx_files", {"fuzzy_match": True}, saved(doc("abcd"), doc("abxd")), 0.75),
    (
        "compare_docx_files",
        {"ignore_blanks": False, "fuzzy_match": True},
        saved(doc("abcd", "a"), doc("abxd", "a")),
        0.875,
    ),
    (
        "compare_docx_files",
        {"ignore_blanks": False, "delete_empty_lines": True},
        saved(doc("a", "", "b"), doc("a", "b")),
        1.0,
    ),
    (
        "compare_docx_files_and_ignore_new_lines",
        {"ignore_blanks": False},
        saved(doc("a  b"), doc("a b")),
        0.0,
    ),
    (
        "check_tabstops",
        {"word_number_split_by_tabstop": 2, "index": 0},
        saved(doc("x a\tb", change=tabs(2)), doc("a\tb", change=tabs(2))),
        1.0,
    ),
    (
        "check_tabstops",
        {"word_number_split_by_tabstop": 3, "index": 0},
        saved(doc("x a\tb", change=tabs(2)), doc("a\tb", change=tabs(2))),
        0.0,
    ),
    (
        "compare_references",
        {"reference_base_result": 0.95},
        saved(doc(*REFS[:3], "Turing, 1937"), doc(*REFS)),
        0.0,
    ),
]


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_a_document_is_scored_as_osworld_scores_it(
    name: str, make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path)) == pytest.approx(score)


@pytest.mark.parametrize(("name", "options", "make", "score"), OPTIONS)
def test_options_are_those_of_osworld(
    name: str, options: dict[str, Any], make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path), **options) == pytest.approx(score)


def test_trains_are_counted_once(tmp_path: Path) -> None:
    (path,) = saved(doc(*TRAINS))(tmp_path)
    assert registry.metric("get_unique_train_ids")(path) == ({"A", "B"}, 2)


def test_a_word_without_colour_is_not_red(tmp_path: Path) -> None:
    files = saved(doc(change=table(("egg",))), doc(change=table(("egg",))))(tmp_path)
    assert registry.metric("evaluate_colored_words_in_tables")(*files) == 0.0


def test_an_equation_at_the_same_place_is_seen(tmp_path: Path) -> None:
    def equation(document: Any) -> None:
        run = document.paragraphs[0].runs[0]
        run._element.append(run._element.makeelement(f"{{{run._element.nsmap['w']}}}object"))

    files = saved(doc("a", change=equation), doc("a", change=equation))(tmp_path)
    assert registry.metric("compare_insert_equation")(*files) == 1.0
