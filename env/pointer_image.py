"""The pointer as it looks now, drawn into a picture of the screen (XFixes)."""

import struct
from typing import Any

from PIL import Image

from env.screen import Box


def with_pointer(image: Image.Image, box: Box, connection: Any) -> Image.Image:
    """
    Args:
        image: of the part `box` of the screen.
    """
    if not connection.has_extension("XFIXES"):
        return image
    connection.xfixes_query_version()
    cursor = connection.xfixes_get_cursor_image(connection.screen().root)
    width, height = cursor.width, cursor.height
    pixels = struct.pack(f"<{width * height}I", *cursor.cursor_image)
    # Premultiplied, blue first.
    shape = Image.frombytes("RGBa", (width, height), pixels, "raw", "BGRa").convert("RGBA")
    drawn = image.copy()
    corner = (cursor.x - cursor.xhot - box.left, cursor.y - cursor.yhot - box.top)
    drawn.paste(shape, corner, shape)
    return drawn
