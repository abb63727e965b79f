"""Text documents: fonts, colours, tabs, page breaks, and what is written in them besides."""

import zipfile
from collections.abc import Mapping
from typing import Any

from env.tasks.metrics.docs import compare_docx_files, get_unique_train_ids
from env.tasks.metrics.documents import both, odt, runs, table_runs, texts, word

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OOR = "{http://openoffice.org/2001/registry}"
_WRITER_FONT = "/org.openoffice.Office.Writer/DefaultFont"
_VOWELS = "aeiou"
_RED, _BLUE = (255, 0, 0), (0, 0, 255)
_YELLOW = "#ffff00"


def find_default_font(result: str | None, rules: Mapping[str, Any]) -> float:
    """Writer's default font in LibreOffice's settings."""
    from lxml import etree

    from env.tasks.metrics.markup import parsed_file

    if not result:
        return 0.0
    font = None
    try:
        for item in parsed_file(result).iterfind(f".//item[@{_OOR}path='{_WRITER_FONT}']"):
            for value in item.iterfind(f".//prop[@{_OOR}name='Standard']/value"):
                font = value.text
    except (etree.XMLSyntaxError, OSError):
        return float(rules["font_name"] is None)
    return float(font == rules["font_name"])


def contains_page_break(result: str | None, rules: Mapping[str, Any] | None = None) -> float:
    """There is one; or as many as expected, and at least one."""
    document = word(result)
    if document is None:
        return 0.0
    breaks = (one for run in runs(document) for one in run.element.iterfind(f".//{_W}br"))
    count = sum(one.get(f"{_W}type") == "page" for one in breaks)
    wanted = (rules or {}).get("page_break_count")
    return float(count > 0 and wanted in (None, count))


def compare_font_names(result: str | None, rules: Mapping[str, Any]) -> float:
    """Every piece of text has the font's name set on itself."""
    document = word(result)
    if document is None:
        return 0.0
    return float(all(run.font.name == rules["font_name"] for run in runs(document)))


def compare_subscript_contains(one: str | None, other: str | None) -> float:
    """Somewhere both have a lowered piece of text at the same place."""
    opened = both(one, other)
    if opened is None:
        return 0.0
    return float(
        any(
            a.font.subscript and b.font.subscript
            for first, second in zip(*(document.paragraphs for document in opened), strict=False)
            for a, b in zip(first.runs, second.runs, strict=False)
        )
    )


def has_page_numbers_in_footers(result: str | None) -> float:
    """The first line of every footer has a digit."""
    document = word(result)
    if document is None:
        return 0.0
    footers = (section.footer.paragraphs for section in document.sections)
    first = (paragraphs[0].text if paragraphs else "" for paragraphs in footers)
    return float(all(any(letter.isdigit() for letter in text) for text in first))


def is_first_line_centered(result: str | None) -> float:
    from docx.enum.text import WD_PARAGRAPH_ALIGNMENT

    document = word(result)
    if document is None or not document.paragraphs:
        return 0.0
    alignment = document.paragraphs[0].paragraph_format.alignment
    return float(alignment == WD_PARAGRAPH_ALIGNMENT.CENTER)


def check_tabstops(one: str | None, other: str | None, **options: Any) -> float:
    """1 less how far the tabs are from where they should be, in widths of the text."""
    opened = both(one, other)
    if opened is None:
        return 0.0
    ours, theirs = (
        [paragraph for paragraph in document.paragraphs if paragraph.text.strip()]
        for document in opened
    )
    if len(ours) != len(theirs):
        return 0.0
    number = options.get("word_number_split_by_tabstop")
    if number is not None:
        place = options.get("index", 0)
        parts = (paragraph.text.split("\t")[place] for paragraph in ours)
        if any(len(part.split()) != number for part in parts):
            return 0.0
    section = opened[1].sections[0]
    width = section.page_width - section.left_margin - section.right_margin
    off = 0.0
    for a, b in zip(map(_tabs, ours), map(_tabs, theirs), strict=True):
        if [tab.alignment for tab in a] != [tab.alignment for tab in b]:
            return 0.0
        apart = (abs(x.position - y.position) for x, y in zip(a, b, strict=True))
        off += sum(apart) / width
    return 1 - off / len(ours)


def _tabs(paragraph: Any) -> list[Any]:
    """Without those that only take another away, and the one at the left edge."""
    from docx.enum.text import WD_TAB_ALIGNMENT

    return [
        tab
        for tab in paragraph.paragraph_format.tab_stops
        if tab.alignment != WD_TAB_ALIGNMENT.CLEAR
        and not (tab.alignment == WD_TAB_ALIGNMENT.LEFT and tab.position == 0)
    ]


