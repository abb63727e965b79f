from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agent.action_text import action_text, finish_text
from agent.control import Control
from agent.events import Ending, Event, Observed, Performed, Proposed, Refused, TextStreamed
from agent.loop import Loop, LoopConfig, Score
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, OPENCUA, render
from env.actions import Action, Click, Keys, Point, Scroll, TypeText, Wait
from env.errors import ActionRefused
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FIELD, FakeDesktop
from env.screen import Box
from trajectories.export import prompts
from trajectories.log import scan
from trajectories.reading import IN_DOUBT, Episode, read_run
from trajectories.store import RunStore

QUICK = LoopConfig()
NONSENSE = "I would rather not."


def say(action: Action, words: str = "Do it.") -> str:
    return action_text(action, FAKE_SIZE, words=words, thought="Because.")


def click(box: Box) -> str:
    return say(Click(Point(*box.center)))


class NoKeyboard(FakeDesktop):
    def perform(self, action: Action) -> None:
        raise ActionRefused("this screen has no keyboard")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path, policy="scripted", durable=False)


def logged(store: RunStore) -> Episode:
    store.close()
    (episode,) = read_run(store.folder).episodes
    return episode


def test_the_agent_fills_in_a_form_and_says_so(store: RunStore) -> None:
    answers = [
        click(FIELD),
        say(TypeText("Ada <3")),
        click(CHECK_BOX),
        click(BUTTON),
        finish_text(True, words="Done."),
    ]
    with FakeDesktop() as desktop:
        result = Loop(ScriptedPolicy(answers), desktop, store, QUICK).run("Save Ada.")
        assert (desktop.text, desktop.checked, desktop.num_presses) == ("Ada <3", True, 1)
    assert (result.ending, result.num_steps) == (Ending.DONE, 5)
    assert result.score is None, "nobody judged it, which is not 0"
    assert set(result.seconds) == {"capture", "settle", "model", "act", "total"}
    episode = logged(store)
    assert [step.number for step in episode.steps] == [1, 2, 3, 4, 5]
    assert episode.steps[1].intent is not None
    assert episode.steps[1].intent.actions == [{"action": "TypeText", "text": "Ada <3"}]
    assert episode.steps[1].image().size == FAKE_SIZE


def test_events_tell_the_episode_in_order(store: RunStore) -> None:
    events: list[Event] = []
    with FakeDesktop() as desktop:
        policy = ScriptedPolicy([click(BUTTON), finish_text(False, words="Give up.")])
        result = Loop(policy, desktop, store, QUICK, events.append).run("Press it.")
    assert result.ending is Ending.FAILED
    assert [type(event).__name__ for event in events] == [
        "EpisodeStarted",
        *("Glimpsed", "Observed", "TextStreamed", "Proposed", "Performed"),
        *("Glimpsed", "Observed", "TextStreamed", "Proposed"),
        "EpisodeEnded",
    ]


def test_an_answer_that_cannot_be_read_goes_back_as_an_error(store: RunStore) -> None:
    policy = ScriptedPolicy([NONSENSE, finish_text(True, words="Done.")])
    with FakeDesktop() as desktop:
        assert Loop(policy, desktop, store, QUICK).run("Go.").ending is Ending.DONE
    assert "# Error:\nno code block" in policy.seen[1][-1].text
    first = logged(store).steps[0]
    assert first.intent is not None
    assert first.intent.response == NONSENSE
    assert first.outcome is not None
    assert first.outcome.performed == 0


def test_an_answer_is_performed_whole_or_not_begun(store: RunStore) -> None:
    outside = "```\npyautogui.press('a')\npyautogui.click(x=1.5, y=0.5)\n```"
    with FakeDesktop() as desktop:
        policy = ScriptedPolicy([outside, finish_text(True, words="Done.")])
        Loop(policy, desktop, store, QUICK).run("Go.")
        assert desktop.performed == []
    assert "outside the screenshot" in policy.seen[1][-1].text


