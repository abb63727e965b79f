"""What somebody sees who opens it for the first time."""

from PIL import Image, ImageDraw
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from ui.picture import blocks

WELCOME = """\
[b]Press Enter to see it work[/b]

A small network that came with Moonhand gets a desktop of its own,
out of sight of yours, and does a task there.
[dim]Nothing on your computer is touched.[/]

[dim]Or type what is to be done. [/][$accent]F1[/] [dim]tells what else there is.[/]"""


OPENING = """\
[b]Opening a desktop and the model ...[/b]

[dim]A few seconds; with a large model some minutes.[/]"""


class Moon(Widget):
    """A crescent in the colour that everything here that matters has."""

    DEFAULT_CSS = "Moon { width: 18; height: 9; }"

    def render_line(self, y: int) -> Strip:
        accent, behind = self._colours()
        rows = blocks(crescent(accent.rgb, behind.rgb), (), (self.size.width, self.size.height))
        return rows[y] if y < len(rows) else Strip.blank(self.size.width, self.rich_style)

    def _colours(self) -> tuple[Color, Color]:
        return Color.parse(self.app.current_theme.accent or "white"), self.background_colors[1]


def crescent(accent: tuple[int, int, int], behind: tuple[int, int, int]) -> Image.Image:
    size = 288
    image = Image.new("RGB", (size, size), behind)
    pen = ImageDraw.Draw(image)
    pen.ellipse((24, 24, size - 24, size - 24), fill=accent)
    pen.ellipse((96, 0, size + 12, size - 84), fill=behind)
    return image
