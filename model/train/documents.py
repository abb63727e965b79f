"""A conversation as tokens and pictures, before it stands beside others in a batch.

Loss is on what the assistant says and on the token that ends its turn. Where an answer
names a point, the document also says which picture token holds that point, so that one
head of attention can be taught to look there. Positions count from the document's start.

Shapes: N patches of a picture, S glyph slots.
"""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from model.images import ImageProcessor
from model.messages import ImagePart, Message, assistant, system, user
from model.moonvit import Grid
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.glyphs import glyph_labels
from model.train.samples import Answer, Conversation, Label
from model.train.vocabulary import FIRST_PAIR_OF_DIGITS

ASKED_TOKENS = 4
"""Of a question's end, before an answer that is a point: by then it is known what is asked."""
MAX_SHARED = 12
"""Tokens of past compared; longer runs are told apart by them."""
_BLANK = Image.new("RGB", (1, 1))
"""The text needs to know where a picture stands, not what is on it."""
PICTURES_KEPT = 16
"""Of those read last: the prompts of an episode show the same ones again and again."""
POINT = re.compile(r"x=(0\.\d\d|1\.00), y=(0\.\d\d|1\.00)")


Window = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""


class Pointer(NamedTuple):
    row: int
    """Of the batch; 0 in a document."""
    position: int
    """Of the token whose successor is the first decimal group of x or y."""
    picture_token: int
    """Position of the token that holds the point."""


class Copy(NamedTuple):
    row: int
    position: int
    """Of a token whose successor stands in the prompt too, after the same token."""
    source: int
    """Position of that successor in the prompt."""


class Tokens(NamedTuple):
    ids: list[int]
    is_learned: list[bool]


class Picture(NamedTuple):
    name: Hashable
    """Two of one name are the same picture."""
    size: tuple[int, int]
    """Width and height in pixels of the screen."""
    pixels_N3PP: Tensor
    grid: Grid


class Shown(NamedTuple):
    """A picture where a document shows it."""

    picture: Picture
    first: int
    """Position of the first of its tokens."""
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    tokens: Tokens
    shown: list[Shown]
    """In their order."""
    glyphs_NS: np.ndarray | None
    """Of its last picture; None: nobody told where they are."""
    labels: Sequence[Label]
    """Those glyphs as they were told."""
    pointers: list[Pointer]
    looks: list[Pointer]
    """The pointers, and the tokens that lead up to them: from where it is said what is meant,
    one head should already look there."""
    copies: list[Copy]
    source: str

    @property
    def num_tokens(self) -> int:
        return len(self.tokens.ids)


def messages_of(conversation: Conversation, pictures: Sequence[Image.Image]) -> list[Message]:
    """The same messages a live step would send, with the answers.

    Args:
        pictures: all it shows, in their order.
    """
    remaining = [ImagePart(picture) for picture in pictures]
    messages = [system(conversation.system)]
    for recalled in conversation.history:
        if recalled.picture is not None:
            messages.append(user(remaining.pop(0)))
        messages.append(assistant(recalled.said))
    for turn in conversation.turns:
        messages += [user(*remaining, turn.prompt), assistant(turn.answer)]
        remaining = []
    return messages


def names_of(conversation: Conversation) -> list[tuple[Path, Window | None]]:
    """Its pictures in their order, and what part of each is shown."""
    names: list[tuple[Path, Window | None]] = [
        (recalled.picture, None)
        for recalled in conversation.history
        if recalled.picture is not None
    ]
    if conversation.picture is not None:
        names += [(path, None) for path in conversation.earlier]
        names.append((conversation.picture, conversation.window))
    return names


def opened(path: Path, window: Window | None) -> Image.Image:
    with Image.open(path) as found:
        picture = found.convert("RGB")
    return picture if window is None else picture.crop(window)


def tokenize(messages: Sequence[Message], tokenizer: Tokenizer, *, num_recalled: int = 0) -> Tokens:
    """Ids of the chat, one placeholder a picture, and which are the assistant's to learn.

    Args:
        num_recalled: of the assistant's messages, from the first, are not learned.
    """
    ids = tokenizer.encode_chat(messages, add_generation_prompt=False)
    special = tokenizer.special
    learned, speaks, is_content, num_said = [], False, False, 0
    for token_id in ids:
        if token_id == special["<|im_assistant|>"]:
            num_said += 1
            speaks = num_said > num_recalled
        learned.append(speaks and is_content)
        if token_id == special["<|im_middle|>"]:
            is_content = True
        elif token_id == special["<|im_end|>"]:
            speaks = is_content = False
    return Tokens(ids, learned)


