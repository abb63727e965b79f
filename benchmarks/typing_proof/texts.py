"""Random texts: of every script, of any character at all, with what keyboards make hard."""

import random
import string
import unicodedata

_RANGES = (
    (0x20, 0x7E),
    (0xA0, 0xFF),
    (0x100, 0x24F),
    (0x370, 0x3FF),
    (0x400, 0x52F),
    (0x590, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE5B),
    (0x2000, 0x2BFF),
    (0x3040, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xFF01, 0xFF5E),
    (0x1D400, 0x1D7FF),
    (0x1F300, 0x1FAFF),
)
_SEQUENCES = ("👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "é", "ạ̈", "نستعلیق", "ก็", "क्षि")
_HARD = "<>|\\/@{}[]~^`'\"´¨°§€µßñçÀÉé\n\t "
LONGEST = 24


def random_text(chance: random.Random) -> str:
    kind = chance.randrange(6)
    length = chance.randint(1, LONGEST)
    match kind:
        case 0:
            return "".join(chance.choices(string.printable[:95], k=length))
        case 1:
            return "".join(chance.choices(_HARD + string.ascii_letters, k=length))
        case 2:
            script = [chance.choice(_RANGES)] * length
            return "".join(_of(chance, place) for place in script)
        case 3:
            return "".join(_of(chance, chance.choice(_RANGES)) for _ in range(length))
        case 4:
            return "".join(_of(chance, (0x20, 0x1FFFF)) for _ in range(length))
        case _:
            return " ".join(chance.choices(_SEQUENCES, k=chance.randint(1, 4)))


def _of(chance: random.Random, place: tuple[int, int]) -> str:
    """A character somebody has given a meaning."""
    while True:
        char = chr(chance.randint(*place))
        if unicodedata.category(char) not in ("Cc", "Cs", "Cn", "Co"):
            return char