def evaluate_colored_words_in_tables(
    one: str | None, other: str | None, *, exact: bool = False, **options: Any
) -> float:
    """Words of tables that begin with a vowel are red, all others blue.

    A piece without a colour of its own is wrong; OSWorld fails on it (`exact`).
    """
    if not compare_docx_files(one, other):
        return 0.0
    document = word(one)
    if document is None:
        return 0.0
    threshold = options.get("threshold", 3.5)
    for run in table_runs(document):
        if not run.text:
            continue
        wanted = _RED if run.text[0].lower() in _VOWELS else _BLUE
        colour = run.font.color.rgb
        if colour is None and not exact:
            return 0.0
        if _apart(colour, wanted) > threshold:
            return 0.0
    return 1.0


def _apart(one: Any, other: Any) -> float:
    """How different two colours look (CIEDE2000)."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    first, second = (rgb2lab([part / 255.0 for part in colour]) for colour in (one, other))
    return float(deltaE_ciede2000(first, second))


def check_highlighted_words(one: str | None, other: str | None) -> float:
    """The same text, and nothing marked yellow (OpenDocument)."""
    from odf.text import Span

    if not compare_docx_files(one, other):
        return 0.0
    document = odt(str(one))
    if document is None:
        return 0.0
    used = {span.getAttribute("stylename") for span in document.getElementsByType(Span)} - {None}
    return float(
        not any(
            _background(part) == _YELLOW
            for style in document.automaticstyles.childNodes
            if style.getAttribute("name") in used
            for part in style.childNodes
        )
    )


def _background(part: Any) -> Any:
    try:
        return part.getAttribute("backgroundcolor")
    except (ValueError, KeyError, AttributeError):
        return None


def evaluate_strike_through_last_paragraph(one: str | None, other: str | None) -> float:
    if not compare_docx_files(one, other):
        return 0.0
    document = word(one)
    if document is None or not document.paragraphs:
        return 0.0
    return float(all(run.font.strike for run in document.paragraphs[-1].runs))


def evaluate_conversion(result: str | None) -> float:
    """No piece of text is in capitals."""
    document = word(result)
    if document is None:
        return 0.0
    return float(not any(run.text.isupper() for run in (*table_runs(document), *runs(document))))


def evaluate_spacing(result: str | None) -> float:
    """Three paragraphs, spaced 1, 2 and 1.5 lines."""
    document = word(result)
    if document is None or len(document.paragraphs) < 3:
        return 0.0
    first = document.paragraphs[:3]
    return float([one.paragraph_format.line_spacing for one in first] == [1.0, 2.0, 1.5])


def check_italic_font_size_14(one: str | None, other: str | None) -> float:
    if not compare_docx_files(one, other):
        return 0.0
    document = word(one)
    if document is None:
        return 0.0
    sizes = (run.font.size for run in runs(document) if run.italic)
    return float(all(size is not None and size.pt == 14 for size in sizes))


def evaluate_alignment(result: str | None) -> float:
    """In every sentence of three words or more, those three stand before the rest."""
    document = word(result)
    if document is None:
        return 0.0
    sentences = (one for text in texts(document) for one in text.split("."))
    return float(all(map(_begins_apart, sentences)))


def _begins_apart(sentence: str) -> bool:
    words = sentence.strip().split()
    if len(words) < 3:
        return True
    first, rest = " ".join(words[:3]), " ".join(words[3:])
    return first in sentence and rest in sentence and sentence.find(first) < sentence.find(rest)


def check_no_duplicates(initial: str | None, processed: str | None) -> float:
    """The trains of the first document, each once."""
    document = word(processed)
    if not initial or document is None:
        return 0.0
    fields = (text.split(",") for text in texts(document))
    trains = [record[1].strip() for record in fields if len(record) == 4]
    wanted, count = get_unique_train_ids(initial)
    return float(len(trains) == len(set(trains)) == count and set(trains) == wanted)


def compare_highlighted_text(one: str | None, other: str | None) -> float:
    if not one or not other:
        return 0.0
    return float(_highlighted(one) == _highlighted(other))


def _highlighted(path: str) -> set[str | None]:
    from env.tasks.metrics.markup import parsed

    with zipfile.ZipFile(path) as book:
        root = parsed(book.read("word/document.xml"))
    found = set()
    for run in root.iterfind(f".//{_W}r"):
        mark, text = run.find(f".//{_W}highlight"), run.find(f".//{_W}t")
        if mark is not None and text is not None and mark.get(f"{_W}val") != "none":
            found.add(text.text)
    return found
