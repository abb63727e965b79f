"""Two presentations, shape by shape and letter style by letter style.

Which properties count is in the task's options. Several of them were made for one task
each, with its slide's number and its texts in them; they are kept as OSWorld has them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE
from pptx.enum.text import PP_ALIGN

from env.tasks.metrics.markup import parsed

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_SOLID, _FROM_MASTER = 1, 5
_LOW_TOP, _LOW_LEFT, _HIGH_TOP = 3_600_000, 4_320_000, 1_980_000
"""EMU."""

_MOVED_TITLE = "Product Comparison"
_SHIFTED_TEXT = "Elaborate on what you want to discuss."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    number_of_slides: bool = True
    shape: bool = True
    text: bool = True
    indent: bool = True
    font_name: bool = True
    font_size: bool = True
    font_bold: bool = True
    font_italic: bool = True
    color_rgb: bool = True
    font_underline: bool = True
    strike_through: bool = True
    alignment: bool = True
    title_bottom_position: bool = False
    table_bottom_position: bool = False
    run_count: bool = True
    """Not asked: what is typed in one go may stand beside what was typed in three."""
    right_position: bool = False
    top_position: bool = False
    shape_for_shift_size: bool = False
    image_size: bool = False
    modify_height: bool = False
    bullets: bool = True
    background_color: bool = True
    note: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "_Options":
        names = (one.name for one in fields(cls))
        told = {name: options[f"examine_{name}"] for name in names if f"examine_{name}" in options}
        return cls(**told)


def compare_pptx_files(result: str | None, expected: str | None, **options: Any) -> float:
    if not result or not expected:
        # The library takes no path for a presentation of its own.
        return 0.0
    ours, theirs = Presentation(result), Presentation(expected)
    asked = _Options.of(options)
    if asked.number_of_slides and len(ours.slides) != len(theirs.slides):
        return 0.0
    comparison = _Comparison(asked, options.get("approximately_tolerance", 0.005))
    pairs = zip(ours.slides, theirs.slides, strict=False)
    return float(all(comparison.slides(at, *pair) for at, pair in enumerate(pairs, start=1)))


class _Comparison:
    def __init__(self, asked: _Options, tolerance: float) -> None:
        self._asked = asked
        self._tolerance = tolerance

    def slides(self, number: int, one: Any, other: Any) -> bool:
        """Args: number: of the slide, from 1."""
        asked = self._asked
        if asked.background_color and _background(one) != _background(other):
            return False
        if asked.note and _notes(one) != _notes(other):
            return False
        if len(one.shapes) != len(other.shapes):
            return False
        pairs = list(zip(one.shapes, other.shapes, strict=True))
        if not all(self._shapes(number, a, b) for a, b in pairs):
            return False
        if asked.bullets and any(map(_has_letters, pairs)) and not _same_bullets(one, other):
            return False
        return not asked.alignment or self._grouped_texts(one, other)

    def _shapes(self, number: int, one: Any, other: Any) -> bool:
        if not self._positions(number, one, other):
            return False
        if one.shape_type == MSO_SHAPE_TYPE.TABLE and not self._tables(one, other):
            return False
        return not (_has_text(one) and _has_text(other)) or self._texts(one, other)

    def _positions(self, number: int, one: Any, other: Any) -> bool:
        asked, boxed = self._asked, self._same_box(one, other)
        texts = _has_text(one) and _has_text(other)
        same_text = texts and one.text == other.text
        if asked.title_bottom_position:
            if same_text:
                if one.text == _MOVED_TITLE and not _is_below(one, other):
                    return False
            elif not boxed:
                return False
        if asked.table_bottom_position:
            if number == 3 and _both(one, other, MSO_SHAPE_TYPE.TABLE):
                if not _is_below(one, other):
                    return False
            elif not boxed:
                return False
        second = number == 2
        textless = not _has_text(one) and not _has_text(other)
        moved_right = one.left > other.left and one.left >= _LOW_LEFT
        if asked.right_position and second and textless and not moved_right:
            return False
        pictures = _both(one, other, MSO_SHAPE_TYPE.PICTURE)
        moved_up = one.top < other.top and one.top <= _HIGH_TOP
        if asked.top_position and second and pictures and not moved_up:
            return False
        shifted = same_text and one.text == _SHIFTED_TEXT
        if asked.shape_for_shift_size and not boxed and not shifted:
            return False
        if asked.shape and not boxed:
            return False
        return self._sizes(one, other, boxed)

    def _sizes(self, one: Any, other: Any, boxed: bool) -> bool:
        near = self._is_near
        if self._asked.image_size:
            if _both(one, other, MSO_SHAPE_TYPE.PICTURE):
                if not (near(one.width, other.width) and near(one.height, other.height)):
                    return False
            elif not boxed:
                return False
        if self._asked.modify_height:
            textless = not _has_text(one) and not _has_text(other)
            if textless or _both(one, other, MSO_SHAPE_TYPE.FREEFORM):
                return near(one.height, other.height)
            return boxed
        return True

    def _same_box(self, one: Any, other: Any) -> bool:
        names = ("left", "top", "width", "height")
        return all(self._is_near(getattr(one, name), getattr(other, name)) for name in names)

    def _is_near(self, one: Any, other: Any) -> bool:
        if one == other:
            return True
        if one == 0 or other == 0:
            return False
        return bool(abs(one - other) / max(abs(one), abs(other)) <= self._tolerance)

    def _tables(self, one: Any, other: Any) -> bool:
        if other.shape_type != MSO_SHAPE_TYPE.TABLE:
            return False
        ours, theirs = one.table, other.table
        rows, columns = len(ours.rows), len(ours.columns)
        if (rows, columns) != (len(theirs.rows), len(theirs.columns)):
            return False
        return all(
            self._cells(ours.cell(row, column), theirs.cell(row, column))
            for row in range(rows)
            for column in range(columns)
        )

    def _cells(self, one: Any, other: Any) -> bool:
        ours, theirs = one.text_frame.paragraphs, other.text_frame.paragraphs
        return len(ours) == len(theirs) and all(
            self._same_count(a.runs, b.runs)
            and all(
                (not self._asked.color_rgb or _same_colour(x, y))
                and _same_flag(x.font.bold, y.font.bold)
                and _same_flag(x.font.italic, y.font.italic)
                and _same_underline(x.font.underline, y.font.underline)
                for x, y in zip(a.runs, b.runs, strict=False)
            )
            for a, b in zip(ours, theirs, strict=True)
        )

    def _texts(self, one: Any, other: Any) -> bool:
        if self._asked.text and one.text.strip() != other.text.strip():
            return False
        ours, theirs = one.text_frame.paragraphs, other.text_frame.paragraphs
        return len(ours) == len(theirs) and all(map(self._paragraphs, ours, theirs))

    def _paragraphs(self, one: Any, other: Any) -> bool:
        asked = self._asked
        return (
            (not asked.alignment or _alignment(one) == _alignment(other))
            and (not asked.text or one.text == other.text)
            and (not asked.indent or one.level == other.level)
            and self._same_count(one.runs, other.runs)
            and all(map(self._runs, one.runs, other.runs))
        )

    def _same_count(self, ours: Any, theirs: Any) -> bool:
        return not self._asked.run_count or len(ours) == len(theirs)

    def _runs(self, one: Any, other: Any) -> bool:
        asked, ours, theirs = self._asked, one.font, other.font
        return (
            (not asked.font_name or ours.name == theirs.name)
            and (not asked.font_size or ours.size == theirs.size)
            and (not asked.font_bold or _same_flag(ours.bold, theirs.bold))
            and (not asked.font_italic or _same_flag(ours.italic, theirs.italic))
            and (not asked.color_rgb or _same_colour(one, other))
            and (not asked.font_underline or _same_underline(ours.underline, theirs.underline))
            and (not asked.strike_through or _strike(ours) == _strike(theirs))
        )

    def _grouped_texts(self, one: Any, other: Any) -> bool:
        """Texts within groups too; not where one slide has more of them."""
        ours, theirs = (list(_text_shapes(slide.shapes)) for slide in (one, other))
        return len(ours) != len(theirs) or all(map(self._alignments, ours, theirs))

    def _alignments(self, one: Any, other: Any) -> bool:
        if self._asked.text and one.text.strip() != other.text.strip():
            return False
        ours, theirs = one.text_frame.paragraphs, other.text_frame.paragraphs
        return [_alignment(part) for part in ours] == [_alignment(part) for part in theirs]


def _both(one: Any, other: Any, kind: Any) -> bool:
    return one.shape_type == kind and other.shape_type == kind


def _is_below(one: Any, other: Any) -> bool:
    return bool(one.top > other.top and one.top >= _LOW_TOP)


def _has_text(shape: Any) -> bool:
    return hasattr(shape, "text")


def _has_letters(pair: tuple[Any, Any]) -> bool:
    """Both have text with a piece in it: only then does OSWorld look at the slide's bullets."""
    one, other = pair
    if not (_has_text(one) and _has_text(other)):
        return False
    return any(paragraph.runs for paragraph in one.text_frame.paragraphs)


