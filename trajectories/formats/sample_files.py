"""Training samples as files: JSON lines, LLaVA conversations, parquet, WebDataset shards.

A sample is the messages of a prompt and the answer to learn. All four say the
same; each reads back what it writes. Only the last assistant message is to be
learned.

jsonl        {"messages": [{"role": "user", "content": [{"type": "image", "image": "images/<name>"},
             {"type": "text", "text": "..."}]}, ...], "meta": {...}}
llava        {"id": ..., "image": ["images/<name>"], "conversations":
             [{"from": "human", "value": "<image>\\n..."}, {"from": "gpt", "value": "..."}]}
parquet      a row a sample, readable as a Hugging Face dataset: `images` and `messages`
webdataset   <key>.json and <key>.<n>.png in tar files of limited size
"""

import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, cast, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from model.messages import ImagePart, Message, Part, Role, TextPart, assistant
from trajectories.errors import FormatError
from trajectories.export import Sample
from trajectories.formats.agentnet import store_picture

SHARD_BYTES = 512 * 2**20
ROWS_A_GROUP = 64
_IMAGE_MARK = "<image>"
_SPEAKERS: dict[Role, str] = {"system": "system", "user": "human", "assistant": "gpt"}
_ROLES = {speaker: role for role, speaker in _SPEAKERS.items()}


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
    }


def plain(sample: Sample) -> PlainSample:
    return PlainSample([*sample.messages, assistant(sample.target)], plain_meta(sample))


def write_jsonl(samples: Iterable[PlainSample], path: Path) -> int:
    """Write the lines, and the pictures to `images/` beside them. Gives how many lines."""
    pictures = _pictures_beside(path)

    def line(sample: PlainSample) -> dict[str, Any]:
        messages = [
            {
                "role": message.role,
                "content": [
                    {"type": "text", "text": part.text}
                    if isinstance(part, TextPart)
                    else {"type": "image", "image": _stored(part, pictures)}
                    for part in message.parts
                ],
            }
            for message in sample.messages
        ]
        return {"messages": messages, "meta": sample.meta}

    return _write_lines(map(line, samples), path)


def read_jsonl(path: Path) -> Iterator[PlainSample]:
    """Raises: FormatError: naming the line."""
    for where, line in _lines(path):
        with _told_where(where):
            messages = [
                Message(
                    _role(message["role"]),
                    tuple(_part(content, path.parent) for content in message["content"]),
                )
                for message in line["messages"]
            ]
            yield PlainSample(messages, line.get("meta", {}))


def sample_lines(path: Path) -> Iterator[TextSample]:
    """Raises: FormatError: naming the line."""
    for where, line in _lines(path):
        with _told_where(where):
            messages = []
            pictures = []
            for message in line["messages"]:
                content = message["content"]
                texts = [TextPart(part["text"]) for part in content if part["type"] == "text"]
                messages.append(Message(_role(message["role"]), tuple(texts)))
                pictures += [
                    _below(path.parent, part["image"])
                    for part in content
                    if part["type"] == "image"
                ]
            yield TextSample(messages, pictures, line.get("meta", {}))


def write_llava(samples: Iterable[PlainSample], path: Path) -> int:
    """Raises: FormatError: a text with an image mark in it, which could not be told apart."""
    pictures = _pictures_beside(path)

    def line(sample: PlainSample) -> dict[str, Any]:
        images: list[str] = []
        turns = []
        for message in sample.messages:
            value = ""
            for part in message.parts:
                if isinstance(part, ImagePart):
                    images.append(_stored(part, pictures))
                    value += f"{_IMAGE_MARK}\n"
                elif _IMAGE_MARK in part.text:
                    raise FormatError(f"{_IMAGE_MARK} in a text; LLaVA's files cannot say that")
                else:
                    value += part.text
            turns.append({"from": _SPEAKERS[message.role], "value": value})
        name = "-".join(str(sample.meta.get(key, "")) for key in ("run", "episode", "step"))
        return {"id": name, "image": images, "conversations": turns, "meta": sample.meta}

    return _write_lines(map(line, samples), path)


def read_llava(path: Path) -> Iterator[PlainSample]:
    """Raises: FormatError: naming the line; also where marks and images are not as many."""
    for where, line in _lines(path):
        with _told_where(where):
            listed = line.get("image", [])
            images = [listed] if isinstance(listed, str) else list(listed)
            messages = []
            for turn in line["conversations"]:
                parts: list[Part] = []
                pieces = turn["value"].split(_IMAGE_MARK)
                for number, piece in enumerate(pieces):
                    if number:
                        parts.append(ImagePart(_opened(path.parent, images.pop(0))))
                        piece = piece.removeprefix("\n")
                    if piece:
                        parts.append(TextPart(piece))
                if turn["from"] not in _ROLES:
                    raise ValueError(f"a turn from {turn['from']!r}; expected {list(_ROLES)}")
                messages.append(Message(_ROLES[turn["from"]], tuple(parts)))
            if images:
                raise ValueError(f"{len(images)} images that no turn shows")
            yield PlainSample(messages, line.get("meta", {}))


_CONTENT = pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))
_SCHEMA = pa.schema(
    [
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", _CONTENT)]))),
        ("meta", pa.string()),
    ]
)
_FEATURES = {
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
    "messages": [
        {
            "role": {"dtype": "string", "_type": "Value"},
            "content": [
                {
                    "type": {"dtype": "string", "_type": "Value"},
                    "text": {"dtype": "string", "_type": "Value"},
                }
            ],
        }
    ],
    "meta": {"dtype": "string", "_type": "Value"},
}


