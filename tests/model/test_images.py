import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.errors import ImageRefused
from model.images import ImageProcessor, open_picture


def pattern(width: int, height: int) -> Image.Image:
    """The picture the golden sums were taken of."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (7 * x + 3 * y, 2 * x + 11 * y + x * y // 97, 40 * (x // 5) + 23 * (y // 9))
    return Image.fromarray((np.stack(channels, axis=-1) % 256).astype(np.uint8))


def test_grids_and_sums_are_those_of_the_public_processor(golden_folder: Path) -> None:
    for case in json.loads((golden_folder / "images.json").read_text()):
        patches = ImageProcessor(case["limit"])([pattern(case["width"], case["height"])])
        values = patches.pixel_values.double()
        assert patches.image_grid_hws.tolist() == [case["grid"]], case
        assert float(values.sum()) == pytest.approx(case["sum"], abs=0.5)
        assert float(values.abs().sum()) == pytest.approx(case["abs_sum"], rel=1e-5)
        assert float(values[0].sum()) == pytest.approx(case["first_patch_sum"], abs=1e-3)
        assert float(values[-1].sum()) == pytest.approx(case["last_patch_sum"], abs=1e-3)


@pytest.mark.parametrize(
    ("limit", "size", "num_tokens"),
    [
        (4096, (1280, 720), 1075),
        (4096, (1366, 768), 1100),
        (4096, (1920, 1080), 1032),
        (4096, (1920, 1200), 1066),
        (16384, (1366, 768), 1372),
        (16384, (2560, 1440), 4214),
    ],
)
def test_usual_screens_take_the_tokens_they_take_in_public(
    limit: int, size: tuple[int, int], num_tokens: int
) -> None:
    processor = ImageProcessor(limit)
    patches = processor([Image.new("RGB", size)])
    assert processor.num_tokens(patches.image_grid_hws[0].tolist()) == num_tokens


def test_patches_are_read_like_text_and_hold_their_pixels() -> None:
    picture = pattern(56, 28)
    patches = ImageProcessor()([picture]).pixel_values
    tile = torch.from_numpy(np.asarray(picture.crop((14, 14, 28, 28)), dtype=np.float32))
    assert torch.allclose(patches[4 + 1], tile.permute(2, 0, 1) / 127.5 - 1.0, atol=1e-6)


def test_padding_is_black_on_the_right_and_at_the_bottom() -> None:
    patches = ImageProcessor()([Image.new("RGB", (30, 28), "white")]).pixel_values
    assert patches[0].min() == 1.0
    assert (patches[2, :, :, :2] == 1.0).all()
    assert (patches[2, :, :, 2:] == -1.0).all()
    assert (patches[3] == -1.0).all()


def test_pictures_follow_one_another_each_with_its_grid() -> None:
    patches = ImageProcessor()([pattern(28, 56), pattern(84, 28)])
    assert patches.image_grid_hws.tolist() == [[4, 2], [2, 6]]
    alone = ImageProcessor()([pattern(84, 28)]).pixel_values
    assert torch.equal(patches.pixel_values[8:], alone)


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "1", "LA", "CMYK"])
def test_every_mode_of_picture_becomes_colours(mode: str) -> None:
    patches = ImageProcessor()([Image.new("RGB", (30, 30), "white").convert(mode)])
    assert patches.pixel_values.shape == (16, 3, 14, 14)
    assert float(patches.pixel_values[0].min()) == 1.0


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    shades = np.linspace(0, 65535, 28 * 28).reshape(28, 28)
    patches = ImageProcessor()([Image.fromarray(shades.astype(np.uint16))])
    assert float(patches.pixel_values.min()) == -1.0
    assert float(patches.pixel_values.max()) == 1.0
    assert abs(float(patches.pixel_values.mean())) < 0.01


def test_of_a_picture_that_moves_the_first_frame_is_seen(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (28, 28), colour) for colour in ("black", "white")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    patches = ImageProcessor()([open_picture(tmp_path / "a.gif")])
    assert float(patches.pixel_values.max()) == -1.0


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (16000, 15000)).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 100_000
    with pytest.raises(ImageRefused):
        open_picture(tmp_path / "a.png")


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.integers(1, 200),
    st.sampled_from(["RGB", "L", "RGBA"]),
)
@settings(max_examples=30)
def test_what_is_cut_later_is_what_is_cut_at_once(
    size: tuple[int, int], limit: int, mode: str
) -> None:
    picture = pattern(*size).convert(mode)
    processor = ImageProcessor(limit)
    at_once, later = processor([picture]), processor.later(picture)
    assert [list(later.grid_hw)] == at_once.image_grid_hws.tolist()
    assert torch.equal(later.cut(), at_once.pixel_values)


def test_the_digest_of_a_picture_is_that_of_what_it_shows() -> None:
    later = ImageProcessor().later
    screen = pattern(60, 40)
    other = screen.copy()
    other.putpixel((59, 39), (1, 2, 3))
    first, second = (Image.new("P", (28, 28)) for _ in range(2))
    first.putpalette([255, 0, 0])
    second.putpalette([0, 0, 255])
    turned = Image.frombytes("RGB", (40, 60), screen.tobytes())
    pictures = [screen, other, turned, screen.convert("L"), first, second]
    assert len({later(each).digest for each in pictures}) == len(pictures)
    assert later(screen.copy()).digest == later(screen).digest


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (16385, 1), (8000, 8000), (7168, 14)])
def test_a_picture_of_no_usable_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageRefused):
        ImageProcessor()([Image.new("1", size)])
    with pytest.raises(ImageRefused):
        ImageProcessor().later(Image.new("1", size))


def test_no_pictures_are_refused() -> None:
    with pytest.raises(ImageRefused, match="no pictures"):
        ImageProcessor()([])
