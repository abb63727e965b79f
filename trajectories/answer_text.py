"""What a model says, cut into its sections; nothing of it is read as an action here.

    # Step 3:
    ## Observation:
    A form with one field.
    ## Thought:
    The form is filled in.
    ## Action:
    Click the "Submit" button.
    ## Code:
    ```python
    pyautogui.click(x=0.52, y=0.31)
    ```

Every section may be missing, a thought may also come between Kimi's think
marks, and of a heading or a fence given twice the last counts: a model that
corrects itself says so last.
"""

import re
from dataclasses import dataclass

from model.messages import THINK_CLOSE, THINK_OPEN

MAX_ANSWER_CHARACTERS = 100_000
"""A thinking model may write 32 k tokens before it acts; past this nothing is sensible."""

_FENCE = re.compile(r"^```[ \t]*(\w*)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^##[ \t]*(Observation|Thought|Action|Code)[ \t]*[::]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    observation: str = ""
    thought: str = ""
    action: str = ""
    """One sentence."""
    code: str | None = None
    """What stands in the last fence; None: there is none."""
    thinking_is_open: bool = False
    """A thought was begun between think marks and never ended."""


def sections_of(text: str) -> Sections:
    """Never fails: what cannot be made out is missing."""
    text = text[:MAX_ANSWER_CHARACTERS]
    before, opened, rest = text.partition(THINK_OPEN)
    thinking, closed, after = rest.partition(THINK_CLOSE)
    if opened and not closed:
        return Sections(thinking_is_open=True)
    answer = before + after if opened else text
    headings = list(_HEADING.finditer(answer))
    starts = [heading.start() for heading in headings] + [len(answer)]
    found = {
        heading.group(1): answer[heading.end() : end].strip()
        for heading, end in zip(headings, starts[1:], strict=True)
    }
    blocks = _FENCE.findall(answer)
    return Sections(
        observation=found.get("Observation", ""),
        thought=found.get("Thought") or thinking.strip(),
        action=found.get("Action", ""),
        code=blocks[-1][1].strip("\n") if blocks else None,
    )


def answer_of(sections: Sections) -> str:
    """The answer that says this, without the sections that are empty."""
    code = sections.code or ""
    tag = "code" if "computer." in code and "pyautogui." not in code else "python"
    parts = [
        ("Observation", sections.observation),
        ("Thought", sections.thought),
        ("Action", sections.action),
        ("Code", f"```{tag}\n{code}\n```"),
    ]
    return "\n".join(f"## {heading}:\n{text}" for heading, text in parts if text)
