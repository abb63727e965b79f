import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import (
    AnswerTooLong,
    BadArguments,
    NoCode,
    NotPython,
    ParseError,
    ThoughtNotClosed,
    UnknownCall,
    UnpairedCall,
)
from agent.parser import MAX_ANSWER_CHARACTERS, Parsed, parse, said
from agent.proposals import (
    ClickAt,
    DragFrom,
    Finish,
    Fraction,
    MoveTo,
    PressKeys,
    ScrollAt,
    WaitFor,
    WriteText,
)

HERE = Fraction(0.5, 0.25)


def answer(code: str, tag: str = "python") -> str:
    return f"## Action:\nDo it.\n## Code:\n```{tag}\n{code}\n```"


ONE_ACTION = {
    "pyautogui.click(x=0.5, y=0.25)": ClickAt(HERE),
    "pyautogui.click(0.5, 0.25)": ClickAt(HERE),
    "pyautogui.click(0.5, 0.25, 2, 0.1, 'right')": ClickAt(HERE, "right", 2),
    "pyautogui.click(x=0.5, y=0.25, clicks=3, button='left')": ClickAt(HERE, "left", 3),
    "import pyautogui\nimport time\npyautogui.click(x=0.5, y=0.25)": ClickAt(HERE),
    "pyautogui.doubleClick(x=0.5, y=0.25)": ClickAt(HERE, "left", 2),
    "pyautogui.tripleClick(x=0.5, y=0.25)": ClickAt(HERE, "left", 3),
    "computer.triple_click(x=0.5, y=0.25)": ClickAt(HERE, "left", 3),
    "pyautogui.rightClick(x=0.5, y=0.25)": ClickAt(HERE, "right"),
    "pyautogui.middleClick(0.5, 0.25)": ClickAt(HERE, "middle"),
    "pyautogui.moveTo(x=0.5, y=0.25, duration=0.5)": MoveTo(HERE),
    "pyautogui.moveTo(0.1, 0.2)\npyautogui.dragTo(0.5, 0.25, duration=0.5, button='left')": (
        DragFrom(Fraction(0.1, 0.2), HERE)
    ),
    "pyautogui.moveTo(0.25, 0.125)\npyautogui.drag(0.25, 0.125)": (
        DragFrom(Fraction(0.25, 0.125), HERE)
    ),
    "pyautogui.scroll(-3)": ScrollAt(-3),
    "pyautogui.scroll(-3, x=0.5, y=0.25)": ScrollAt(-3, HERE),
    "pyautogui.scroll(clicks=+5, x=0.5, y=0.25)": ScrollAt(5, HERE),
    "pyautogui.moveTo(x=0.5, y=0.25)\npyautogui.scroll(-3)": ScrollAt(-3, HERE),
    'pyautogui.write("it\'s (a) `test`")': WriteText("it's (a) `test`"),
    r"pyautogui.typewrite(message='a\n', interval=0.1)": WriteText("a\n"),
    r"pyautogui.write('C:\dir')": WriteText(r"C:\dir"),
    "pyautogui.press('enter')": PressKeys(("enter",)),
    "pyautogui.press('Right', presses=5)": PressKeys(("right",), 5),
    "pyautogui.hotkey('ctrl', 'c')": PressKeys(("ctrl", "c")),
    "pyautogui.hotkey(['ctrl', 'c'])": PressKeys(("ctrl", "c")),
    "pyautogui.hotkey(keys=['ctrl', 'c'])": PressKeys(("ctrl", "c")),
    "pyautogui.hotkey('ctrl', 'c')\npyautogui.hotkey('ctrl', 'c')": PressKeys(("ctrl", "c"), 2),
    "pyautogui.keyDown('ctrl')\npyautogui.click(0.5, 0.25)\npyautogui.keyUp('ctrl')": (
        ClickAt(HERE, modifiers=("ctrl",))
    ),
    "pyautogui.keyDown('shift')\npyautogui.press('tab')\npyautogui.keyUp('shift')": (
        PressKeys(("shift", "tab"))
    ),
    "computer.wait()": WaitFor(2.0),
    "computer.wait(seconds=1.5)": WaitFor(1.5),
    "import time\ntime.sleep(3)": WaitFor(3.0),
    "computer.terminate(status='success')": Finish(True),
    "computer.terminate('failure')": Finish(False),
    "computer.terminate(status='fail', answer='no such file')": Finish(False, "no such file"),
}


