import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from trajectories.errors import FormatError
from trajectories.pictures import opened, png_of, size_of


def claiming(width: int, height: int) -> bytes:
    """The head of a PNG file that says it is so large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + head + struct.pack(">I", zlib.crc32(head))


def test_a_picture_is_read_as_it_was_written() -> None:
    picture = Image.effect_noise((30, 20), 80).convert("RGB")
    assert opened(png_of(picture)).tobytes() == picture.tobytes()
    assert size_of(png_of(picture)) == (30, 20)


@pytest.mark.parametrize(
    "size", [(20_000, 10), (8_000, 8_000), (60_000, 60_000), (2_000_000_000, 2_000_000_000)]
)
def test_a_picture_that_claims_to_be_huge_is_not_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(FormatError):
        opened(claiming(*size))


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_of(Image.new("RGB", (9, 9), "red"))[:-30])
    for source in (b"", b"GIF89a", tmp_path / "a.png", tmp_path / "none.png"):
        with pytest.raises(FormatError, match="no picture"):
            opened(source)
