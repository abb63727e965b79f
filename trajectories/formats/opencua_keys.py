"""What AgentNetTool calls a key (pynput's names on X11), and what we do."""

from trajectories.recording import RECORDER, WITHHELD

_THEIRS = {
    "ctrl": "ctrl_l",
    "ctrlleft": "ctrl_l",
    "ctrlright": "ctrl_r",
    "alt": "alt_l",
    "altleft": "alt_l",
    "altright": "alt_r",
    "keysym 0xfe03": "alt_gr",
    "shiftleft": "shift",
    "shiftright": "shift_r",
    "win": "cmd",
    "winleft": "cmd",
    "winright": "cmd_r",
    "escape": "esc",
    "capslock": "caps_lock",
    "numlock": "num_lock",
    "scrolllock": "scroll_lock",
    "printscreen": "print_screen",
    "pageup": "page_up",
    "pagedown": "page_down",
    "apps": "menu",
    " ": "space",
}
_OURS = {theirs: ours for ours, theirs in reversed(_THEIRS.items())} | {
    "ctrl": "ctrl",
    "alt": "alt",
    "shift_l": "shift",
    "cmd_l": "win",
    "space": "space",
}


def their_name(key: str, char: str) -> str | None:
    """None: they cannot say it, or must not."""
    if key in (WITHHELD, RECORDER) or key.startswith("dead "):
        return None
    # What was typed, not which key it took: an accent may have come before.
    name = char or key
    if name.startswith("keysym ") and name not in _THEIRS:
        return None
    return _THEIRS.get(name, name)


def their_key(name: str) -> str:
    """As `str` has pynput's key: 'a' in quotes, or Key.enter."""
    return repr(name) if len(name) == 1 else f"Key.{name}"


def our_name(name: str) -> tuple[str, str]:
    """The key of `env.keys`, and what it types."""
    if len(name) == 1:
        return name, name
    key = _OURS.get(name, name.replace("_", ""))
    return key, " " if key == "space" else ""
