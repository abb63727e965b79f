from pathlib import Path

import pytest

from agent.action_text import action_text, finish_text
from agent.approval import Answer, Gate, Instead, No, Question, Yes
from agent.events import Ending, Event, Performed, Proposed, Refused
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, OPENCUA, render
from agent.safety import Mode
from env.actions import Action, Click, Point
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FakeDesktop
from trajectories.export import prompts
from trajectories.reading import Episode, read_run
from trajectories.store import RunStore

PRESS = Click(Point(*BUTTON.center))
CHECK = Click(Point(*CHECK_BOX.center))
DONE = finish_text(True, words="Done.")


class Person:
    """Gives prepared answers, and keeps what was asked."""

    def __init__(self, *answers: Answer | None) -> None:
        self.questions: list[Question] = []
        self._answers = list(answers)

    def __call__(self, question: Question) -> Answer | None:
        self.questions.append(question)
        return self._answers.pop(0)


def say(action: Action, words: str) -> str:
    return action_text(action, FAKE_SIZE, words=words, thought="Because.")


def played(
    folder: Path, answers: list[str], person: Person, mode: Mode = "risky"
) -> tuple[FakeDesktop, list[Event], Episode]:
    events: list[Event] = []
    with RunStore.create(folder, policy="scripted", durable=False) as store:
        desktop = FakeDesktop()
        loop = Loop(
            ScriptedPolicy(answers),
            desktop,
            store,
            LoopConfig(),
            events.append,
            approver=Gate(mode=mode, ask=person, seconds=7.0),
        )
        assert loop.run("Save it.").ending is Ending.DONE
    (episode,) = read_run(store.folder).episodes
    return desktop, events, episode


def test_a_yes_lets_it_happen(tmp_path: Path) -> None:
    person = Person(Yes())
    desktop, _, episode = played(tmp_path, [say(PRESS, "Send it."), DONE], person)
    assert desktop.num_presses == 1
    (question,) = person.questions
    assert (question.number, question.seconds) == (1, 7.0)
    assert question.request.actions == (PRESS,)
    assert question.decision.kinds == ("sends",)
    assert not episode.guards


def test_what_is_harmless_is_not_asked(tmp_path: Path) -> None:
    desktop, _, _ = played(tmp_path, [say(PRESS, "Click it."), DONE], Person())
    assert desktop.num_presses == 1


def test_a_no_goes_back_to_the_model_with_its_reason(tmp_path: Path) -> None:
    answers = [say(PRESS, "Send it."), say(CHECK, "Check the box."), DONE]
    desktop, events, episode = played(tmp_path, answers, Person(No("not yet")))
    assert (desktop.num_presses, desktop.checked) == (0, True)
    assert [event.reason for event in events if isinstance(event, Refused)] == [
        "the user said no: not yet"
    ]
    first = episode.steps[0]
    assert first.intent is not None
    assert first.outcome is not None
    assert first.outcome.performed == 0
    asked = list(prompts(episode, lambda *history: render(NANO, *history)))
    assert "# Error:\nthe user said no: not yet\n" in asked[1][-1].text
    assert [type(event) for event in events].count(Performed) == 1


def test_no_answer_is_no(tmp_path: Path) -> None:
    desktop, events, _ = played(tmp_path, [say(PRESS, "Send it."), DONE], Person(None))
    assert desktop.num_presses == 0
    assert "nobody answered within 7 seconds" in str(events)


def test_a_standing_yes_covers_its_kind_and_no_other(tmp_path: Path) -> None:
    answers = [say(PRESS, "Send it."), say(PRESS, "Submit it."), say(PRESS, "Pay for it."), DONE]
    person = Person(Yes(always=True), No())
    desktop, _, _ = played(tmp_path, answers, person)
    assert desktop.num_presses == 2
    assert [question.decision.kinds for question in person.questions] == [("sends",), ("pays",)]


def test_a_standing_yes_to_clicks_does_not_cover_a_risk(tmp_path: Path) -> None:
    answers = [say(PRESS, "Click it."), say(CHECK, "Click that."), say(PRESS, "Delete it."), DONE]
    person = Person(Yes(always=True), No())
    played(tmp_path, answers, person, mode="always")
    assert [question.decision.kinds for question in person.questions] == [
        ("clicks",),
        ("deletes",),
    ]


def test_something_else_is_done_instead_and_the_log_has_both(tmp_path: Path) -> None:
    x, y = CHECK_BOX.center
    code = f"pyautogui.click(x={x / FAKE_SIZE.width}, y={y / FAKE_SIZE.height})"
    answers = [say(PRESS, "Send it."), DONE]
    desktop, events, episode = played(tmp_path, answers, Person(Instead(code)))
    assert (desktop.num_presses, desktop.checked) == (0, True)
    first = episode.steps[0]
    assert first.intent is not None
    assert code in first.intent.response
    assert "Because." in first.intent.response
    assert [(guard.kind, guard.text) for guard in first.guards] == [("edited", answers[0])]
    assert next(event.actions for event in events if isinstance(event, Proposed)) == (CHECK,)


def test_something_else_that_cannot_be_read_is_a_no(tmp_path: Path) -> None:
    answers = [say(PRESS, "Send it."), DONE]
    desktop, events, _ = played(tmp_path, answers, Person(Instead("os.system('x')")))
    assert not desktop.performed
    assert "the user wanted something else, which cannot be read" in str(events)


def test_an_action_held_is_asked_about_in_any_mode_for_as_long_as_it_takes() -> None:
    person = Person(Yes())
    gate = Gate(mode="watch", ask=person, held=lambda: True)
    with FakeDesktop() as desktop:
        loop = Loop(
            ScriptedPolicy([say(PRESS, "Click it."), DONE]), desktop, _NoLog(), LoopConfig()
        )
        loop.approver = gate
        loop.config = LoopConfig(max_steps=1)
        loop.run("Save it.")
    assert [question.seconds for question in person.questions] == [None]


class _NoLog:
    def append(self, record: object, *, sync: bool = False) -> None:
        pass

    def store_image(self, png: bytes) -> str:
        return str(hash(png))


@pytest.mark.parametrize("style", [NANO, OPENCUA])
def test_what_a_person_says_reaches_the_model_and_the_sample(tmp_path: Path, style: object) -> None:
    from agent.prompts import PromptStyle

    assert isinstance(style, PromptStyle)
    said = [["Use the box."], ["And be quick."], []]
    policy = ScriptedPolicy([say(PRESS, "Click."), say(CHECK, "Check."), DONE])
    shown: list[str] = []

    class Listening:
        def complete(self, messages, *, sampling, on_text=None):  # type: ignore[no-untyped-def]
            shown.append(messages[-1].text)
            return policy.complete(messages, sampling=sampling, on_text=on_text)

    with RunStore.create(tmp_path, policy="scripted", durable=False) as store:
        config = LoopConfig(style=style)
        Loop(Listening(), FakeDesktop(), store, config, hear=lambda: said.pop(0)).run("Save it.")
    assert "The user adds" not in shown[0]
    assert "# The user adds:\nUse the box.\n" in shown[1]
    assert "# The user adds:\nUse the box.\nAnd be quick.\n" in shown[2]
    (episode,) = read_run(store.folder).episodes
    asked = prompts(episode, lambda *history: render(style, *history))
    assert [messages[-1].text for messages in asked] == shown
