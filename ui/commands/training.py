"""`main.py pretrain` and `sft`: training, watched and stopped in good order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console

from agent.demonstrations import demonstrations, exported_demonstrations
from agent.prompts import NANO
from env.miniwob.specimen import WORDS
from model.train.samples import Demonstration, Setting, Watch
from ui.interrupt import StopOnInterrupt
from ui.options import Pretrain, Sft
from ui.training_bar import TrainingBar

EXPORTED_NAME = "train.jsonl"
_DONE = 0

Say = Callable[[str], None]


class Trainers(Protocol):
    """`model.train.kit`, which brings torch."""

    def pretrain(self, recipe: Path, data: Path, out: Path, setting: Setting) -> Path: ...
    def sft(self, config: Path, init: str, data: Path, out: Path, setting: Setting) -> Path: ...


OpenTrainers = Callable[[], Trainers]


def pretrain(options: Pretrain, *, say: Say, console: Console, open_trainers: OpenTrainers) -> int:
    with _setting(options.threads, say, console) as setting:
        made = open_trainers().pretrain(options.recipe, options.data, options.out, setting)
    say(f"checkpoint: {made}")
    return _DONE


def sft(options: Sft, *, say: Say, console: Console, open_trainers: OpenTrainers) -> int:
    with _setting(options.threads, say, console) as setting:
        made = open_trainers().sft(options.config, options.init, options.data, options.out, setting)
    say(f"checkpoint: {made}")
    return _DONE


@contextmanager
def _setting(threads: int, say: Say, console: Console) -> Iterator[Setting]:
    """Ctrl-C ends the step, saves, and leaves; the same command goes on from there."""
    with StopOnInterrupt() as control, TrainingBar(console) as bar:
        yield Setting(
            demonstrations=demonstrations_in,
            words=tuple(WORDS),
            say=say,
            watch=Watch(threads=threads, on_step=bar, stop=lambda: control.stopped is not None),
        )


def demonstrations_in(data: Path) -> list[Demonstration]:
    """Of an export (`main.py export --format sft`), or of the runs themselves."""
    if (data / EXPORTED_NAME).exists():
        return list(exported_demonstrations(data / EXPORTED_NAME))
    return list(demonstrations(data / "runs", NANO))
