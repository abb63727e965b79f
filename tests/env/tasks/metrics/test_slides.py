"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import PP_ALIGN
from pptx.util import Inches, Pt

from env.tasks import registry

Make = Callable[[Path], tuple[Any, ...]]
Change = Callable[[Any, Any], object]
"""Of a presentation and its first slide."""


def slides(*changes: Change, count: int = 1) -> Any:
    made = Presentation()
    for _ in range(count):
        made.slides.add_slide(made.slide_layouts[6])
    for change in changes:
        change(made, made.slides[0])
    return made


def box(text: str = "Hello", left: float = 1.0, top: float = 1.0, **font: Any) -> Change:
    def change(_: Any, slide: Any) -> None:
        shape = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
        run = shape.text_frame.paragraphs[0].add_run()
        run.text = text
        for name, value in font.items():
            if name == "rgb":
                run.font.color.rgb = RGBColor(*value)
            elif name == "strike":
                run.font._element.set("strike", value)
            else:
                setattr(run.font, name, value)

    return change


def aligned(how: Any) -> Change:
    def change(_: Any, slide: Any) -> None:
        slide.shapes[0].text_frame.paragraphs[0].alignment = how

    return change


def levelled(level: int) -> Change:
    def change(_: Any, slide: Any) -> None:
        slide.shapes[0].text_frame.paragraphs[0].level = level

    return change


def bulleted(sign: str) -> Change:
    def change(_: Any, slide: Any) -> None:
        properties = slide.shapes[0].text_frame.paragraphs[0]._p.get_or_add_pPr()
        bullet = properties.makeelement(f"{{{properties.nsmap['a']}}}buChar", {"char": sign})
        properties.append(bullet)

    return change


def picture(left: float = 0.0, width: float = 10.0, height: float = 7.5) -> Change:
    def change(_: Any, slide: Any) -> None:
        buffer = BytesIO()
        Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
        place = (Inches(left), Inches(0), Inches(width), Inches(height))
        slide.shapes.add_picture(BytesIO(buffer.getvalue()), *place)

    return change


def table(text: str, *, bold: bool | None = None) -> Change:
    def change(_: Any, slide: Any) -> None:
        frame = slide.shapes.add_table(1, 2, Inches(1), Inches(1), Inches(3), Inches(1))
        run = frame.table.cell(0, 0).text_frame.paragraphs[0].add_run()
        run.text, run.font.bold = text, bold

    return change


def ground(*rgb: int) -> Change:
    def change(_: Any, slide: Any) -> None:
        slide.background.fill.solid()
        slide.background.fill.fore_color.rgb = RGBColor(*rgb)

    return change


def note(text: str) -> Change:
    def change(_: Any, slide: Any) -> None:
        slide.notes_slide.notes_text_frame.text = text

    return change


def upright(made: Any, _: Any) -> None:
    made.slide_width, made.slide_height = made.slide_height, made.slide_width


def saved(*presentations: Any) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.pptx") for at, _ in enumerate(presentations)]
        for presentation, path in zip(presentations, paths, strict=True):
            presentation.save(path)
        return tuple(paths)

    return make


def plus(make: Make, *more: Any) -> Make:
    return lambda folder: (*make(folder), *more)


def edited(presentation: Any, part: str, before: str, after: str) -> Make:
    """A file within the file, changed as a text."""

    def make(folder: Path) -> tuple[Any, ...]:
        presentation.save(str(folder / "plain.pptx"))
        with (
            zipfile.ZipFile(folder / "plain.pptx") as plain,
            zipfile.ZipFile(folder / "edited.pptx", "w") as made,
        ):
            for name in plain.namelist():
                content = plain.read(name)
                if name == part:
                    assert before.encode() in content
                    content = content.replace(before.encode(), after.encode(), 1)
                made.writestr(name, content)
        return (str(folder / "edited.pptx"),)

    return make


SLIDE, MASTER = "ppt/slides/slide1.xml", "ppt/slideMasters/slideMaster1.xml"
DISSOLVED = edited(
    slides(), SLIDE, "</p:cSld>", "</p:cSld><p:transition><p:dissolve/></p:transition>"
)


def master_colours(*values: str) -> Make:
    fills = "".join(f'<a:solidFill><a:srgbClr val="{one}"/></a:solidFill>' for one in values)
    return edited(slides(), MASTER, "</p:cSld>", f"</p:cSld><p:extLst>{fills}</p:extLst>")


