"""Files: off the machine, from the mirror, from the task's own folder."""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from env.tasks.errors import TaskRefused, Unscored
from env.tasks.machine import Bench

_TIME_FORMAT = "%Y%m%d_%H%M%S"
Found = str | None | list[str | None]
"""Paths of ours, as text: metrics, like OSWorld's, take paths. None: it is not there."""


def vm_file(bench: Bench, parameters: Mapping[str, Any]) -> Found:
    """Files of the machine, fetched; those that `gives` names go on to the metric."""
    paths, names = _pairs(parameters)
    if parameters.get("time_suffix", False) and not parameters.get("multi", False):
        now = datetime.now().strftime(parameters.get("time_format", _TIME_FORMAT))
        names = [f"{Path(name).with_suffix('')}_{now}{Path(name).suffix}" for name in names]
    return _given(
        parameters, [fetched(bench, path, name) for path, name in zip(paths, names, strict=True)]
    )


def cloud_file(bench: Bench, parameters: Mapping[str, Any]) -> Found:
    """What the result is compared with, from the mirror.

    Raises:
        MissingFile: it is not there.
    """
    found: list[str | None] = []
    for url, name in zip(*_pairs(parameters), strict=True):
        target = bench.file(name)
        if not target.exists():
            # Under the task's name for it: metrics look at endings, and at neighbours by name.
            target.write_bytes(bench.mirror.find(url, bench.task_id, name).read_bytes())
        found.append(str(target))
    return _given(parameters, found)


def cache_file(bench: Bench, parameters: Mapping[str, Any]) -> str:
    """What a step's `stdout` was kept under."""
    path = bench.file(parameters["path"])
    if not path.exists():
        raise FileNotFoundError(path.name)
    return str(path)


def content_from_vm_file(bench: Bench, parameters: Mapping[str, Any]) -> list[str] | None:
    """The last row of a spreadsheet, as texts."""
    if (parameters["file_type"], parameters["file_content"]) != ("xlsx", "last_row"):
        raise TaskRefused(f"content_from_vm_file: cannot read {dict(parameters)}")
    import pandas

    path = fetched(bench, parameters["path"], Path(parameters["path"]).name)
    if path is None:
        return None
    return [
        str(value)
        for value in pandas.read_excel(BytesIO(Path(path).read_bytes())).iloc[-1].astype(str)
    ]


def list_directory(bench: Bench, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A folder of the machine as OSWorld's server tells it: names, kinds, children."""
    root = parameters["path"]
    ran = bench.machine.run(("find", root, "-printf", r"%y\t%P\0"))
    if ran.returncode != 0:
        raise FileNotFoundError(root)
    tree: dict[str, Any] = {"type": "directory", "name": Path(root).name, "children": []}
    folders = {"": tree}
    for entry in filter(None, ran.output.split("\0")):
        kind, _, path = entry.partition("\t")
        if not path:
            continue
        parent, _, name = path.rpartition("/")
        node: dict[str, Any] = {"type": "directory" if kind == "d" else "file", "name": name}
        if kind == "d":
            node["children"] = []
            folders[path] = node
        folders[parent]["children"].append(node)
    return tree


def vm_wallpaper(bench: Bench, parameters: Mapping[str, Any]) -> str | None:
    """The picture behind everything, as GNOME's settings name it."""
    key = ("org.gnome.desktop.background", "picture-uri")
    try:
        ran = bench.machine.run(("gsettings", "get", *key))
    except OSError as error:
        raise Unscored(f"needs GNOME's settings: {error}") from error
    path = ran.output.strip().strip("'").removeprefix("file://")
    return fetched(bench, path, parameters["dest"]) if path else None


def fetched(bench: Bench, path: str, name: str) -> str | None:
    """Take a file off the machine; None: it is not there, or is no file."""
    home = bench.machine.home
    try:
        content = bench.machine.get_file(home + path[1:] if path.startswith("~/") else path)
    except OSError:
        return None
    target = bench.file(name)
    target.write_bytes(content)
    return str(target)


def _pairs(parameters: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    paths, names = parameters["path"], parameters["dest"]
    if not parameters.get("multi", False):
        paths, names = [paths], [names]
    if not isinstance(paths, list) or not isinstance(names, list) or len(paths) != len(names):
        raise TaskRefused(f"path and dest do not fit each other: {paths!r:.80}, {names!r:.80}")
    return paths, names


def _given(parameters: Mapping[str, Any], found: list[str | None]) -> Found:
    gives = set(parameters.get("gives", [0]))
    chosen = [one for place, one in enumerate(found) if place in gives]
    return chosen[0] if len(chosen) == 1 else chosen
