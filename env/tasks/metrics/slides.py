"""One presentation: pictures, colours, transitions, page numbers."""

import zipfile
from collections.abc import Mapping
from math import dist, sqrt
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE
from pptx.util import Inches

from env.tasks.metrics.markup import parsed

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_NEAR = Inches(0.5)
_SOLID, _FROM_MASTER = 1, 5
_RED = (255, 0, 0)
_CLEARLY = 50
"""How far one part of a colour must lie above the others to give it its name."""


def check_image_stretch_and_center(result: str, original: str) -> float:
    """The first slide's picture fills it, to half an inch."""
    before, after = Presentation(original), Presentation(result)
    pictures = _pictures(before)
    if not pictures:
        return 0.0
    same = [one for one in _pictures(after) if one.image.blob == pictures[0].image.blob]
    if not same:
        return 0.0
    picture, width, height = same[-1], before.slide_width, before.slide_height
    return float(
        abs(picture.width - width) <= _NEAR
        and abs(picture.height - height) <= _NEAR
        and abs(picture.left - (width - picture.width) / 2) <= _NEAR
        and abs(picture.top - (height - picture.height) / 2) <= _NEAR
    )


def _pictures(presentation: Any) -> list[Any]:
    shapes = presentation.slides[0].shapes
    return [shape for shape in shapes if shape.shape_type == MSO_SHAPE_TYPE.PICTURE]


def check_slide_numbers_color(result: str) -> float:
    """Some slide has a number, and the master's number is red."""
    presentation = Presentation(result)
    shapes = (shape for slide in presentation.slides for shape in slide.shapes)
    if not any(hasattr(shape, "text") and shape.text.isdigit() for shape in shapes):
        return 0.0
    for master in presentation.slide_masters:
        for placeholder in master.placeholders:
            if placeholder.has_text_frame and placeholder.text == "<number>":
                return float(placeholder.text_frame.paragraphs[0].font.color.rgb == _RED)
    return 0.0


def check_strikethrough(result: str, rules: Mapping[str, Any]) -> float:
    """The first piece of each named paragraph is struck through."""
    presentation = Presentation(result)
    try:
        paragraphs = [
            presentation.slides[slide].shapes[shape].text_frame.paragraphs[paragraph]
            for slide in rules["slide_index_s"]
            for shape in rules["shape_index_s"]
            for paragraph in rules["paragraph_index_s"]
        ]
        return float(all("strike" in one.runs[0].font._element.attrib for one in paragraphs))
    except (IndexError, AttributeError):
        return 0.0


def check_slide_orientation_Portrait(result: str) -> float:
    presentation = Presentation(result)
    return float(presentation.slide_width < presentation.slide_height)


def evaluate_presentation_fill_to_rgb_distance(result: str, rules: Mapping[str, Any]) -> float:
    """1 less how far the slides' backgrounds are from a colour, on average."""
    slides = Presentation(result).slides
    far = sum(_distance(slide, rules["rgb"], rules.get("original_rgb")) for slide in slides)
    return 1 - far / len(slides)


def _distance(slide: Any, wanted: list[int], original: list[int] | None) -> float:
    """From 0 to 1; 1 too for what is no plain colour, or still the first."""
    fill = slide.background.fill
    if fill.type == _FROM_MASTER:
        fill = slide.slide_layout.slide_master.background.fill
    if fill.type != _SOLID:
        return 1.0
    colour = getattr(fill.fore_color, "rgb", None)
    if colour is None or (original is not None and tuple(colour) == tuple(original)):
        return 1.0
    return dist(colour, wanted) / sqrt(3 * 255**2)


def check_transition(result: str, rules: Mapping[str, Any]) -> float:
    with zipfile.ZipFile(result) as book:
        try:
            root = parsed(book.read(f"ppt/slides/slide{rules['slide_idx'] + 1}.xml"))
        except KeyError:
            return 0.0
    transition = root.find(f".//{_P}transition")
    if transition is None:
        return 0.0
    return float(transition.find(f".//{_P}{rules['transition_type']}") is not None)


def check_page_number_colors(
    result: str, rules: Mapping[str, Any], *, exact: bool = False
) -> float:
    """The last but one colour of the first master, where page numbers have theirs.

    Args:
        exact: read it as OSWorld does, which takes its first digit for a "#".
    """
    with zipfile.ZipFile(result) as book:
        root = parsed(book.read("ppt/slideMasters/slideMaster1.xml"))
    found = root.findall(f".//{_A}solidFill//{_A}srgbClr")
    if len(found) < 2 and not exact:
        return 0.0
    value = found[-2].get("val")
    if value is None:
        return 0.0
    digits = value[1:] if exact else value
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    named = {
        "red": red > max(green, blue) + _CLEARLY,
        "blue": blue > max(red, green) + _CLEARLY,
        "green": green > max(red, blue) + _CLEARLY,
        "black": max(red, green, blue) < _CLEARLY,
    }
    return float(named.get(rules["color"], True))
