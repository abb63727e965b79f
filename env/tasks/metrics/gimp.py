"""Pictures that should look like another one, files of pictures, GIMP's settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from env.tasks.metrics.pictures import (
    has_transparency,
    opened,
    same_structure,
    seen_box,
    similarity,
)


def compare_image_list(
    result: str | list[str | None] | None,
    expected: str | list[str | None] | None,
    *,
    exact: bool = False,
) -> float:
    """Each picture is the same as its counterpart, pixel by pixel.

    Args:
        exact: of pictures with transparency only that is compared, as OSWorld does.
    """
    ours = result if isinstance(result, list) else [result]
    theirs = expected if isinstance(expected, list) else [expected]
    return float(all(_same(a, b, exact) for a, b in zip(ours, theirs, strict=False)))


def _same(one: str | None, other: str | None, exact: bool) -> bool:
    ours, theirs = opened(one), opened(other)
    if ours is None or theirs is None:
        return False
    if ours.size != theirs.size:
        ours = ours.resize(theirs.size, Image.Resampling.LANCZOS)
    if ours.mode != theirs.mode:
        ours = ours.convert(theirs.mode)
    return ImageChops.difference(ours, theirs).getbbox(alpha_only=exact) is None


def check_structure_sim(result: str | None, expected: str | None) -> float:
    ours, theirs = opened(result), opened(expected)
    return float(ours is not None and theirs is not None and same_structure(ours, theirs))


def check_file_exists_and_structure_sim(result: str | None, expected: str | None) -> float:
    return check_structure_sim(result, expected)


def check_structure_sim_with_threshold(
    result: str | None, expected: str | None, **options: Any
) -> float:
    """As alike as `ssim_threshold`, the result brought to the size of the expected."""
    ours, theirs = opened(result), opened(expected)
    if ours is None or theirs is None:
        return 0.0
    if ours.size != theirs.size:
        ours = ours.resize(theirs.size, Image.Resampling.LANCZOS)
    shortest = min(theirs.size)
    window = 7 if shortest >= 7 else shortest - 1 + shortest % 2
    if window < 1:
        return 0.0
    return float(similarity(ours, theirs, window) >= options.get("ssim_threshold", 0.85))


def check_structure_sim_resized(result: str | None, expected: str | None) -> float:
    """What is to be seen of the result, brought to the size of the expected, looks like it."""
    ours, theirs = opened(result), opened(expected)
    if ours is None or theirs is None:
        return 0.0
    if has_transparency(ours):
        box = seen_box(ours)
        if box is None:
            return 0.0
        ours = ours.convert("RGBA").crop(box).convert("RGB")
    return float(same_structure(ours.resize(theirs.size), theirs))


def check_image_size(result: str | None, rules: Mapping[str, Any], *, exact: bool = False) -> float:
    """The picture, or what is to be seen of it, has the height and width asked for.

    Args:
        exact: a palette with a transparent colour always counts as what is to be seen.
    """
    image = opened(result)
    if image is None:
        return 0.0
    width, height = image.size
    by_sight = rules.get("ignore_transparent", False) and has_transparency(image)
    if by_sight or (exact and "transparency" in image.info):
        left, top, right, bottom = seen_box(image) or (0, 0, 0, 0)
        width, height = right - left, bottom - top
    return float(rules.get("height") in (None, height) and rules.get("width") in (None, width))


def check_image_file_size(result: str | None, rules: Mapping[str, Any]) -> float:
    """Bytes of the file, below `max_size`."""
    if result is None:
        return 0.0
    return float(Path(result).stat().st_size < rules["max_size"])


def check_config_status(result: str | None, rules: Mapping[str, Any]) -> float:
    """A line of GIMP's settings begins with the key (or its two words) and ends with the value:
    `(theme "Light")`."""
    if result is None:
        return 0.0
    key = [rules["key"]] if isinstance(rules["key"], str) else rules["key"]
    if not isinstance(rules["key"], str) and len(key) != 2:
        return 0.0
    for line in Path(result).read_text(encoding="utf-8").splitlines():
        words = line.strip().lstrip("(").rstrip(")").split()
        if not words or line.startswith("#"):
            continue
        if words[: len(key)] == key and words[-1] == rules["value"]:
            return 1.0
    return 0.0
