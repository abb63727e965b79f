"""Training samples as LLaVA's conversations, which ShareGPT's readers take too.

[{"id": ..., "image": "images/<name>" or a list of such, "conversations":
  [{"from": "human", "value": "<image>\\n..."}, {"from": "gpt", "value": "..."}]}, ...]
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from model.messages import ImagePart, Message, Part, Role, TextPart
from trajectories.errors import FormatError
from trajectories.formats.sample_files import (
    PlainSample,
    meta_of,
    opened_below,
    pictures_beside,
    read_json_lines,
    stored,
    told_where,
)

IMAGE_MARK = "<image>"
_SPEAKERS: dict[Role, str] = {"system": "system", "user": "human", "assistant": "gpt"}
_ROLES: dict[str, Role] = {speaker: role for role, speaker in _SPEAKERS.items()}
_ROLES |= {"user": "user", "assistant": "assistant"}


def says_image_mark(sample: PlainSample) -> bool:
    """A text of it has the mark of an image in it, which these files could not tell apart."""
    return any(IMAGE_MARK in message.text for message in sample.messages)


def write_llava(samples: Iterable[PlainSample], path: Path) -> int:
    """Raises: FormatError: a text with an image mark in it, which could not be told apart."""
    pictures = pictures_beside(path)

    def line(sample: PlainSample) -> dict[str, Any]:
        images: list[str] = []
        turns = []
        for message in sample.messages:
            value = ""
            for part in message.parts:
                if isinstance(part, ImagePart):
                    images.append(stored(part, pictures))
                    value += f"{IMAGE_MARK}\n"
                elif IMAGE_MARK in part.text:
                    raise FormatError(f"{IMAGE_MARK} in a text; LLaVA's files cannot say that")
                else:
                    value += part.text
            turns.append({"from": _SPEAKERS[message.role], "value": value})
        name = "-".join(str(sample.meta.get(key, "")) for key in ("run", "episode", "step"))
        # One picture goes by its name alone: their loader joins it to a folder.
        shown = images[0] if len(images) == 1 else images
        return {"id": name, "image": shown, "conversations": turns, "meta": sample.meta}

    count = 0
    with path.open("w", encoding="utf-8") as file:
        # One array, which is what LLaVA's trainer loads; a line a sample, for people.
        file.write("[\n")
        for sample in samples:
            file.write((",\n" if count else "") + json.dumps(line(sample), ensure_ascii=False))
            count += 1
        file.write("\n]\n")
    return count


def read_llava(path: Path) -> Iterator[PlainSample]:
    """An array as LLaVA has it, or a conversation a line.

    Raises:
        FormatError: naming the conversation; also where marks and images are not as many.
    """
    for where, line in _conversations(path):
        with told_where(where):
            listed = line.get("image", line.get("images", []))
            images = [listed] if isinstance(listed, str) else list(listed)
            messages = []
            for turn in line["conversations"]:
                parts: list[Part] = []
                pieces = turn["value"].split(IMAGE_MARK)
                for number, piece in enumerate(pieces):
                    if number:
                        parts.append(ImagePart(opened_below(path.parent, images.pop(0))))
                        piece = piece.removeprefix("\n")
                    if piece:
                        parts.append(TextPart(piece))
                speaker = turn["from"]
                if speaker not in _ROLES:
                    raise ValueError(f"a turn from {speaker!r}; expected {list(_ROLES)}")
                messages.append(Message(_ROLES[speaker], tuple(parts)))
            if images:
                raise ValueError(f"{len(images)} images that no turn shows")
            yield PlainSample(messages, meta_of(line))


def _conversations(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        is_array = file.read(256).lstrip().startswith("[")
    if not is_array:
        yield from read_json_lines(path)
        return
    with told_where(str(path)):
        found = json.loads(path.read_text(encoding="utf-8"))
    for number, line in enumerate(found):
        where = f"{path}: conversation {number}"
        if not isinstance(line, dict):
            raise FormatError(f"{where}: a {type(line).__name__}; expected an object")
        yield where, line
