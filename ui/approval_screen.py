"""The question: what is about to be done, where, and why it is asked.

Keys struck in the first moments are not taken: they were meant for something else, or were on
their way before the question was there.
"""

import time
from dataclasses import replace
from io import BytesIO
from typing import ClassVar

from PIL import Image
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static, TextArea

from agent.code import read_code
from agent.errors import ParseError
from agent.reports import Asking, Reply
from ui.picture import Graphics, Picture

DEAF_SECONDS = 0.4


class ApprovalScreen(ModalScreen[Reply | None]):
    """Gives the answer; None: it was answered elsewhere, or time was up."""

    # No button has the focus: enter and space, which a hand may be about to strike, do nothing.
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = [
        Binding("y", "yes", "Yes"),
        Binding("a", "always", "Yes to all such"),
        Binding("n", "no", "No"),
        Binding("e", "edit", "Edit"),
        Binding("ctrl+enter,ctrl+s", "send_edit", "Do this instead", show=False, priority=True),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, question: Asking, graphics: Graphics = "blocks") -> None:
        super().__init__()
        self.question = question
        self._graphics = graphics
        self._shown_at = float("inf")
        self._is_over = False

    def compose(self) -> ComposeResult:
        kinds = " and ".join(dict.fromkeys(kind for kind, _ in self.question.risks))
        with Vertical(id="question"):
            yield Static("May it do this?", id="question-title")
            with Horizontal(id="question-body"):
                yield Picture(self._graphics, id="crop")
                with VerticalScroll(id="question-text", can_focus=False):
                    yield Static(self.question.sentence or self.question.words, markup=False)
                    yield Static(self.question.words, classes="quiet", markup=False)
                    yield Static(self.question.code, classes="code", markup=False)
                    for _, why in self.question.risks:
                        yield Static(f"! {why}", classes="why", markup=False)
            yield Input(placeholder="Why not? The model will read it. Enter sends.", id="reason")
            yield TextArea(self.question.code, id="instead", compact=True)
            yield Static("", id="edit-trouble", markup=False)
            with Horizontal(id="answers"):
                yield Button("[u]Y[/u]es", id="yes", variant="primary")
                yield Button(f"Yes to [u]a[/u]ll: {kinds}", id="always")
                yield Button("[u]N[/u]o", id="no")
                yield Button("[u]E[/u]dit", id="edit")
                yield Static("", id="countdown")

    def on_mount(self) -> None:
        self._shown_at = time.monotonic()
        crop = self.query_one("#crop", Picture)
        if self.question.crop:
            image = Image.open(BytesIO(self.question.crop)).convert("RGB")
            crop.show(image, self.question.points)
        else:
            crop.display = False
        self.query_one("#reason").display = False
        self.query_one("#instead").display = False
        self.query_one("#edit-trouble").display = False
        if self.question.until is not None:
            self._tick()
            self.set_interval(1.0, self._tick)

    def close_question(self) -> None:
        """It is answered. If another dialog lies over this one, when that is gone."""
        self._is_over = True
        self._leave_if_over()

    def on_screen_resume(self) -> None:
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        # Below another dialog it cannot be dismissed (and `is_current` is true there too).
        if self._is_over and self.app.screen is self:
            self._is_over = False
            self.dismiss(None)

    @property
    def is_deaf(self) -> bool:
        """Not shown for long enough to have been read."""
        return time.monotonic() - self._shown_at < DEAF_SECONDS

    def _tick(self) -> None:
        assert self.question.until is not None
        left = max(0, round(self.question.until - time.time()))
        self.query_one("#countdown", Static).update(f"no in {left} s")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("yes", "always", "no", "edit"):
            return not self.is_deaf
        return True

    def action_yes(self) -> None:
        self.dismiss(Reply(number=self.question.number, verdict="yes"))

    def action_always(self) -> None:
        self.dismiss(Reply(number=self.question.number, verdict="always"))

    def action_no(self) -> None:
        self._open("#reason")

    def action_edit(self) -> None:
        self._open("#instead")
        self._complain("Change the code; ctrl+s does it, esc goes back.")

    def action_back(self) -> None:
        for name in ("#reason", "#instead", "#edit-trouble"):
            self.query_one(name).display = False
        self.set_focus(None)

    def action_send_edit(self) -> None:
        area = self.query_one("#instead", TextArea)
        if not area.display:
            return
        try:
            read_code(area.text)
        except ParseError as error:
            self._complain(str(error))
            return
        reply = Reply(number=self.question.number, verdict="instead")
        self.dismiss(replace(reply, text=area.text))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(Reply(number=self.question.number, verdict="no", text=event.value.strip()))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if self.is_deaf:
            return
        match event.button.id:
            case "yes":
                self.action_yes()
            case "always":
                self.action_always()
            case "no":
                self.action_no()
            case "edit":
                self.action_edit()

    def _open(self, name: str) -> None:
        self.action_back()
        widget = self.query_one(name)
        widget.display = True
        widget.focus()

    def _complain(self, text: str) -> None:
        trouble = self.query_one("#edit-trouble", Static)
        trouble.display = True
        trouble.update(text)