@pytest.mark.parametrize(("code", "proposal"), ONE_ACTION.items(), ids=ONE_ACTION)
def test_a_call_becomes_one_proposal(code: str, proposal: object) -> None:
    assert parse(answer(code)).proposals == (proposal,)


def test_several_calls_keep_their_order() -> None:
    code = "pyautogui.click(0.5, 0.25)\npyautogui.write('a')\npyautogui.press(['tab', 'enter'])"
    assert parse(answer(code)).proposals == (
        ClickAt(HERE),
        WriteText("a"),
        PressKeys(("tab",)),
        PressKeys(("enter",)),
    )


def test_a_wheel_turns_where_the_pointer_was_put_last() -> None:
    code = "pyautogui.moveTo(0.5, 0.25)\npyautogui.hscroll(2)\npyautogui.scroll(-3)"
    assert parse(answer(code)).proposals == (
        ScrollAt(2, HERE, sideways=True),
        ScrollAt(-3, HERE),
    )
    code = "pyautogui.click(0.5, 0.25)\npyautogui.scroll(-3)"
    assert parse(answer(code)).proposals == (ClickAt(HERE), ScrollAt(-3, HERE))


REFUSED = {
    "": (NoCode, "without a call"),
    "import pyautogui": (NoCode, "without a call"),
    "pyautogui.click(": (NotPython, "not Python"),
    "(" * 5000: (NotPython, "not Python"),
    "-" * 9000 + "1": (NotPython, "not Python"),
    "a\x00b": (NotPython, "not Python"),
    "x = 1": (UnknownCall, "Assign"),
    "import os": (UnknownCall, "import of"),
    "import pyautogui as p": (UnknownCall, "import of"),
    "os.system('ls')": (UnknownCall, "os.system"),
    "__import__('os').system('ls')": (UnknownCall, "expected pyautogui.NAME"),
    "print('hello')": (UnknownCall, "expected pyautogui.NAME"),
    "pyautogui.mouseDown(0.5, 0.5)": (UnpairedCall, "without mouseUp"),
    "pyautogui.mouseUp(0.5, 0.5)": (UnpairedCall, "without mouseDown"),
    "pyautogui.mouseDown()\npyautogui.mouseUp()": (UnpairedCall, "without a point"),
    "pyautogui.mouseDown(.5, .5)\npyautogui.write('a')": (UnpairedCall, "button is down"),
    "for i in range(3): pyautogui.click(0.5, 0.5)": (UnknownCall, "For"),
    "pyautogui.click()": (BadArguments, "no point"),
    "pyautogui.click(x=0.5)": (BadArguments, "no point"),
    "pyautogui.click(0.5, 0.5, 9)": (BadArguments, "clicks=9"),
    "pyautogui.click(0.5, 0.5, x=0.5)": (BadArguments, "given twice"),
    "pyautogui.click(x=0.5, y=0.5, z=1)": (BadArguments, "argument z"),
    "pyautogui.click(x=0.5, y=0.5, **{})": (BadArguments, r"argument \*\*"),
    "pyautogui.click(x=0.5 + 0.1, y=0.5)": (BadArguments, "BinOp"),
    "pyautogui.click(x='0.5', y=0.5)": (BadArguments, "x is a str"),
    "pyautogui.click(x=True, y=0.5)": (BadArguments, "x is a bool"),
    "pyautogui.click(x=1e999, y=0.5)": (BadArguments, "finite"),
    "pyautogui.click(x=0.5, y=0.5, button='x2')": (BadArguments, "'x2'"),
    "pyautogui.click(0.5, 0.5, 1, 0, 'left', 0, 7)": (BadArguments, "7 arguments"),
    "pyautogui.scroll()": (BadArguments, "no clicks"),
    "pyautogui.scroll(0)": (BadArguments, "clicks=0"),
    "pyautogui.scroll(0.5, 0.5, 0.5)": (BadArguments, "clicks=0.5"),
    "pyautogui.scroll(5000)": (BadArguments, "clicks=5000"),
    "pyautogui.scroll(-3, x=0.5)": (BadArguments, "no point"),
    "pyautogui.write()": (BadArguments, "no text"),
    "pyautogui.write('')": (BadArguments, "0 characters"),
    "pyautogui.write('a' * 9)": (BadArguments, "BinOp"),
    "pyautogui.write(f'{x}')": (BadArguments, "JoinedStr"),
    "pyautogui.write(['a'])": (BadArguments, "no text"),
    "pyautogui.write(b'a')": (BadArguments, "plain number"),
    r"pyautogui.write('\ud800')": (BadArguments, "cannot be typed"),
    r"pyautogui.write('\x07')": (BadArguments, "cannot be typed"),
    "pyautogui.press('hyper')": (BadArguments, "hyper"),
    "pyautogui.press('')": (BadArguments, "key"),
    f"pyautogui.write('{'a' * 3000}')": (BadArguments, "3000 characters"),
    "pyautogui.press()": (BadArguments, "no key names"),
    "pyautogui.press('ctrl+c')": (BadArguments, "hotkey"),
    "pyautogui.press('a', presses=1000)": (BadArguments, "presses=1000"),
    "pyautogui.hotkey()": (BadArguments, "no key names"),
    "computer.wait(0)": (BadArguments, "more than 0"),
    "computer.wait(-1)": (BadArguments, "more than 0"),
    "time.sleep(1000)": (BadArguments, "at most"),
    "computer.terminate()": (BadArguments, "status"),
    "computer.terminate(status='maybe')": (BadArguments, "'maybe'"),
    "computer.terminate('success')\npyautogui.click(0.5, 0.5)": (BadArguments, "last"),
    "pyautogui.press('a')\n" * 101: (BadArguments, "101 calls"),
    "pyautogui.dragTo(0.5, 0.5)": (UnpairedCall, "without a start"),
    "pyautogui.keyDown('ctrl')": (UnpairedCall, "without keyUp"),
    "pyautogui.keyUp('ctrl')": (UnpairedCall, "out of order"),
    "pyautogui.keyDown('a')\npyautogui.write('b')\npyautogui.keyUp('a')": (UnpairedCall, "held"),
}


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [(code, *rest) for code, rest in REFUSED.items()],
    ids=[code[:40] for code in REFUSED],
)
def test_anything_else_is_refused_by_name(code: str, kind: type[ParseError], message: str) -> None:
    with pytest.raises(kind, match=message):
        parse(answer(code))