CASES: list[tuple[str, Make, float]] = [
    ("compare_pptx_files", saved(slides(box()), slides(box())), 1.0),
    ("compare_pptx_files", saved(slides(box()), slides(box(), count=2)), 0.0),
    ("compare_pptx_files", saved(slides(box()), slides(box(), box())), 0.0),
    ("compare_pptx_files", saved(slides(box("a")), slides(box("b"))), 0.0),
    ("compare_pptx_files", saved(slides(box(left=1.0)), slides(box(left=1.001))), 1.0),
    ("compare_pptx_files", saved(slides(box(left=1.0)), slides(box(left=1.2))), 0.0),
    ("compare_pptx_files", saved(slides(box(bold=True)), slides(box())), 0.0),
    ("compare_pptx_files", saved(slides(box(bold=False)), slides(box())), 1.0),
    ("compare_pptx_files", saved(slides(box(italic=True)), slides(box(italic=False))), 0.0),
    ("compare_pptx_files", saved(slides(box(underline=True)), slides(box())), 0.0),
    ("compare_pptx_files", saved(slides(box(underline=False)), slides(box())), 1.0),
    ("compare_pptx_files", saved(slides(box(size=Pt(20))), slides(box(size=Pt(21)))), 0.0),
    ("compare_pptx_files", saved(slides(box(name="Arial")), slides(box())), 0.0),
    ("compare_pptx_files", saved(slides(box(rgb=(255, 0, 0))), slides(box(rgb=(254, 0, 0)))), 0.0),
    ("compare_pptx_files", saved(slides(box(rgb=(255, 0, 0))), slides(box())), 1.0),
    ("compare_pptx_files", saved(slides(box(strike="sngStrike")), slides(box())), 0.0),
    ("compare_pptx_files", saved(slides(box(), aligned(PP_ALIGN.LEFT)), slides(box())), 1.0),
    ("compare_pptx_files", saved(slides(box(), aligned(PP_ALIGN.RIGHT)), slides(box())), 0.0),
    ("compare_pptx_files", saved(slides(box(), levelled(1)), slides(box())), 0.0),
    ("compare_pptx_files", saved(slides(box(), bulleted("•")), slides(box(), bulleted("-"))), 0.0),
    ("compare_pptx_files", saved(slides(box(), bulleted("•")), slides(box(), bulleted("•"))), 1.0),
    ("compare_pptx_files", saved(slides(table("a")), slides(table("a"))), 1.0),
    ("compare_pptx_files", saved(slides(table("a", bold=True)), slides(table("a"))), 0.0),
    ("compare_pptx_files", saved(slides(ground(1, 2, 3)), slides(ground(1, 2, 3))), 1.0),
    ("compare_pptx_files", saved(slides(ground(1, 2, 3)), slides()), 0.0),
    ("compare_pptx_files", saved(slides(note("say")), slides(note(" say "))), 1.0),
    ("compare_pptx_files", saved(slides(note("say")), slides()), 0.0),
    ("check_image_stretch_and_center", saved(slides(picture()), slides(picture(3, 2, 2))), 1.0),
    (
        "check_image_stretch_and_center",
        saved(slides(picture(3, 2, 2)), slides(picture(3, 2, 2))),
        0.0,
    ),
    ("check_image_stretch_and_center", saved(slides(picture()), slides()), 0.0),
    (
        "check_strikethrough",
        plus(
            saved(slides(box(strike="sngStrike"))),
            {"slide_index_s": [0], "shape_index_s": [0], "paragraph_index_s": [0]},
        ),
        1.0,
    ),
    (
        "check_strikethrough",
        plus(
            saved(slides(box())),
            {"slide_index_s": [0], "shape_index_s": [0], "paragraph_index_s": [0]},
        ),
        0.0,
    ),
    (
        "check_strikethrough",
        plus(
            saved(slides(box())),
            {"slide_index_s": [4], "shape_index_s": [0], "paragraph_index_s": [0]},
        ),
        0.0,
    ),
    ("check_slide_orientation_Portrait", saved(slides(upright)), 1.0),
    ("check_slide_orientation_Portrait", saved(slides()), 0.0),
    (
        "evaluate_presentation_fill_to_rgb_distance",
        plus(saved(slides(ground(0, 0, 255))), {"rgb": [0, 0, 255]}),
        1.0,
    ),
    (
        "evaluate_presentation_fill_to_rgb_distance",
        plus(saved(slides(ground(0, 0, 255), count=2)), {"rgb": [0, 0, 0]}),
        0.21132486540518713,
    ),
    (
        "evaluate_presentation_fill_to_rgb_distance",
        plus(saved(slides(ground(0, 0, 255))), {"rgb": [0, 0, 255], "original_rgb": [0, 0, 255]}),
        0.0,
    ),
    ("check_transition", plus(DISSOLVED, {"slide_idx": 0, "transition_type": "dissolve"}), 1.0),
    ("check_transition", plus(DISSOLVED, {"slide_idx": 0, "transition_type": "fade"}), 0.0),
    ("check_transition", plus(DISSOLVED, {"slide_idx": 7, "transition_type": "dissolve"}), 0.0),
    ("check_page_number_colors", plus(master_colours("FF0000", "000000"), {"color": "red"}), 1.0),
    ("check_page_number_colors", plus(master_colours("00FF00", "000000"), {"color": "red"}), 0.0),
    ("check_page_number_colors", plus(master_colours("000000", "FF0000"), {"color": "black"}), 1.0),
]

