"""What a model said, as values: its thought, its sentence, the actions it proposes.

The format is OpenCUA's, which Kimi-VL models speak:

    # Step 3:
    ## Thought:
    The form is filled in.
    ## Action:
    Click the "Submit" button.
    ## Code:
    ```python
    pyautogui.click(x=0.52, y=0.31)
    ```

Every section but the code may be missing, a thought may also come between
Kimi's think marks, and of several fenced blocks the last counts (a model
that corrects itself says so last). `agent.code` reads the block.
"""

import re
from dataclasses import dataclass

from agent.code import read_code
from agent.errors import AnswerTooLong, NoCode, ParseError, ThoughtNotClosed
from agent.proposals import Proposal
from model.messages import THINK_CLOSE, THINK_OPEN

MAX_ANSWER_CHARACTERS = 100_000
"""A thinking model may write 32 k tokens before it acts; past this nothing is sensible."""

_FENCE = re.compile(r"^```[ \t]*(\w*)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^##[ \t]*(Observation|Thought|Action|Code)[ \t]*[::]", re.MULTILINE)


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
    thinking, answer = _split_thinking(text)
    sections = _sections(answer)
    blocks = _FENCE.findall(answer)
    if not blocks:
        raise NoCode("no code block in the answer; expected ## Code: and a fenced block")
    return Parsed(
        thought=sections.get("Thought") or thinking,
        sentence=sections.get("Action", ""),
        proposals=read_code(blocks[-1][1]),
    )


def said(text: str) -> tuple[str, str]:
    """Thought and sentence as far as they can be made out, of an answer `parse` refused."""
    try:
        thinking, answer = _split_thinking(text[:MAX_ANSWER_CHARACTERS])
    except ThoughtNotClosed:
        return "", ""
    sections = _sections(answer)
    return sections.get("Thought") or thinking, sections.get("Action", "")


def _split_thinking(text: str) -> tuple[str, str]:
    before, opened, rest = text.partition(THINK_OPEN)
    if not opened:
        return "", text
    thinking, closed, answer = rest.partition(THINK_CLOSE)
    if not closed:
        raise ThoughtNotClosed(
            f"{THINK_OPEN} without {THINK_CLOSE}; expected the thought to end and an action"
        )
    return thinking.strip(), before + answer


def _sections(answer: str) -> dict[str, str]:
    """The text under each heading; of a heading given twice the last counts, as for fences."""
    headings = list(_HEADING.finditer(answer))
    starts = [heading.start() for heading in headings] + [len(answer)]
    return {
        heading.group(1): answer[heading.end() : end].strip()
        for heading, end in zip(headings, starts[1:], strict=True)
    }
