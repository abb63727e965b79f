"""The table of key names."""

import pytest
from Xlib import XK

from env.errors import ActionRefused
from env.keys import KEYS, keysym, playwright_key, refuse_untypable


@pytest.mark.parametrize(
    ("name", "x11", "playwright"),
    [
        ("enter", "Return", "Enter"),
        ("return", "Return", "Enter"),
        ("esc", "Escape", "Escape"),
        ("del", "Delete", "Delete"),
        ("backspace", "BackSpace", "Backspace"),
        ("space", "space", "Space"),
        ("pgdn", "Page_Down", "PageDown"),
        ("pageup", "Page_Up", "PageUp"),
        ("left", "Left", "ArrowLeft"),
        ("ctrl", "Control_L", "ControlLeft"),
        ("ctrlright", "Control_R", "ControlRight"),
        ("shiftright", "Shift_R", "ShiftRight"),
        ("alt", "Alt_L", "AltLeft"),
        ("win", "Super_L", "MetaLeft"),
        ("super", "Super_L", "MetaLeft"),
        ("f1", "F1", "F1"),
        ("f12", "F12", "F12"),
        ("capslock", "Caps_Lock", "CapsLock"),
        ("printscreen", "Print", "PrintScreen"),
        ("a", "a", "a"),
        ("A", "A", "A"),
        ("<", "less", "<"),
        ("+", "plus", "+"),
    ],
)
def test_a_key_has_the_same_meaning_everywhere(name: str, x11: str, playwright: str) -> None:
    assert keysym(name) == XK.string_to_keysym(x11)
    assert playwright_key(name) == playwright


def test_every_function_key_is_there() -> None:
    assert [keysym(f"f{n}") for n in range(1, 25)] == [
        XK.string_to_keysym(f"F{n}") for n in range(1, 25)
    ]


def test_case_does_not_matter_in_names_and_does_in_characters() -> None:
    assert keysym("Enter") == keysym("ENTER") == keysym("enter")
    assert keysym("a") != keysym("A")


def test_names_are_lower_case_and_longer_than_a_character() -> None:
    assert all(name == name.lower() and len(name) > 1 for name in KEYS)


def test_a_character_beyond_latin_1_is_its_code_point() -> None:
    assert keysym("é") == 0xE9
    assert keysym("日") == 0x0100_65E5


def test_an_unknown_name_is_refused_with_near_names() -> None:
    with pytest.raises(ActionRefused, match=r"'entr'.*enter"):
        keysym("entr")


@pytest.mark.parametrize("name", ["", "ab", "\n", "\x07", "strg"])
def test_what_is_no_key_is_refused(name: str) -> None:
    with pytest.raises(ActionRefused):
        keysym(name)


@pytest.mark.parametrize("name", ["é", "f13", "日"])
def test_a_key_that_no_browser_has_is_refused_there_only(name: str) -> None:
    assert keysym(name)
    with pytest.raises(ActionRefused, match="browser"):
        playwright_key(name)


@pytest.mark.parametrize("text", ["a\x00", "\x1b[A", "\x7f", "\ud800", "\r"])
def test_control_codes_are_not_typed(text: str) -> None:
    with pytest.raises(ActionRefused):
        refuse_untypable(text)


def test_lines_tabs_and_joined_emoji_are_typed() -> None:
    refuse_untypable("one\ntwo\t👩‍🚀 e\u0301")
