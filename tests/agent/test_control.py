"""Stop and pause, by themselves and through the loop."""

import signal
import threading
import time
from pathlib import Path

import pytest

from agent.action_text import action_text, finish_text
from agent.control import Control, Pause
from agent.episode import PAUSED_MEANWHILE
from agent.events import Ending, Event, Observed, Paused, TextStreamed
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from env.actions import Action, Click, Keys, Point
from env.fake import BUTTON, FAKE_SIZE, FakeDesktop
from trajectories.reading import Episode, read_run
from trajectories.store import RunStore

PRESS = action_text(Click(Point(*BUTTON.center)), FAKE_SIZE, words="Press.", thought="Because.")
DONE = finish_text(True, words="Done.")
TWO = "```\npyautogui.press('a')\npyautogui.press('b')\n```"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path, policy="scripted", durable=False)


def logged(store: RunStore) -> Episode:
    store.close()
    (episode,) = read_run(store.folder).episodes
    return episode


class Steered:
    """An episode on a fake desktop, and a person who acts on its events."""

    def __init__(self, store: RunStore, answers: list[str]) -> None:
        self.control = Control()
        self.desktop = FakeDesktop()
        self.policy = ScriptedPolicy(answers)
        self.events: list[Event] = []
        self._store = store
        self.pause_at: type[Event] | None = None
        self.takeover = False
        self.then_stop = False

    def run(self) -> Ending:
        loop = Loop(
            self.policy,
            self.desktop,
            self._store,
            LoopConfig(),
            self._listen,
            control=self.control,
        )
        return loop.run("Go.").ending

    def _listen(self, event: Event) -> None:
        self.events.append(event)
        if self.pause_at is not None and isinstance(event, self.pause_at):
            self.pause_at = None
            self.control.pause("hold on", takeover=self.takeover)
        if isinstance(event, Paused):
            after = self.control.stop if self.then_stop else self.control.resume
            threading.Timer(0.05, after).start()

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


def test_the_first_reason_to_stop_stays() -> None:
    control = Control()
    control.stop("one")
    control.stop("two")
    assert control.stopped == "one"


def test_a_pause_is_over_when_resumed_and_not_forgotten() -> None:
    control = Control()
    control.pause("a")
    control.pause("b")
    assert control.paused == "a"
    control.resume()
    assert control.paused is None
    assert control.pauses == (Pause("a"),)


def test_a_person_makes_a_pause_a_takeover() -> None:
    control = Control()
    control.pause("a")
    control.pause("hands on", takeover=True)
    assert control.pauses == (Pause("hands on", takeover=True),)


def test_who_waits_goes_on_when_resumed_or_stopped() -> None:
    for go_on in (Control.resume, Control.stop):
        control = Control()
        control.pause("a")
        threading.Timer(0.05, go_on, [control]).start()
        began = time.monotonic()
        control.wait_while_paused()
        assert 0.03 < time.monotonic() - began < 5.0


def test_subscribers_are_told_of_every_change() -> None:
    control = Control()
    told: list[tuple[str | None, str | None]] = []
    control.subscribe(lambda: told.append((control.stopped, control.paused)))
    control.pause("a")
    control.resume()
    control.resume()
    control.stop("b")
    assert told == [(None, "a"), (None, None), ("b", None)]


def test_a_signal_handler_may_stop_its_own_thread_while_it_waits() -> None:
    control = Control()
    control.pause("a")
    before = signal.signal(signal.SIGALRM, lambda *_: control.stop("signal"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        control.wait_while_paused()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert control.stopped == "signal"


@pytest.mark.parametrize("event", [Observed, TextStreamed])
def test_an_answer_from_before_a_pause_is_not_performed(
    store: RunStore, event: type[Event]
) -> None:
    steered = Steered(store, [PRESS, DONE, DONE])
    steered.pause_at = event
    assert steered.run() is Ending.DONE
    assert steered.desktop.num_presses == 0
    assert steered.names.count("Paused") == steered.names.count("Resumed") == 1
    episode = logged(store)
    assert not any(guard.kind == "takeover" for guard in episode.guards)
    numbers = [step.number for step in episode.steps]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_rest_of_an_answer_is_not_performed_after_a_pause(store: RunStore) -> None:
    steered = Steered(store, [TWO, DONE])

    class PausedInTheAct(FakeDesktop):
        def perform(self, action: Action) -> None:
            super().perform(action)
            steered.control.pause("hold on")

    steered.desktop = PausedInTheAct()
    assert steered.run() is Ending.DONE
    assert steered.desktop.performed == [Keys(("a",))]
    assert PAUSED_MEANWHILE in steered.policy.seen[1][-1].text
    outcome = logged(store).steps[0].outcome
    assert outcome is not None
    assert (outcome.performed, outcome.refused) == (1, PAUSED_MEANWHILE)


def test_a_takeover_is_in_the_log(store: RunStore) -> None:
    steered = Steered(store, [PRESS, DONE])
    steered.pause_at = TextStreamed
    steered.takeover = True
    assert steered.run() is Ending.DONE
    (guard,) = logged(store).guards
    assert (guard.step, guard.kind, guard.text) == (1, "takeover", "hold on")


def test_a_takeover_before_the_first_look_is_in_the_log_too(store: RunStore) -> None:
    steered = Steered(store, [DONE])
    steered.control.pause("hands on", takeover=True)
    assert steered.run() is Ending.DONE
    assert steered.names[1:5] == ["Paused", "Resumed", "Glimpsed", "Observed"]
    (guard,) = logged(store).guards
    assert (guard.step, guard.kind) == (1, "takeover")


def test_a_pause_can_end_in_a_stop(store: RunStore) -> None:
    steered = Steered(store, [PRESS])
    steered.pause_at = Observed
    steered.then_stop = True
    assert steered.run() is Ending.STOPPED
    assert steered.desktop.performed == []
    assert logged(store).stopped
