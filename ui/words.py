"""Words that change often, at the least cost to whoever works on the same cores.

The same words again are not drawn. Others are drawn where they stand; the screen is laid out anew,
which costs ten times as much, only when they need another number of lines.
"""

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static


class Words(Static):
    def __init__(self, *, id: str, fills: bool = False) -> None:
        """
        Args:
            fills: it is at least as high as its parent.
        """
        super().__init__("", id=id, markup=False)
        self._fills = fills
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
