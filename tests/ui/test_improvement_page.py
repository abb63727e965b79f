from html.parser import HTMLParser
from pathlib import Path

from agent.improve import Round
from ui.improvement_page import Final, write_improvement_page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def point(number: int, mean: float, kept: bool, rates: dict[str, float]) -> Round:
    return Round(
        number=number,
        weights=f"<weights {number}>",
        mean=mean,
        standard_error=None if number == 0 else 0.03,
        kept=kept,
        hours=number / 6,
        seconds={"acting": 120.0 * number, "learning": 360.0 * number, "measuring": 60.0},
        rates=rates,
    )


ROUNDS = (
    point(0, 0.2, True, {"easy": 0.4, "hard": 0.0}),
    point(1, 0.6, True, {"easy": 0.3, "hard": 0.9}),
    point(2, 0.5, False, {"easy": 0.5, "hard": 0.5}),
)


def read(path: Path) -> Tags:
    tags = Tags()
    tags.feed(path.read_text())
    return tags


def test_the_curve_the_rounds_and_every_task_are_told(tmp_path: Path) -> None:
    tags = read(write_improvement_page(tmp_path / "new" / "page.html", ROUNDS))
    dots = [attrs for name, attrs in tags.found if name == "circle"]
    assert len(dots) == 3
    heights = [float(dot["cy"] or 0) for dot in dots]
    assert heights[1] < heights[2] < heights[0], "higher is better"
    assert dots[2]["fill"] == "#fff", "what was not kept is hollow"
    assert "20.0% to 60.0%" in tags.text
    assert tags.text.index("hard") < tags.text.index("easy"), "what was gained most comes first"
    assert "2.0 6.0" in " ".join(tags.text.split()), "minutes of the round, not of all so far"
    assert "The last two rounds brought +30.0 points in 20 minutes" in tags.text
    assert "weights" not in {name for name, _ in tags.found}


def test_seeds_that_chose_nothing_have_the_last_word(tmp_path: Path) -> None:
    def summary(mean: float) -> dict[str, object]:
        task = {"success": mean}
        return {"mean": mean, "standard_error": 0.012, "per_task": {"easy": task, "hard": task}}

    final = Final(episodes=10, before=summary(0.25), after=summary(0.5))
    tags = read(write_improvement_page(tmp_path / "page.html", ROUNDS, final))
    assert "25.0% to 50.0%" in tags.text
    assert "20.0% to 60.0% on those that did" in tags.text


def test_a_start_alone_can_be_drawn(tmp_path: Path) -> None:
    nothing = point(0, 0.0, True, {"easy": 0.0})
    assert "0.0% to 0.0%" in read(write_improvement_page(tmp_path / "p.html", [nothing])).text
