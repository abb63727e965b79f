"""Where weights are: a folder by its name, and which weights those are."""

import hashlib
from pathlib import Path

from model.errors import CheckpointError

NANO_WEIGHTS = Path(__file__).parent / "weights" / "nano"
"""The small network that comes with Moonhand."""


def weights_folder(name: str) -> Path:
    """The folder a `--model` names ("nano" or a path), found before anything starts.

    Raises:
        CheckpointError: there is no checkpoint in it.
    """
    path = NANO_WEIGHTS if name == "nano" else Path(name)
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"no weights in {path}: no config.json; expected a folder with config.json and"
            " *.safetensors, or make the small network with `make nano`"
        )
    return path


def weights_digest(name: str) -> str:
    """The first 16 characters of the SHA-256 of a folder's tensors."""
    digest = hashlib.sha256()
    for path in sorted(weights_folder(name).glob("*.safetensors")):
        with path.open("rb") as file:
            while piece := file.read(1 << 24):
                digest.update(piece)
    return digest.hexdigest()[:16]
