"""What happens, a line at a time, for somebody watching a terminal."""

from collections.abc import Callable

from agent.events import (
    Ending,
    EpisodeEnded,
    EpisodeResult,
    EpisodeStarted,
    Event,
    Paused,
    Performed,
    Proposed,
    Refused,
    Resumed,
)


class LiveLines:
    """A subscriber of events: the task, then a line for each step, then how it ended."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """
        Args:
            say: takes a finished line, as plain text.
        """
        self._say = say
        self._proposed = ""

    def __call__(self, event: Event) -> None:
        match event:
            case EpisodeStarted(task=task, instruction=instruction):
                self._say(f"{task}: {instruction}")
            case Proposed(step=step, thought=thought, sentence=sentence, seconds=seconds):
                why = f"{thought} " if thought else ""
                self._proposed = f"  {step:>2}. {why}-> {sentence} [{seconds:.2f} s]"
                if not event.actions:
                    self._say(f"{self._proposed} nothing to do")
            case Performed():
                self._say(f"{self._proposed} performed")
            case Refused(step=step, reason=reason):
                self._say(f"  {step:>2}. refused: {reason}")
            case Paused(reason=reason):
                self._say(f"  paused: {reason}")
            case Resumed():
                self._say("  goes on")
            case EpisodeEnded(result=result):
                self._say(f"  {verdict(result)}\n")


def verdict(result: EpisodeResult) -> str:
    """ "success, reward 1.00 (environment over, 3 steps, 1.4 s)"."""
    if result.score is None:
        word = "unscored"
    else:
        word = "success" if result.score > 0 else "failure"
        word += f", reward {result.score:.2f}"
    steps = "1 step" if result.num_steps == 1 else f"{result.num_steps} steps"
    line = f"{word} ({result.ending.value}, {steps}, {result.seconds.get('total', 0.0):.1f} s)"
    # Nobody's doing but the machine's: whoever watches wants to know what it was.
    broken = result.ending in (Ending.POLICY_FAILED, Ending.DESKTOP_LOST)
    return f"{line}: {result.reason}" if broken else line
