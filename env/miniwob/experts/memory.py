"""What a person would remember of an episode and the page no longer shows.

Which cards were turned, what was copied, which contacts were on which page: an expert
notes it in the page, under the episode it belongs to, and so stays free of state itself.
An agent has its own last steps for this.
"""

from typing import Any

from env.miniwob.page import MiniWobPage

# `core.ept0` is the millisecond at which the episode began: a new one forgets the old.
_MEMORY = """
const memory = () => {
  const now = window.moonhandMemory;
  if (now && now.episode === core.ept0) return now.notes;
  return (window.moonhandMemory = {episode: core.ept0, notes: {}}).notes;
};
"""

_NOTE = "([key, value]) => {" + _MEMORY + " memory()[key] = value; }"

_RECALL = "() => {" + _MEMORY + " return memory(); }"

_WATCH_COPIES = (
    "() => { if (window.moonhandWatchesCopies) return; window.moonhandWatchesCopies = true;"
    + _MEMORY
    + """
  document.addEventListener('copy', event => {
    const field = event.target;
    memory().copied = typeof field.value === 'string'
      ? field.value.slice(field.selectionStart, field.selectionEnd) : String(getSelection());
  });
}"""
)


def note(page: MiniWobPage, key: str, value: Any) -> None:
    """Remember a JSON value for the rest of this episode."""
    page.evaluate(_NOTE, [key, value])


def recall(page: MiniWobPage) -> dict[str, Any]:
    """Everything noted in this episode."""
    return dict(page.evaluate(_RECALL))


def copied_text(page: MiniWobPage) -> str | None:
    """What was last copied in this episode; None before the first copy."""
    page.evaluate(_WATCH_COPIES)
    return recall(page).get("copied")


def milliseconds_since_first(page: MiniWobPage, key: str) -> float:
    """How long ago this was first asked with this key in this episode; 0 the first time."""
    now = float(page.evaluate("() => performance.now()"))
    first = recall(page).get(key)
    if first is None:
        note(page, key, now)
        return 0.0
    return now - float(first)
