"""`main.py import`: other people's files into a run of our own."""

import json
from collections.abc import Callable, Iterable, Iterator

from agent.demonstrate import drafts_of, keep
from agent.imports import import_demos
from trajectories.demo import Demo
from trajectories.errors import FormatError
from trajectories.formats.agentnet import read_agentnet
from trajectories.formats.llava import read_llava
from trajectories.formats.opencua_folder import read_raw, recording_settings, task_of
from trajectories.formats.opencua_raw import extract
from trajectories.formats.opencua_standard import read_standardized, standardized
from trajectories.formats.osworld_results import read_osworld
from trajectories.formats.sample_archives import read_parquet, read_webdataset
from trajectories.formats.sample_demos import demos_of_samples
from trajectories.formats.sample_files import PlainSample, read_jsonl
from trajectories.recording import read_recording
from trajectories.store import RunStore
from ui.options import Import

Say = Callable[[str], None]
DONE, FAILED = 0, 1

_SUFFIXES = {"sft": ".jsonl", "llava": ".json", "parquet": ".parquet"}
_READERS = {"sft": read_jsonl, "llava": read_llava, "parquet": read_parquet}


def import_files(options: Import, say: Say) -> int:
    if options.format == "opencua-recording":
        return _import_recording(options, say)
    demos = _demos(options)
    with RunStore.create(
        options.out, policy="imported", settings={"from": options.format}
    ) as store:
        imported = import_demos(demos, store)
    for reason in imported.left_out:
        say(f"left out {reason}")
    say(f"{imported.num_episodes} episodes, {imported.num_steps} steps")
    say(f"run folder: {store.folder}")
    return DONE if imported.num_episodes else FAILED


def _demos(options: Import) -> Iterable[Demo]:
    if not options.path.exists():
        raise FormatError(f"{options.path} is not there")
    match options.format:
        case "agentnet":
            return read_agentnet(options.path)
        case "opencua":
            return read_standardized(options.path)
        case "opencua-raw":
            return _from_raw(options)
        case "osworld":
            return read_osworld(options.path, options.tasks)
        case "sft" | "llava" | "parquet" | "webdataset":
            return demos_of_samples(_samples(options), options.path.stem)
        case other:
            raise ValueError(f"{other} is read another way")


def _import_recording(options: Import, say: Say) -> int:
    """By our rules, which keep what theirs lose: a recording, and the demonstration in it."""
    settings = recording_settings(options.path)
    with RunStore.create(
        options.out, policy="imported", settings=settings, kind="recording"
    ) as raw:
        read_raw(options.path, raw)
    recording = read_recording(raw.folder)
    drafts = drafts_of(recording)
    with RunStore.create(
        options.out, policy="imported", settings={"from": options.format}
    ) as store:
        learned = keep(recording, drafts, store, instruction=task_of(options.path), success=True)
    say(f"recording: {raw.folder}")
    say(f"1 episodes, {len(drafts)} steps, {learned} to learn from")
    say(f"run folder: {store.folder}")
    return DONE if drafts else FAILED


def _samples(options: Import) -> Iterator[PlainSample]:
    """Of a file, or of every split in a folder as `main.py export` leaves it."""
    path = options.path
    if options.format == "webdataset":
        folders = sorted({shard.parent for shard in path.glob("**/*.tar")})
        if not folders:
            raise FormatError(f"no *.tar in {path}")
        for folder in folders:
            yield from read_webdataset(folder)
        return
    suffix = _SUFFIXES[options.format]
    files = [path] if path.is_file() else sorted(path.glob(f"*{suffix}"))
    # The card of an export is no sample.
    files = [file for file in files if file.name != "card.json"]
    if not files:
        raise FormatError(f"no *{suffix} in {path}")
    for file in files:
        yield from _READERS[options.format](file)


def _from_raw(options: Import) -> Iterator[Demo]:
    """By way of their standardized form, which stays beside the run for whoever wants it."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.path.resolve().name}.standardized.json"
    told = standardized(extract(options.path))
    path.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_standardized(path)