def _background(slide: Any) -> Any:
    fill = slide.background.fill
    if fill.type == _FROM_MASTER:
        fill = slide.slide_layout.slide_master.background.fill
    return fill.fore_color.rgb if fill.type == _SOLID else None


def _notes(slide: Any) -> str:
    frame = slide.notes_slide.notes_text_frame
    return "" if frame is None else str(frame.text).strip()


def _alignment(paragraph: Any) -> Any:
    """None is what a paragraph without one looks like: left."""
    return PP_ALIGN.LEFT if paragraph.alignment is None else paragraph.alignment


def _same_flag(one: bool | None, other: bool | None) -> bool:
    return one == other or (not one and not other)


def _same_underline(one: Any, other: Any) -> bool:
    """Unset is the same as any other than plain underlining."""
    if one == other:
        return True
    return (one is None or other is None) and True not in (one, other)


def _same_colour(one: Any, other: Any) -> bool:
    ours, theirs = one.font.color, other.font.color
    if not hasattr(ours, "rgb") or not hasattr(theirs, "rgb"):
        return True
    return bool(ours.rgb == theirs.rgb)


def _strike(font: Any) -> str:
    return str(font._element.attrib.get("strike", "noStrike"))


def _text_shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "text") and hasattr(shape, "text_frame"):
            yield shape
        if hasattr(shape, "shapes"):
            yield from _text_shapes(shape.shapes)


def _same_bullets(one: Any, other: Any) -> bool:
    try:
        return list(_bullets(one)) == list(_bullets(other))
    except (ValueError, TypeError, SyntaxError):
        # As in OSWorld: what cannot be read does not count.
        return True


def _bullets(slide: Any) -> Iterator[tuple[str, str | None, str]]:
    """Level, sign and text of every paragraph that has text."""
    for paragraph in parsed(slide.part.blob).iterfind(f".//{_A}p"):
        text = "".join(part.text for part in paragraph.iterfind(f".//{_A}t"))
        if not text.strip():
            continue
        properties = paragraph.find(f"{_A}pPr")
        if properties is None:
            yield "No Level", "No Bullet", text
            continue
        sign = properties.find(f"{_A}buChar")
        yield properties.get("lvl", "0"), "No Bullet" if sign is None else sign.get("char"), text
