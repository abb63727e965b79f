"""Messages to what the network takes: ids with placeholders repeated, and patches."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.images import ImageProcessor, Picture
from model.messages import ImagePart, Message
from model.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class ModelInput:
    input_ids: Tensor
    """[1, T] int64."""
    pixel_values: Tensor | None
    image_grid_hws: Tensor | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The same, with pictures that are not cut yet: those looked at before need not be."""

    input_ids: Tensor
    """[1, T] int64."""
    pictures: tuple[Picture, ...]


class Processor:
    def __init__(self, tokenizer: Tokenizer, images: ImageProcessor) -> None:
        self.tokenizer = tokenizer
        self.images = images

    def __call__(
        self, messages: Sequence[Message], add_generation_prompt: bool = True
    ) -> ModelInput:
        pictures = [
            part.image
            for message in messages
            for part in message.parts
            if isinstance(part, ImagePart)
        ]
        ids = self.tokenizer.encode_chat(messages, add_generation_prompt)
        if not pictures:
            return ModelInput(torch.tensor([ids]), None, None)
        patches = self.images(pictures)
        counts = [self.images.num_tokens(grid) for grid in patches.image_grid_hws.tolist()]
        return ModelInput(torch.tensor([self.expand(ids, counts)]), *patches)

    def prompt(self, messages: Sequence[Message], add_generation_prompt: bool = True) -> Prompt:
        pictures = tuple(
            self.images.later(part.image)
            for message in messages
            for part in message.parts
            if isinstance(part, ImagePart)
        )
        ids = self.tokenizer.encode_chat(messages, add_generation_prompt)
        counts = [self.images.num_tokens(picture.grid_hw) for picture in pictures]
        return Prompt(torch.tensor([self.expand(ids, counts)]), pictures)

    def expand(self, ids: Sequence[int], counts: Sequence[int]) -> list[int]:
        """The k-th `<|media_pad|>` becomes `counts[k]` of them."""
        pad = self.tokenizer.special["<|media_pad|>"]
        remaining = iter(counts)
        expanded: list[int] = []
        for token_id in ids:
            expanded.extend([pad] * next(remaining) if token_id == pad else [token_id])
        return expanded
