"""Training samples as JSON lines, pictures beside them; and what all files of samples share.

A sample is the messages of a prompt and the answer to learn; only the last
assistant message is to be learned. `llava` and `sample_archives` say the same
in other ways; each reads back what it writes.

    {"messages": [{"role": "user", "content": [{"type": "image", "image": "images/<name>"},
     {"type": "text", "text": "..."}]}, ...], "meta": {...}}
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from PIL import Image

from model.messages import ImagePart, Message, Part, Role, TextPart, assistant
from trajectories.errors import FormatError
from trajectories.export import Sample
from trajectories.formats.agentnet import store_picture
from trajectories.pictures import opened, png_of


@dataclass(frozen=True, slots=True)
class PlainSample:
    """A sample as a file has it."""

    messages: list[Message]
    """The answer to learn is the last."""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextSample:
    """A line of `write_jsonl` with its pictures left where they lie."""

    messages: list[Message]
    """Their texts alone."""
    pictures: list[Path]
    """In the order in which the messages show them."""
    meta: dict[str, Any]


def plain_meta(sample: Sample) -> dict[str, Any]:
    meta = sample.meta
    return {
        "run": meta.run_id,
        "episode": meta.episode,
        "task": meta.task,
        "seed": meta.seed,
        "step": meta.step,
        "advised": meta.advised,
        "labels": meta.labels,
        "instruction": meta.instruction,
        "score": meta.score,
    }


def plain(sample: Sample) -> PlainSample:
    return PlainSample([*sample.messages, assistant(sample.target)], plain_meta(sample))


def write_jsonl(samples: Iterable[PlainSample], path: Path) -> int:
    """Write the lines, and the pictures to `images/` beside them. Gives how many lines."""
    pictures = pictures_beside(path)

    def line(sample: PlainSample) -> dict[str, Any]:
        messages = [
            {
                "role": message.role,
                "content": [
                    {"type": "text", "text": part.text}
                    if isinstance(part, TextPart)
                    else {"type": "image", "image": stored(part, pictures)}
                    for part in message.parts
                ],
            }
            for message in sample.messages
        ]
        return {"messages": messages, "meta": sample.meta}

    return write_json_lines(map(line, samples), path)


def read_jsonl(path: Path) -> Iterator[PlainSample]:
    """Raises: FormatError: naming the line."""
    for where, line in read_json_lines(path):
        with told_where(where):
            messages = [
                Message(
                    role_named(message["role"]),
                    _parts(message["content"], path.parent),
                )
                for message in line["messages"]
            ]
            yield PlainSample(messages, meta_of(line))


def meta_of(line: dict[str, Any]) -> dict[str, Any]:
    meta = line.get("meta", {})
    if not isinstance(meta, dict):
        raise ValueError(f"meta is a {type(meta).__name__}; expected an object")
    return meta


def sample_lines(path: Path) -> Iterator[TextSample]:
    """Raises: FormatError: naming the line."""
    for where, line in read_json_lines(path):
        with told_where(where):
            messages = []
            pictures = []
            for message in line["messages"]:
                content = message["content"]
                texts = [TextPart(part["text"]) for part in content if part["type"] == "text"]
                messages.append(Message(role_named(message["role"]), tuple(texts)))
                pictures += [
                    below(path.parent, part["image"]) for part in content if part["type"] == "image"
                ]
            yield TextSample(messages, pictures, meta_of(line))


def pictures_beside(path: Path) -> Path:
    pictures = path.parent / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    return pictures


def stored(part: ImagePart, pictures: Path) -> str:
    return f"{pictures.name}/{store_picture(png_of(part.image), pictures)}"


def _parts(content: str | list[dict[str, Any]], folder: Path) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(
        ImagePart(opened_below(folder, each["image"]))
        if each["type"] == "image"
        else TextPart(each["text"])
        for each in content
    )


def opened_below(folder: Path, name: str) -> Image.Image:
    return opened(below(folder, name))


def below(folder: Path, name: str) -> Path:
    """In the folder only: a file of samples comes from anywhere."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"an image {name!r} outside {folder}")
    return path


def role_named(name: str) -> Role:
    if name not in get_args(Role):
        raise ValueError(f"a role {name!r}; expected one of {', '.join(get_args(Role))}")
    return cast(Role, name)


def write_json_lines(lines: Iterable[dict[str, Any]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            where = f"{path}:{number}"
            if text.strip():
                with told_where(where):
                    line = json.loads(text)
                    if not isinstance(line, dict):
                        raise ValueError(f"a {type(line).__name__}; expected an object")
                yield where, line


class told_where:
    """What is wrong in a file, with the place."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        wrong = (KeyError, TypeError, ValueError, IndexError, StopIteration, RuntimeError, OSError)
        if isinstance(error, FormatError):
            raise FormatError(f"{self._where}: {error}") from error
        if isinstance(error, wrong):
            raise FormatError(f"{self._where}: {error!r}") from error
