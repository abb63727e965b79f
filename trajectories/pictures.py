"""Pictures out of other people's files: their size is looked at before they are decoded."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from trajectories.errors import FormatError

MAX_PIXELS, MAX_SIDE_PIXELS = 40_000_000, 16_384
"""Of a screenshot; a small file may claim any size, and its pixels would fill the memory."""


def opened(source: Path | bytes) -> Image.Image:
    """The whole picture, mode RGB.

    Raises:
        FormatError: no picture, a damaged or too large one.
    """
    told = f"{len(source)} bytes" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
            if max(width, height) > MAX_SIDE_PIXELS or width * height > MAX_PIXELS:
                raise FormatError(
                    f"{told}: a picture of {width} x {height}; expected at most"
                    f" {MAX_SIDE_PIXELS} a side and {MAX_PIXELS} in all"
                )
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FormatError(f"{told}: no picture that can be read: {error}") from error


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height. Raises: FormatError, as `opened`."""
    return opened(png).size


def png_of(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
