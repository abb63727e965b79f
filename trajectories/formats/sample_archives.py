"""Training samples in files that hold their pictures: parquet and WebDataset shards.

parquet      a row a sample, readable as a Hugging Face dataset: `images` and `messages`
webdataset   <key>.json and <key>.<n>.png in tar files of limited size
"""

import json
import tarfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from model.messages import ImagePart, Message, TextPart
from trajectories.errors import FormatError
from trajectories.formats.sample_files import PlainSample, meta_of, role_named, told_where
from trajectories.pictures import opened, png_of

SHARD_BYTES = 512 * 2**20
ROWS_A_GROUP = 64

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
                with told_where(str(path)):
                    messages = _with_images(row["messages"], pngs)
                    yield PlainSample(messages, meta_of({"meta": json.loads(row["meta"])}))
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
    """Raises: FormatError: naming the shard; a compressed one too, whose size nothing limits."""
    for path in sorted(folder.glob("*.tar")):
        with told_where(str(path)), tarfile.open(path, "r:") as shard:
            told: dict[str, Any] | None = None
            pngs: list[bytes] = []
            for member in shard:
                file = shard.extractfile(member)
                data = b"" if file is None else file.read()
                if member.name.endswith(".json"):
                    if told is not None:
                        yield PlainSample(_with_images(told["messages"], pngs), meta_of(told))
                    told, pngs = json.loads(data), []
                else:
                    pngs.append(data)
            if told is not None:
                yield PlainSample(_with_images(told["messages"], pngs), meta_of(told))


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
                images.append({"bytes": png_of(part.image), "path": None})
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
            role_named(message["role"]),
            tuple(
                ImagePart(opened(next(left)))
                if content["type"] == "image"
                else TextPart(content["text"])
                for content in message["content"]
            ),
        )
        for message in messages
    ]
