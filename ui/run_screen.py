"""A task, and what becomes of it: the screen the agent sees, its thought, its steps."""

import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Center, Horizontal, Middle, Vertical, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from agent.reports import Acted, Asking, Began, Declined, Glimpse, Report, Saw, State, Trouble
from trajectories.errors import TrajectoryError
from trajectories.store import read_blob
from ui.bar import Bar
from ui.keys import Keys
from ui.picture import Graphics, Picture
from ui.progress import Progress, Stand, StepView
from ui.task_box import TaskBox, TaskHistory
from ui.timeline import Timeline
from ui.welcome import OPENING, WELCOME, Moon
from ui.words import Words

SHARE = 0.7
"""Of its column's height the picture takes at most."""
CALM_SECONDS = 0.15
"""What need not be seen at once is drawn together with what comes within this time: the pieces of
a thought, a plan, an end. No eye reads faster, an SSH line carries it, and the agent works on the
same cores."""
LULL_SECONDS = 0.03
"""A step that was done is drawn with the first glimpse of what came of it: until then the
application answers the input, after it the agent sleeps."""
FRAME_SECONDS = 0.05
"""At least so long from one drawing to the next: what is to be seen at once is seen by then."""


def _patience(report: Report) -> float:
    """Seconds until it is to be drawn, with all that is new by then.

    A question and what a key was pressed for are drawn at once; so is what comes while the agent
    waits for its screen to settle, when nobody else needs the processor.
    """
    match report:
        case Glimpse() | Asking() | Trouble() | State(mood="paused"):
            return 0.0
        case Acted() | Declined():
            return LULL_SECONDS
        case _:
            return CALM_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A picture, what is ringed on it, and what is said below."""

    picture: bytes | str
    """A JPEG, or the name in the store of one that was not sent."""
    points: tuple[tuple[int, int], ...] = ()
    caption: str = field(default="", compare=False)


class View(Vertical):
    """A picture as large as the column, but with room for the thought below it."""

    _shape = (16, 9)

    def fit(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        across, room = self.content_size
        if across and room:
            rows = round(across * shape[1] / shape[0] / 2)
            self.query_one(Picture).styles.height = max(4, min(rows, round(room * SHARE)))

    def on_resize(self) -> None:
        self.fit(self._shape)


class RunScreen(Screen[None]):
    def __init__(self, progress: Progress, history: TaskHistory, graphics: Graphics) -> None:
        super().__init__()
        self.progress = progress
        self._history = history
        self._graphics = graphics
        self._timeline = Timeline(id="steps")
        self._timer: Timer | None = None
        self._due = 0.0
        self._drawn_at = 0.0
        self._welcomed = WELCOME
        self._opened: tuple[bytes | str, Image.Image] | None = None
        """The newest picture that was, and what it was made of."""
        self._shown: Sight | None = None

    def compose(self) -> ComposeResult:
        yield Bar("run")
        with Horizontal(id="work"):
            with View(id="view"):
                yield Picture(self._graphics, id="live")
                yield Words(id="caption")
                with VerticalScroll(id="thought-room", can_focus=False):
                    yield Words(id="thought", fills=True)
            with Vertical(id="mind"):
                yield Words(id="told-task")
                yield Words(id="headline")
                yield Words(id="plan", keeps=True)
                yield self._timeline
                yield Words(id="figures", keeps=True)
        with Middle(id="welcome"):
            yield Center(Moon())
            yield Center(Static(WELCOME, id="welcome-text"))
        with Horizontal(id="entry"):
            yield Static("›", id="prompt")
            yield TaskBox(self._history, id="task")
        yield Keys()

    def on_mount(self) -> None:
        self.query_one("#task").focus()
        self.draw()

    def take(self, report: Report) -> None:
        """After `progress` took it."""
        if self._is_emptied:
            return
        if isinstance(report, Began):
            self.query_one("#plan", Words).forget()
        if isinstance(report, Saw) and not report.sent_before and self.query_one("#work").display:
            # Alone: the network reads it now, on the same cores. The words come with the next ones.
            self._show(self._sight())
        self._draw_by(_patience(report))
        if isinstance(report, State):
            self.refresh_bindings()

    @property
    def _is_emptied(self) -> bool:
        """The app is ending: its screens are emptied while reports still come in."""
        return not self._timeline.is_attached

    @property
    def is_drawn(self) -> bool:
        """Whether all that was told is on the screen; what need not be seen at once comes later."""
        return self._timer is None

    def _draw_by(self, seconds: float) -> None:
        """In so long, or when the last drawing is `FRAME_SECONDS` old."""
        now = time.monotonic()
        due = max(now + seconds, self._drawn_at + FRAME_SECONDS)
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.stop()
            self._timer = None
        if due <= now:
            self.draw()
        else:
            self._due = due
            self._timer = self.set_timer(due - now, self.draw)

    def draw(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._is_emptied:
            return
        self._drawn_at = time.monotonic()
        progress = self.progress
        self._timeline.show(progress.steps)
        begun = progress.began is not None or bool(progress.trouble)
        self.query_one("#welcome").display = not begun
        self._welcome(progress.state is not None and progress.state.mood == "opening")
        self.query_one("#work").display = begun
        task = "" if progress.began is None else progress.began.instruction
        self.query_one("#told-task", Words).tell(task)
        if (sight := self._sight()) is not None:
            self._show(sight)
            self.query_one("#caption", Words).tell(sight.caption)
        if (step := self._chosen()) is not None:
            self._draw_words(step)
        self.query_one("#headline", Words).tell(self._headline())
        self.query_one("#figures", Words).tell(self._figures())
        self.query_one(Bar).tell(self._bar_state())
        self.query_one(TaskBox).placeholder = self._placeholder()

    def _welcome(self, is_opening: bool) -> None:
        text = OPENING if is_opening else WELCOME
        if text != self._welcomed:
            self._welcomed = text
            self.query_one("#welcome-text", Static).update(text)

    def on_timeline_chosen(self) -> None:
        self._draw_by(0.0)

    def _chosen(self) -> StepView | None:
        timeline, steps = self._timeline, self.progress.steps
        if timeline.is_following or timeline.chosen is None:
            return self.progress.last
        return steps[timeline.chosen] if timeline.chosen < len(steps) else None

    def _sight(self) -> Sight | None:
        step, glimpse = self._chosen(), self.progress.glimpse
        if glimpse and step is self.progress.last:
            return Sight(picture=glimpse)
        if step is None:
            return None
        return Sight(picture=step.jpeg or step.image, points=step.points, caption=step.words)

    def _show(self, sight: Sight | None) -> None:
        if sight is None or sight == self._shown:
            return
        image = self._opened_picture(sight.picture)
        if image is None:
            return
        self._shown = sight
        began = self.progress.began
        factor = image.width / began.width if began is not None else 1.0
        points = [(round(x * factor), round(y * factor)) for x, y in sight.points]
        self.query_one("#live", Picture).show(image, points)
        self.query_one(View).fit(image.size)

    def _draw_words(self, step: StepView) -> None:
        told = step.sections
        thought = told.thought or ("" if step.sentence else step.answer.lstrip("# "))
        if self.query_one("#thought", Words).tell(thought.strip() or "…"):
            self.query_one("#thought-room", VerticalScroll).scroll_end(animate=False)
        self.query_one("#plan", Words).tell(self._plan(step))

    def _plan(self, step: StepView) -> Text:
        theme = self.app.current_theme
        plan = Text()
        plan.append(f"{step.sentence or step.sections.action or step.stand.value}\n", style="bold")
        plan.append(step.code or step.sections.code or "", style=theme.secondary or "")
        if step.reason:
            plan.append(f"\n{step.reason}", style=theme.error or "")
        return plan

    def _opened_picture(self, picture: bytes | str) -> Image.Image | None:
        """No larger than it is shown; opened once, since a step's click is ringed later."""
        if self._opened is not None and self._opened[0] == picture:
            return self._opened[1]
        data = self._stored(picture) if isinstance(picture, str) else picture
        if not data:
            return None
        image = Image.open(BytesIO(data))
        if self._graphics == "blocks":
            # Two pixels a cell: a JPEG is opened at a half or a quarter in half the time.
            across, down = self.app.size
            image.draft("RGB", (across * 2, down * 4))
        opened = image.convert("RGB")
        self._opened = (picture, opened)
        return opened

    def _stored(self, name: str) -> bytes:
        """Empty if it is not there."""
        if self.progress.began is None or not name:
            return b""
        try:
            return read_blob(Path(self.progress.began.folder), name)
        except TrajectoryError:
            # Seen a moment ago and not written yet; or the run was deleted.
            return b""

    def _headline(self) -> Text:
        progress, theme = self.progress, self.app.current_theme
        line = Text(no_wrap=True, overflow="ellipsis")
        if progress.trouble:
            return Text(progress.trouble, style=theme.error or "")
        if progress.over is not None:
            over = progress.over
            won = over.score is not None and over.score > 0
            good = won or (over.score is None and over.ending == "done")
            told = over.ending
            if over.score is not None:
                told = "success" if won else f"failed · {over.ending}"
            line.append(told, style=(theme.success if good else theme.error) or "")
            steps = "1 step" if over.steps == 1 else f"{over.steps} steps"
            line.append(f" · {steps} · {over.seconds:.1f} s", style=theme.secondary or "")
            if over.reason:
                line.append(f" · {over.reason}", style=theme.secondary or "")
            return line
        last = progress.last
        if last is None or progress.began is None:
            mood = progress.state.mood if progress.state is not None else ""
            return Text(mood, style=theme.secondary or "")
        line.append(f"Step {last.number}", style="bold")
        line.append(f" of {progress.began.max_steps} · ", style=theme.secondary or "")
        stand = Stand.LOOKING.value if progress.glimpse else last.stand.value
        if progress.is_paused and progress.state is not None:
            stand = progress.state.reason or "paused"
        waits = last.stand is Stand.ASKED or progress.is_paused
        line.append(stand, style=(theme.accent if waits else theme.secondary) or "")
        return line

    def _figures(self) -> str:
        plan, state, last = self.progress.last_plan, self.progress.state, self.progress.last
        parts = []
        if last is not None and last.seconds:
            parts.append(f"look {last.look_seconds:.2f}s")
            parts.append(f"think {last.think_seconds:.2f}s")
            parts.append(f"act {last.act_seconds:.2f}s")
        if plan is not None and plan.tokens_per_second:
            parts.append(f"{plan.tokens_per_second:.0f} tok/s")
        if plan is not None and plan.prompt_tokens:
            reused = plan.reused_tokens / plan.prompt_tokens
            parts.append(f"{plan.prompt_tokens} tokens read, {reused:.0%} from cache")
        if state is not None and state.megabytes:
            parts.append(f"{state.megabytes:.0f} MB")
        return " · ".join(parts)

    def _bar_state(self) -> Text:
        progress, theme = self.progress, self.app.current_theme
        if progress.opened is None:
            return Text()
        mode = {"always": "asks always", "risky": "asks when risky", "watch": "never asks"}
        told = Text(no_wrap=True, overflow="ellipsis", justify="right")
        mood = progress.state.mood if progress.state is not None else "opening"
        told.append(f"{mood} ", style=theme.accent or "")
        asks = mode[progress.state.mode] if progress.state is not None else ""
        told.append(
            f"{Path(progress.opened.model).name} · {progress.opened.desktop} · {asks}",
            style=theme.secondary or "",
        )
        return told

    def _placeholder(self) -> str:
        if self.progress.is_busy:
            return "Tell the agent something; it reads it before its next step"
        return "What is to be done?  ctrl+t: examples"
