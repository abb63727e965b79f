"""Who decides: anything that turns messages into an answer.

The network (`model.chat.ChatModel`) fits this seat without importing it; so do
a list of prepared answers and a scripted expert.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from PIL import Image

from agent.action_text import action_text
from agent.errors import PolicyFailed
from env.actions import Action
from env.errors import DesktopLost, EnvError
from env.screen import ScreenSize
from model.messages import (
    Completion,
    ImagePart,
    Message,
    OnText,
    Part,
    Sampling,
    TextPart,
)


class Policy(Protocol):
    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        """Answer the last user message.

        Args:
            on_text: called with each piece of text as it comes. What it raises ends the
                generation and comes through: that is how an episode is stopped mid-answer.

        Raises:
            PolicyFailed: no answer can be had.
        """
        ...


@runtime_checkable
class LooksAhead(Protocol):
    """A policy that answers sooner if it is told beforehand what it will be asked."""

    def prepare(self, messages: Sequence[Message]) -> None:
        """A later prompt begins with these messages. Nobody waits for an answer meanwhile."""
        ...


class ScriptedPolicy:
    """Gives prepared answers in order; for tests and for showing a run without a network."""

    def __init__(self, answers: Iterable[str]) -> None:
        self._answers = iter(answers)
        self.seen: list[Sequence[Message]] = []
        """Every prompt it was shown."""
        self.samplings: list[Sampling] = []
        """How each was to be answered."""

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        self.seen.append(messages)
        self.samplings.append(sampling)
        answer = next(self._answers, None)
        if answer is None:
            raise PolicyFailed(f"no answer left after {len(self.seen) - 1}")
        if on_text:
            on_text(answer)
        return Completion(text=answer)


class SaysMove(Protocol):
    """What a policy needs of a scripted expert's next move (`env.miniwob.experts` has them)."""

    @property
    def action(self) -> Action: ...
    @property
    def words(self) -> str: ...
    @property
    def thought(self) -> str: ...


class ExpertPolicy:
    """A scripted expert in the model's seat: it looks at the page's state, not at the messages.

    Its answers are written as a model is to write them, so a point is as coarse
    as a model's would be, and what is collected is what is trained on.
    """

    def __init__(self, next_move: Callable[[], SaysMove], size: ScreenSize) -> None:
        """Args:
        size: of the screen its points lie on.
        """
        self._next_move = next_move
        self._size = size

    def answer(self) -> str:
        """What the expert would say now.

        Raises:
            PolicyFailed: it does not know what to do in this state.
            DesktopLost: what it looks at is gone.
        """
        try:
            move = self._next_move()
        except DesktopLost:
            raise
        except EnvError as error:
            raise PolicyFailed(f"the expert is lost: {error}") from error
        return action_text(move.action, self._size, words=move.words, thought=move.thought)

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        answer = self.answer()
        if on_text:
            on_text(answer)
        return Completion(text=answer)


class RetouchedPolicy:
    """Shows another policy every picture as a function makes it."""

    def __init__(self, policy: Policy, retouch: Callable[[Image.Image], Image.Image]) -> None:
        self._policy = policy
        self._retouch = retouch

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        shown = [
            Message(message.role, tuple(self._shown(part) for part in message.parts))
            for message in messages
        ]
        return self._policy.complete(shown, sampling=sampling, on_text=on_text)

    def _shown(self, part: Part) -> Part:
        match part:
            case ImagePart(image=image):
                return ImagePart(self._retouch(image))
            case TextPart():
                return part


def blind(policy: Policy) -> Policy:
    """What it can still do, it does without looking."""
    return RetouchedPolicy(policy, lambda image: Image.new(image.mode, image.size))


def near_sighted(policy: Policy, longest_side_px: int) -> Policy:
    """No picture has a longer side. Points are fractions, so nothing else changes."""

    def smaller(image: Image.Image) -> Image.Image:
        share = longest_side_px / max(image.size)
        if share >= 1.0:
            return image
        width, height = (max(1, round(side * share)) for side in image.size)
        # What covers a pixel, averaged: thin strokes fade and do not vanish.
        return image.resize((width, height), Image.Resampling.BOX)

    return RetouchedPolicy(policy, smaller)
