from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from agent.action_text import action_text, finish_text
from agent.loop import Loop, LoopConfig, Score
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, PromptStyle
from env.actions import Click, Drag, Keys, Point, Scroll, TypeText
from env.fake import BUTTON, FAKE_SIZE, FIELD, LIST, SLIDER, FakeDesktop
from trajectories.store import RunStore

ANSWERS = [
    action_text(Click(Point(*FIELD.center)), FAKE_SIZE, words="Click the field.", thought="First."),
    action_text(TypeText('Ada "x" $5\n'), FAKE_SIZE, words="Type the name."),
    action_text(Keys(("ctrl", "a")), FAKE_SIZE, words="Select all."),
    action_text(Scroll(Point(*LIST.center), -2), FAKE_SIZE, words="Scroll down."),
    action_text(
        Drag(Point(SLIDER.left + 9, SLIDER.top + 5), Point(SLIDER.left + 40, SLIDER.top + 5)),
        FAKE_SIZE,
        words="Drag the slider.",
    ),
    "no code at all",
    action_text(Click(Point(*BUTTON.center), count=2), FAKE_SIZE, words="Double-click Save."),
    finish_text(True, words="Done."),
]
MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A run of the fake desktop: every kind of action, and one answer that was refused."""

    def make(
        answers: Sequence[str] = ANSWERS,
        *,
        folder: Path | None = None,
        score: float | None = 1.0,
        task: str = "form",
        style: PromptStyle = NANO,
        config: LoopConfig | None = None,
        settings: dict[str, object] | None = None,
    ) -> Path:
        with (
            FakeDesktop() as desktop,
            RunStore.create(
                folder or tmp_path / "runs", policy="scripted", settings=settings, durable=False
            ) as store,
        ):
            chosen = config or LoopConfig(style=style)
            loop = Loop(ScriptedPolicy(answers), desktop, store, chosen, judge=lambda: Score(score))
            loop.run("Save Ada.", task=task, seed=1)
        return store.folder

    return make
