"""Models on this machine: what is there, how large, and does it fit."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from ui.options import NANO_WEIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOnDisk:
    name: str
    """As `--model` takes it."""
    folder: Path
    num_bytes: int
    """Of the weights."""

    def fits(self, free_bytes: int) -> bool:
        """Does it go into that much memory, with room for pictures and a cache?"""
        return self.num_bytes * 1.15 + 2**30 < free_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A public model, and how to get it."""

    name: str
    what: str
    gigabytes: float
    command: str


DOWNLOADS = (
    Download(
        name="Kimi-VL-A3B-Thinking-2506",
        what="thinks before it acts; the newest",
        gigabytes=33.0,
        command="hf download moonshotai/Kimi-VL-A3B-Thinking-2506 --local-dir models/thinking",
    ),
    Download(
        name="Kimi-VL-A3B-Instruct",
        what="answers at once",
        gigabytes=33.0,
        command="hf download moonshotai/Kimi-VL-A3B-Instruct --local-dir models/instruct",
    ),
    Download(
        name="OpenCUA-A3B",
        what="trained to work desktops; --style opencua",
        gigabytes=33.0,
        command="hf download xlangai/OpenCUA-A3B --local-dir models/opencua",
    ),
)
SMALLER = (
    ("a server elsewhere", "vllm serve moonshotai/Kimi-VL-A3B-Instruct"),
    ("then", "python main.py --model http://HOST:8000/v1"),
    ("your own nano", "make nano"),
    ("fine-tuned on your runs", "python main.py sft --config stage.json --out checkpoints/mine"),
)


def models_below(folders: tuple[Path, ...]) -> list[ModelOnDisk]:
    """nano, and every folder of weights at most two folders below these."""
    found = [_model("nano", NANO_WEIGHTS)]
    for folder in folders:
        for config in sorted([*folder.glob("*/config.json"), *folder.glob("*/*/config.json")]):
            if any(config.parent.glob("*.safetensors")):
                found.append(_model(str(config.parent), config.parent))
    return found


def folder_of(name: str) -> Path:
    """The folder that `--model` names; whether there are weights in it is for others to see."""
    return NANO_WEIGHTS if name == "nano" else Path(name)


def free_memory() -> int:
    return int(psutil.virtual_memory().available)


def _model(name: str, folder: Path) -> ModelOnDisk:
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return ModelOnDisk(name=name, folder=folder, num_bytes=size)
