import pytest
from PIL import Image

from agent.perform_again import difference, perform_again
from env.actions import Action
from env.browser import BrowserDesktop
from env.fake import FakeDesktop
from env.screen import Box, ScreenSize
from tests.trajectories.conftest import MakeRun, make_run
from trajectories.reading import read_run

__all__ = ["make_run"]


def test_the_same_screen_gives_the_same_pictures_and_the_same_end(make_run: MakeRun) -> None:
    (episode,) = read_run(make_run()).episodes
    with FakeDesktop() as desktop:
        compared = list(perform_again(episode, desktop))
        assert (desktop.text, desktop.num_presses) == ('Ada "x" $5', 2)
        assert desktop.slider > 30
    assert [each.share for each in compared] == [0.0] * 8
    assert compared[0].in_words() == "step 1: the screen is the same"


def test_the_first_difference_is_told_with_its_place(make_run: MakeRun) -> None:
    (episode,) = read_run(make_run()).episodes

    class Deaf(FakeDesktop):
        def perform(self, action: Action) -> None:
            return

    with Deaf() as desktop:
        compared = list(perform_again(episode, desktop))
    assert compared[0].where is None
    assert compared[1].where is not None
    assert compared[1].share > 0
    assert "of the screen differ, within" in compared[1].in_words()


def test_a_screen_of_another_size_is_refused(make_run: MakeRun) -> None:
    (episode,) = read_run(make_run()).episodes
    with (
        BrowserDesktop(ScreenSize(500, 400)) as desktop,
        pytest.raises(ValueError, match="would lie elsewhere"),
    ):
        next(perform_again(episode, desktop))


def test_a_pixel_counts_once_whichever_of_its_colours_differ() -> None:
    one = Image.new("RGB", (10, 10))
    other = one.copy()
    other.putpixel((3, 4), (1, 0, 0))
    other.putpixel((5, 4), (0, 2, 3))
    share, where = difference(one, other)
    assert share == pytest.approx(0.02)
    assert where == Box(3, 4, 6, 5)
