"""Files of tasks, fetched into the mirror at the user's word and from the hosts the user names.

A task file is anybody's, and so are its addresses: none is asked that lies elsewhere, nothing is
written outside the mirror, and a file is there whole or not at all.
"""

import logging
import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2

from env.tasks.errors import MissingFile
from env.tasks.mirror import Mirror, tree_name
from env.tasks.needs import files
from env.tasks.task import Task

log = logging.getLogger(__name__)

MOST_BYTES = 2**30
"""Of one file; the largest of OSWorld's hub has a tenth of that."""
TRIES = 3
_SECONDS = 60.0
"""Without a byte."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Fetched(NamedTuple):
    url: str
    trouble: str = ""
    """Why it is not there; empty: it is."""


def fetch_missing(tasks: Sequence[Task], root: Path, hosts: Collection[str]) -> Iterator[Fetched]:
    """Fetch what tasks need and `root` does not have, in the hub's own tree.

    Args:
        hosts: "huggingface.co", "127.0.0.1:8000"; where they send us on is theirs to say.
    """
    mirror = Mirror(root)
    asked: set[str] = set()
    timeout = httpx2.Timeout(_SECONDS)
    with httpx2.Client(follow_redirects=True, max_redirects=5, timeout=timeout) as client:
        for task in tasks:
            for url, name in files(task):
                if url in asked or _is_there(mirror, url, task.id, name):
                    continue
                asked.add(url)
                yield _fetched(client, url, root, hosts)


def _is_there(mirror: Mirror, url: str, task_id: str, name: str) -> bool:
    try:
        mirror.find(url, task_id, name)
    except MissingFile:
        return False
    return True


def _fetched(client: httpx2.Client, url: str, root: Path, hosts: Collection[str]) -> Fetched:
    parts = urlsplit(url)
    inside = PurePosixPath(tree_name(url))
    if parts.netloc not in hosts:
        return Fetched(url, f"{parts.netloc or 'no host'} was not named")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        return Fetched(url, "not https")
    if inside.is_absolute() or ".." in inside.parts:
        return Fetched(url, "leads out of the mirror")
    trouble = ""
    for _ in range(TRIES):
        try:
            _into(client, url, root / inside)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            trouble = f"{type(error).__name__}: {error}"
            log.info("%s: %s", url, trouble)
            continue
        return Fetched(url)
    return Fetched(url, trouble)


def _into(client: httpx2.Client, url: str, target: Path) -> None:
    """By one rename: a kill, or another process at it, leaves no half of a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as file, client.stream("GET", url) as response:
            response.raise_for_status()
            for piece in response.iter_bytes():
                if file.tell() + len(piece) > MOST_BYTES:
                    raise ValueError(f"over {MOST_BYTES} bytes")
                file.write(piece)
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)
