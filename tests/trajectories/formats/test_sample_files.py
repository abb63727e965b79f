import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agent.prompts import OPENCUA, render
from model.messages import ImagePart, Message, system, user
from tests.trajectories.conftest import MakeRun
from trajectories.errors import FormatError
from trajectories.export import samples
from trajectories.formats.llava import read_llava, write_llava
from trajectories.formats.sample_archives import (
    read_parquet,
    read_webdataset,
    write_parquet,
    write_webdataset,
)
from trajectories.formats.sample_files import PlainSample, plain, read_jsonl, write_jsonl
from trajectories.reading import read_run

Write = Callable[[Iterator[PlainSample], Path], int]
Read = Callable[[Path], Iterator[PlainSample]]
FORMATS: dict[str, tuple[Write, Read]] = {
    "jsonl": (write_jsonl, read_jsonl),
    "llava": (write_llava, read_llava),
    "parquet": (write_parquet, read_parquet),
    "webdataset": (partial(write_webdataset, shard_bytes=20_000), read_webdataset),
}


@pytest.fixture
def written(make_run: MakeRun) -> list[PlainSample]:
    """With three screenshots in a prompt."""
    run = read_run(make_run(style=OPENCUA))
    return list(map(plain, samples(run, partial(render, OPENCUA))))


def bytes_of(message: Message) -> list[object]:
    return [
        message.role,
        *(
            part.image.tobytes() if isinstance(part, ImagePart) else part.text
            for part in message.parts
        ),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_back_byte_for_byte(
    name: str, written: list[PlainSample], tmp_path: Path
) -> None:
    write, read = FORMATS[name]
    assert write(iter(written), tmp_path / "out") == len(written) == 7
    again = list(read(tmp_path / "out"))
    assert [list(map(bytes_of, sample.messages)) for sample in again] == [
        list(map(bytes_of, sample.messages)) for sample in written
    ]
    assert [sample.meta for sample in again] == [sample.meta for sample in written]
    assert (
        max(
            sum(
                isinstance(part, ImagePart) for message in sample.messages for part in message.parts
            )
            for sample in again
        )
        == 3
    )


def test_shards_are_cut_at_their_size_and_the_same_every_time(
    written: list[PlainSample], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_webdataset(iter(written), tmp_path / name, shard_bytes=20_000)
    shards = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(shards) > 1
    for shard in shards:
        assert (tmp_path / "one" / shard).read_bytes() == (tmp_path / "two" / shard).read_bytes()


def test_parquet_says_what_its_columns_are_to_hugging_face(
    written: list[PlainSample], tmp_path: Path
) -> None:
    write_parquet(iter(written), tmp_path / "a.parquet")
    told = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"huggingface"])
    assert told["info"]["features"]["images"]["feature"] == {"_type": "Image"}


def test_an_image_mark_in_a_text_is_refused_where_it_would_be_one(tmp_path: Path) -> None:
    sample = PlainSample([system("s"), user("Click <image>.")])
    with pytest.raises(FormatError, match="<image>"):
        write_llava(iter([sample]), tmp_path / "a.json")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"messages": [{"role": "king", "content": []}]}',
        '{"messages": [{"role": "user", "content": [{"type": "image", "image": "../a.png"}]}]}',
        '{"messages": [{"role": "user", "content": [{"type": "image", "image": "no.png"}]}]}',
    ],
)
def test_a_line_that_is_none_is_refused_by_its_number(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(FormatError, match=r"a\.jsonl:1"):
        list(read_jsonl(tmp_path / "a.jsonl"))
