"""The grammar and the reader of code agree: what the one lets through, the other reads."""

import random
from pathlib import Path

import pytest
import torch

from agent.action_grammar import ACTIONS
from agent.action_text import action_text, finish_text
from agent.parser import parse
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.keys import KEYS
from env.screen import ScreenSize
from model.constrain import Guide
from model.shelf import NANO_WEIGHTS
from model.tokenizer import Tokenizer

SIZE = ScreenSize(160, 210)
AT = Point(80, 21)
ACTIONS_WRITTEN: list[Action] = [
    Click(AT),
    Click(AT, count=2),
    Click(AT, hold_seconds=1.5),
    Click(AT, modifiers=("shift",), hold_seconds=2.0),
    Drag(AT, Point(3, 4), modifiers=("ctrl",)),
    Scroll(AT, -2, sideways=True),
    Scroll(AT, 4, modifiers=("ctrl",)),
    Click(AT, count=3),
    Click(AT, button="right"),
    Click(AT, button="middle"),
    Click(AT, button="right", count=2),
    Click(AT, modifiers=("ctrl", "shift")),
    Move(AT),
    Drag(AT, Point(3, 200)),
    Drag(AT, Point(3, 200), button="right"),
    Scroll(AT, -3),
    TypeText('It\'s "that" → 😀\n'),
    TypeText("plain"),
    Keys(("enter",)),
    Keys(("ctrl", "a")),
    Keys(("tab",), presses=4),
    Keys(("'",)),
    Wait(1.5),
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(Path(NANO_WEIGHTS) / "tiktoken.model")


def lets_through(answer: str, tokenizer: Tokenizer) -> bool:
    guide = Guide(ACTIONS, tokenizer)
    held = False
    for token_id in tokenizer.encode(answer):
        if guide.holds:
            held = True
            logits = guide.masked(torch.zeros(tokenizer.vocab_size))
            if logits[token_id] != 0:
                return False
        guide.accept(token_id)
    return held and not guide.holds


@pytest.mark.parametrize("action", ACTIONS_WRITTEN, ids=str)
def test_every_action_an_expert_writes_is_let_through(action: Action, tokenizer: Tokenizer) -> None:
    assert lets_through(action_text(action, SIZE, words="Do it.", thought="Why."), tokenizer)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_is_let_through(key: str, tokenizer: Tokenizer) -> None:
    assert lets_through(action_text(Keys((key,)), SIZE, words="Press."), tokenizer)


@pytest.mark.parametrize("success", [True, False])
def test_the_end_of_a_task_is_let_through(success: bool, tokenizer: Tokenizer) -> None:
    assert lets_through(finish_text(success, words="Done."), tokenizer)


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "os.system('true')",
        "pyautogui.screenshot()",
        "pyautogui.click(0.5, 0.5)",
        "pyautogui.click(x=1.5, y=0.5)",
        "pyautogui.click(x=0.5)",
        "pyautogui.press('nokey')",
        "pyautogui.write('a' * 9)",
        "computer.terminate(status='maybe')",
        "x = 1",
        "pyautogui.dragTo(x=0.5, y=0.5)",
        "pyautogui.keyDown('ctrl')",
        "computer.terminate(status='success')\npyautogui.press('a')",
    ],
)
def test_other_code_is_not(code: str, tokenizer: Tokenizer) -> None:
    answer = f"## Action:\nGo.\n## Code:\n```python\n{code}\n```"
    assert not lets_through(answer, tokenizer)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_grammar_lets_through_can_be_read(seed: int, tokenizer: Tokenizer) -> None:
    """A walk that takes any token that is allowed, whatever a network would think of it."""
    rng = random.Random(seed)
    guide = Guide(ACTIONS, tokenizer)
    ids = tokenizer.encode("## Action:\nGo.\n## Code:\n```python\n")
    for token_id in ids:
        guide.accept(token_id)
    while guide.holds and len(ids) < 3000:
        logits = guide.masked(torch.zeros(tokenizer.vocab_size))
        token_id = rng.choice((logits == 0).nonzero().flatten().tolist())
        guide.accept(token_id)
        ids.append(token_id)
    assert not guide.holds, "it does not end"
    assert parse(tokenizer.decode(ids)).proposals
