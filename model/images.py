"""Pictures to patches, as the public image processor does it.

Made smaller only when there are too many patches; then padded with black on the right
and at the bottom to whole 2x2 groups of patches; then [-1, 1] and cut row by row.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import partial
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


class Picture(NamedTuple):
    """One that may not have to be cut: its features may be known."""

    digest: str
    """Of what it shows."""
    grid_hw: tuple[int, int]
    cut: Callable[[], Tensor]
    """Its patches, [N, 3, 14, 14]."""


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

    def later(self, image: Image.Image) -> Picture:
        """A picture to be cut when that turns out to be needed.

        Raises:
            ImageRefused: as for cutting.
        """
        grid_hw = self._grid_of(*_checked(image).size)
        # The palette tells pictures apart whose numbers are the same.
        shape = repr((image.mode, image.size, image.getpalette())).encode()
        digest = hashlib.sha256(shape + image.tobytes()).hexdigest()
        return Picture(digest, grid_hw, partial(self._pixels, image))

    def _pixels(self, image: Image.Image) -> Tensor:
        return torch.from_numpy(self._cut(image)[0])

    def num_tokens(self, grid_hw: Sequence[int]) -> int:
        """How many placeholders a picture of this grid takes in the text."""
        return int(grid_hw[0]) * int(grid_hw[1]) // self.merge**2

    def _cut(self, image: Image.Image) -> tuple[np.ndarray, tuple[int, int]]:
        picture = self._padded(self._shrunk(_eight_bits(_checked(image)))).convert("RGB")
        size = self.patch_size
        rows, columns = self._grid_of(*image.size)
        values = (np.asarray(picture, dtype=np.float32) / 255.0 - 0.5) / 0.5
        tiles = values.reshape(rows, size, columns, size, 3).transpose(0, 2, 4, 1, 3)
        return tiles.reshape(-1, 3, size, size), (rows, columns)

    def _grid_of(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of a picture of this size, once it is cut."""
        width, height = self._padded_size(*self._shrunk_size(width, height))
        rows, columns = height // self.patch_size, width // self.patch_size
        if max(rows, columns) >= MAX_PATCHES_A_SIDE:
            raise ImageRefused(
                f"{columns} x {rows} patches; expected fewer than {MAX_PATCHES_A_SIDE} a side"
            )
        return rows, columns

    def _shrunk_size(self, width: int, height: int) -> tuple[int, int]:
        num_patches = (width // self.patch_size) * (height // self.patch_size)
        if num_patches <= self.in_token_limit:
            return width, height
        scale = math.sqrt(self.in_token_limit / num_patches)
        return max(int(width * scale), 1), max(int(height * scale), 1)

    def _padded_size(self, width: int, height: int) -> tuple[int, int]:
        step = self.patch_size * self.merge
        return -(-width // step) * step, -(-height // step) * step

    def _shrunk(self, image: Image.Image) -> Image.Image:
        size = self._shrunk_size(*image.size)
        return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)

    def _padded(self, image: Image.Image) -> Image.Image:
        width, height = self._padded_size(*image.size)
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
