"""The agent as OSWorld's runners use it: `lib_run_single.py`'s calls, in its order."""

import logging
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from agent.action_text import action_text, finish_text
from agent.osworld_agent import MoonhandAgent, MoonhandInfoAgent
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, OPENCUA
from env.actions import Click, Keys, Point, TypeText, Wait
from env.screen import ScreenSize
from model.messages import ImagePart

SIZE = ScreenSize(1920, 1080)


def observation(color: str = "navy") -> dict[str, Any]:
    buffer = BytesIO()
    Image.new("RGB", SIZE, color).save(buffer, format="PNG")
    return {
        "screenshot": buffer.getvalue(),
        "accessibility_tree": None,
        "terminal": None,
        "instruction": "Save it.",
    }


CLICK = action_text(Click(Point(960, 540)), SIZE, words="Click the middle.", thought="Why not?")
UNUSABLE = "I would click there."


def test_two_values_for_the_stock_runner() -> None:
    agent = MoonhandAgent(ScriptedPolicy([CLICK, finish_text(True, words="Done.")]), style=NANO)
    agent.reset(logging.getLogger("desktopenv.example"), vm_ip="10.0.0.2")
    response, actions = agent.predict("Save it.", observation())
    assert (response, actions) == (CLICK, ["pyautogui.click(960, 540)"])
    assert agent.predict("Save it.", observation("black"))[1] == ["DONE"]


def test_three_values_for_the_runners_of_opencua_and_kimi() -> None:
    agent = MoonhandInfoAgent(ScriptedPolicy([CLICK]))
    agent.reset(logging.getLogger("desktopenv.example"))
    response, actions, info = agent.predict("Save it.", observation(), step_idx=0)
    assert (response, actions) == (CLICK, ["pyautogui.click(960, 540)"])
    assert info == {
        "thought": "Why not?",
        "action": "Click the middle.",
        "code": "pyautogui.click(960, 540)",
    }


@pytest.mark.parametrize(
    ("answer", "actions"),
    [
        (finish_text(False, words="No."), ["FAIL"]),
        (action_text(Wait(2), SIZE, words="Wait."), ["WAIT"]),
        (action_text(Keys(("ctrl", "s")), SIZE, words="Save."), ["pyautogui.hotkey('ctrl', 's')"]),
        (
            "## Action:\nType.\n## Code:\n```python\npyautogui.click(x=0.5, y=0.25)\n"
            "pyautogui.write('a (b)')\ncomputer.terminate(status='success')\n```",
            ["pyautogui.click(960, 270)", "pyautogui.write('a (b)')", "DONE"],
        ),
    ],
)
def test_what_is_answered_becomes_what_desktop_env_takes(answer: str, actions: list[str]) -> None:
    agent = MoonhandAgent(ScriptedPolicy([answer]))
    assert agent.predict("Go.", observation())[1] == actions


def test_an_unusable_answer_is_asked_again_with_the_reason() -> None:
    policy = ScriptedPolicy([UNUSABLE, CLICK])
    agent = MoonhandAgent(policy, style=NANO)
    assert agent.predict("Go.", observation())[1] == ["pyautogui.click(960, 540)"]
    assert "# Error:\nno code block" in policy.seen[1][-1].text


def test_three_unusable_answers_end_the_task_as_it_stands() -> None:
    policy = ScriptedPolicy([UNUSABLE] * 3)
    assert MoonhandAgent(policy).predict("Go.", observation()) == (UNUSABLE, ["DONE"])


def test_a_point_outside_the_picture_and_a_key_that_cannot_be_pressed_are_told() -> None:
    outside = "## Action:\nx\n## Code:\n```python\npyautogui.click(x=1.5, y=0.5)\n```"
    unknown = action_text(Keys(("é",)), SIZE, words="Press.")
    policy = ScriptedPolicy([outside, unknown, CLICK])
    assert MoonhandAgent(policy, style=NANO).predict("Go.", observation())[1] == [
        "pyautogui.click(960, 540)"
    ]
    assert "outside the screenshot" in policy.seen[1][-1].text
    assert "no key for" in policy.seen[2][-1].text


def test_the_history_is_the_loops_own_and_ends_with_a_reset() -> None:
    policy = ScriptedPolicy([CLICK] * 5)
    agent = MoonhandAgent(policy, style=OPENCUA, password="secret")
    for color in ("red", "green", "blue", "white"):
        agent.predict("Go.", observation(color))
    pictures = [
        part.image.getpixel((0, 0))
        for message in policy.seen[3]
        for part in message.parts
        if isinstance(part, ImagePart)
    ]
    assert pictures == [(0, 128, 0), (0, 0, 255), (255, 255, 255)]
    assert "The password of the computer is secret." in policy.seen[3][0].text
    assert "# Step 1:" in policy.seen[3][1].text
    agent.reset(vm_ip="10.0.0.2")
    agent.predict("Go.", observation())
    assert len(policy.seen[4]) == 2


def test_a_screen_that_did_not_change_is_remarked() -> None:
    policy = ScriptedPolicy([CLICK, CLICK])
    agent = MoonhandAgent(policy, style=NANO)
    agent.predict("Go.", observation())
    agent.predict("Go.", observation())
    assert "Click the middle. (nothing changed)" in policy.seen[1][-1].text


def test_without_a_screenshot_it_waits_for_one() -> None:
    policy = ScriptedPolicy([])
    assert MoonhandAgent(policy).predict("Go.", {"screenshot": None})[1] == ["WAIT"]
    assert policy.seen == []


def test_typing_beyond_ascii_goes_over_the_clipboard() -> None:
    answer = action_text(TypeText("Zoë"), SIZE, words="Type.")
    (action,) = MoonhandAgent(ScriptedPolicy([answer])).predict("Go.", observation())[1]
    assert "pyperclip.copy('Zoë')" in action
