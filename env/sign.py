"""A red line round the screen that says: this is being recorded. And pictures without it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image
from Xlib import X

from env.screen import ScreenSize
from env.x11 import connect

WIDTH_PX = 3
_RED = 0xE0302A


class RecordingSign:
    """Four windows no window manager touches and no click reaches. Closed by who opened it."""

    def __init__(self, display: str, authority: Path | None, size: ScreenSize) -> None:
        self._connection = connect(display, authority)
        screen = self._connection.screen()
        width, height = size
        for x, y, wide, high in (
            (0, 0, width, WIDTH_PX),
            (0, height - WIDTH_PX, width, WIDTH_PX),
            (0, 0, WIDTH_PX, height),
            (width - WIDTH_PX, 0, WIDTH_PX, height),
        ):
            window = screen.root.create_window(
                x,
                y,
                wide,
                high,
                0,
                screen.root_depth,
                X.InputOutput,
                background_pixel=_RED,
                override_redirect=True,
                event_mask=0,
            )
            window.map()
        self._connection.sync()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def without_sign(image: Image.Image) -> Image.Image:
    """The picture with the pixels under the sign made like those beside it."""
    width, height = image.size
    clean = image.copy()
    far_x, far_y = width - WIDTH_PX, height - WIDTH_PX
    for offset in range(WIDTH_PX):
        clean.paste(image.crop((0, WIDTH_PX, width, WIDTH_PX + 1)), (0, offset))
        clean.paste(image.crop((0, far_y - 1, width, far_y)), (0, far_y + offset))
    for offset in range(WIDTH_PX):
        clean.paste(clean.crop((WIDTH_PX, 0, WIDTH_PX + 1, height)), (offset, 0))
        clean.paste(clean.crop((far_x - 1, 0, far_x, height)), (far_x + offset, 0))
    return clean