class Reader:
    """Turns conversations into documents; opens their pictures."""

    def __init__(self, tokenizer: Tokenizer, images: ImageProcessor) -> None:
        self.tokenizer, self.images = tokenizer, images
        self.processor = Processor(tokenizer, images)
        self._equals, self._zero, self._dot = (tokenizer.encode(mark)[0] for mark in "=0.")
        self._code = tokenizer.encode("## Code:")[1]
        ends = [tokenizer.encode(pair) for pair in ("00", "99")]
        self._has_pairs = ends == [[FIRST_PAIR_OF_DIGITS], [FIRST_PAIR_OF_DIGITS + 99]]
        """Decimals are tokens of their own, as in nano's vocabulary; else no point is taught."""
        self._kept: OrderedDict[Hashable, Picture] = OrderedDict()

    def __call__(self, conversation: Conversation, labels: Sequence[Label] | None) -> Document:
        """
        Args:
            labels: the glyphs of its last picture, if known.
        """
        pictures = [self._picture(*name) for name in names_of(conversation)]
        tokens = tokenize(
            messages_of(conversation, [_BLANK] * len(pictures)),
            self.tokenizer,
            num_recalled=len(conversation.history),
        )
        tokens, shown = self._expanded(tokens, pictures)
        glyphs_NS, pointers = None, []
        if conversation.picture is not None:
            pointers = self._pointers(tokens, conversation, shown[-1])
            if labels is not None:
                glyphs_NS = glyph_labels(labels, pictures[-1].grid, self.images.patch_size)
        return Document(
            tokens=tokens,
            shown=shown,
            glyphs_NS=glyphs_NS,
            labels=labels or (),
            pointers=pointers,
            looks=self._led_up_to(pointers, tokens),
            copies=[Copy(0, *pair) for pair in copied(tokens)],
            source=conversation.source,
        )

    def answered(self, answer: Answer) -> Document:
        """A prompt and the very ids that were drawn after it, to learn from their reward.

        Raises:
            ValueError: the prompt is not the one they were drawn after.
        """
        picture = self._picture(answer.picture, None)
        messages = [system(answer.system), user(ImagePart(_BLANK), answer.prompt)]
        asked = self.tokenizer.encode_chat(messages, add_generation_prompt=True)
        (ids, _), shown = self._expanded(Tokens(asked, [False] * len(asked)), [picture])
        if len(ids) != answer.num_prompt_tokens:
            raise ValueError(
                f"a prompt of {len(ids)} tokens; the answer was drawn after"
                f" {answer.num_prompt_tokens}"
            )
        drawn = list(answer.token_ids)
        return Document(
            tokens=Tokens([*ids, *drawn], [False] * len(ids) + [True] * len(drawn)),
            shown=shown,
            glyphs_NS=None,
            labels=(),
            pointers=[],
            looks=[],
            copies=[],
            source="rollout",
        )

    def _picture(self, path: Path, window: Window | None) -> Picture:
        name = (path, window)
        if name not in self._kept:
            picture = opened(path, window)
            patches = self.images([picture])
            [grid] = patches.image_grid_hws.tolist()
            self._kept[name] = Picture(name, picture.size, patches.pixel_values, Grid(*grid))
            if len(self._kept) > PICTURES_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return self._kept[name]

    def _expanded(self, tokens: Tokens, pictures: Sequence[Picture]) -> tuple[Tokens, list[Shown]]:
        """A placeholder for every token of a picture; and where those of each begin."""
        counts = [self.images.num_tokens(picture.grid) for picture in pictures]
        pad = self.tokenizer.special["<|media_pad|>"]
        learned: list[bool] = []
        shown: list[Shown] = []
        for token_id, is_learned in zip(*tokens, strict=True):
            if token_id == pad:
                picture, count = pictures[len(shown)], counts[len(shown)]
                shown.append(Shown(picture, len(learned), count))
                learned += [False] * count
            else:
                learned.append(is_learned)
        return Tokens(self.processor.expand(tokens.ids, counts), learned), shown

    def _pointers(
        self,
        tokens: Tokens,
        conversation: Conversation,
        last: Shown,
    ) -> list[Pointer]:
        """Two for each point an answer names: where x's and where y's decimals are drawn.

        Args:
            last: the picture that points mean.
        """
        points = [
            (float(x), float(y))
            for turn in conversation.turns
            for x, y in POINT.findall(turn.answer)
        ]
        marks = [
            index
            for index in range(2, len(tokens.ids))
            if tokens.is_learned[index]
            and tokens.ids[index] == self._dot
            and tokens.ids[index - 1] == self._zero
            and tokens.ids[index - 2] == self._equals
        ]
        if len(marks) != 2 * len(points) or not self._has_pairs:
            # A coordinate of 1.00 has no such mark; such a row teaches by its tokens alone.
            return []
        side = self.images.patch_size * self.images.merge
        (width, height), grid = last.picture.size, last.picture.grid
        found = []
        for index, mark in enumerate(marks):
            x, y = points[index // 2]
            column = min(int(x * width) // side, grid.width // 2 - 1)
            line = min(int(y * height) // side, grid.height // 2 - 1)
            found.append(Pointer(0, mark, last.first + line * (grid.width // 2) + column))
        return found

    def _led_up_to(self, pointers: Sequence[Pointer], tokens: Tokens) -> list[Pointer]:
        """Each point's x and y, and what stands between its naming and them."""
        looks: list[Pointer] = []
        for x_mark, y_mark in zip(pointers[::2], pointers[1::2], strict=True):
            start = x_mark.position
            while tokens.is_learned[start - 1] and tokens.ids[start] != self._code:
                start -= 1
            if not tokens.is_learned[start - 1]:
                start -= ASKED_TOKENS
            if looks:
                start = max(start, looks[-1].position + 2)
            looks += [
                x_mark._replace(position=position) for position in range(start, y_mark.position + 1)
            ]
        return looks


def copied(tokens: Tokens) -> list[tuple[int, int]]:
    """(position, source) of every answer token that continues as the prompt did.

    Of several places in the prompt the one that shares the longest past is meant, of those
    the latest.
    """
    ids, learned = tokens
    places: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    found = []
    for index in range(1, len(ids)):
        pair = (ids[index - 1], ids[index])
        if not learned[index]:
            places[pair].append(index)
        elif learned[index - 1] and pair in places:
            source = max(places[pair], key=lambda place: (_shared_past(ids, place, index), place))
            found.append((index - 1, source))
    return found


def _shared_past(ids: Sequence[int], one: int, other: int) -> int:
    length = 0
    while length < min(one, other, MAX_SHARED) and ids[one - 1 - length] == ids[other - 1 - length]:
        length += 1
    return length
