"""Conversations about screenshots to tensors: ids, which of them are learned, patches, places.

Loss is on what the assistant says and on the token that ends its turn. Where an answer
names a point, the batch also says which picture token holds that point, so that one
head of attention can be taught to look there.

Shapes: B conversations, T tokens (padded on the right), N patches, S glyph slots.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.images import ImageProcessor
from model.messages import ImagePart, Message, assistant, system, user
from model.moonvit import Grid
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.glyphs import SLOTS, glyph_labels
from model.train.samples import Conversation, Label

NO_LOSS = -100
ASKED_TOKENS = 4
"""Of a question's end, before an answer that is a point: by then it is known what is asked."""
MAX_SHARED = 12
"""Tokens of past compared; longer runs are told apart by them."""
POINT = re.compile(r"x=(0\.\d\d|1\.00), y=(0\.\d\d|1\.00)")


class Pointer(NamedTuple):
    row: int
    """Conversation of the batch."""
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


@dataclass(frozen=True, slots=True)
class Batch:
    input_ids_BT: Tensor
    targets_BT: Tensor
    """The id that should come next; `NO_LOSS` where nothing is learned."""
    pixel_values: Tensor | None
    """None: no row has a picture."""
    grids: list[Grid]
    glyphs_NS: Tensor
    """`NO_LOSS` for pictures without labels."""
    pointers: list[Pointer]
    looks: list[Pointer]
    """The pointers, and the tokens that lead up to them: from where it is said what is meant,
    one head should already look there."""
    copies: list[Copy]
    sources: list[str]


def messages_of(conversation: Conversation, picture: Image.Image | None) -> list[Message]:
    """The same messages a live step would send, with the answers."""
    messages = [system(conversation.system)]
    for index, turn in enumerate(conversation.turns):
        shown = (ImagePart(picture),) if index == 0 and picture is not None else ()
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


class Collator:
    """Builds batches; picture sizes may differ between rows."""

    def __init__(self, tokenizer: Tokenizer, images: ImageProcessor) -> None:
        self.tokenizer, self.images = tokenizer, images
        self.processor = Processor(tokenizer, images)
        self._equals, self._zero, self._dot = (tokenizer.encode(mark)[0] for mark in "=0.")
        self._code = tokenizer.encode("## Code:")[1]

    def __call__(self, rows: Sequence[tuple[Conversation, Sequence[Label] | None]]) -> Batch:
        """Tensors of these conversations, each with the glyphs of its picture, if known."""
        pictures = [_opened(conversation) for conversation, _ in rows]
        shown = [picture for picture in pictures if picture is not None]
        patches = self.images(shown) if shown else None
        grids = [Grid(*grid) for grid in patches.image_grid_hws.tolist()] if patches else []
        remaining = iter(grids)
        tokens, pointers, looks, copies = [], [], [], []
        glyphs = [np.empty((0, SLOTS), dtype=np.int64)]
        for index, ((conversation, labels), picture) in enumerate(zip(rows, pictures, strict=True)):
            row = tokenize(messages_of(conversation, picture), self.tokenizer)
            if picture is not None:
                grid = next(remaining)
                row = self._expanded(row, grid)
                found = self._pointers(index, row, conversation, picture, grid)
                pointers += found
                looks += self._led_up_to(found, row)
                glyphs.append(
                    np.full((grid.num_patches, SLOTS), NO_LOSS, dtype=np.int64)
                    if labels is None
                    else glyph_labels(labels, grid, self.images.patch_size)
                )
            tokens.append(row)
            copies += [Copy(index, *pair) for pair in copied(row)]
        ids, targets = _padded(tokens)
        return Batch(
            ids,
            targets,
            patches.pixel_values if patches else None,
            grids,
            torch.from_numpy(np.concatenate(glyphs)),
            pointers,
            looks,
            copies,
            [conversation.source for conversation, _ in rows],
        )

    def _expanded(self, tokens: Tokens, grid: Grid) -> Tokens:
        count = self.images.num_tokens(grid)
        pad = self.tokenizer.special["<|media_pad|>"]
        hole = tokens.ids.index(pad)
        return Tokens(
            self.processor.expand(tokens.ids, [count]),
            tokens.is_learned[:hole] + [False] * count + tokens.is_learned[hole + 1 :],
        )

    def _pointers(
        self,
        row: int,
        tokens: Tokens,
        conversation: Conversation,
        picture: Image.Image,
        grid: Grid,
    ) -> list[Pointer]:
        """Two for each point an answer names: where x's and where y's decimals are drawn."""
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
        if len(marks) != 2 * len(points):
            # A coordinate of 1.00 has no such mark; such a row teaches by its tokens alone.
            return []
        first = tokens.ids.index(self.tokenizer.special["<|media_pad|>"])
        side = self.images.patch_size * self.images.merge
        found = []
        for index, mark in enumerate(marks):
            x, y = points[index // 2]
            column = min(int(x * picture.width) // side, grid.width // 2 - 1)
            line = min(int(y * picture.height) // side, grid.height // 2 - 1)
            found.append(Pointer(row, mark, first + line * (grid.width // 2) + column))
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
            if looks and looks[-1].row == x_mark.row:
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


def _opened(conversation: Conversation) -> Image.Image | None:
    if conversation.picture is None:
        return None
    with Image.open(conversation.picture) as picture:
        return picture.convert("RGB")


def _padded(rows: Sequence[Tokens]) -> tuple[Tensor, Tensor]:
    """Ids [B, T] padded with 0 and, for each, the id to predict next or `NO_LOSS`."""
    length = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.int64)
    targets = torch.full((len(rows), length), NO_LOSS, dtype=torch.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        learned = torch.tensor(row.is_learned[1:])
        targets[index, : len(row.ids) - 1][learned] = torch.tensor(row.ids[1:])[learned]
    return ids, targets
