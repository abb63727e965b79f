"""An episode as a video or an animated picture, the view drawn near to where each step acts."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import av
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

from env.actions import Action, points_of
from trajectories.action_json import decode
from trajectories.reading import Episode, Step
from trajectories.replay import describe, marks_of

FRAMES_A_SECOND = 12
WHOLE_SECONDS, NEAR_SECONDS, APPROACH_SECONDS = 0.7, 0.8, 0.35
NEAR = 2.5
"""How much larger the screen is shown near its target."""
LEAST_WIDTH, MOST_WIDTH = 480, 1280
CAPTION_PX = 44
_RECORDINGS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    ".mp4": ("libx264", {"crf": "20", "preset": "veryfast"}),
    ".webm": ("libvpx", {"crf": "20", "b": "2M", "deadline": "realtime", "cpu-used": "8"}),
}
"""Encoder and its options."""

_PAPER, _INK, _SOFT, _MARK = (21, 24, 27), (240, 238, 232), (150, 158, 166), (255, 61, 46)


def write_film(episode: Episode, path: Path) -> int:
    """Write `path` as its suffix says, .mp4 or .gif. Gives how many frames.

    Raises:
        ValueError: another suffix, or an episode without a step.
        BlobMissing: a screenshot is gone.
    """
    if not episode.steps:
        raise ValueError(f"{episode.name} has no step to show")
    match path.suffix:
        case ".mp4":
            codec, options = _RECORDINGS[".mp4"]
            return _encode(frames_of(episode), path, codec, options, FRAMES_A_SECOND)
        case ".gif":
            return _write_gif(episode, path)
        case suffix:
            raise ValueError(f"a film named *{suffix}; expected .mp4 or .gif")


def write_recording(episode: Episode, path: Path, last: Image.Image | None = None) -> int:
    """The screens of an episode one after another, a second each, with what was done marked:
    a recording as evaluations keep one, .mp4 or .webm. Gives how many frames.

    Args:
        last: the screen when it was over.

    Raises:
        ValueError: another suffix, or nothing to show.
        BlobMissing: a screenshot is gone.
    """
    if path.suffix not in _RECORDINGS:
        raise ValueError(f"a recording named *{path.suffix}; expected {', '.join(_RECORDINGS)}")
    screens = [_marked(step.image(), _actions_of(step)) for step in episode.steps]
    if last is not None:
        screens.append(last.convert("RGB"))
    if not screens:
        raise ValueError(f"{episode.name} has no screen to show")
    codec, options = _RECORDINGS[path.suffix]
    return _encode((_shown_whole(screen) for screen in screens), path, codec, options, 1)


def frames_of(episode: Episode) -> Iterator[Image.Image]:
    """RGB, all of one even size."""
    for step in episode.steps:
        yield from _frames_of_step(episode, step)


def _encode(
    frames: Iterable[Image.Image], path: Path, codec: str, options: Mapping[str, str], rate: int
) -> int:
    count = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuv420p"
        stream.options = dict(options)
        for image in frames:
            if count == 0:
                stream.width, stream.height = image.size
            for packet in stream.encode(av.VideoFrame.from_image(image)):
                container.mux(packet)
            count += 1
        for packet in stream.encode():
            container.mux(packet)
    return count


def _write_gif(episode: Episode, path: Path) -> int:
    # One table of colours for all: a table a frame flickers.
    images = [image.quantize(128, dither=Image.Dither.NONE) for image in frames_of(episode)]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / FRAMES_A_SECOND),
        loop=0,
        optimize=False,
    )
    return len(images)


def _frames_of_step(episode: Episode, step: Step) -> Iterator[Image.Image]:
    actions = _actions_of(step)
    screen = step.image()
    scale = min(max(LEAST_WIDTH, screen.width), MOST_WIDTH) / screen.width
    marked = _marked(screen, actions)
    caption = _caption(episode, step, actions)
    points = [point for action in actions for point in points_of(action)]
    stages = [(1.0, WHOLE_SECONDS)]
    if points:
        num_between = round(APPROACH_SECONDS * FRAMES_A_SECOND)
        between = [1 + (NEAR - 1) * (nth + 1) / (num_between + 1) for nth in range(num_between)]
        stages += [(near, 1 / FRAMES_A_SECOND) for near in between] + [(NEAR, NEAR_SECONDS)]
    target = points[-1] if points else (screen.width // 2, screen.height // 2)
    for near, seconds in stages:
        frame = _framed(marked, near, target, scale, caption)
        for _ in range(max(1, round(seconds * FRAMES_A_SECOND))):
            yield frame


def _actions_of(step: Step) -> list[Action]:
    return [] if step.intent is None else [decode(each) for each in step.intent.actions]


def _shown_whole(screen: Image.Image) -> Image.Image:
    scale = min(screen.width, MOST_WIDTH) / screen.width
    return screen.resize((_even(screen.width * scale), _even(screen.height * scale)))


def _framed(
    screen: Image.Image, near: float, target: tuple[int, int], scale: float, caption: Image.Image
) -> Image.Image:
    width, height = screen.width / near, screen.height / near
    left = min(max(target[0] - width / 2, 0), screen.width - width)
    top = min(max(target[1] - height / 2, 0), screen.height - height)
    shown = (_even(screen.width * scale), _even(screen.height * scale))
    view = screen.resize(
        shown, Image.Resampling.LANCZOS, box=(left, top, left + width, top + height)
    )
    frame = Image.new("RGB", (shown[0], shown[1] + CAPTION_PX), _PAPER)
    frame.paste(view, (0, 0))
    frame.paste(caption.crop((0, 0, shown[0], CAPTION_PX)), (0, shown[1]))
    return frame


def _even(length: float) -> int:
    """What video codecs ask of both sides."""
    return round(length / 2) * 2


def _marked(screen: Image.Image, actions: list[Action]) -> Image.Image:
    marked = screen.copy()
    pen = ImageDraw.Draw(marked)
    unit = max(1.0, screen.width / 640)
    for mark in (mark for action in actions for mark in marks_of(action)):
        (x, y), (to_x, to_y) = mark.at, mark.to
        if mark.kind == "arrow":
            pen.line((x, y, to_x, to_y), fill=_MARK, width=round(3 * unit))
        for ring in range(mark.rings if mark.kind == "click" else 0):
            radius = (9 + 4 * ring) * unit
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(box, outline=_MARK, width=round(2 * unit))
        radius = 2.5 * unit
        pen.ellipse((to_x - radius, to_y - radius, to_x + radius, to_y + radius), fill=_MARK)
    return marked


def _caption(episode: Episode, step: Step, actions: list[Action]) -> Image.Image:
    caption = Image.new("RGB", (MOST_WIDTH, CAPTION_PX), _PAPER)
    pen = ImageDraw.Draw(caption)
    font = ImageFont.load_default(13)
    said = "" if step.intent is None else step.intent.sentence
    done = "; ".join(describe(action) for action in actions)
    told = f"{step.number}. {said or done or 'no action'}"
    pen.text((10, 5), told[:150], fill=_INK, font=font)
    pen.text((10, 24), f"{episode.name}: {episode.start.instruction}"[:150], fill=_SOFT, font=font)
    return caption
