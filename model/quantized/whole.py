"""Is a folder that `quantize` made still what was written?

Sizes are looked at whenever one is opened, which costs nothing; that every byte is the same tells
`main.py doctor --model FOLDER`, by the digests in the folder's own report.
"""

from pathlib import Path

from model.config import read_json
from model.errors import CheckpointError
from model.quantized.plan import REPORT


def refuse_changed(folder: Path) -> None:
    """Files that are longer or shorter than `quantize` left them; a folder that lost its report is
    taken at its headers' word.

    Raises:
        CheckpointError: which file, how long it is and was.
    """
    path = folder / REPORT
    if not path.is_file():
        return
    parts = read_json(path).get("parts")
    if not isinstance(parts, dict):
        raise CheckpointError(f"{path} has no usable parts")
    for entry in parts.values():
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            raise CheckpointError(f"{path} has no usable parts")
        # A name only: the report is a file like others, and may name what is not in the folder.
        part = folder / Path(entry["file"]).name
        if part.is_file() and part.stat().st_size != entry.get("bytes"):
            raise CheckpointError(
                f"{part} has {part.stat().st_size} bytes; quantize wrote {entry.get('bytes')}."
                " It was changed since: make the folder again"
            )