def test_what_the_screen_refuses_is_told_to_the_model(store: RunStore) -> None:
    policy = ScriptedPolicy([say(Keys(("enter",))), finish_text(True, words="Done.")])
    events: list[Event] = []
    with NoKeyboard() as desktop:
        Loop(policy, desktop, store, QUICK, events.append).run("Go.")
    assert "# Error:\nthis screen has no keyboard\n" in policy.seen[1][-1].text
    assert any(isinstance(event, Refused) for event in events)
    assert not any(isinstance(event, Performed) for event in events)


def test_three_unreadable_answers_in_a_row_are_the_end(store: RunStore) -> None:
    with FakeDesktop() as desktop:
        result = Loop(ScriptedPolicy([NONSENSE] * 9), desktop, store, QUICK).run("Go.")
    assert (result.ending, result.num_steps) == (Ending.UNPARSEABLE, 3)


def test_readable_answers_between_unreadable_ones_start_the_count_again(store: RunStore) -> None:
    answers = [NONSENSE, NONSENSE, click(BUTTON), NONSENSE, NONSENSE, finish_text(True, words="Ok")]
    with FakeDesktop() as desktop:
        result = Loop(ScriptedPolicy(answers), desktop, store, QUICK).run("Go.")
    assert result.ending is Ending.DONE


def test_the_same_action_on_the_same_screen_is_an_end(store: RunStore) -> None:
    nowhere = say(Click(Point(300, 100)))
    with FakeDesktop() as desktop:
        result = Loop(ScriptedPolicy([nowhere] * 20), desktop, store, QUICK).run("Go.")
        assert len(desktop.performed) == 5
    assert (result.ending, result.num_steps) == (Ending.REPEATED, 5)


def test_what_was_done_on_a_screen_is_not_done_there_again_if_there_is_another_answer(
    store: RunStore,
) -> None:
    nowhere, elsewhere = say(Click(Point(300, 100))), say(Click(Point(301, 100)))
    answers = [nowhere, nowhere, nowhere, elsewhere, finish_text(True, words="Ok")]
    policy = ScriptedPolicy(answers)
    with FakeDesktop() as desktop:
        config = replace(QUICK, other_answers=2)
        result = Loop(policy, desktop, store, config).run("Go.")
        assert desktop.performed == [Click(Point(300, 100)), Click(Point(301, 100))]
    assert (result.ending, result.num_steps) == (Ending.DONE, 3)
    assert [each.temperature for each in policy.samplings] == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert len(logged(store).steps) == 3


def test_what_was_refused_may_be_tried_again_on_the_same_screen(store: RunStore) -> None:
    policy = ScriptedPolicy([say(TypeText("a")), say(TypeText("a")), finish_text(True, words="Ok")])
    with NoKeyboard() as desktop:
        Loop(policy, desktop, store, replace(QUICK, other_answers=2)).run("Go.")
    assert [each.temperature for each in policy.samplings] == [0.0, 0.0, 0.0]


def test_waiting_again_is_no_going_round_in_circles(store: RunStore) -> None:
    waits = say(Wait(0.01))
    with FakeDesktop() as desktop:
        config = replace(QUICK, other_answers=2)
        policy = ScriptedPolicy([waits, waits, finish_text(True, words="Ok")])
        result = Loop(policy, desktop, store, config).run("Go.")
    assert (result.ending, result.num_steps) == (Ending.DONE, 3)


def test_the_same_action_on_a_changing_screen_is_not(store: RunStore) -> None:
    config = LoopConfig(max_steps=8)
    with FakeDesktop() as desktop:
        result = Loop(ScriptedPolicy([click(BUTTON)] * 8), desktop, store, config).run("Go.")
        assert desktop.num_presses == 8
    assert (result.ending, result.num_steps) == (Ending.STEP_LIMIT, 8)


