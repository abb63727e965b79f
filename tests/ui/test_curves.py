from html.parser import HTMLParser
from pathlib import Path

from ui.curves import plot, write_page
from ui.training_page import smoothed, write_training_page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def test_every_curve_is_a_line_with_its_name(tmp_path: Path) -> None:
    curves = {"loss": [(1, 4.0), (2, 1.0)], "<b>": [(1, 2.0), (2, 0.5)]}
    path = write_page(tmp_path / "page.html", "A & B", {"heading": curves}, ["note <i>"])
    tags = Tags()
    tags.feed(path.read_text())
    assert tags.found.count("polyline") == 2
    assert not {"b", "i"} & set(tags.found)
    assert "A &amp; B" in path.read_text()


def test_higher_is_further_up() -> None:
    drawn = plot({"y": [(0, 0.0), (1, 10.0)]})
    first, second = drawn.split("points='")[1].split("'")[0].split()
    assert float(second.split(",")[1]) < float(first.split(",")[1])
    assert float(second.split(",")[0]) > float(first.split(",")[0])


def test_a_curve_of_one_point_and_one_of_none_can_be_drawn() -> None:
    assert "polyline" in plot({"y": [(3, 1.0)]})
    assert "nothing yet" in plot({"y": []})


def test_a_training_s_page_has_its_stages_and_gates(tmp_path: Path) -> None:
    assert write_training_page(tmp_path) is None
    stage = tmp_path / "reading"
    stage.mkdir()
    row = '{"step": %d, "glyphs": 0.5, "glyph_accuracy": 0.9, "seconds": 36}\n'
    # The second step was done twice: the run was killed between them.
    (stage / "metrics.jsonl").write_text(row % 1 + row % 2 + row % 2)
    (stage / "gate.json").write_text(
        '{"measure": "glyph_accuracy", "value": 0.91, "at_least": 0.8}\n'
    )
    page = write_training_page(tmp_path)
    assert page is not None
    told = page.read_text()
    assert "reading: 2 steps, 0.02 hours" in told
    assert "glyph_accuracy 0.91, at least 0.8" in told
    assert "reading: losses" in told


def test_many_steps_are_drawn_as_few_means() -> None:
    rows = {step: {"answer": float(step % 3 == 0)} for step in range(1, 1000)}
    points = smoothed(rows, "answer")
    assert len(points) <= 340
    assert all(0.2 < y < 0.7 for _, y in points)
