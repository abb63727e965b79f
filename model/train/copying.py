"""Text alone: strings to be repeated, found and re-cased. Teaches the decoder to copy.

Most answers name something of the instruction letter by letter ("Click the "C0ZW"
checkbox."). Attention that finds where a string stood and goes on from there forms slowly
from such answers, quickly from texts that are made of nothing else, and without the cost
of looking at a picture.
"""

import random
import string

from model.train.questions import SYSTEM
from model.train.samples import Conversation, Label, Turn

LETTERS = string.ascii_letters + string.digits

TEMPLATES = (
    ('Click on the "{}" button.', 'Click the "{}" button.'),
    ('Click on the link "{}".', 'Click the "{}" link.'),
    ("Select {} and click Submit.", 'Click the "{}" checkbox.'),
    ('Enter "{}" into the text field and press Submit.', 'Type "{}" into the text field.'),
    ('Enter the password "{}" and press submit.', "pyautogui.write('{}')"),
    ("Find the email by {} and click the star icon.", "The email by {}."),
    ("Drag {} to the top.", "Drag {} to place 1."),
    ("Enter {} as the date and hit submit.", "pyautogui.write('{}')"),
    ("Select {} with the slider and hit Submit.", "Not {} yet."),
    ("Click on the {} colored box.", "Click the {} box."),
)
"""As the tasks ask and the experts answer."""


class CopySource:
    """A few words, then questions about them; without a picture."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def __call__(self, rng: random.Random) -> tuple[Conversation, list[Label] | None]:
        turns = self._templates(rng) if rng.random() < 0.4 else self._list(rng)
        return Conversation(system=SYSTEM, picture=None, turns=turns, source="copying"), None

    def _templates(self, rng: random.Random) -> tuple[Turn, ...]:
        turns = []
        for _ in range(4):
            asked, answered = rng.choice(TEMPLATES)
            text = self._text(rng)
            turns.append(Turn(asked.format(text), answered.format(text)))
        return tuple(turns)

    def _list(self, rng: random.Random) -> tuple[Turn, ...]:
        texts = list(dict.fromkeys(self._text(rng) for _ in range(rng.randint(4, 9))))
        turns = [Turn("Words: " + ", ".join(texts) + ".", ", ".join(texts))]
        for _ in range(3):
            place = rng.randrange(len(texts))
            match rng.randrange(4):
                case 0 if place:
                    turns.append(Turn(f'What is after "{texts[place - 1]}"?', texts[place]))
                case 1:
                    start = texts[place][: max(1, len(texts[place]) // 2)]
                    found = next(text for text in texts if text.startswith(start))
                    turns.append(Turn(f'What starts with "{start}"?', found))
                case 2:
                    turns.append(
                        Turn(
                            f'Type "{texts[place]}" in all upper case letters.',
                            texts[place].upper(),
                        )
                    )
                case _:
                    turns.append(
                        Turn(
                            f'Type "{texts[place]}" in all lower case letters.',
                            texts[place].lower(),
                        )
                    )
        return tuple(turns)

    def _text(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.5:
            return "".join(rng.choices(LETTERS, k=rng.randint(1, 8)))
        if kind < 0.65:
            return f"{rng.randint(1, 12):02d}/{rng.randint(1, 31):02d}/{rng.randint(2000, 2030)}"
        word = rng.choice(self.words)
        return rng.choice((word, word, word.capitalize(), word.upper()))
