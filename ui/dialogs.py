"""Small questions the cockpit itself asks: what to set up, whether to leave, which example."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList, Select, Static
from textual.widgets.option_list import Option

from agent.reports import Unattended
from agent.safety import Mode
from ui.runner import SessionSetup

DESKTOPS = (
    ("Practice pages on a desktop of its own", "practice"),
    ("An empty desktop of its own", "virtual"),
    ("This desktop, with your mouse and keyboard", "real"),
)
ASKS: tuple[tuple[str, Mode], ...] = (
    ("before every action", "always"),
    ("before what is risky", "risky"),
    ("never: I only watch", "watch"),
)
ALONE: tuple[tuple[str, Unattended], ...] = (
    ("it goes on; what it asks is a no", "go on"),
    ("it stops", "stop"),
)


class SetupScreen(ModalScreen[tuple[SessionSetup, int] | None]):
    """Desktop, model and limits of the next session; None: nothing is changed."""

    BINDINGS: ClassVar = [Binding("escape", "leave", "Back"), Binding("ctrl+s", "save", "Save")]

    def __init__(self, setup: SessionSetup, max_steps: int, models: Sequence[str]) -> None:
        super().__init__()
        self._setup = setup
        self._max_steps = max_steps
        self._models = list(dict.fromkeys([setup.model, *models]))

    def compose(self) -> ComposeResult:
        desktops = list(DESKTOPS)
        if self._setup.desktop not in [value for _, value in desktops]:
            desktops.append((self._setup.desktop, self._setup.desktop))
        with VerticalScroll(id="setup", can_focus=False):
            yield Label("Set up", classes="title")
            yield Label("Desktop")
            yield Select(
                desktops, value=self._setup.desktop, allow_blank=False, compact=True, id="desktop"
            )
            yield Label("Model")
            models = [(name, name) for name in self._models]
            yield Select(
                models, value=self._setup.model, allow_blank=False, compact=True, id="model"
            )
            yield Input(
                placeholder="or a folder of weights, or http://...", compact=True, id="other-model"
            )
            yield Label("Steps at most")
            yield Input(str(self._max_steps), type="integer", compact=True, id="max-steps")
            yield Label("Asks you")
            yield _choice(ASKS, self._setup.mode, "mode")
            yield Label("With nobody watching")
            yield Select(
                ALONE,
                value=self._setup.unattended,
                allow_blank=False,
                compact=True,
                id="unattended",
            )
            yield Static("", id="setup-trouble", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Save", id="save", variant="primary")
                yield Button("Back", id="back")

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_save(self) -> None:
        steps = self.query_one("#max-steps", Input).value
        if not steps.isdigit() or int(steps) < 1:
            self.query_one("#setup-trouble", Static).update("Steps: a number from 1 up")
            return
        setup = replace(
            self._setup,
            desktop=str(self.query_one("#desktop", Select).value),
            model=self.query_one("#other-model", Input).value.strip()
            or str(self.query_one("#model", Select).value),
            mode=cast(Mode, self.query_one("#mode", Select).value),
            unattended=cast(Unattended, self.query_one("#unattended", Select).value),
        )
        self.dismiss((setup, int(steps)))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "save":
            self.action_save()
        else:
            self.dismiss(None)


def _choice(options: Sequence[tuple[str, str]], value: str, name: str) -> Select[str]:
    return Select(options, value=value, allow_blank=False, compact=True, id=name)


Leaving = Literal["leave it", "stop it"]


class LeaveScreen(ModalScreen[Leaving | None]):
    """Something is still being done; None: stay."""

    BINDINGS: ClassVar = [
        Binding("l", "answer('leave it')", "Leave it running"),
        Binding("s", "answer('stop it')", "Stop it"),
        Binding("escape", "answer('')", "Stay"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="leave"):
            yield Label("A task is being done.", classes="title")
            yield Static("If you leave it running, `python main.py attach` brings you back to it.")
            with Horizontal(classes="buttons"):
                yield Button("[u]L[/u]eave it running", id="leave-it", variant="primary")
                yield Button("[u]S[/u]top it", id="stop-it")
                yield Button("Stay", id="stay")

    def action_answer(self, answer: str) -> None:
        match answer:
            case "leave it" | "stop it":
                self.dismiss(answer)
            case _:
                self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer((event.button.id or "").replace("-", " "))


class ExamplesScreen(ModalScreen[str | None]):
    """Tasks to begin from."""

    BINDINGS: ClassVar = [Binding("escape", "leave", "Back")]

    def __init__(self, examples: Sequence[tuple[str, str]]) -> None:
        """
        Args:
            examples: what it is, and the task's text.
        """
        super().__init__()
        self._examples = examples

    def compose(self) -> ComposeResult:
        with Vertical(id="examples"):
            yield Label("Examples", classes="title")
            yield OptionList(*(Option(f"{what}\n[dim]{text}[/]") for what, text in self._examples))

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._examples[event.option_index][1])


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar = [Binding("escape,question_mark,f1,q", "leave", "Back")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(self._text)

    def action_leave(self) -> None:
        self.dismiss(None)
