"""Tasks to begin from, by desktop."""

from agent.miniwob import DEMO_TASKS
from ui.stages import PAGE_MARK, PRACTICE

_TOLD = {
    "click-test": "Press a button",
    "click-tab": "Open a tab",
    "click-widget": "Find a button, a box or a field",
    "click-button": "Press the button with the right word",
    "click-dialog-2": "Answer a dialog",
    "enter-date": "Type a date",
    "grid-coordinate": "Click a point of a grid",
    "identify-shape": "Name a shape",
    "circle-center": "Click the middle of a circle",
    "navigate-tree": "Look through a tree of files",
    "click-collapsible-nodelay": "Unfold a section and press what is in it",
    "use-colorwheel": "Choose a colour",
}
_ANYWHERE = (
    ("Write something down", "Open a text editor and write a shopping list with three things."),
    ("Find a file", "Find the newest file in the Downloads folder and tell its name."),
    (
        "Fill in a form",
        "Fill in the form with: Name ..., E-mail ...; do not send it.",
    ),
    ("Look something up", "Open the browser, look up ..., and tell what you found."),
    ("Tidy up", "Move every picture on the desktop into a folder called Pictures."),
)


def examples(desktop: str) -> list[tuple[str, str]]:
    """What each is, and its text."""
    if desktop == PRACTICE:
        return [(_TOLD[task], f"{PAGE_MARK}{task}") for task in DEMO_TASKS]
    return list(_ANYWHERE)
