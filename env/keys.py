"""The one table of key names: what the model calls a key, what X11 and Playwright call it.

Names are pyautogui's (`enter`, `ctrl`, `pgdn`), case aside; a single printable
character names its own key. Knows nothing of keyboards: which physical key
makes a character is the backend's business.
"""

import difflib
import string
import unicodedata
from dataclasses import dataclass

from env.errors import ActionRefused

_UNICODE_KEYSYM = 0x0100_0000
"""Added to a code point beyond Latin-1 (X11 protocol, appendix A)."""

_ON_A_US_KEYBOARD = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")


@dataclass(frozen=True, slots=True)
class KeyNames:
    keysym: int
    """X11 protocol, appendix A (the numbers of keysymdef.h)."""
    playwright: str | None
    """As `page.keyboard.press` wants it; None: a browser page has no such key."""


_LEFT_AND_RIGHT = {
    "shift": (KeyNames(0xFFE1, "ShiftLeft"), KeyNames(0xFFE2, "ShiftRight")),
    "ctrl": (KeyNames(0xFFE3, "ControlLeft"), KeyNames(0xFFE4, "ControlRight")),
    "alt": (KeyNames(0xFFE9, "AltLeft"), KeyNames(0xFFEA, "AltRight")),
    "win": (KeyNames(0xFFEB, "MetaLeft"), KeyNames(0xFFEC, "MetaRight")),
}

_NAMED = {
    "enter": KeyNames(0xFF0D, "Enter"),
    "tab": KeyNames(0xFF09, "Tab"),
    "escape": KeyNames(0xFF1B, "Escape"),
    "backspace": KeyNames(0xFF08, "Backspace"),
    "delete": KeyNames(0xFFFF, "Delete"),
    "insert": KeyNames(0xFF63, "Insert"),
    "space": KeyNames(0x0020, "Space"),
    "up": KeyNames(0xFF52, "ArrowUp"),
    "down": KeyNames(0xFF54, "ArrowDown"),
    "left": KeyNames(0xFF51, "ArrowLeft"),
    "right": KeyNames(0xFF53, "ArrowRight"),
    "home": KeyNames(0xFF50, "Home"),
    "end": KeyNames(0xFF57, "End"),
    "pageup": KeyNames(0xFF55, "PageUp"),
    "pagedown": KeyNames(0xFF56, "PageDown"),
    "capslock": KeyNames(0xFFE5, "CapsLock"),
    "numlock": KeyNames(0xFF7F, "NumLock"),
    "scrolllock": KeyNames(0xFF14, "ScrollLock"),
    "printscreen": KeyNames(0xFF61, "PrintScreen"),
    "pause": KeyNames(0xFF13, "Pause"),
    "apps": KeyNames(0xFF67, "ContextMenu"),
}

# Playwright's keyboard ends at F12; X11's goes on.
_FUNCTION = {f"f{n}": KeyNames(0xFFBE + n - 1, f"F{n}" if n <= 12 else None) for n in range(1, 25)}

_SYNONYMS = {
    "return": "enter",
    "esc": "escape",
    "del": "delete",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "prtsc": "printscreen",
    "prntscrn": "printscreen",
    "menu": "apps",
    "control": "ctrl",
    "controlleft": "ctrlleft",
    "controlright": "ctrlright",
    "super": "win",
    "superleft": "winleft",
    "superright": "winright",
    "meta": "win",
    "command": "win",
    "cmd": "win",
}


def _table() -> dict[str, KeyNames]:
    table = dict(_NAMED) | _FUNCTION
    for name, (left, right) in _LEFT_AND_RIGHT.items():
        # The plain name is the left key, as on pyautogui's X11.
        table |= {name: left, f"{name}left": left, f"{name}right": right}
    return table | {synonym: table[name] for synonym, name in _SYNONYMS.items()}


KEYS = _table()
"""Every key that has a name longer than one character, in lower case."""


def names_of(name: str) -> KeyNames:
    """What the key `name` is called elsewhere.

    Raises:
        ActionRefused: no key of that name; the message lists near names.
    """
    if len(name) == 1 and name.isprintable():
        code = ord(name)
        latin_1 = code < 0x100
        return KeyNames(
            code if latin_1 else _UNICODE_KEYSYM | code,
            name if name in _ON_A_US_KEYBOARD else None,
        )
    known = KEYS.get(name.lower())
    if known is None:
        near = difflib.get_close_matches(name.lower(), KEYS, n=3)
        hint = ", ".join(near) if near else "enter, tab, ctrl, pagedown or a single character"
        raise ActionRefused(f"no key is named {name!r}; near names: {hint}")
    return known


def keysym(name: str) -> int:
    """The X11 keysym of a key name or a single printable character.

    >>> hex(keysym("enter")), hex(keysym("a")), hex(keysym("日"))
    ('0xff0d', '0x61', '0x10065e5')

    Raises:
        ActionRefused: no key of that name.
    """
    return names_of(name).keysym


def playwright_key(name: str) -> str:
    """The name Playwright's keyboard knows the key by.

    >>> playwright_key("ctrl"), playwright_key("pgdn"), playwright_key("a")
    ('ControlLeft', 'PageDown', 'a')

    Raises:
        ActionRefused: no key of that name, or one that Playwright's US keyboard lacks.
    """
    known = names_of(name).playwright
    if known is None:
        raise ActionRefused(f"the key {name!r} is not on a browser's US keyboard")
    return known


def pyautogui_key(name: str) -> str:
    """The name pyautogui 0.9.54 knows the key by.

    >>> pyautogui_key("super"), pyautogui_key("PgDn"), pyautogui_key("a")
    ('win', 'pagedown', 'a')

    Raises:
        ActionRefused: no key of that name, or one that it has no name for.
    """
    names_of(name)
    if len(name) == 1:
        if name not in _ON_A_US_KEYBOARD:
            raise ActionRefused(f"pyautogui has no key for {name!r}")
        return name
    return _SYNONYMS.get(name.lower(), name.lower())


def character_keysym(char: str) -> int:
    """The X11 keysym that types a character, seen or not: a zero-width joiner is one too."""
    code = ord(char)
    return code if code < 0x100 else _UNICODE_KEYSYM | code


def refuse_untypable(text: str) -> None:
    """Raise `ActionRefused` at a character that typing cannot make.

    Newline and tab are keys; other control codes, lone surrogates and the code points that
    Unicode keeps from being characters are not, and typing the rest of the text without them
    would not be what was asked.
    """
    for char in text:
        code = ord(char)
        nobody = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
        if nobody or (char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cs")):
            raise ActionRefused(f"the character {char!r} cannot be typed")
