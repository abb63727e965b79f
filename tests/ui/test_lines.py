from agent.events import (
    Ending,
    EpisodeEnded,
    EpisodeResult,
    EpisodeStarted,
    Event,
    Performed,
    Proposed,
    Refused,
)
from env.actions import Action, Keys
from env.screen import ScreenSize
from ui.lines import LiveLines, verdict

ENTER: tuple[Action, ...] = (Keys(("enter",)),)


def lines_of(*events: Event) -> list[str]:
    lines: list[str] = []
    live = LiveLines(lines.append)
    for event in events:
        live(event)
    return lines


def proposed(actions: tuple[Action, ...]) -> Proposed:
    return Proposed(
        step=2,
        thought="It is typed.",
        sentence="Press enter.",
        proposals=(),
        actions=actions,
        seconds=0.12,
    )


def result(score: float | None, num_steps: int = 1) -> EpisodeResult:
    return EpisodeResult(
        task="t",
        seed=1,
        ending=Ending.DONE,
        num_steps=num_steps,
        score=score,
        reason="",
        seconds={"total": 1.44},
    )


def test_a_step_is_one_line_with_thought_action_and_result() -> None:
    assert lines_of(
        EpisodeStarted(task="t", seed=1, instruction="Go.", size=ScreenSize(4, 3)),
        proposed(ENTER),
        Performed(step=2, actions=ENTER, seconds=0.01),
    ) == ["t: Go.", "   2. It is typed. -> Press enter. [0.12 s] performed"]


def test_a_refusal_is_told_with_its_reason() -> None:
    assert lines_of(Refused(step=1, reason="no code block")) == ["   1. refused: no code block"]


def test_saying_done_performs_nothing() -> None:
    assert lines_of(proposed(()))[0].endswith("nothing to do")


def test_the_end_tells_success_failure_and_unscored_apart() -> None:
    assert lines_of(EpisodeEnded(result=result(1.0)))[0].startswith("  success, reward 1.00")
    assert verdict(result(-1.0, 3)) == "failure, reward -1.00 (done, 3 steps, 1.4 s)"
    assert verdict(result(None)) == "unscored (done, 1 step, 1.4 s)"
