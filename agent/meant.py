"""What an answer means on this screen, and what is left of that after a person was asked."""

from dataclasses import replace
from typing import NamedTuple

from agent import parser
from agent.approval import Answer, Instead, No, Yes
from agent.coords import to_screen
from agent.errors import GroundingError, ParseError
from agent.parser import Parsed
from agent.proposals import Finish
from env.actions import Action
from env.screen import ScreenSize
from model.messages import Completion
from trajectories.answer_text import answer_of, sections_of


class Meant(NamedTuple):
    completion: Completion
    parsed: Parsed
    actions: tuple[Action, ...]
    """In pixels; what says that the task is over is not among them."""

    @property
    def code(self) -> str:
        return sections_of(self.completion.text).code or ""


class Declined(NamedTuple):
    reason: str
    """In words, for the policy."""


def meant_by(completion: Completion, size: ScreenSize) -> Meant:
    """
    Raises:
        ParseError, GroundingError: the policy's mistake.
    """
    parsed = parser.parse(completion.text)
    proposals = [each for each in parsed.proposals if not isinstance(each, Finish)]
    return Meant(completion, parsed, tuple(to_screen(each, size) for each in proposals))


def after_answer(meant: Meant, answer: Answer, size: ScreenSize) -> Meant | Declined:
    """What may be done: the same, something of the person's, or nothing."""
    match answer:
        case Yes():
            return meant
        case No(reason=reason):
            return Declined(f"the user said no: {reason}" if reason else "the user said no")
        case Instead(code=code):
            text = answer_of(replace(sections_of(meant.completion.text), code=code))
            # Nobody sampled it: there are no tokens to learn from.
            edited = replace(meant.completion, text=text, token_ids=(), log_probs=())
            try:
                return meant_by(edited, size)
            except (ParseError, GroundingError) as error:
                return Declined(f"the user wanted something else, which cannot be read: {error}")