def write_parquet(samples: Iterable[PlainSample], path: Path) -> int:
    """`datasets.load_dataset("parquet", data_files=...)` gives the images as images."""
    told = json.dumps({"info": {"features": _FEATURES}})
    schema = _SCHEMA.with_metadata({"huggingface": told})
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        for sample in samples:
            rows.append(_row(sample))
            count += 1
            if len(rows) == ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows = []
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return count


def read_parquet(path: Path) -> Iterator[PlainSample]:
    """Raises: FormatError: not such a file."""
    try:
        file = pq.ParquetFile(path)
        batches = file.iter_batches(ROWS_A_GROUP, columns=_SCHEMA.names)
        for batch in batches:
            for row in batch.to_pylist():
                pngs = [image["bytes"] for image in row["images"]]
                with _told_where(str(path)):
                    messages = _with_images(row["messages"], pngs)
                    yield PlainSample(messages, json.loads(row["meta"]))
    except (pa.ArrowException, KeyError) as error:
        raise FormatError(f"{path}: {error}") from error


def write_webdataset(
    samples: Iterable[PlainSample], folder: Path, *, shard_bytes: int = SHARD_BYTES
) -> int:
    """`folder/samples-000000.tar` and so on. The same samples give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    count = number = 0
    shard: tarfile.TarFile | None = None
    for sample in samples:
        row = _row(sample)
        if shard is not None and shard.offset >= shard_bytes:
            shard.close()
            shard, number = None, number + 1
        if shard is None:
            shard = tarfile.open(folder / f"samples-{number:06}.tar", "w")  # noqa: SIM115
        key = f"{count:09}"
        told = {"messages": row["messages"], "meta": sample.meta}
        _add(shard, f"{key}.json", json.dumps(told, ensure_ascii=False).encode())
        for place, image in enumerate(row["images"]):
            _add(shard, f"{key}.{place:02}.png", image["bytes"])
        count += 1
    if shard is not None:
        shard.close()
    return count


def read_webdataset(folder: Path) -> Iterator[PlainSample]:
    """Raises: FormatError: naming the shard."""
    for path in sorted(folder.glob("*.tar")):
        with _told_where(str(path)), tarfile.open(path) as shard:
            told: dict[str, Any] | None = None
            pngs: list[bytes] = []
            for member in shard:
                file = shard.extractfile(member)
                data = b"" if file is None else file.read()
                if member.name.endswith(".json"):
                    if told is not None:
                        yield PlainSample(_with_images(told["messages"], pngs), told["meta"])
                    told, pngs = json.loads(data), []
                else:
                    pngs.append(data)
            if told is not None:
                yield PlainSample(_with_images(told["messages"], pngs), told["meta"])


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    shard.addfile(entry, BytesIO(data))


def _row(sample: PlainSample) -> dict[str, Any]:
    """Images apart, in the order in which the messages show them."""
    images = []
    messages = []
    for message in sample.messages:
        content = []
        for part in message.parts:
            if isinstance(part, ImagePart):
                images.append({"bytes": _png(part.image), "path": None})
                content.append({"type": "image", "text": None})
            else:
                content.append({"type": "text", "text": part.text})
        messages.append({"role": message.role, "content": content})
    return {
        "images": images,
        "messages": messages,
        "meta": json.dumps(sample.meta, ensure_ascii=False),
    }


def _with_images(messages: list[dict[str, Any]], pngs: list[bytes]) -> list[Message]:
    left = iter(pngs)
    return [
        Message(
            _role(message["role"]),
            tuple(
                ImagePart(Image.open(BytesIO(next(left))).convert("RGB"))
                if content["type"] == "image"
                else TextPart(content["text"])
                for content in message["content"]
            ),
        )
        for message in messages
    ]


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _pictures_beside(path: Path) -> Path:
    pictures = path.parent / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    return pictures


def _stored(part: ImagePart, pictures: Path) -> str:
    return f"{pictures.name}/{store_picture(_png(part.image), pictures)}"


def _part(content: dict[str, Any], folder: Path) -> Part:
    if content["type"] == "image":
        return ImagePart(_opened(folder, content["image"]))
    return TextPart(content["text"])


def _opened(folder: Path, name: str) -> Image.Image:
    with Image.open(_below(folder, name)) as image:
        return image.convert("RGB")


def _below(folder: Path, name: str) -> Path:
    """In the folder only: a file of samples comes from anywhere."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"an image {name!r} outside {folder}")
    return path


def _role(name: str) -> Role:
    if name not in get_args(Role):
        raise ValueError(f"a role {name!r}; expected one of {', '.join(get_args(Role))}")
    return cast(Role, name)


def _write_lines(lines: Iterable[dict[str, Any]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            where = f"{path}:{number}"
            if text.strip():
                with _told_where(where):
                    line = json.loads(text)
                yield where, line


class _told_where:
    """What is wrong in a file, with the place."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        wrong = (KeyError, TypeError, ValueError, IndexError, StopIteration, RuntimeError, OSError)
        if isinstance(error, wrong):
            raise FormatError(f"{self._where}: {error!r}") from error
