"""What a model said, as values: its thought, its sentence, the actions it proposes.

The format is OpenCUA's, which Kimi-VL models speak; `trajectories.answer_text`
shows it and cuts it into sections, `agent.code` reads the code.
"""

from dataclasses import dataclass

from agent.code import read_code
from agent.errors import AnswerTooLong, NoCode, ParseError, ThoughtNotClosed
from agent.proposals import Proposal
from model.messages import THINK_CLOSE, THINK_OPEN
from trajectories.answer_text import MAX_ANSWER_CHARACTERS, sections_of


@dataclass(frozen=True, slots=True)
class Parsed:
    thought: str
    """Why; empty if the model did not say."""
    sentence: str
    """The action in words; what later prompts remember of this step."""
    proposals: tuple[Proposal, ...]
    """At least one, in the order they are to be performed; `Finish` only as the last."""


def parse(text: str) -> Parsed:
    """Read an answer. It is never executed, and never half accepted.

    Raises:
        ParseError: with what was seen and what is expected, to be shown to the model.
    """
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise AnswerTooLong(
            f"an answer of {len(text)} characters; expected at most {MAX_ANSWER_CHARACTERS}"
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("the answer has half a surrogate pair in it; expected whole characters")
    sections = sections_of(text)
    if sections.thinking_is_open:
        raise ThoughtNotClosed(
            f"{THINK_OPEN} without {THINK_CLOSE}; expected the thought to end and an action"
        )
    if sections.code is None:
        raise NoCode("no code block in the answer; expected ## Code: and a fenced block")
    return Parsed(
        thought=sections.thought, sentence=sections.action, proposals=read_code(sections.code)
    )


def said(text: str) -> tuple[str, str]:
    """Thought and sentence as far as they can be made out, of an answer `parse` refused."""
    sections = sections_of(text)
    return sections.thought, sections.action
