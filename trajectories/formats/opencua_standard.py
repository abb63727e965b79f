"""OpenCUA's standardized trajectory: observations and actions in turn, as one JSON object.

    {"task_id": "agentnet", "example_id": ..., "type": "end2end", "content": [
        text (system), image, text (the task), action, image, action, ... terminate]}

`standardized` makes it from a recording by their rules, `standardized_demo`
from one of our episodes, `read_standardized` makes a demo of one.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image

from trajectories.answer_text import Sections, answer_of
from trajectories.demo import Demo, DemoStep
from trajectories.errors import FormatError
from trajectories.formats.opencua_convert import GuiAction, gui_action, joined, told_as_actions

SYSTEM_TEXT = (
    "You are a GUI agent. You are given a task and a screenshot of the screen. You need to perform"
    " a series of pyautogui actions to complete the task."
)
_COMPUTER = ("tripleClick", "wait", "terminate")
_ALONE = (["shift"], ["ctrl"], ["cmd"])
_POSITIONAL = ("clicks", "amount", "page")
_MAX_NOTCHES = 50
Item = dict[str, Any]


def standardized(raw: dict[str, Any]) -> Item:
    """
    Args:
        raw: episode_id, task_name, metadata and events, as `opencua_raw.extract` makes them.

    Raises:
        FormatError: their converter would have failed.
    """
    episode = raw["episode_id"]
    metadata = raw["metadata"]
    content: list[Item] = []
    for index, event in enumerate(_corrected(raw["events"])):
        if event.get("frame") is None:
            if index == 0:
                raise FormatError(f"{episode}: no frame for the first action")
            continue
        content.append(_image(event["frame"], f"{episode}_{index}.png"))
        if index == 0:
            content.append(_text(raw["task_name"], "user"))
        actions = told_as_actions(
            event["description"],
            metadata["screen_width"],
            metadata["screen_height"],
            event.get("trace"),
        )
        content.append(_action(event["action"], actions))
    if not content:
        raise FormatError(f"{episode}: no events")
    reduced = _reduced([_text(SYSTEM_TEXT, "system"), *content])
    return _trajectory("agentnet", episode, reduced)


def _trajectory(task: str, example: str, content: list[Item]) -> Item:
    return {"task_id": task, "example_id": example, "type": "end2end", "content": content}


def _text(content: str, source: str) -> Item:
    return {"class_": "text_observation", "content": content, "source": source}


def _image(content: str, name: str) -> Item:
    return {
        "class_": "image_observation",
        "content": content,
        "filename": name,
        "annotations": None,
        "source": "os",
    }


def _action(
    instruction: str,
    actions: Sequence[GuiAction],
    observation: str | None = None,
    thought: str | None = None,
) -> Item:
    return {
        "observation": observation,
        "thought": thought,
        "instruction": instruction,
        "guiactions": list(actions),
    }


def _corrected(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A long press and a typed c, or a drag and a text with c or v first: a copy or a paste."""
    corrected = deepcopy(list(events))
    for event, after in pairwise(corrected):
        if after["action"] != "type":
            continue
        told = after["description"]
        if event["action"] == "mouse_press" and told in ("Type: c", "Type: C"):
            event |= {"action": "drag", "description": "Drag from (0,0) to (0, 0)"}
            after |= {"action": "press", "description": "Press: $cmd$ + c"}
        elif event["action"] == "drag" and ("Type: c" in told or "Type: v" in told):
            key = "c" if "Type: c" in told else "v"
            after |= {"action": "press", "description": f"Press: $cmd$ + {key}"}
    return corrected


def _is_action(item: Item) -> bool:
    return "guiactions" in item


