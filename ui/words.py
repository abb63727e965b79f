"""Words that change often, at the least cost to whoever works on the same cores.

The same words again are not drawn. Others are drawn where they stand; the screen is laid out anew,
which costs ten times as much, only when they need another number of lines, or more than they ever
needed.
"""

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static


class Words(Static):
    def __init__(self, *, id: str, fills: bool = False, keeps: bool = False) -> None:
        """
        Args:
            fills: it is at least as high as its parent.
            keeps: it stays as high as it once had to be at its width, until `forget`.
        """
        super().__init__("", id=id, markup=False)
        self._fills = fills
        self._keeps = keeps
        self._kept = (0, 0)
        """A width, and the most lines that were needed at it."""
        self._told: Text | None = None
        self._num_lines = -1

    def tell(self, words: Text | str) -> bool:
        """
        Args:
            words: no markup.

        Returns:
            Whether they need another height than those before.
        """
        text = Text(words) if isinstance(words, str) else words
        if self._told is not None and _alike(text, self._told):
            return False
        self._told = text
        self.update(text, layout=False)
        self.clear_cached_dimensions()
        if not self._outgrows():
            return False
        self.refresh(layout=True)
        return True

    def forget(self) -> None:
        """What comes next may be lower again."""
        self._kept = (0, 0)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        needed = super().get_content_height(container, viewport, width)
        if not self._keeps:
            return needed
        across, most = self._kept
        self._kept = (width, max(needed, most if across == width else 0))
        return self._kept[1]

    def _outgrows(self) -> bool:
        height, across = self.styles.height, self.content_size.width
        if height is not None and not height.is_auto:
            return False
        before = self._num_lines
        self._num_lines = (
            self.get_content_height(self.size, self.app.size, across) if across else -1
        )
        if self._fills and isinstance(self.parent, Widget):
            room = self.parent.scrollable_content_region.height
            return max(before, self._num_lines) > room or before < 0
        return before != self._num_lines or not across


def _alike(one: Text, other: Text) -> bool:
    """As drawn; `==` of texts leaves out the style of the whole."""
    return one == other and one.style == other.style
