"""Plain texts: notes, logs, lists."""

import random

from env.tasks.suites.desktop.inputs.files import made, text

_WORDS = """
    river window garden letter market silver morning paper table summer engine music bridge
    winter forest coffee mirror harbour button lantern
"""

text("texts/recipe.txt", "Pancakes\n\nFlour 200 g\nMilk 300 ml\nEggs 2\nSalt\n")
text(
    "texts/colours.txt",
    "The colour of the door is green.\nThe colour of the wall is white.\n"
    "Nobody chose the colour of the roof.\n",
)
text(
    "texts/colors.txt",
    "The color of the door is green.\nThe color of the wall is white.\n"
    "Nobody chose the color of the roof.\n",
)
text("texts/shopping.txt", "bread\nbutter\nDELETE THIS LINE\napples\ntea\n")
text("texts/shopping_done.txt", "bread\nbutter\napples\ntea\n")
text("texts/title.txt", "annual report of the harbour company\n")
text("texts/title_upper.txt", "ANNUAL REPORT OF THE HARBOUR COMPANY\n")
text("texts/price_list.txt", "Lamp: 40\nChair: 95\nDesk: 210\n")
text("texts/report_name.txt", "The file report.txt is to be called harbour-2026.txt\n")


@made("texts/names.txt")
def names(rng: random.Random) -> bytes:
    return _lines(_shuffled_names(rng))


@made("texts/names_sorted.txt", like="texts/names.txt")
def names_sorted(rng: random.Random) -> bytes:
    return _lines(sorted(_shuffled_names(rng)))


@made("texts/server.log")
def server_log(rng: random.Random) -> bytes:
    return _lines(_log(rng))


@made("texts/server_errors.log", like="texts/server.log")
def server_errors(rng: random.Random) -> bytes:
    return _lines([line for line in _log(rng) if " ERROR " in line])


@made("texts/story.txt")
def story(rng: random.Random) -> bytes:
    return _lines([_phrase(rng, 7) for _ in range(37)])


def _shuffled_names(rng: random.Random) -> list[str]:
    names = ["Bertram", "Clara", "Dora", "Emil", "Frieda", "Gustav", "Hanna", "Ida"]
    while (shuffled := rng.sample(names, len(names))) == names:
        pass
    return shuffled


def _log(rng: random.Random) -> list[str]:
    levels = rng.choices(["INFO", "WARN", "ERROR"], weights=[6, 2, 2], k=40)
    levels[5] = "ERROR"
    return [
        f"2026-03-0{1 + minute // 20} 10:{minute:02} {level} {_phrase(rng, 3)}"
        for minute, level in enumerate(levels)
    ]


def _phrase(rng: random.Random, num_words: int) -> str:
    return " ".join(rng.choices(_WORDS.split(), k=num_words))


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
