"""Pages of random text in the fonts and widgets of the tasks: reading is learned from them.

On the tasks' own pages a network can guess a word from its place. Here it cannot: every
string is drawn anew, half of them from letters that never made a word.
"""

import html
import random
import string
from pathlib import Path

WORDS = (Path(__file__).with_name("specimen_words.txt")).read_text(encoding="utf-8").split()
"""Latin of the kind the tasks print, and the words their buttons carry."""

FONTS = ("Arial", "Arial", "Arial", "Times New Roman", "monospace", "Verdana")
SIZES_PX = (9, 10, 10, 10, 11, 12, 12, 13, 14, 16, 18)
INKS = ("#000", "#000", "#000", "#333", "#00e", "#800", "#080", "#666", "#fff")
PAPERS = ("#fff", "#fff", "#fff", "#ff0", "#eee", "#ddd", "#ccf", "#fcc", "#cfc")
DARK_PAPERS = ("#333", "#00a", "#a00", "#060", "#000")


def specimen_html(seed: int) -> str:
    """A page for the 160x210 view; the same seed gives the same page."""
    rng = random.Random(seed)
    rows = "".join(_row(rng) for _ in range(rng.randint(8, 18)))
    left, top = rng.uniform(0, 8), rng.uniform(0, 10)
    return (
        f"<!doctype html><body style='margin:0;background:#555'>"
        f"<div style='width:160px;height:210px;overflow:hidden;background:{rng.choice(PAPERS)};"
        f"font-family:{rng.choice(FONTS)};font-size:10px'>"
        f"<div style='padding:{top:.2f}px 2px 0 {left:.2f}px'>{rows}</div></div></body>"
    )


def _row(rng: random.Random) -> str:
    gap = rng.choice((0, 0, 1, 2, 3, 6))
    cells = "".join(_cell(rng) for _ in range(rng.choice((1, 1, 2, 3))))
    return f"<div style='margin-bottom:{gap}px;white-space:nowrap'>{cells}</div>"


def _cell(rng: random.Random) -> str:
    text = html.escape(_text(rng), quote=True)
    size = rng.choice(SIZES_PX)
    ink = rng.choice(INKS)
    paper = rng.choice(DARK_PAPERS) if ink == "#fff" else rng.choice((*PAPERS, "", "", "", ""))
    weight = rng.choice(("normal", "normal", "normal", "bold"))
    style = (
        f"font-size:{size}px;color:{ink};font-weight:{weight};"
        f"margin-left:{rng.choice((0, 0, 2, 5, 11))}px;" + (f"background:{paper};" if paper else "")
    )
    if rng.random() < 0.2:
        style += f"font-family:{rng.choice(FONTS)};"
    match rng.choices(
        ("span", "link", "button", "checkbox", "radio", "field"), (10, 3, 4, 2, 2, 2)
    )[0]:
        case "link":
            return f"<span style='{style}text-decoration:underline'>{text}</span>"
        case "button":
            return f"<button style='font-size:{size}px'>{text}</button>"
        case "checkbox" | "radio" as kind:
            checked = rng.choice(("", " checked"))
            return f"<label style='{style}'><input type={kind}{checked}>{text}</label>"
        case "field":
            # A span dressed as a text field: a field's own value has no boxes to ask for.
            return (
                "<span style='border:2px inset #767676;background:#fff;padding:1px 2px;"
                f"font:13.33px Arial;display:inline-block;min-width:{rng.randint(40, 120)}px'>"
                f"{text}</span>"
            )
        case _:
            return f"<span style='{style}'>{text}</span>"


def _text(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        letters = string.ascii_letters + string.digits
        if rng.random() < 0.3:
            letters += string.punctuation
        return "".join(rng.choices(letters, k=rng.randint(1, 12)))
    if kind < 0.5:
        number = "".join(rng.choices(string.digits, k=rng.randint(1, 5)))
        return rng.choice(("{}", "{}", "${}", "-{}", "#{}", "{}.", "{}%", "({})")).format(number)
    words = rng.choices(WORDS, k=rng.choice((1, 1, 2, 3, 5)))
    cased = [rng.choice((word, word, word.capitalize(), word.upper())) for word in words]
    return " ".join(cased) + rng.choice(("", "", "", ".", ":", ",", "?", "!"))