def _reduced(content: Sequence[Item]) -> list[Item]:
    kept: list[Item] = []
    skip_next = False
    for index, item in enumerate(content):
        if skip_next:
            skip_next = False
            continue
        if not _is_action(item):
            kept.append(item)
            continue
        actions = item["guiactions"]
        first = actions[0] if actions else None
        before = kept[-2]["guiactions"][-1] if _is_action(kept[-2]) else None
        if first is None or (first["action_type"] == "hotkey" and first["args"]["keys"] in _ALONE):
            skip_next = _drop_with_image(kept, content, index)
        elif before is not None and _kinds(first, before) == ("write", "write"):
            earlier = _take_back(kept, item)
            earlier["guiactions"] = joined([*earlier["guiactions"], *actions])
            kept.append(earlier)
        elif (
            before is not None
            and _kinds(first, before) == ("click", "click")
            and first["args"] == before["args"]
        ):
            earlier = _take_back(kept, item)
            earlier["guiactions"][-1]["action_type"] = "doubleClick"
            kept.append(earlier)
        else:
            kept.append(item)
    return kept


def _kinds(first: GuiAction, before: GuiAction) -> tuple[str, str]:
    return first["action_type"], before["action_type"]


def _take_back(kept: list[Item], item: Item) -> Item:
    """The step before, out of the list, with its instruction and this one's; the image goes."""
    kept.pop()
    earlier = kept.pop()
    earlier["instruction"] = f"{earlier['instruction']} {item['instruction']}"
    return earlier


def _drop_with_image(kept: list[Item], content: Sequence[Item], index: int) -> bool:
    """A step without an action goes with its image. True: the next item was taken already."""
    if kept[-1]["class_"] == "image_observation":
        kept.pop()
        return False
    task = kept.pop()
    kept.pop()
    if index + 1 >= len(content):
        raise FormatError("the only step has no action")
    kept += [content[index + 1], task]
    return True


def standardized_demo(demo: Demo) -> Item:
    """One of our episodes.

    Raises:
        FormatError: a step does what the format cannot say (a hold, keys held around a click).
    """
    content = [_text(SYSTEM_TEXT, "system")]
    for index, step in enumerate(demo.steps):
        data = base64.b64encode(step.png).decode("ascii")
        content.append(_image(f"data:image/png;base64,{data}", f"{demo.demo_id}_{index}.png"))
        if index == 0:
            content.append(_text(demo.instruction, "user"))
        actions = [action for proposal in step.proposals for action in _from_proposal(proposal)]
        said = step.sections
        content.append(
            _action(said.action, actions, said.observation or None, said.thought or None)
        )
    # Theirs end with a terminate; an episode the environment ended has none. Readers that do
    # not know the field pass it over.
    return {**_trajectory(demo.task, demo.demo_id, content), "success": demo.success}


def _from_proposal(proposal: dict[str, Any]) -> list[GuiAction]:
    if proposal.get("hold_seconds") or proposal.get("modifiers"):
        raise FormatError(f"{proposal} cannot be said in OpenCUA's standardized form")
    match proposal:
        case {"proposal": "ClickAt", "at": [x, y], "button": button, "count": count}:
            kinds = {
                ("left", 1): "click",
                ("left", 2): "doubleClick",
                ("left", 3): "tripleClick",
                ("right", 1): "rightClick",
                ("middle", 1): "middleClick",
            }
            if (button, count) not in kinds:
                raise FormatError(f"{count} clicks of the {button} button have no name there")
            return [gui_action(kinds[button, count], x=x, y=y)]
        case {"proposal": "MoveTo", "to": [x, y]}:
            return [gui_action("moveTo", x=x, y=y)]
        case {"proposal": "DragFrom", "start": [x, y], "end": [to_x, to_y], "button": button}:
            move = gui_action("moveTo", x=x, y=y)
            return [move, gui_action("dragTo", x=to_x, y=to_y, button=button)]
        case {"proposal": "ScrollAt", "notches": notches, "at": at}:
            turn = gui_action("hscroll" if proposal.get("sideways") else "scroll", clicks=notches)
            return [turn] if at is None else [gui_action("moveTo", x=at[0], y=at[1]), turn]
        case {"proposal": "WriteText", "text": text}:
            return [gui_action("write", message=text)]
        case {"proposal": "PressKeys", "keys": keys, "presses": presses}:
            kind = "press" if len(keys) == 1 else "hotkey"
            return [gui_action(kind, keys=list(keys)) for _ in range(presses)]
        case {"proposal": "WaitFor", "seconds": seconds}:
            return [gui_action("wait", duration=seconds)]
        case {"proposal": "Finish", "success": success}:
            return [gui_action("terminate", status="success" if success else "failure")]
    raise FormatError(f"an unknown proposal {proposal}")


