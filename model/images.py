"""Pictures to patches, as the public image processor does it.

Made smaller only when there are too many patches; then padded with black on the right
and at the bottom to whole 2x2 groups of patches; then [-1, 1] and cut row by row.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.errors import ImageRefused

MAX_PIXELS = 40_000_000
MAX_SIDE_PIXELS = 16_384
MAX_PATCHES_A_SIDE = 512


class Patches(NamedTuple):
    pixel_values: Tensor
    """[N, 3, 14, 14] float32 in [-1, 1], all pictures one after another."""
    image_grid_hws: Tensor
    """[n, 2] int64: rows and columns of patches of each picture, both even."""


class ImageProcessor:
    def __init__(self, in_token_limit: int = 4096, patch_size: int = 14, merge: int = 2) -> None:
        self.in_token_limit = in_token_limit
        """Patches before padding; padding may exceed it a little, as in the public code."""
        self.patch_size = patch_size
        self.merge = merge

    def __call__(self, images: Sequence[Image.Image]) -> Patches:
        """Cut every picture.

        Raises:
            ImageRefused: no pixels, too many, or a side of 512 patches or more.
        """
        if not images:
            raise ImageRefused("no pictures; expected at least one")
        cut = [self._cut(image) for image in images]
        pixels = torch.from_numpy(np.concatenate([patches for patches, _ in cut]))
        return Patches(pixels, torch.tensor([grid for _, grid in cut]))

    def num_tokens(self, grid_hw: Sequence[int]) -> int:
        """How many placeholders a picture of this grid takes in the text."""
        return int(grid_hw[0]) * int(grid_hw[1]) // self.merge**2

    def _cut(self, image: Image.Image) -> tuple[np.ndarray, tuple[int, int]]:
        picture = self._padded(self._shrunk(_eight_bits(_checked(image)))).convert("RGB")
        size = self.patch_size
        rows, columns = picture.height // size, picture.width // size
        if max(rows, columns) >= MAX_PATCHES_A_SIDE:
            raise ImageRefused(
                f"{columns} x {rows} patches; expected fewer than {MAX_PATCHES_A_SIDE} a side"
            )
        values = (np.asarray(picture, dtype=np.float32) / 255.0 - 0.5) / 0.5
        tiles = values.reshape(rows, size, columns, size, 3).transpose(0, 2, 4, 1, 3)
        return tiles.reshape(-1, 3, size, size), (rows, columns)

    def _shrunk(self, image: Image.Image) -> Image.Image:
        num_patches = (image.width // self.patch_size) * (image.height // self.patch_size)
        if num_patches <= self.in_token_limit:
            return image
        scale = math.sqrt(self.in_token_limit / num_patches)
        width, height = int(image.width * scale), int(image.height * scale)
        return image.resize((max(width, 1), max(height, 1)), Image.Resampling.BICUBIC)

    def _padded(self, image: Image.Image) -> Image.Image:
        step = self.patch_size * self.merge
        width = -(-image.width // step) * step
        height = -(-image.height // step) * step
        if (width, height) == image.size:
            return image
        canvas = Image.new(image.mode, (width, height))
        if image.mode == "P" and image.palette is not None:
            canvas.putpalette(image.getpalette("RGB") or [])
        canvas.paste(image, (0, 0))
        return canvas


def open_picture(path: Path) -> Image.Image:
    """Read a picture's file; its size is looked at before it is decoded.

    Raises:
        ImageRefused: no file, no picture, a damaged or too large one.
    """
    try:
        with Image.open(path) as image:
            _checked(image).load()
            return image.copy()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageRefused(f"{path} is no picture that can be read: {error}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey to eight. Pillow, and the public processor with it, cuts all that is
    above 255 to white, in which nothing can be seen."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def _checked(image: Image.Image) -> Image.Image:
    width, height = image.size
    if min(width, height) < 1 or max(width, height) > MAX_SIDE_PIXELS:
        raise ImageRefused(f"a picture of {width} x {height}; expected 1 to {MAX_SIDE_PIXELS}")
    if width * height > MAX_PIXELS:
        raise ImageRefused(f"a picture of {width * height} pixels; at most {MAX_PIXELS} expected")
    return image
