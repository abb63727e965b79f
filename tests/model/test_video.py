import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from model.errors import ImageRefused
from model.images import ImageProcessor
from model.messages import ImagePart, TextPart, user
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.video import parts_of, sampled_frames

RATE = 10


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Six seconds, ten frames each, brighter from second to second."""
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(6 * RATE):
            shade = 40 * (number // RATE)
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), (shade,) * 3))
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shades(images: list[Image.Image]) -> list[int]:
    return [round(image.convert("L").resize((1, 1)).tobytes()[0] / 40) for image in images]


def test_one_frame_a_second_is_taken(video: Path) -> None:
    frames = sampled_frames(video)
    assert [frame.seconds for frame in frames] == pytest.approx([0, 1, 2, 3, 4, 5])
    assert shades([frame.image for frame in frames]) == [0, 1, 2, 3, 4, 5]


def test_frames_may_be_taken_more_often(video: Path) -> None:
    frames = sampled_frames(video, frames_per_second=2)
    assert [frame.seconds for frame in frames] == pytest.approx([n / 2 for n in range(12)])


def test_of_too_many_frames_every_other_is_let_go(video: Path) -> None:
    frames = sampled_frames(video, frames_per_second=2, max_frames=4)
    assert len(frames) <= 4
    assert frames[0].seconds == 0
    gaps = {round(b.seconds - a.seconds, 3) for a, b in itertools.pairwise(frames)}
    assert len(gaps) == 1


def test_frames_stand_in_a_prompt_with_their_times(video: Path, tokenizer: Tokenizer) -> None:
    frames = sampled_frames(video)[:3]
    parts = parts_of(frames)
    assert [part.text for part in parts if isinstance(part, TextPart)] == [
        "00:00.0 ",
        "00:01.0 ",
        "00:02.0 ",
    ]
    assert all(isinstance(part, ImagePart) for part in parts_of(frames, timestamps=False))
    prompt = Processor(tokenizer, ImageProcessor())([user(*parts, "What happens?")])
    assert prompt.image_grid_hws is not None
    assert len(prompt.image_grid_hws) == 3
    pad = tokenizer.special["<|media_pad|>"]
    assert int((prompt.input_ids == pad).sum()) == sum(
        ImageProcessor().num_tokens(grid) for grid in prompt.image_grid_hws.tolist()
    )


@pytest.mark.parametrize("content", [None, b"", b"no video at all"])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageRefused, match=r"a\.mp4"):
        sampled_frames(path)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ImageRefused, match="no pictures"):
        sampled_frames(path)


@pytest.mark.parametrize(("rate", "most"), [(0.0, 4), (1.0, 0), (-1.0, 4)])
def test_no_frames_cannot_be_asked_for(video: Path, rate: float, most: int) -> None:
    with pytest.raises(ValueError, match="more than none"):
        sampled_frames(video, frames_per_second=rate, max_frames=most)