def test_thought_sentence_and_code_are_told_apart() -> None:
    text = (
        "# Step 3:\n## Observation:\nA form.\n## Thought:\nIt is filled in;\nsubmit.\n\n"
        '## Action:\nClick "Submit".\n\n## Code:\n```python\npyautogui.click(x=0.5, y=0.25)\n```\n'
    )
    assert parse(text) == Parsed("It is filled in;\nsubmit.", 'Click "Submit".', (ClickAt(HERE),))


def test_a_bare_code_block_is_an_answer() -> None:
    assert parse("```\ncomputer.wait()\n```") == Parsed("", "", (WaitFor(2.0),))


def test_a_thought_may_stand_between_think_marks() -> None:
    text = "◁think▷Where is it?◁/think▷" + answer("pyautogui.click(0.5, 0.25)")
    assert parse(text).thought == "Where is it?"


def test_code_inside_the_think_marks_is_not_an_action() -> None:
    text = "◁think▷\n```python\npyautogui.press('a')\n```\n◁/think▷" + answer(
        "computer.wait()", "code"
    )
    assert parse(text).proposals == (WaitFor(2.0),)


def test_of_several_blocks_the_last_counts() -> None:
    text = answer("pyautogui.press('a')") + "\nNo, rather:\n" + answer("pyautogui.press('b')")
    assert parse(text).proposals == (PressKeys(("b",)),)


def test_a_thought_that_never_ends_is_refused() -> None:
    with pytest.raises(ThoughtNotClosed):
        parse("◁think▷ and so on")


def test_an_answer_without_code_is_refused() -> None:
    with pytest.raises(NoCode, match="expected ## Code:"):
        parse("## Action:\nClick the button.")


def test_an_answer_beyond_all_size_is_refused_unread() -> None:
    with pytest.raises(AnswerTooLong):
        parse("a" * (MAX_ANSWER_CHARACTERS + 1))


def test_what_was_said_survives_code_that_cannot_be_read() -> None:
    assert said("## Thought:\nHm.\n## Action:\nClick.\n## Code:\n```\nclick(\n```") == (
        "Hm.",
        "Click.",
    )


PIECES = st.sampled_from(
    ["pyautogui.", "click", "(", ")", "x=", "0.5", ",", "'", '"', "\n", "```", "python", "## Code:",
     "## Action:", "◁think▷", "◁/think▷", "[", "]", "-", "1e999", "keyDown", "hotkey", "write",
     "lambda: 0", "\\", "\x00", "\ud800", " ", "computer.terminate", "status=", "*", "**", "{", "}"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    for candidate in (text, answer(text), answer(f"pyautogui.click({text})")):
        try:
            proposals = parse(candidate).proposals
        except ParseError:
            continue
        assert proposals
