"""The commands that train; `pretrain` and `sft` are watched and stopped in good order."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from agent.collect import OpenPolicy
from agent.demonstrations import demonstrations, exported_demonstrations
from agent.long_thoughts import long_thoughts
from agent.prompts import NANO, PromptStyle, style_named
from env.miniwob.specimen import WORDS
from model.train.samples import Demonstration, OnStep, Setting, Watch
from ui.arguments import Command
from ui.commands.ablation import Ablate, ablate
from ui.commands.improvement import Improve, improve
from ui.commands.kit import OpenKit
from ui.commands.practice import Rl, rl
from ui.interrupt import StopOnInterrupt
from ui.options import Pretrain, Sft
from ui.training_bar import TrainingBar
from ui.training_page import write_training_page

EXPORTED_NAME = "train.jsonl"
_DONE = 0

Say = Callable[[str], None]


def training_commands(
    say: Say, console: Console, open_policy: OpenPolicy, open_kit: OpenKit
) -> dict[str, Command]:
    """By name, as `main.py` lists its commands."""
    return {
        "pretrain": Command(
            Pretrain, partial(pretrain, say=say, console=console, open_kit=open_kit)
        ),
        "sft": Command(Sft, partial(sft, say=say, console=console, open_kit=open_kit)),
        "improve": Command(
            Improve,
            partial(improved, say=say, console=console, open_policy=open_policy, open_kit=open_kit),
        ),
        "ablate": Command(
            Ablate,
            partial(ablated, say=say, console=console, open_policy=open_policy, open_kit=open_kit),
        ),
        "rl": Command(Rl, partial(rl, say=say, open_policy=open_policy, open_kit=open_kit)),
    }


def pretrain(options: Pretrain, *, say: Say, console: Console, open_kit: OpenKit) -> int:
    with _setting(options.threads, say, console, _board(options), options.readers) as setting:
        try:
            made = open_kit().pretrain(options.recipe, options.data, options.out, setting)
        finally:
            _show(options.out, say)
    say(f"checkpoint: {made}")
    return _DONE


def sft(options: Sft, *, say: Say, console: Console, open_kit: OpenKit) -> int:
    style, board = style_named(options.style), _board(options)
    with _setting(options.threads, say, console, board, options.readers, style) as setting:
        try:
            made = open_kit().sft(options.config, options.init, options.data, options.out, setting)
        finally:
            _show(options.out, say)
    say(f"checkpoint: {made}")
    return _DONE


def improved(
    options: Improve, *, say: Say, console: Console, open_policy: OpenPolicy, open_kit: OpenKit
) -> int:
    with _setting(1, say, console) as setting:
        return improve(
            options, say=say, setting=setting, open_policy=open_policy, open_kit=open_kit
        )


def ablated(
    options: Ablate, *, say: Say, console: Console, open_policy: OpenPolicy, open_kit: OpenKit
) -> int:
    with _setting(1, say, console) as setting:
        return ablate(options, say=say, setting=setting, open_policy=open_policy, open_kit=open_kit)


@contextmanager
def _setting(
    threads: int,
    say: Say,
    console: Console,
    board: Path | None = None,
    readers: int = 0,
    style: PromptStyle = NANO,
) -> Iterator[Setting]:
    """Ctrl-C ends the step, saves, and leaves; the same command goes on from there.

    Args:
        board: where TensorBoard's files go; None: nowhere.
        readers: processes that draw batches ahead.
    """
    with (
        StopOnInterrupt(about="training") as control,
        TrainingBar(console) as bar,
        ExitStack() as stack,
    ):
        watchers: list[OnStep] = [bar]
        if board is not None:
            from ui.tensorboard import TensorBoard

            watchers.append(stack.enter_context(TensorBoard(board)))

        def on_step(stage: str, num_steps: int, row: dict[str, float]) -> None:
            for watcher in watchers:
                watcher(stage, num_steps, row)

        yield Setting(
            demonstrations=partial(demonstrations_in, style=style),
            thoughts=partial(thoughts_in, style=style),
            words=tuple(WORDS),
            say=say,
            watch=Watch(
                threads=threads,
                readers=readers,
                on_step=on_step,
                stop=lambda: control.stopped is not None,
            ),
        )


def _board(options: Pretrain | Sft) -> Path | None:
    return options.out / "tensorboard" if options.tensorboard else None


def _show(out: Path, say: Say) -> None:
    page = write_training_page(out)
    if page is not None:
        say(f"curves: {page}")


def demonstrations_in(data: Path, *, style: PromptStyle) -> list[Demonstration]:
    """Of an export (`main.py export --format sft`), or of the runs themselves."""
    if (data / EXPORTED_NAME).exists():
        return list(exported_demonstrations(data / EXPORTED_NAME))
    return list(demonstrations(data / "runs", style))


def thoughts_in(data: Path, *, style: PromptStyle) -> list[Demonstration]:
    """Written out for the experts' steps, and the policy's own where they led to success."""
    found = list(long_thoughts(data / "runs", style))
    if (data / "rollouts").exists():
        found += demonstrations(data / "rollouts", style)
    return found
