"""Pixels and the pointer's own units, there and back."""

import random

import pytest

from agent.coords import to_fraction, to_pixels
from env.actions import Point
from env.errors import ActionRefused
from env.screen import ScreenSize
from env.screen_layout import ScreenLayout

SCALES = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


def random_layout(chance: random.Random) -> ScreenLayout:
    width, height = chance.randint(320, 3840), chance.randint(200, 2160)
    scale = chance.choice(SCALES)
    return ScreenLayout(
        chance.randint(-8000, 8000),
        chance.randint(-4000, 4000),
        width,
        height,
        ScreenSize(round(width * scale), round(height * scale)),
    )


def test_100_000_points_go_to_the_pointer_and_back_within_a_unit() -> None:
    """Between the look and the act the screen may get another size, place and scale: then a pixel
    goes where it is now, and one that is no more is refused."""
    chance = random.Random(5)
    num_resized = num_refused = 0
    for _ in range(1_000):
        seen = random_layout(chance)
        for _ in range(100):
            resized = chance.random() < 0.3
            now = random_layout(chance) if resized else seen
            pixel = Point(
                chance.randrange(seen.picture.width), chance.randrange(seen.picture.height)
            )
            # As the model says it: in fractions of the picture that it saw.
            again = to_pixels(*to_fraction(pixel, seen.picture), seen.picture)
            assert again == pixel
            num_resized += resized
            if not (pixel.x < now.picture.width and pixel.y < now.picture.height):
                with pytest.raises(ActionRefused, match="off the screen"):
                    now.to_pointer(again)
                num_refused += 1
                continue
            place = now.to_pointer(again)
            assert 0 <= place.x - now.left < now.width
            assert 0 <= place.y - now.top < now.height
            back = now.to_picture(place)
            # The pointer cannot tell pixels of one unit apart.
            unit = max(now.picture.width / now.width, now.picture.height / now.height)
            assert abs(back.x - pixel.x) <= max(1, unit)
            assert abs(back.y - pixel.y) <= max(1, unit)
    assert num_resized > 20_000
    assert 1_000 < num_refused < num_resized


@pytest.mark.parametrize("scale", SCALES)
def test_the_corners_are_the_corners(scale: float) -> None:
    layout = ScreenLayout(-1920, -200, 1920, 1080, ScreenSize(int(1920 * scale), int(1080 * scale)))
    width, height = layout.picture
    assert layout.to_pointer(Point(0, 0)) == (-1920, -200)
    assert layout.to_pointer(Point(width - 1, height - 1)) == (-1, 879)


def test_what_lies_outside_is_refused_both_ways() -> None:
    chance = random.Random(6)
    for _ in range(1_000):
        layout = random_layout(chance)
        width, height = layout.picture
        for pixel in (Point(-1, 0), Point(0, -1), Point(width, 0), Point(0, height)):
            with pytest.raises(ActionRefused, match="off the screen"):
                layout.to_pointer(pixel)
        right, bottom = layout.left + layout.width, layout.top + layout.height
        for place in (
            Point(layout.left - 1, layout.top),
            Point(layout.left, layout.top - 1),
            Point(right, layout.top),
            Point(layout.left, bottom),
        ):
            with pytest.raises(ActionRefused, match="off the screen"):
                layout.to_picture(place)


def test_a_point_of_before_a_resize_is_refused_where_it_no_longer_is() -> None:
    before = ScreenLayout(0, 0, 1920, 1080, ScreenSize(1920, 1080))
    after = ScreenLayout(0, 0, 1280, 720, ScreenSize(1280, 720))
    assert before.to_pointer(Point(1500, 800)) == (1500, 800)
    with pytest.raises(ActionRefused):
        after.to_pointer(Point(1500, 800))


def test_a_screen_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="0x1080"):
        ScreenLayout(0, 0, 0, 1080, ScreenSize(1, 1))
