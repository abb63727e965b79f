import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.action_text import action_text, code_of, finish_text
from agent.coords import to_fraction, to_pixels, to_screen
from agent.errors import GroundingError
from agent.parser import parse
from agent.proposals import ClickAt, Finish, Fraction, ScrollAt
from env.actions import (
    Action,
    Click,
    Drag,
    Keys,
    Move,
    Point,
    Scroll,
    TypeText,
    Wait,
    points_of,
)
from env.screen import ScreenSize

PAGE = ScreenSize(160, 210)
SIZES = st.builds(ScreenSize, st.integers(1, 4000), st.integers(1, 4000))


def test_the_format_is_fixed() -> None:
    text = action_text(
        Click(Point(83, 65)), PAGE, words='Click the "OK" button.', thought="It is ready."
    )
    assert text == (
        '## Thought:\nIt is ready.\n## Action:\nClick the "OK" button.\n'
        "## Code:\n```python\npyautogui.click(x=0.52, y=0.31)\n```"
    )


def test_without_a_thought_its_section_is_left_out() -> None:
    assert action_text(Wait(2), PAGE, words="Wait.") == (
        "## Action:\nWait.\n## Code:\n```code\ncomputer.wait(2)\n```"
    )


def test_the_end_is_an_answer_too() -> None:
    assert parse(finish_text(False, words="Give up.")).proposals == (Finish(False),)


def actions(size: ScreenSize) -> st.SearchStrategy[Action]:
    points = st.builds(Point, st.integers(0, size.width - 1), st.integers(0, size.height - 1))
    buttons = st.sampled_from(["left", "middle", "right"])
    names = st.sampled_from(["ctrl", "shift", "a", "'", "\\", "enter", "pagedown"])
    chords = st.lists(names, min_size=1, max_size=3, unique=True).map(tuple)
    modifiers = st.lists(st.sampled_from(["ctrl", "shift"]), unique=True).map(tuple)
    typable = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t")
    texts = st.text(typable, min_size=1, max_size=80)
    notches = st.integers(-50, 50).filter(bool)
    return st.one_of(
        st.builds(Click, points, buttons, st.integers(1, 3), modifiers),
        st.builds(Move, points),
        st.builds(Click, points, buttons, st.just(1), modifiers, st.sampled_from([0.5, 2.0])),
        st.builds(Drag, points, points, buttons, modifiers),
        st.builds(Scroll, points, notches, st.booleans(), modifiers),
        st.builds(TypeText, texts),
        st.builds(Keys, chords, st.integers(1, 50)),
        st.builds(Wait, st.floats(0.1, 60).map(lambda seconds: round(seconds, 1))),
    )


@settings(max_examples=150, deadline=None)
@given(SIZES.flatmap(lambda size: st.tuples(st.just(size), actions(size))))
def test_what_is_written_is_read_back_within_two_pixels(
    case: tuple[ScreenSize, Action],
) -> None:
    size, action = case
    parsed = parse(action_text(action, size, words="Do it.", thought="So it goes."))
    assert (parsed.thought, parsed.sentence) == ("So it goes.", "Do it.")
    (proposal,) = parsed.proposals
    back = to_screen(proposal, size)
    assert type(back) is type(action)
    for there, here in zip(points_of(back), points_of(action), strict=True):
        assert abs(there.x - here.x) <= 2
        assert abs(there.y - here.y) <= 2
    if not points_of(action):
        assert back == action
    assert code_of(back, size) == code_of(action, size)


@given(SIZES, st.data())
def test_a_pixel_survives_the_way_to_fractions_and_back(
    size: ScreenSize, data: st.DataObject
) -> None:
    point = Point(
        data.draw(st.integers(0, size.width - 1)), data.draw(st.integers(0, size.height - 1))
    )
    assert to_pixels(*to_fraction(point, size), size) == point


def test_the_far_edge_is_the_last_pixel() -> None:
    assert to_pixels(1.0, 1.0, PAGE) == (159, 209)


@pytest.mark.parametrize("point", [(-0.01, 0.5), (0.5, 1.01), (512, 300)])
def test_a_point_off_the_picture_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(GroundingError, match="outside the screenshot"):
        to_screen(ClickAt(Fraction(*point)), PAGE)


def test_a_pixel_off_the_screen_is_refused() -> None:
    with pytest.raises(GroundingError, match="off the screen"):
        to_fraction(Point(160, 0), PAGE)


def test_a_scroll_that_names_no_point_means_the_middle() -> None:
    assert to_screen(ScrollAt(-3), PAGE) == Scroll(Point(80, 105), -3)
