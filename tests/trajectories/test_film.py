from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.trajectories.conftest import MakeRun
from trajectories.film import CAPTION_PX, NEAR, frames_of, write_film
from trajectories.reading import Episode, read_run


@pytest.fixture
def episode(make_run: MakeRun) -> Episode:
    return read_run(make_run()).episodes[0]


def test_a_film_plays_and_has_as_many_frames_as_it_says(episode: Episode, tmp_path: Path) -> None:
    count = write_film(episode, tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == count > 8 * 8
    assert {(frame.width, frame.height) for frame in frames} == {
        (frames[0].width, frames[0].height)
    }
    assert write_film(episode, tmp_path / "a.gif") == count
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.is_animated  # type: ignore[attr-defined]


def test_the_view_comes_near_to_the_click(episode: Episode) -> None:
    frames = list(frames_of(episode))
    width, height = frames[0].size
    screen = (0, 0, width, height - CAPTION_PX)
    whole, near = frames[0].crop(screen), frames[len(frames) // 8 - 4].crop(screen)
    red = [int((np.asarray(picture) == (255, 61, 46)).all(-1).sum()) for picture in (whole, near)]
    # Twice and a half as near is more than six times the area; the ring's edges are softened.
    assert red[1] > red[0] * NEAR


def test_another_suffix_and_an_empty_episode_are_refused(episode: Episode, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.mp4 or \.gif"):
        write_film(episode, tmp_path / "a.avi")
    episode.steps.clear()
    with pytest.raises(ValueError, match="no step"):
        write_film(episode, tmp_path / "a.mp4")
