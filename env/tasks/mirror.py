"""Where the files of OSWorld's hub lie on this machine.

Two layouts are read, whichever has the file: the hub's own tree (what follows
`resolve/main/` in the address), and OSWorld's cache, as its users already have
it: `<task>/<uuid5 of the address>_<name>` for what is put on the machine,
`<task>/<dest>` for what answers are compared with. Nothing is fetched here: see `env.tasks.hub`.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from env.tasks.errors import MissingFile

_TREE_STARTS = "/resolve/main/"


@dataclass(frozen=True, slots=True)
class Mirror:
    root: Path | None = None
    """None: there is none, and every file is missing."""

    def find(self, url: str, task_id: str, name: str) -> Path:
        """The file of an address.

        Args:
            name: what the task calls it: its path on the machine, or its `dest`.

        Raises:
            MissingFile: neither layout has it; or there is no mirror.
        """
        if self.root is not None:
            for candidate in self._candidates(url, task_id, name):
                # A task file is not trusted, and `dest` is a path of its choosing. Links are the
                # user's own: the hub's own cache is made of them.
                inside = ".." not in PurePosixPath(candidate).parts
                if inside and (path := self.root / candidate).is_file():
                    return path
        where = f"not in {self.root}" if self.root is not None else "no --mirror was given"
        raise MissingFile(f"needs the file {tree_name(url)}: {where}")

    def _candidates(self, url: str, task_id: str, name: str) -> Iterator[str]:
        base = PurePosixPath(name.replace("\\", "/")).name
        yield tree_name(url)
        for folder in (task_id, f"cache/{task_id}"):
            yield f"{folder}/{cache_name(url, base)}"
            yield f"{folder}/{name.lstrip('/')}"


def tree_name(url: str) -> str:
    """What an address is called in the hub's tree; other addresses: host and path."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    _, found, rest = path.partition(_TREE_STARTS)
    return rest if found else f"{parts.netloc}{path}"


def cache_name(url: str, base: str) -> str:
    """What OSWorld's set-up calls a downloaded file in a task's cache folder."""
    return f"{uuid.uuid5(uuid.NAMESPACE_URL, url)}_{base}"