def test_the_end_of_the_task_is_noticed_after_an_action(store: RunStore) -> None:
    with FakeDesktop() as desktop:
        loop = Loop(
            ScriptedPolicy([click(BUTTON)] * 9),
            desktop,
            store,
            QUICK,
            is_over=lambda: desktop.num_presses == 2,
            judge=lambda: Score(0.5, "half"),
        )
        result = loop.run("Press twice.", task="presses", seed=7)
    assert (result.ending, result.num_steps, result.score) == (Ending.ENVIRONMENT_OVER, 2, 0.5)
    episode = logged(store)
    assert episode.end is not None
    assert (episode.end.score, episode.name) == (0.5, "presses 7")


def test_advice_is_kept_and_never_performed(store: RunStore) -> None:
    with FakeDesktop() as desktop:
        policy = ScriptedPolicy([click(BUTTON), finish_text(True, words="Done.")])
        Loop(policy, desktop, store, QUICK, advisor=lambda: click(CHECK_BOX)).run("Go.")
        assert (desktop.num_presses, desktop.checked) == (1, False)
    assert logged(store).steps[0].advice == click(CHECK_BOX)


def test_a_desktop_that_vanishes_leaves_the_log_whole(store: RunStore) -> None:
    with FakeDesktop(vanish_after=2) as desktop:
        loop = Loop(ScriptedPolicy([click(BUTTON)] * 9), desktop, store, QUICK)
        result = loop.run("Go.")
    assert (result.ending, result.score) == (Ending.DESKTOP_LOST, None)
    episode = logged(store)
    assert episode.end is not None
    assert episode.end.ending == "DESKTOP_LOST"
    last = episode.steps[-1]
    assert last.intent is not None
    assert last.outcome is not None
    assert last.outcome.performed == 0


def test_a_policy_with_nothing_to_say_is_not_the_models_mistake(store: RunStore) -> None:
    with FakeDesktop() as desktop:
        result = Loop(ScriptedPolicy([]), desktop, store, QUICK).run("Go.")
    assert result.ending is Ending.POLICY_FAILED


def test_a_stop_between_pieces_of_the_answer_performs_nothing(store: RunStore) -> None:
    control = Control()

    def listen(event: Event) -> None:
        if isinstance(event, Observed):
            control.stop("enough")

    with FakeDesktop() as desktop:
        loop = Loop(ScriptedPolicy([click(BUTTON)]), desktop, store, QUICK, listen, control=control)
        result = loop.run("Go.")
        assert desktop.performed == []
    assert (result.ending, result.reason) == (Ending.STOPPED, "enough")
    assert logged(store).stopped


def test_a_stop_between_two_actions_of_one_answer_is_logged_with_what_was_done(
    store: RunStore,
) -> None:
    control = Control()

    class StoppedInTheAct(FakeDesktop):
        def perform(self, action: Action) -> None:
            super().perform(action)
            control.stop()

    both = "```\npyautogui.press('a')\npyautogui.press('b')\n```"
    with StoppedInTheAct() as desktop:
        loop = Loop(ScriptedPolicy([both]), desktop, store, QUICK, control=control)
        assert loop.run("Go.").ending is Ending.STOPPED
        assert desktop.performed == [Keys(("a",))]
    outcome = logged(store).steps[0].outcome
    assert outcome is not None
    assert outcome.performed == 1


def test_nothing_is_performed_that_is_not_in_the_log_first(store: RunStore) -> None:
    class Witness(FakeDesktop):
        def perform(self, action: Action) -> None:
            intent = read_run(store.folder).episodes[0].steps[-1].intent
            assert intent is not None
            seen.append(intent.actions)
            super().perform(action)

    seen: list[list[dict[str, object]]] = []
    with Witness() as desktop:
        policy = ScriptedPolicy([say(Scroll(Point(60, 150), -2)), finish_text(True, words="Ok.")])
        Loop(policy, desktop, store, QUICK).run("Go.")
        assert desktop.first_row == 2
    assert [actions[0]["notches"] for actions in seen] == [-2]


def test_a_log_that_cannot_be_written_stops_before_the_action(store: RunStore) -> None:
    class FullDisk:
        def append(self, record: object, *, sync: bool = False) -> None:
            if sync:
                raise OSError("no space left on device")

        def store_image(self, png: bytes) -> str:
            return "0" * 64

    with FakeDesktop() as desktop:
        loop = Loop(ScriptedPolicy([click(BUTTON)]), desktop, FullDisk(), QUICK)
        with pytest.raises(OSError, match="no space"):
            loop.run("Go.")
        assert desktop.performed == []


