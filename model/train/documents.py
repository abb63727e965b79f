"""A conversation as tokens and patches, before it stands beside others in a batch.

Loss is on what the assistant says and on the token that ends its turn. Where an answer
names a point, the document also says which picture token holds that point, so that one
head of attention can be taught to look there. Positions count from the document's start.

Shapes: N patches of its pictures, S glyph slots.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from model.images import ImageProcessor
from model.messages import ImagePart, Message, assistant, system, user
from model.moonvit import Grid
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.glyphs import SLOTS, glyph_labels
from model.train.samples import Answer, Conversation, Label
from model.train.vocabulary import FIRST_PAIR_OF_DIGITS

NO_LOSS = -100
ASKED_TOKENS = 4
"""Of a question's end, before an answer that is a point: by then it is known what is asked."""
MAX_SHARED = 12
"""Tokens of past compared; longer runs are told apart by them."""
POINT = re.compile(r"x=(0\.\d\d|1\.00), y=(0\.\d\d|1\.00)")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    tokens: Tokens
    pixel_values: Tensor | None
    """None: it has no picture."""
    grids: list[Grid]
    glyphs_NS: np.ndarray
    """`NO_LOSS` for pictures without labels."""
    labels: Sequence[Label]
    """The glyphs of its last picture, if known."""
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
    """The same messages a live step would send, with the answers."""
    messages = [system(conversation.system)]
    for index, turn in enumerate(conversation.turns):
        shown = [ImagePart(picture) for picture in pictures] if index == 0 else []
        messages += [user(*shown, turn.prompt), assistant(turn.answer)]
    return messages


def tokenize(messages: Sequence[Message], tokenizer: Tokenizer) -> Tokens:
    """Ids of the chat, one placeholder a picture, and which are the assistant's."""
    ids = tokenizer.encode_chat(messages, add_generation_prompt=False)
    special = tokenizer.special
    learned, speaks, is_content = [], False, False
    for token_id in ids:
        if token_id == special["<|im_assistant|>"]:
            speaks = True
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

    def __call__(self, conversation: Conversation, labels: Sequence[Label] | None) -> Document:
        """
        Args:
            labels: the glyphs of its last picture, if known.
        """
        pictures = opened(conversation)
        tokens = tokenize(messages_of(conversation, pictures), self.tokenizer)
        copies = [Copy(0, *pair) for pair in copied(tokens)]
        if not pictures:
            return Document(
                tokens=tokens,
                pixel_values=None,
                grids=[],
                glyphs_NS=np.empty((0, SLOTS), dtype=np.int64),
                labels=(),
                pointers=[],
                looks=[],
                copies=copies,
                source=conversation.source,
            )
        patches = self.images(pictures)
        grids = [Grid(*grid) for grid in patches.image_grid_hws.tolist()]
        tokens, first = self._expanded(tokens, grids)
        pointers = self._pointers(tokens, conversation, pictures[-1], grids[-1], first)
        return Document(
            tokens=tokens,
            pixel_values=patches.pixel_values,
            grids=grids,
            glyphs_NS=self._glyphs(grids, labels),
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
        with Image.open(answer.picture) as opened_picture:
            picture = opened_picture.convert("RGB")
        messages = [system(answer.system), user(ImagePart(picture), answer.prompt)]
        prompt = self.processor(messages)
        ids: list[int] = prompt.input_ids[0].tolist()
        if len(ids) != answer.num_prompt_tokens:
            raise ValueError(
                f"a prompt of {len(ids)} tokens; the answer was drawn after"
                f" {answer.num_prompt_tokens}"
            )
        assert prompt.image_grid_hws is not None, "there is a picture"
        grids = [Grid(*grid) for grid in prompt.image_grid_hws.tolist()]
        drawn = list(answer.token_ids)
        return Document(
            tokens=Tokens([*ids, *drawn], [False] * len(ids) + [True] * len(drawn)),
            pixel_values=prompt.pixel_values,
            grids=grids,
            glyphs_NS=self._glyphs(grids, None),
            labels=(),
            pointers=[],
            looks=[],
            copies=[],
            source="rollout",
        )

    def _expanded(self, tokens: Tokens, grids: Sequence[Grid]) -> tuple[Tokens, int]:
        """A placeholder for every token of a picture; and where those of the last one begin."""
        counts = [self.images.num_tokens(grid) for grid in grids]
        pad = self.tokenizer.special["<|media_pad|>"]
        learned: list[bool] = []
        remaining, first = iter(counts), 0
        for token_id, is_learned in zip(*tokens, strict=True):
            if token_id == pad:
                first = len(learned)
                learned += [False] * next(remaining)
            else:
                learned.append(is_learned)
        return Tokens(self.processor.expand(tokens.ids, counts), learned), first

    def _glyphs(self, grids: Sequence[Grid], labels: Sequence[Label] | None) -> np.ndarray:
        num_earlier = sum(grid.num_patches for grid in grids[:-1])
        unknown = np.full((num_earlier, SLOTS), NO_LOSS, dtype=np.int64)
        if labels is None:
            last = np.full((grids[-1].num_patches, SLOTS), NO_LOSS, dtype=np.int64)
        else:
            last = glyph_labels(labels, grids[-1], self.images.patch_size)
        return np.concatenate([unknown, last])

    def _pointers(
        self,
        tokens: Tokens,
        conversation: Conversation,
        picture: Image.Image,
        grid: Grid,
        first: int,
    ) -> list[Pointer]:
        """Two for each point an answer names: where x's and where y's decimals are drawn.

        Args:
            picture: the last one; points mean it.
            first: where its tokens begin.
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
        found = []
        for index, mark in enumerate(marks):
            x, y = points[index // 2]
            column = min(int(x * picture.width) // side, grid.width // 2 - 1)
            line = min(int(y * picture.height) // side, grid.height // 2 - 1)
            found.append(Pointer(0, mark, first + line * (grid.width // 2) + column))
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


def opened(conversation: Conversation) -> list[Image.Image]:
    if conversation.picture is None:
        return []
    pictures = []
    for path in (*conversation.earlier, conversation.picture):
        with Image.open(path) as picture:
            pictures.append(picture.convert("RGB"))
    if conversation.window is not None:
        pictures[-1] = pictures[-1].crop(conversation.window)
    return pictures