def command(action: GuiAction) -> str:
    """An action as OpenCUA's text form has it: four decimals, keywords, a lone amount without."""
    kind, args = action["action_type"], action["args"]
    module = "computer" if kind in _COMPUTER else "pyautogui"
    rounded = {
        name: round(value, 4) if isinstance(value, float) else value for name, value in args.items()
    }
    if len(rounded) == 1 and next(iter(rounded)) in _POSITIONAL:
        return f"{module}.{kind}({next(iter(rounded.values()))!r})"
    told = ", ".join(f"{name}={value!r}" for name, value in rounded.items())
    return f"{module}.{kind}({told})"


def read_standardized(path: Path) -> Iterator[Demo]:
    """Every trajectory of a .json (one object or a list) or .jsonl file.

    Raises:
        FormatError: naming the place.
    """
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".jsonl":
            found = [json.loads(line) for line in text.split("\n") if line.strip()]
        else:
            whole = json.loads(text)
            found = whole if isinstance(whole, list) else [whole]
    except ValueError as error:
        raise FormatError(f"{path}: not JSON: {error}") from error
    for number, trajectory in enumerate(found):
        try:
            yield _demo(trajectory)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FormatError(f"{path}: trajectory {number}: {error!r}") from error


def _demo(trajectory: Item) -> Demo:
    content = trajectory["content"]
    task = next((item["content"] for item in content if item.get("source") == "user"), None)
    if task is None:
        raise ValueError("no text of the user in it")
    steps: list[DemoStep] = []
    png = b""
    for item in content:
        if item.get("class_") == "image_observation":
            png = _png(item["content"])
        elif _is_action(item):
            steps.append(_step(len(steps) + 1, png, item))
    if not steps:
        raise ValueError("no action in it")
    with Image.open(BytesIO(steps[0].png)) as first:
        width, height = first.size
    return Demo(
        demo_id=str(trajectory.get("example_id") or trajectory["task_id"]),
        task=trajectory["task_id"],
        instruction=task,
        width=width,
        height=height,
        steps=tuple(steps),
        success=trajectory["success"] if "success" in trajectory else _ending(content[-1]),
    )


def _ending(last: Item) -> bool | None:
    actions = last.get("guiactions") or [{}]
    if actions[-1].get("action_type") != "terminate":
        return None
    return bool(actions[-1]["args"]["status"] == "success")


def _step(number: int, png: bytes, item: Item) -> DemoStep:
    code = "\n".join(line for action in item["guiactions"] for line in _our_code(action))
    sections = Sections(
        observation=item.get("observation") or "",
        thought=item.get("thought") or "",
        action=item["instruction"],
        code=code,
    )
    return DemoStep(number=number, png=png, response=answer_of(sections), sections=sections)


def _our_code(action: GuiAction) -> list[str]:
    """In the spelling our parser reads; many notches as several turns."""
    kind, args = action["action_type"], action["args"]
    match kind:
        case "tripleClick":
            return [command(action).replace("tripleClick", "triple_click")]
        case "wait":
            return [f"computer.wait({args.get('duration', 1)})"]
        case "scroll" | "hscroll":
            left = round(args["clicks"])
            turns = []
            while left:
                turn = max(-_MAX_NOTCHES, min(_MAX_NOTCHES, left))
                turns.append(f"pyautogui.{kind}({turn})")
                left -= turn
            return turns
        case _:
            return [command(action)]


def _png(data: str) -> bytes:
    head, _, body = data.partition("base64,")
    if not head.startswith("data:image/"):
        raise ValueError(f"an image that begins {data[:30]!r}; expected a data URI")
    with Image.open(BytesIO(base64.b64decode(body))) as image:
        if image.format == "PNG":
            return base64.b64decode(body)
        buffer = BytesIO()
        image.convert("RGB").save(buffer, format="PNG", compress_level=1)
        return buffer.getvalue()
