"""History to messages: the one prompt builder, for live steps and training samples alike.

`NANO` is the small network's: one user message with the screenshot, the
instruction, the last sentences and the last error.

    system     You are a GUI agent.
    user       [screenshot]
               # Task Instruction:
               Select words and submit.
               # Previous steps:
               Check the "kV" box.
               Check the "Vel" box. (nothing changed)
               # Error:
               point (1.2, 0.5) is outside the screenshot; expected fractions in [0, 1]

`OPENCUA` is what OSWorld's agent sends to Kimi-VL fine-tunes: older steps as
text in one assistant message, the last screenshots each followed by what was
said to it, then the screenshot of now with the instruction. `OPENCUA_STEADY`
is the same with old screenshots let go several at a time; `OPENCUA_L1` asks
for no thought, `OPENCUA_L3` for an observation before it (OpenCUA's levels;
`OPENCUA` is the second).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image

from model.messages import ImagePart, Message, assistant, system, user
from trajectories.past import PastStep


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStyle:
    name: Literal["nano", "opencua", "opencua-steady", "opencua-l1", "opencua-l3"]
    system_text: str
    num_screenshots: int
    """Pictures in a prompt, the one of now included."""
    num_text_steps: int
    """Earlier steps told in words; older ones are forgotten."""
    spare_screenshots: int = 0
    """So many more may be shown before all that are too many turn to words at once. In between
    each prompt begins with the whole prompt before it, which a model with a cache (ours, vLLM's)
    does not compute again; without spare ones every prompt differs from its first words on. What
    a prompt after pictures were let go begins with, ours computes before (`opening_to_come`)."""

    tells_thoughts: bool = True
    """Of earlier steps; else only their action."""

    def __post_init__(self) -> None:
        if self.num_screenshots < 1 or min(self.num_text_steps, self.spare_screenshots) < 0:
            raise ValueError(
                f"{self.num_screenshots} screenshots, {self.spare_screenshots} spare ones and"
                f" {self.num_text_steps} steps of text; expected at least 1, 0 and 0"
            )

    @property
    def most_screenshots(self) -> int:
        """In any prompt, the one of now included."""
        return self.num_screenshots + self.spare_screenshots

    def num_in_words(self, num_steps: int) -> int:
        """Of so many steps before now, how many from the first have lost their picture."""
        too_many = max(0, num_steps - (self.num_screenshots - 1))
        return too_many - too_many % (self.spare_screenshots + 1)


_OPENCUA_OPENING = """\
You are a GUI agent. You are given a task and a screenshot of the screen. \
You work towards the task with mouse and keyboard, one step at a time, as pyautogui actions.

For each step, answer in this format:

"""
_OBSERVATION = """\
## Observation:
What the screen shows: the application in front, the controls and texts that matter for the task, \
anything still loading.

"""
_THOUGHT = """\
## Thought:
What changed since the last step, how far the task is, and why the next action is the right one.

"""
_ACTION_AND_CODE = """\
## Action:
One sentence that names the action and its target.

## Code:
One fenced block with the action as pyautogui code, or one of the functions below. \
Coordinates are fractions of the screenshot, from 0 to 1.

Functions:
{"name": "computer.triple_click", "description": "Click three times at a point", \
"parameters": {"x": "number", "y": "number"}}
{"name": "computer.wait", "description": "Wait for the screen to change", \
"parameters": {"seconds": "number"}}
{"name": "computer.terminate", "description": "End the task", \
"parameters": {"status": "success or failure"}}

If the task cannot be done, end it with status 'failure'."""

NANO = PromptStyle(
    name="nano", system_text="You are a GUI agent.", num_screenshots=1, num_text_steps=3
)
OPENCUA = PromptStyle(
    name="opencua",
    system_text=_OPENCUA_OPENING + _THOUGHT + _ACTION_AND_CODE,
    num_screenshots=3,
    num_text_steps=10,
)
# With fewer, a step that also computes ahead would prefill more than 35 % of its prompt.
OPENCUA_STEADY = replace(OPENCUA, name="opencua-steady", spare_screenshots=5)
OPENCUA_L1 = replace(
    OPENCUA,
    name="opencua-l1",
    system_text=_OPENCUA_OPENING + _ACTION_AND_CODE,
    tells_thoughts=False,
)
OPENCUA_L3 = replace(
    OPENCUA,
    name="opencua-l3",
    system_text=_OPENCUA_OPENING + _OBSERVATION + _THOUGHT + _ACTION_AND_CODE,
)
AUTO = "auto"
MOST_TOKENS_OF_NANO = 4096
"""In a vocabulary; nano's has 1,024, Kimi-VL's 163,840."""
STYLES = (NANO, OPENCUA, OPENCUA_STEADY, OPENCUA_L1, OPENCUA_L3)


def style_named(name: str) -> PromptStyle:
    """Raises: ValueError: no style of that name."""
    for style in STYLES:
        if style.name == name:
            return style
    names = ", ".join(style.name for style in STYLES)
    raise ValueError(f"no prompt style named {name!r}; expected one of {names}")


def style_for(name: str, model: str) -> PromptStyle:
    """The style of this name; for `AUTO` the one that suits the model.

    What has nano's vocabulary learned nano's prompts. Any other is told how to answer, and its
    prompts go on from one another: two thirds and more of each are then not computed again.

    Raises:
        ValueError: no style of that name.
    """
    if name != AUTO:
        return style_named(name)
    return NANO if model == "nano" or _is_small(Path(model)) else OPENCUA_STEADY


def _is_small(folder: Path) -> bool:
    """Whether these weights have a vocabulary such as nano's: they were trained from it."""
    try:
        told = json.loads((folder / "config.json").read_text())
        return int(told["text_config"]["vocab_size"]) <= MOST_TOKENS_OF_NANO
    except (OSError, ValueError, KeyError, TypeError):
        return False


def render(
    style: PromptStyle, instruction: str, steps: Sequence[PastStep], screenshot: Image.Image
) -> list[Message]:
    """The messages that ask for the next step. Pure: the same history gives the same messages.

    Args:
        steps: every step so far, oldest first; those that the style shows need their image.
        screenshot: the screen now.
    """
    if style.name == "nano":
        return _render_nano(style, instruction, steps, screenshot)
    return _render_opencua(style, instruction, steps, screenshot)


def opening_to_come(style: PromptStyle, steps: Sequence[PastStep]) -> list[Message]:
    """What the first prompt after pictures are let go will begin with, as far as that is known.

    Empty where every prompt lets one go: to compute its opening before it is asked would be as
    much work, only sooner.

    Args:
        steps: every step so far, oldest first; no prompt was rendered with all of them yet.
    """
    if not style.spare_screenshots or not steps:
        return []
    now = style.num_in_words(len(steps) - 1)
    num_steps = len(steps)
    while style.num_in_words(num_steps) == now:
        num_steps += 1
    return _told_so_far(style, steps, num_steps)


def _render_nano(
    style: PromptStyle, instruction: str, steps: Sequence[PastStep], screenshot: Image.Image
) -> list[Message]:
    text = f"# Task Instruction:\n{instruction}\n"
    sentences = [_in_short(step) for step in steps if step.sentence][-style.num_text_steps :]
    if sentences:
        text += "# Previous steps:\n" + "".join(f"{sentence}\n" for sentence in sentences)
    if steps and steps[-1].error:
        text += f"# Error:\n{steps[-1].error}\n"
    text += _said_by_the_user(steps)
    return [system(style.system_text), user(ImagePart(screenshot), text)]


def _said_by_the_user(steps: Sequence[PastStep]) -> str:
    """While it worked, all of it: a wish does not grow old with the step it came after."""
    told = [step.told for step in steps if step.told]
    return "# The user adds:\n" + "".join(f"{text}\n" for text in told) if told else ""


def _in_short(step: PastStep) -> str:
    """Without the remark a greedy network would say the same thing to the same screen for ever."""
    return f"{step.sentence} (nothing changed)" if step.unchanged else step.sentence


def _render_opencua(
    style: PromptStyle, instruction: str, steps: Sequence[PastStep], screenshot: Image.Image
) -> list[Message]:
    messages = _told_so_far(style, steps, len(steps))
    text = f"# Task Instruction:\n{instruction}\n\n"
    if steps and steps[-1].error:
        text += f"# Error:\n{steps[-1].error}\n\n"
    if added := _said_by_the_user(steps):
        text += f"{added}\n"
    text += (
        "Please generate the next move according to the screenshot,"
        " task instruction and previous steps (if provided).\n"
    )
    messages.append(user(ImagePart(screenshot), text))
    return messages


def _told_so_far(style: PromptStyle, steps: Sequence[PastStep], num_steps: int) -> list[Message]:
    """All of a prompt but its last message, or of it what these steps say.

    Args:
        num_steps: before the prompt; the first of them are `steps`.
    """
    num_in_words = style.num_in_words(num_steps)
    # The oldest are forgotten when others turn to words, not in between.
    least_shown = min(style.num_screenshots - 1, num_steps)
    num_words_kept = max(0, style.num_text_steps - least_shown)
    older = steps[max(0, num_in_words - num_words_kept) : num_in_words]
    messages = [system(style.system_text)]
    if older:
        messages.append(assistant("\n".join(_told(style, step) for step in older)))
    for step in steps[num_in_words:]:
        assert step.image is not None, f"step {step.number} lost the picture its prompt shows"
        messages.append(user(ImagePart(step.image)))
        messages.append(assistant(_told(style, step)))
    return messages


def _told(style: PromptStyle, step: PastStep) -> str:
    """A step as history tells it: without its code, whose points belong to an older screen."""
    is_told = style.tells_thoughts and step.thought
    thought = f"## Thought:\n{step.thought}\n\n" if is_told else ""
    return f"# Step {step.number}:\n{thought}## Action:\n{step.sentence}\n"
