"""Where an evaluation's results are gathered, by several processes, through kills and new starts.

A task is worked on in a draft folder, under a lock that the kernel takes back
when its holder dies, and gets its place in OSWorld's layout by one rename: it
is there whole or not at all. What has its place and a score is never run again.

    <out>/config.json                                    what made these results
    <out>/pyautogui/screenshot/<model>/<domain>/<id>/    see `trajectories.osworld`; and
        episode.json                                     what a summary needs
        run-<ulid>/                                      our log
    <out>/planned.json                                  how many episodes there are to be
    <out>/drafts/                                        begun and not finished; may be deleted
    <out>/summary.json, <out>/summary/results.json       ours, and OSWorld's
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from trajectories.disk import RealDisk
from trajectories.durable import make_folders, write_whole
from trajectories.osworld import RESULT_NAME, model_folder, result_folder

RECORD = "episode.json"
PLANNED = "planned.json"
_NAME = re.compile(r"[\w][\w.-]{0,120}")


class TaskKey(NamedTuple):
    """What a result is filed under."""

    domain: str
    task: str
    attempt: int = 0
    """Later attempts are filed as other models: OSWorld's layout has one result a task."""


class Results:
    """Of one evaluation. Holds nothing open; any number of processes may have one."""

    def __init__(self, out: Path, model: str) -> None:
        """
        Args:
            model: names the folder.
        """
        self.out = out
        self.model = _plain_name(model)
        self._disk = RealDisk()

    def claim(self, config: Mapping[str, Any]) -> None:
        """Make the folder this evaluation's.

        Raises:
            ValueError: it holds another's results.
        """
        claim_folder(self.out, config)
        args = model_folder(self.out, self.model) / "args.json"
        make_folders(self._disk, args.parent, durable=False)
        self._write_json(
            args, {"action_space": "pyautogui", "observation_type": "screenshot"} | dict(config)
        )

    def folder(self, key: TaskKey) -> Path:
        """Where the result of a task is, or will be.

        Raises:
            ValueError: a name that cannot be one of a folder.
        """
        model = attempt_folder(self.model, key.attempt)
        return result_folder(self.out, model, _plain_name(key.domain), _plain_name(key.task))

    def is_finished(self, key: TaskKey) -> bool:
        folder = self.folder(key)
        return (folder / RESULT_NAME).is_file() and (folder / RECORD).is_file()

    def finished(self, keys: Sequence[TaskKey]) -> Iterator[bytes]:
        """The records of those that are."""
        for key in keys:
            if self.is_finished(key):
                yield (self.folder(key) / RECORD).read_bytes()

    @contextmanager
    def draft(self, key: TaskKey) -> Iterator[Path | None]:
        """An empty folder to work in, which nobody else has; `publish` gives it its place.

        None: the task is finished, or another process is at it.
        """
        place = self.out / "drafts" / self.folder(key).relative_to(self.out)
        place.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(place.with_name(f"{place.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            # Only now: it may have been finished while we waited for nothing.
            if self.is_finished(key):
                yield None
                return
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700)
            yield place
            shutil.rmtree(place, ignore_errors=True)
        finally:
            os.close(fd)

    def publish(self, key: TaskKey, draft: Path) -> Path:
        """Give a draft its place: durable, whole, in one step. Gives the place."""
        place = self.folder(key)
        make_folders(self._disk, place.parent, durable=True)
        _sync_all(self._disk, draft)
        if place.exists():
            # An earlier attempt that came to no score.
            stale = draft.with_name(f"{draft.name}.stale")
            shutil.rmtree(stale, ignore_errors=True)
            place.rename(stale)
            shutil.rmtree(stale)
        draft.rename(place)
        self._disk.sync_folder(place.parent)
        return place

    def discard(self, key: TaskKey) -> None:
        """As if the task had never been run."""
        shutil.rmtree(self.folder(key), ignore_errors=True)

    def write_summary(self, summary: Mapping[str, Any], entries: Sequence[Any]) -> Path:
        """
        Args:
            entries: of OSWorld's `results.json`.
        """
        make_folders(self._disk, self.out / "summary", durable=False)
        self._write_json(self.out / "summary" / "results.json", entries)
        path = self.out / "summary.json"
        self._write_json(path, summary)
        return path

    def _write_json(self, path: Path, value: Any) -> None:
        data = json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
        write_whole(self._disk, path, data, durable=False)


def attempt_folder(model: str, attempt: int) -> str:
    """What an attempt is filed under in a model's place."""
    return model if attempt == 0 else f"{model}-{attempt + 1}"


def claim_folder(out: Path, config: Mapping[str, Any]) -> None:
    """Make the folder one evaluation's.

    Raises:
        ValueError: it holds another's results.
    """
    path = out / "config.json"
    plain = json.loads(json.dumps(dict(config), default=str))
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    different = [name for name in plain if there.get(name) != plain[name]]
    if different:
        shown = ", ".join(f"{name} {there.get(name)!r}" for name in different)
        raise ValueError(f"{out} holds another evaluation's results ({shown}); name a new --out")


def plan(out: Path, num_episodes: int) -> None:
    """Tell who looks at the folder how many episodes there are to be, finished ones included."""
    data = json.dumps({"episodes": num_episodes}).encode() + b"\n"
    write_whole(RealDisk(), out / PLANNED, data, durable=False)


def _plain_name(name: str) -> str:
    """Names come from task files, and a folder's name must not lead out of its folder."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} cannot name a folder of results")
    return name


def _sync_all(disk: RealDisk, folder: Path) -> None:
    for path in folder.iterdir():
        # What is in the run folder its store has synced; pictures are links into it.
        if path.is_file() and path.suffix != ".png":
            with path.open("rb") as file:
                os.fsync(file.fileno())
    disk.sync_folder(folder)
