import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trajectories.errors import BlobMissing
from trajectories.recording import Recording
from trajectories.schema import Frame, Run
from trajectories.screen_video import VIDEO_NAME, Reel, ScreenVideo, digest_of

SIZE = (320, 200)


def screens(count: int) -> list[Image.Image]:
    """Each another, with text-like detail and colours that YUV would lose."""
    noise = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    pictures = []
    for number in range(count):
        noise[10:30, : number + 1] = (255, 0, number)
        pictures.append(Image.fromarray(noise.copy()))
    return pictures


def test_every_pixel_comes_back_by_its_number(tmp_path: Path) -> None:
    shown = screens(130)
    video = ScreenVideo(tmp_path, *SIZE)
    # Two looks in the same millisecond are two frames all the same.
    numbers = [video.add(image, 50.0 + number // 2 * 0.1) for number, image in enumerate(shown)]
    video.close()
    video.close()
    assert numbers == list(range(130))
    assert stat.S_IMODE((tmp_path / VIDEO_NAME).stat().st_mode) == 0o600
    reel = Reel(tmp_path / VIDEO_NAME)
    for number in (0, 1, 1, 100, 129, 3):
        assert reel.picture(number).tobytes() == shown[number].tobytes()
    with pytest.raises(BlobMissing, match="130 frames"):
        reel.picture(130)
    with pytest.raises(FileExistsError):
        ScreenVideo(tmp_path, *SIZE)


WRITER = """
import os, signal, sys
from pathlib import Path
from tests.trajectories.test_screen_video import SIZE, screens
from trajectories.screen_video import ScreenVideo
video = ScreenVideo(Path(sys.argv[1]), *SIZE)
for number, image in enumerate(screens(20)):
    video.add(image, number / 10)
video.sync()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_recorder_wrote_is_there(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    reel = Reel(tmp_path / VIDEO_NAME)
    for number, image in enumerate(screens(20)):
        assert reel.picture(number).tobytes() == image.tobytes()


def test_another_picture_than_was_recorded_is_told(tmp_path: Path) -> None:
    first, second = screens(2)
    video = ScreenVideo(tmp_path, *SIZE)
    frame = Frame(at=1.0, image=digest_of(first), video=video.add(first, 1.0))
    video.add(second, 2.0)
    video.close()
    recording = Recording(Run(run_id="r", policy="p", started_at=0.0), tmp_path)
    assert recording.picture(frame).tobytes() == first.tobytes()
    with pytest.raises(BlobMissing, match="is another"):
        recording.picture(Frame(at=2.0, image=digest_of(first), video=1))
    (tmp_path / VIDEO_NAME).unlink()
    recording = Recording(Run(run_id="r", policy="p", started_at=0.0), tmp_path)
    with pytest.raises(BlobMissing, match="cannot be read"):
        recording.picture(frame)
