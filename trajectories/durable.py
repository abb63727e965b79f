"""Files and folders that are there whole or not at all, also after a power cut.

The order is what counts: the bytes are synced before they get their name, the
name is synced before anybody is told.
"""

from contextlib import suppress
from pathlib import Path

from trajectories.disk import Disk

DRAFT = ".tmp"
"""Ends the name of a file that is not whole yet; left behind by a crash, removed at leisure."""


def make_folders(disk: Disk, path: Path, *, durable: bool) -> None:
    """The folder and what is missing above it; nothing happens if it is there."""
    if not disk.exists(path):
        make_folders(disk, path.parent, durable=durable)
        with suppress(FileExistsError):
            disk.make_folder(path)
    if durable:
        # Also if it is there: who made it may have died before its name was on disk.
        disk.sync_folder(path.parent)


def write_whole(disk: Disk, path: Path, data: bytes, *, durable: bool) -> None:
    """The file appears complete under its name or not at all, in place of an older one.

    Args:
        durable: it survives a power cut when this returns.

    Raises:
        OSError: the disk's; the draft is removed if the disk still lets us.
    """
    draft = path.with_name(f"{path.name}{DRAFT}")
    if disk.exists(draft):
        disk.remove(draft)
    file = disk.open_append(draft)
    try:
        file.append(data)
        if durable:
            file.sync()
        file.close()
        disk.rename(draft, path)
    except OSError:
        file.close()
        _forget(disk, draft)
        raise
    if durable:
        disk.sync_folder(path.parent)


def remove_drafts(disk: Disk, folder: Path) -> int:
    """Files a crash left half written in a folder. Gives how many there were."""
    drafts = [name for name in disk.names(folder) if name.endswith(DRAFT)]
    for name in drafts:
        disk.remove(folder / name)
    return len(drafts)


def _forget(disk: Disk, draft: Path) -> None:
    with suppress(OSError):
        disk.remove(draft)