def test_the_model_is_told_which_of_its_steps_changed_nothing(store: RunStore) -> None:
    beside = Box(250, 200, 310, 230)
    policy = ScriptedPolicy([click(beside), click(FIELD), finish_text(True, words="Done.")])
    with FakeDesktop() as desktop:
        Loop(policy, desktop, store, QUICK).run("Go.")
    told = [messages[-1].text for messages in policy.seen]
    assert "nothing changed" not in told[0]
    assert [text.count("(nothing changed)") for text in told[1:]] == [1, 1]


def test_opencua_prompts_keep_three_pictures(store: RunStore) -> None:
    policy = ScriptedPolicy([click(BUTTON)] * 5 + [finish_text(True, words="Done.")])
    config = LoopConfig(style=OPENCUA)
    events: list[Event] = []
    with FakeDesktop() as desktop:
        Loop(policy, desktop, store, config, events.append).run("Go.")
    roles = [message.role for message in policy.seen[-1]]
    assert roles == ["system", "assistant", "user", "assistant", "user", "assistant", "user"]
    assert sum(isinstance(event, Proposed) for event in events) == 6
    assert sum(isinstance(event, TextStreamed) for event in events) == 6


def test_an_interrupted_episode_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    """The process dies between the act and its outcome."""
    store = RunStore.create(tmp_path, policy="scripted")

    class Dying(FakeDesktop):
        def perform(self, action: Action) -> None:
            super().perform(action)
            if isinstance(action, TypeText):
                raise KeyboardInterrupt

    with Dying() as desktop:
        first = ScriptedPolicy([click(FIELD), say(TypeText("Ada"), "Type Ada.")])
        with pytest.raises(KeyboardInterrupt):
            Loop(first, desktop, store, QUICK).run("Save Ada.", task="form", seed=1)
        # Torn off before the outcome was written.
        log = store.folder / "steps.log"
        store.close()
        data = log.read_bytes()
        log.write_bytes(data[: [raw.end for raw in scan(data)][-3]])
        (interrupted,) = read_run(store.folder).episodes
        assert interrupted.steps[-1].outcome is None
        second = ScriptedPolicy([click(BUTTON), finish_text(True, words="Done.")])
        with RunStore(store.folder) as again:
            result = Loop(second, desktop, again, QUICK).resume(interrupted)
        assert (desktop.text, desktop.num_presses) == ("Ada", 1)
    assert (result.task, result.seed, result.num_steps) == ("form", 1, 4)
    asked = second.seen[0][-1].text
    assert "Type Ada." in asked
    assert IN_DOUBT in asked
    (episode,) = read_run(store.folder).episodes
    assert [step.number for step in episode.steps] == [1, 2, 3, 4]
    again_asked = list(prompts(episode, partial(render, NANO)))
    assert again_asked[2][-1].text == asked


def test_an_episode_that_ended_is_not_resumed(store: RunStore) -> None:
    with FakeDesktop() as desktop:
        Loop(ScriptedPolicy([finish_text(True, words="Done.")]), desktop, store, QUICK).run("Go.")
        with pytest.raises(ValueError, match="ended"):
            Loop(ScriptedPolicy([]), desktop, store, QUICK).resume(logged(store))


def test_with_little_space_left_no_step_is_begun_and_the_end_is_written(tmp_path: Path) -> None:
    policy = ScriptedPolicy([click(BUTTON)])
    with (
        FakeDesktop() as desktop,
        RunStore.create(tmp_path, policy="scripted", floor_bytes=2**60) as store,
    ):
        result = Loop(policy, desktop, store, QUICK).run("Go.")
        assert desktop.num_presses == 0
    assert result.ending is Ending.DISK_FULL
    assert "bytes are free" in result.reason
    (episode,) = read_run(store.folder).episodes
    assert episode.end is not None
    assert policy.seen == []
