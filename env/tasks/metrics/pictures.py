"""Opening pictures and telling how alike two of them are."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_LEAST_SIDE = 7
"""Of the window that structure is compared in."""


def opened(path: str | None) -> Image.Image | None:
    """A picture, read whole; None: there is none that can be read."""
    if not path or not Path(path).is_file():
        return None
    try:
        image = Image.open(path)
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return image


def similarity(one: Image.Image, other: Image.Image, window: int = _LEAST_SIDE) -> float:
    """Structural similarity (SSIM) of two pictures of one size, in colour."""
    from skimage.metrics import structural_similarity

    pixels = (np.array(image.convert("RGB")) for image in (one, other))
    return float(structural_similarity(*pixels, win_size=window, channel_axis=2))


def same_structure(one: Image.Image, other: Image.Image, threshold: float = 0.9) -> bool:
    """Pictures of different sizes, or smaller than the window, are not alike."""
    if one.size != other.size or min(*one.size, *other.size) < _LEAST_SIDE:
        return False
    return similarity(one, other) >= threshold


def near_pixels(one: Image.Image, other: Image.Image, threshold: float) -> bool:
    """The mean squared difference of pixels, from 0 to 1, is below a threshold."""
    if one.size != other.size:
        one = one.resize(other.size, Image.Resampling.LANCZOS)
    ours, theirs = (
        np.array(image.convert("RGB"), dtype=np.float32) / 255 for image in (one, other)
    )
    return bool(np.mean((ours - theirs) ** 2) < threshold)


def brightness(image: Image.Image) -> float:
    from PIL import ImageStat

    return float(ImageStat.Stat(image.convert("L")).mean[0])


def seen_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The part of a picture that is not transparent; None: all of it is."""
    return image.convert("RGBA").getchannel("A").getbbox()


def has_transparency(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA") or "transparency" in image.info


def as_rgb(image: Image.Image) -> Any:
    """Pixels as an array [height, width, 3]."""
    return np.array(image.convert("RGB"))
