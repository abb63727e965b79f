"""A picture by sixel graphics, drawn as `textual-image` does but for two things it gets wrong.

Seen on a real xterm (379, as a VT340), with version 0.12.0 of the library:

* A colour is defined where it is first used, and xterm, other than libsixel, does not go on in a
  colour because it was defined: the first dots of each were drawn in the colour before.
* After a picture the cursor was put a line below its last one, so that what stands to the right of
  that line was drawn below it, and what was there before stayed.
"""

import re
from collections.abc import Iterable

from PIL import Image
from rich.control import Control
from rich.segment import ControlType, Segment
from textual.app import ComposeResult
from textual_image._sixel import BackgroundColor, SixelOptions
from textual_image.widget.sixel import Image as LibraryImage
from textual_image.widget.sixel import _ImageSixelImpl, _NoopRenderable

_DEFINED = re.compile(r"(#\d+);2;\d+;\d+;\d+")


def selected_when_defined(sixels: str) -> str:
    """
    >>> selected_when_defined("#7;2;100;0;0!9~")
    '#7;2;100;0;0#7!9~'
    """
    return _DEFINED.sub(r"\g<0>\1", sixels)


class SixelPicture(LibraryImage, Renderable=_NoopRenderable):
    def compose(self) -> ComposeResult:
        yield _Sixels(self.image)


class _Sixels(_ImageSixelImpl, inherit_css=False):
    def _image_to_sixels(
        self,
        image: Image.Image,
        sixel_options: SixelOptions | None = None,
        background: BackgroundColor | None = None,
    ) -> str:
        return selected_when_defined(super()._image_to_sixels(image, sixel_options, background))

    def _get_sixel_segments(self, sixel_data: str) -> Iterable[Segment]:
        place = self.screen.find_widget(self).visible_region
        return [
            Segment(Control.move_to(place.x, place.y).segment.text),
            Segment(sixel_data, control=((ControlType.CURSOR_FORWARD, 0),)),
            Segment(Control.move_to(place.right, place.bottom - 1).segment.text),
        ]
