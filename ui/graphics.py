"""How this terminal shows pictures. Asked before Textual takes the terminal, or never."""

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
    return "kitty" if Image is TGPImage else "blocks"
