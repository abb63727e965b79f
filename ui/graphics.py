"""How this terminal shows pictures. Asked before Textual takes the terminal, or never."""

from random import randint
from typing import Literal

from ui.picture import Graphics


def graphics_of(wanted: Literal["auto"] | Graphics) -> Graphics:
    """
    Args:
        wanted: auto: what the terminal says it can; inside tmux that is blocks.
    """
    if wanted != "auto":
        return wanted
    # The import asks the terminal, and takes up to half a second for it.
    from textual_image.renderable import Image, SixelImage, TGPImage

    if Image is SixelImage:
        return "sixel"
    return "kitty" if Image is TGPImage and _has_placeholders() else "blocks"


def _has_placeholders() -> bool:
    """Does it show pictures where letters stand for them, as `textual-image` has them drawn?

    kitty has since 0.28. An older one, Debian 12's among them, says that it can show pictures, but
    does not know the key U, and answers no message that has it.
    """
    from textual_image._terminal import TerminalError, capture_terminal_response
    from textual_image.renderable.tgp import _send_tgp_message

    try:
        with capture_terminal_response("\x1b_G", "\x1b\\", timeout=0.2) as response:
            _send_tgp_message(
                i=randint(1, 2**31), s=1, v=1, a="q", t="d", f=24, U=1, payload="AAAA"
            )
    except (TerminalError, TimeoutError):
        return False
    return str(response.sequence).endswith(";OK\x1b\\")
