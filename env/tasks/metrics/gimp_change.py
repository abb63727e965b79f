"""Pictures that should have been changed in one way and in no other."""

import numpy as np
from PIL import Image, ImageStat

from env.tasks.metrics.pictures import as_rgb, brightness, near_pixels, opened, same_structure

_TARGET_BRIGHTNESS = 128
_DARK = 128
_NEAR_EDGE = 0.05
_NEAR_MIDDLE = 0.05
_CONTRAST_LIKENESS = 0.65
_MIRROR_LIKENESS = 0.99
"""GIMP does not mirror to the last pixel."""


def check_brightness_decrease_and_structure_sim(
    result: str | None, original: str | None, threshold: float = 0.03
) -> float:
    ours, theirs = opened(result), opened(original)
    if ours is None or theirs is None or not brightness(theirs) > brightness(ours) > 0:
        return 0.0
    return float(near_pixels(_normal(ours), _normal(theirs), threshold))


def _normal(image: Image.Image) -> Image.Image:
    factor = _TARGET_BRIGHTNESS / brightness(image)
    return image.point(lambda value: min(255, max(0, int(value * factor))))


def decrease_brightness(one: str, other: str) -> float:
    """The first is the brighter."""
    ours, theirs = (Image.open(path).convert("L") for path in (one, other))
    return float(ImageStat.Stat(ours).mean[0] > ImageStat.Stat(theirs).mean[0])


def check_saturation_increase_and_structure_sim(result: str | None, original: str | None) -> float:
    ours, theirs = opened(result), opened(original)
    if ours is None or theirs is None:
        return 0.0
    hue, saturation, value = ours.convert("HSV").split()
    first_hue, first_saturation, first_value = theirs.convert("HSV").split()
    if not np.mean(np.array(first_saturation)) < np.mean(np.array(saturation)):
        return 0.0
    return float(same_structure(hue, first_hue) and same_structure(value, first_value))


def increase_saturation(one: str, other: str) -> float:
    """The second is the more colourful."""
    ours, theirs = (Image.open(path).convert("HSV").getchannel("S") for path in (one, other))
    return float(ImageStat.Stat(ours).mean[0] < ImageStat.Stat(theirs).mean[0])


def check_contrast_increase_and_structure_sim(result: str | None, original: str | None) -> float:
    ours, theirs = opened(result), opened(original)
    if ours is None or theirs is None:
        return 0.0
    spread, first_spread = (np.std(np.asarray(image, dtype=np.float32)) for image in (ours, theirs))
    return float(first_spread < spread and same_structure(ours, theirs, _CONTRAST_LIKENESS))


def check_palette_and_structure_sim(result: str | None, original: str | None) -> float:
    """The result has a palette, and looks the same."""
    ours, theirs = opened(result), opened(original)
    if ours is None or theirs is None or ours.mode != "P":
        return 0.0
    return float(same_structure(ours, theirs))


def check_image_mirror(result: str | None, original: str | None) -> float:
    ours, theirs = opened(result), opened(original)
    if ours is None or theirs is None:
        return 0.0
    turned = ours.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return float(same_structure(turned, theirs, _MIRROR_LIKENESS))


def check_sharper(result: str, original: str) -> float:
    """Edges of the first are stronger."""
    from scipy.ndimage import laplace

    ours, theirs = (
        np.asarray(Image.open(path).convert("L"), dtype=np.float64) for path in (result, original)
    )
    return float(np.var(laplace(ours, mode="mirror")) > np.var(laplace(theirs, mode="mirror")))


def check_green_background(
    result: str | None, original: str | None, *, exact: bool = False
) -> float:
    """Wherever the first picture was not black, the result is more green than red or blue.

    Args:
        exact: OSWorld takes rows for columns: it fails on pictures that are higher than wide,
            and of wide ones it looks at a part.
    """
    ours, theirs = opened(result), opened(original)
    if ours is None or theirs is None:
        return 0.0
    now, before = as_rgb(ours), as_rgb(theirs)
    if exact:
        if theirs.width > min(len(now), len(before)) or theirs.height > min(
            ours.width, theirs.width
        ):
            raise IndexError(f"a picture of {theirs.width} by {theirs.height}")
        now, before = (pixels[: theirs.width, : theirs.height] for pixels in (now, before))
    elif now.shape != before.shape:
        return 0.0
    background = before.any(axis=2)
    red, green, blue = (now[..., channel][background] for channel in range(3))
    return float(np.all((green > red) & (green > blue)))


def check_triangle_position(result: str | None, *, exact: bool = False) -> float:
    """The middle of the triangle is near the middle of the picture.

    The triangle has the most common colour but one.

    Args:
        exact: OSWorld takes the rarest colour but one, which of two colours is the ground.
    """
    image = opened(result)
    if image is None:
        return 0.0
    pixels = np.array(image) if exact else as_rgb(image)
    colours, counts = np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0, return_counts=True)
    if len(colours) < 2 and not exact:
        return 0.0
    triangle = colours[np.argsort(counts)][1 if exact else -2]
    middle = np.argwhere(np.all(pixels == triangle, axis=2)).mean(axis=0)
    size = np.array(pixels.shape[:2])
    return float(np.all(np.abs(middle - size / 2) < _NEAR_MIDDLE * size))


def check_textbox_on_leftside(result: str | None) -> float:
    """Something dark is near the left edge."""
    image = opened(result)
    if image is None:
        return 0.0
    columns = np.flatnonzero((np.array(image.convert("L")) < _DARK).any(axis=0))
    first = columns[0] if len(columns) else image.width
    return float(first < image.width * _NEAR_EDGE)
