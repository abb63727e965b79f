"""What a person is asked before it is done, and why: rules in words, none of them a guess.

Three modes: `always` asks before every action, `risky` before those below, `watch` never.
The rules read the action and the model's own sentence about it, with the task left out: who
asked for a purchase still wants to see it. They do not see what lies under a click, so a page
that calls its pay button "Next" and a model that repeats it pass unasked in `risky`; on a screen
that matters, `always` is the mode.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from env.actions import Action, Click, Drag, Keys, Move, Scroll, TypeText, Wait
from trajectories.secret_rules import SecretRules

Mode = Literal["always", "risky", "watch"]
MODES: tuple[Mode, ...] = ("always", "risky", "watch")


class Risk(NamedTuple):
    kind: str
    """What a standing yes covers: "sends", "types", ..."""
    why: str
    """For the person who is asked; begins small, ends without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    ask: bool
    risks: tuple[Risk, ...]
    """Why; of an action that is asked about only because everything is, what it does."""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(risk.kind for risk in self.risks))


_WORDS = (
    (
        "pays",
        "it may spend money",
        r"pay|buy|purchase|order|checkout|check out|subscribe|donate|transfer|bid|book",
    ),
    (
        "deletes",
        "it may delete something for good",
        r"delete|remove|erase|discard|wipe|format|uninstall|trash|overwrite|reset",
    ),
    (
        "sends",
        "it may show something to others",
        r"send|submit|post|publish|share|reply|upload|tweet|invite|forward|e-?mail",
    ),
    (
        "grants",
        "it may give a program or a page more rights",
        r"install|allow|grant|authori[sz]e|accept|agree|consent|trust|permit|enable",
    ),
    ("signs in", "it may use an account", r"log ?in|sign ?in|sign ?up|log ?out|sign ?out|password"),
)
"""Kind, reason and the words that tell it, of the model's sentence about a click or a key."""
_PATTERNS = tuple(
    (kind, why, re.compile(rf"\b(?:{words})(?:s|es|ed|d|ing)?\b", re.IGNORECASE))
    for kind, why, words in _WORDS
)
_COMMANDS = re.compile(
    r"(?:^|[\n;&|]\s*|\bsudo\s+)(?:rm|dd|mkfs\S*|shred|shutdown|reboot|kill(?:all)?|chmod|chown"
    r"|mv|truncate)\s|\bsudo\b|\b(?:curl|wget)\b[^\n]*\|\s*\w*sh\b|\bgit\s+push\b|\bdrop\s+table\b"
    r"|>\s*/dev/sd",
    re.IGNORECASE,
)
_CLOSING = {frozenset(chord) for chord in (("alt", "f4"), ("ctrl", "w"), ("ctrl", "q"))}
_LEAVING = {
    frozenset(chord)
    for chord in (("ctrl", "alt", "t"), ("alt", "f2"), ("ctrl", "alt", "delete"), ("win", "r"))
}
_SECRETS = SecretRules()


def decide(mode: Mode, sentence: str, actions: Sequence[Action]) -> Decision:
    """Is a person to be asked before these are performed?

    Args:
        sentence: what the model says the action is.
        actions: of one answer; asked about together. None at all needs no yes.
    """
    risks = tuple(dict.fromkeys(risk for action in actions for risk in risks_of(action, sentence)))
    if mode == "watch" or not actions:
        return Decision(ask=False, risks=risks)
    if mode == "always" and not risks:
        risks = tuple(dict.fromkeys(_plain(action) for action in actions))
        return Decision(ask=True, risks=risks)
    return Decision(ask=bool(risks), risks=risks)


def risks_of(action: Action, sentence: str) -> tuple[Risk, ...]:
    """What is risky about one action; nothing of looking, moving and waiting is."""
    match action:
        case Click() | Drag():
            return _said(sentence)
        case TypeText(text=text):
            return _of_text(text)
        case Keys(keys=keys):
            return _of_keys(frozenset(key.lower() for key in keys)) + (
                _said(sentence) if "enter" in keys or "return" in keys else ()
            )
        case Move() | Scroll() | Wait():
            return ()


def _said(sentence: str) -> tuple[Risk, ...]:
    found = []
    for kind, why, pattern in _PATTERNS:
        if match := pattern.search(sentence):
            found.append(Risk(kind, f'{why}: it is called "{match.group(0).lower()}"'))
    return tuple(found)


def _of_text(text: str) -> tuple[Risk, ...]:
    found = []
    if match := _COMMANDS.search(text):
        command = " ".join(match.group(0).split())
        found.append(Risk("runs commands", f'it types a command that changes things: "{command}"'))
    if _SECRETS.is_secret(text):
        found.append(Risk("types secrets", "it types what looks like a password, key or card"))
    return tuple(found)


def _of_keys(chord: frozenset[str]) -> tuple[Risk, ...]:
    struck = "+".join(sorted(chord, key=lambda key: (len(key) == 1, key)))
    if chord in _CLOSING:
        return (Risk("closes", f"{struck} closes a window or a program"),)
    if chord in _LEAVING or chord & {"win", "super", "command"}:
        return (Risk("leaves", f"{struck} leaves the window the task is in"),)
    if "delete" in chord and "shift" in chord:
        return (Risk("deletes", f"{struck} deletes for good, past the bin"),)
    return ()


def _plain(action: Action) -> Risk:
    """What a harmless action does, for a person who wants to be asked about every one."""
    match action:
        case Click():
            return Risk("clicks", "you asked to see every action")
        case Drag():
            return Risk("drags", "you asked to see every action")
        case TypeText():
            return Risk("types", "you asked to see every action")
        case Keys():
            return Risk("presses keys", "you asked to see every action")
        case Scroll() | Move() | Wait():
            return Risk("looks around", "you asked to see every action")