MOVED = "Elaborate on what you want to discuss."
BELOW = {"examine_title_bottom_position": True, "examine_shape": False}

OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    (
        "compare_pptx_files",
        {"examine_number_of_slides": False},
        saved(slides(box()), slides(box(), count=2)),
        1.0,
    ),
    ("compare_pptx_files", {"examine_text": False}, saved(slides(box("a")), slides(box("b"))), 0.0),
    (
        "compare_pptx_files",
        {"examine_text": False, "examine_bullets": False},
        saved(slides(box("a")), slides(box("b"))),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"examine_shape": False},
        saved(slides(box(left=1)), slides(box(left=3))),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"examine_font_bold": False},
        saved(slides(box(bold=True)), slides(box())),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"examine_alignment": False},
        saved(slides(box(), aligned(PP_ALIGN.RIGHT)), slides(box())),
        1.0,
    ),
    ("compare_pptx_files", {"examine_note": False}, saved(slides(note("say")), slides()), 1.0),
    (
        "compare_pptx_files",
        {"examine_background_color": False},
        saved(slides(ground(1, 2, 3)), slides()),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"approximately_tolerance": 0.5},
        saved(slides(box(left=1.0)), slides(box(left=1.2))),
        1.0,
    ),
    (
        "compare_pptx_files",
        BELOW,
        saved(slides(box("Product Comparison", top=5)), slides(box("Product Comparison"))),
        1.0,
    ),
    (
        "compare_pptx_files",
        BELOW,
        saved(slides(box("Product Comparison", top=2)), slides(box("Product Comparison"))),
        0.0,
    ),
    (
        "compare_pptx_files",
        {"examine_shape_for_shift_size": True, "examine_shape": False},
        saved(slides(box(MOVED, left=2)), slides(box(MOVED))),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"examine_shape_for_shift_size": True, "examine_shape": False},
        saved(slides(box("x", left=2)), slides(box("x"))),
        0.0,
    ),
    (
        "compare_pptx_files",
        {"examine_image_size": True, "examine_shape": False},
        saved(slides(picture(1, 2, 2)), slides(picture(3, 2, 2))),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"examine_image_size": True, "examine_shape": False},
        saved(slides(picture(1, 3, 2)), slides(picture(3, 2, 2))),
        0.0,
    ),
    (
        "compare_pptx_files",
        {"examine_modify_height": True, "examine_shape": False},
        saved(slides(picture(1, 3, 2)), slides(picture(3, 2, 2))),
        1.0,
    ),
    (
        "compare_pptx_files",
        {"examine_modify_height": True, "examine_shape": False},
        saved(slides(picture(1, 3, 2)), slides(picture(1, 3, 3))),
        0.0,
    ),
]

FLAWS: list[tuple[str, dict[str, Any], Make, float, float]] = [
    (
        "check_page_number_colors",
        {},
        plus(master_colours("0000FF", "000000"), {"color": "blue"}),
        1.0,
        0.0,
    ),
]
"""The score, and the one that OSWorld's flaw gives."""


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_a_presentation_is_scored_as_osworld_scores_it(
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


def test_in_how_many_goes_a_text_was_typed_does_not_count_where_a_task_says_so(
    tmp_path: Path,
) -> None:
    """As in OSWorld's own since 2026; PyPI's desktop-env does not have the option."""

    def in_two_goes(_: Any, slide: Any) -> None:
        first = slide.shapes[0].text_frame.paragraphs[0]
        first.runs[0].text = "He"
        first.add_run().text = "llo"

    compare = registry.metric("compare_pptx_files")
    files = saved(slides(box(), in_two_goes), slides(box()))(tmp_path)
    assert compare(*files, examine_run_count=False) == 1.0
    assert compare(*files) == 0.0


def test_page_numbers_take_their_colour_from_the_master(tmp_path: Path) -> None:
    check = registry.metric("check_slide_numbers_color")

    def numbered(rgb: tuple[int, int, int]) -> Change:
        def change(made: Any, _: Any) -> None:
            # The last placeholder of the default master is the slide's number.
            frame = list(made.slide_masters[0].placeholders)[-1].text_frame
            frame.text = "<number>"
            frame.paragraphs[0].font.color.rgb = RGBColor(*rgb)

        return change

    (red,) = saved(slides(box("1"), numbered((255, 0, 0))))(tmp_path)
    assert check(red) == 1.0
    (blue,) = saved(slides(box("1"), numbered((0, 0, 255))))(tmp_path)
    assert check(blue) == 0.0
