"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from mutagen.easyid3 import EasyID3
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from env.tasks import registry

Make = Callable[[Path], tuple[Any, ...]]


def scene(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """Soft shapes with some grain: the same every time."""
    image = Image.new("RGB", (width, height), (90, 140, 190))
    draw = ImageDraw.Draw(image)
    for number in range(6):
        left, top = (number * 17 + seed * 5) % width, (number * 11 + seed * 3) % height
        fill = (40 * number % 256, (90 + 60 * number) % 256, (200 - 30 * number) % 256)
        draw.ellipse((left, top, left + 20, top + 14), fill=fill)
    return image


def changed(how: Any, factor: float) -> Image.Image:
    image: Image.Image = how(scene()).enhance(factor)
    return image


def saved(*images: Image.Image) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.png") for at, _ in enumerate(images)]
        for image, path in zip(images, paths, strict=True):
            image.save(path)
        return tuple(paths)

    return make


def plus(make: Make, *more: Any) -> Make:
    return lambda folder: (*make(folder), *more)


def clear(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Nothing is to be seen but a box."""
    alpha = Image.new("L", image.size, 0)
    alpha.paste(255, box)
    seen = image.convert("RGBA")
    seen.putalpha(alpha)
    return seen


def drawing(colour: str, ground: str, left: int, size: tuple[int, int] = (60, 60)) -> Image.Image:
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).rectangle((left, 24, left + 12, 36), fill=colour)
    return image


def dotted(image: Image.Image) -> Image.Image:
    """With a rare third colour, as softened edges give."""
    for x in range(0, 60, 7):
        image.putpixel((x, 0), (9, 9, 9))
    return image


def tone(*hertz: float, seconds: float = 0.7) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = []
        for at, one in enumerate(hertz):
            times = np.arange(int(22050 * seconds)) / 22050
            samples = np.sin(2 * np.pi * one * times) * np.linspace(1, 0.2, len(times))
            paths.append(str(folder / f"{at}.wav"))
            with wave.open(paths[-1], "wb") as sound:
                sound.setparams((1, 2, 22050, 0, "NONE", ""))
                sound.writeframes((samples * 20000).astype("<i2").tobytes())
        return tuple(paths)

    return make


def film(*seeds: int, frames: int = 12) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = []
        for at, seed in enumerate(seeds):
            paths.append(str(folder / f"{at}.mp4"))
            with av.open(paths[-1], "w") as made:
                stream = made.add_stream("mpeg4", rate=10)
                stream.width, stream.height = 64, 48
                for number in range(frames + at * (seed < 0)):
                    frame = av.VideoFrame.from_image(scene(seed=abs(seed) * 40 + number))
                    made.mux(stream.encode(frame))
                made.mux(stream.encode())
        return tuple(paths)

    return make


def mp3(**tags: str) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        path = folder / "a.mp3"
        with av.open(str(path), "w") as made:
            stream = made.add_stream("mp3", rate=44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4608), np.int16), "s16p", "mono")
            frame.sample_rate = 44100
            made.mux(stream.encode(frame))
            made.mux(stream.encode())
        held = EasyID3()
        for name, value in tags.items():
            held[name] = value
        held.save(path)
        return (str(path),)

    return make


def gimprc(text: str) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        (folder / "gimprc").write_text(text)
        return (str(folder / "gimprc"),)

    return make


THEME = {"type": "key-value", "key": "theme", "value": '"Light"'}
DOCK = {"key": ["dock", "hidden"], "value": "yes"}
PALETTE = scene().convert("P", palette=Image.Palette.ADAPTIVE)
ARTIST = {"artist": {"method": "eq", "ref": "Ann"}}
SMALL = scene(32, 24)

CASES: list[tuple[str, Make, float]] = [
    ("compare_image_list", saved(scene(), scene()), 1.0),
    ("compare_image_list", saved(scene(), scene(seed=1)), 0.0),
    (
        "compare_image_list",
        lambda f: (lambda p: ([p[0], p[1]], [p[0], p[2]]))(
            saved(scene(), scene(seed=1), scene(seed=2))(f)
        ),
        0.0,
    ),
    ("compare_image_list", lambda _: (None, "x"), 0.0),
    ("check_structure_sim", saved(scene(), scene()), 1.0),
    ("check_structure_sim", saved(scene(), scene(seed=2)), 0.0),
    ("check_structure_sim", saved(scene(), SMALL), 0.0),
    ("check_file_exists_and_structure_sim", saved(scene(), scene()), 1.0),
    (
        "check_file_exists_and_structure_sim",
        lambda f: (str(f / "none.png"), *saved(scene())(f)),
        0.0,
    ),
    (
        "check_structure_sim_resized",
        saved(scene(128, 96).resize((64, 48)), scene(128, 96).resize((64, 48))),
        1.0,
    ),
    ("check_structure_sim_resized", saved(scene(seed=3), scene()), 0.0),
    (
        "check_structure_sim_resized",
        saved(clear(scene(), (10, 10, 40, 40)), scene().crop((10, 10, 40, 40))),
        1.0,
    ),
    ("check_structure_sim_resized", saved(clear(scene(), (0, 0, 0, 0)), scene()), 0.0),
    (
        "check_brightness_decrease_and_structure_sim",
        saved(changed(ImageEnhance.Brightness, 0.6), scene()),
        1.0,
    ),
    (
        "check_brightness_decrease_and_structure_sim",
        saved(changed(ImageEnhance.Brightness, 1.4), scene()),
        0.0,
    ),
    (
        "check_brightness_decrease_and_structure_sim",
        saved(Image.new("RGB", (64, 48), (9, 9, 9)), scene()),
        0.0,
    ),
    (
        "check_contrast_increase_and_structure_sim",
        saved(changed(ImageEnhance.Contrast, 1.3), scene()),
        1.0,
    ),
    (
        "check_contrast_increase_and_structure_sim",
        saved(changed(ImageEnhance.Contrast, 0.7), scene()),
        0.0,
    ),
    (
        "check_saturation_increase_and_structure_sim",
        saved(scene(), changed(ImageEnhance.Color, 0.9)),
        1.0,
    ),
    (
        "check_saturation_increase_and_structure_sim",
        saved(changed(ImageEnhance.Color, 0.9), scene()),
        0.0,
    ),
    ("check_palette_and_structure_sim", saved(PALETTE, scene()), 1.0),
    ("check_palette_and_structure_sim", saved(scene(), scene()), 0.0),
    ("check_image_mirror", saved(ImageOps.mirror(scene()), scene()), 1.0),
    ("check_image_mirror", saved(scene(), scene()), 0.0),
    (
        "check_green_background",
        saved(drawing("black", "green", 24), drawing("black", "white", 24)),
        1.0,
    ),
    (
        "check_green_background",
        saved(drawing("black", "white", 24), drawing("black", "white", 24)),
        0.0,
    ),
    ("check_textbox_on_leftside", saved(drawing("black", "white", 1)), 1.0),
    ("check_textbox_on_leftside", saved(drawing("black", "white", 24)), 0.0),
    ("check_sharper", saved(scene(), scene().resize((20, 15)).resize((64, 48))), 1.0),
    ("check_sharper", saved(scene().resize((20, 15)).resize((64, 48)), scene()), 0.0),
    ("increase_saturation", saved(changed(ImageEnhance.Color, 0.5), scene()), 1.0),
    ("increase_saturation", saved(scene(), changed(ImageEnhance.Color, 0.5)), 0.0),
    ("decrease_brightness", saved(scene(), changed(ImageEnhance.Brightness, 0.5)), 1.0),
    ("decrease_brightness", saved(changed(ImageEnhance.Brightness, 0.5), scene()), 0.0),
    ("check_image_size", plus(saved(scene()), {"height": 48, "width": 64}), 1.0),
    ("check_image_size", plus(saved(scene()), {"height": 49}), 0.0),
    (
        "check_image_size",
        plus(saved(clear(scene(), (10, 10, 40, 30))), {"height": 20, "ignore_transparent": True}),
        1.0,
    ),
    ("check_image_file_size", plus(saved(scene()), {"max_size": 500_000}), 1.0),
    ("check_image_file_size", plus(saved(scene()), {"max_size": 10}), 0.0),
    ("check_config_status", plus(gimprc('# GIMP\n\n(theme "Light")\n'), THEME), 1.0),
    ("check_config_status", plus(gimprc('(theme "Dark")\n'), THEME), 0.0),
    ("check_config_status", plus(gimprc("(dock hidden yes)\n"), DOCK), 1.0),
    ("compare_images", saved(scene(), scene()), 1.0),
    ("compare_images", saved(scene(), scene(seed=1)), 0.6171922581022531),
    ("compare_images", lambda _: (None, "x"), 0.0),
    ("compare_audios", tone(440, 440), 1.0),
    ("compare_audios", tone(440, 1760), 0.3892863160495144),
    ("compare_audios", lambda f: (str(f / "none.wav"), *tone(440)(f)), 0.0),
    ("compare_videos", film(0, 0), 1.0),
    ("compare_videos", film(0, 3), 0.0),
    ("compare_videos", film(0, -1), 0.0),
    ("check_mp3_meta", plus(mp3(artist="Ann"), ARTIST), 1.0),
    ("check_mp3_meta", plus(mp3(artist="Bob"), ARTIST), 0.0),
]

OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    (
        "check_structure_sim_with_threshold",
        {"ssim_threshold": 0.3},
        saved(scene(), scene(seed=1)),
        1.0,
    ),
    ("check_structure_sim_with_threshold", {}, saved(scene(), scene(seed=1)), 0.0),
    (
        "compare_images",
        {"reference_base_result": 0.4},
        saved(scene(), scene(seed=1)),
        0.36198709683708846,
    ),
    ("compare_images", {"reference_base_result": 0.61}, saved(scene(), scene(seed=1)), 0.0),
]

FLAWS: list[tuple[str, dict[str, Any], Make, float, float]] = [
    (
        "compare_image_list",
        {},
        saved(scene().convert("RGBA"), scene(seed=1).convert("RGBA")),
        0.0,
        1.0,
    ),
    ("compare_audios", {}, lambda f: (str(f / "a.wav"), str(f / "b.wav")), 0.0, 1.0),
    ("compare_videos", {}, lambda f: (str(f / "a.mp4"), str(f / "b.mp4")), 0.0, 1.0),
    ("check_triangle_position", {}, saved(drawing("yellow", "white", 2)), 0.0, 1.0),
    ("check_triangle_position", {}, saved(dotted(drawing("yellow", "white", 24))), 1.0, 1.0),
    (
        "check_green_background",
        {},
        saved(drawing("black", "green", 24, (48, 60)), drawing("black", "white", 24, (48, 60))),
        1.0,
        0.0,
    ),
]
"""The score, and the one that OSWorld's flaw gives."""


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_what_is_seen_and_heard_is_scored_as_osworld_scores_it(
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
    try:
        kept = metric(*arguments, **options, exact=True)
    except IndexError:
        # There it fails, and no score is written.
        kept = 0.0
    assert kept == flawed


def test_what_is_no_picture_is_worth_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert (
        registry.metric("check_structure_sim")(str(tmp_path / "a.png"), str(tmp_path / "a.png"))
        == 0.0
    )
