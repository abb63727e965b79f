"""A click is held back when what it was meant for is no longer there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from agent.action_text import action_text, finish_text
from agent.events import Ending
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from agent.second_look import differs, patch_around
from env.actions import Action, Click, Drag, Keys, Point
from env.fake import BUTTON, FAKE_SIZE, SLIDER, FakeDesktop
from env.screen import Box, Screenshot, ScreenSize
from trajectories.reading import Episode, read_run
from trajectories.store import RunStore

PRESS = action_text(Click(Point(*BUTTON.center)), FAKE_SIZE, words="Press.")
DONE = finish_text(True, words="Done.")


class Covered(FakeDesktop):
    """A dialog lies over a box after so many looks, or another one at every look."""

    def __init__(self, after: int, until: int, box: Box = BUTTON) -> None:
        super().__init__()
        self.num_looks = 0
        self._shown = range(after, until)
        self._box = box

    def screenshot(self) -> Screenshot:
        seen = super().screenshot()
        self.num_looks += 1
        if self.num_looks in self._shown:
            colour = (60 * (self.num_looks % 4), 0, 200)
            ImageDraw.Draw(seen.image).rectangle(self._box, fill=colour)
        return seen


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path, policy="scripted", durable=False)


def logged(store: RunStore) -> Episode:
    store.close()
    (episode,) = read_run(store.folder).episodes
    return episode


def run(desktop: FakeDesktop, store: RunStore, answers: list[str], look_again: int = 2) -> str:
    """What the policy was last told."""
    policy = ScriptedPolicy(answers)
    loop = Loop(policy, desktop, store, LoopConfig(look_again=look_again))
    assert loop.run("Go.").ending is Ending.DONE
    return policy.seen[-1][-1].text


def test_a_click_at_what_was_seen_is_done(store: RunStore) -> None:
    desktop = FakeDesktop()
    run(desktop, store, [PRESS, DONE])
    assert desktop.num_presses == 1


@pytest.mark.parametrize(
    "action",
    [Click(Point(*BUTTON.center)), Drag(Point(*BUTTON.center), Point(5, 5))],
    ids=["click", "drag"],
)
def test_what_covers_the_target_gets_no_click(store: RunStore, action: Action) -> None:
    # Two looks until it settles, and then the second look.
    desktop = Covered(after=3, until=1000)
    told = run(desktop, store, [action_text(action, FAKE_SIZE, words="Go."), DONE])
    assert desktop.performed == []
    x, y = BUTTON.center
    assert f"the screen changed around ({x}, {y}) since you looked; look again" in told
    outcome = logged(store).steps[0].outcome
    assert outcome is not None
    assert outcome.performed == 0


def test_what_changes_elsewhere_holds_nothing_back(store: RunStore) -> None:
    desktop = Covered(after=3, until=1000, box=SLIDER)
    run(desktop, store, [PRESS, DONE])
    assert desktop.num_presses == 1


def test_a_target_that_never_stands_still_is_clicked_in_the_end(store: RunStore) -> None:
    desktop = Covered(after=1, until=10_000)
    run(desktop, store, [PRESS] * 3 + [DONE])
    assert len(desktop.performed) == 1


def test_it_can_be_left_out(store: RunStore) -> None:
    desktop = Covered(after=3, until=1000)
    run(desktop, store, [PRESS, DONE], look_again=0)
    assert len(desktop.performed) == 1


def test_what_the_answer_itself_changed_is_not_looked_at(store: RunStore) -> None:
    both = "```\npyautogui.press('a')\npyautogui.click(x=0.5, y=0.5)\n```"
    desktop = Covered(after=3, until=1000, box=Box(0, 0, *FAKE_SIZE))
    run(desktop, store, [both, DONE])
    assert [type(action) for action in desktop.performed] == [Keys, Click]


def test_a_screen_of_another_size_is_another_screen(store: RunStore) -> None:
    class Resized(FakeDesktop):
        asked = 0

        @property
        def size(self) -> ScreenSize:
            return FAKE_SIZE

        def screenshot(self) -> Screenshot:
            seen = super().screenshot()
            self.asked += 1
            if self.asked > 2:
                return seen
            return Screenshot(seen.image.resize((400, 300)), seen.taken_at)

    desktop = Resized()
    run(desktop, store, [PRESS, DONE])
    assert desktop.performed == []


def painted(draw: Callable[[ImageDraw.ImageDraw], object]) -> Image.Image:
    image = Image.new("RGB", (48, 48), "white")
    draw(ImageDraw.Draw(image))
    return image


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda pen: None, False),
        (lambda pen: pen.rectangle((20, 10, 21, 40), fill="black"), False),
        (lambda pen: pen.rectangle((0, 0, 47, 47), fill=(240, 240, 240)), False),
        (lambda pen: pen.rectangle((44, 0, 47, 6), fill="black"), False),
        (lambda pen: pen.text((4, 4), "Delete", fill="black", font_size=16), True),
        (lambda pen: pen.rectangle((0, 24, 47, 47), fill="navy"), True),
    ],
    ids=["nothing", "caret", "shade", "digit", "word", "window"],
)
def test_what_counts_as_a_change(
    draw: Callable[[ImageDraw.ImageDraw], object], expected: bool
) -> None:
    assert differs(painted(lambda pen: None), painted(draw)) is expected


def test_the_patch_ends_at_the_edge_of_the_screen() -> None:
    assert patch_around(Point(0, 599), ScreenSize(800, 600)) == Box(0, 575, 24, 600)
