"""`main.py quantize`: weights in 4 or 8 bits, and how far they are from what they were made of."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from rich.console import Console
from rich.table import Table

from agent.demonstrations import demonstrations
from agent.prompts import NANO
from model.train.samples import Conversation
from ui.arguments import POSITIONAL
from ui.tables import progress

_DONE = 0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantize:
    """Make weights in 4 or 8 bits of a folder in bfloat16; goes on where it was broken off."""

    source: Annotated[
        Path, "folder with config.json and *.safetensors; nano: the small network", POSITIONAL
    ]
    out: Annotated[Path, "folder to write; then a model like any other", POSITIONAL]
    bits: Annotated[int, "a weight: 4 (16.4 billion weights in 10 GB) or 8 (18 GB)"] = 4
    vision: Annotated[int, "bits of the vision tower's weights: 16 (as they are) or 8"] = 16
    calibrate: Annotated[
        tuple[Path, ...], "a folder of your own runs: what their steps are made of weighs more"
    ] = ()
    steps: Annotated[int, "of these runs that are looked at, at most, spread over all"] = 32
    threads: Annotated[int, "to compute with"] = 2

    def __post_init__(self) -> None:
        if self.bits not in (4, 8):
            raise ValueError(f"--bits {self.bits}; expected 4 or 8")
        if self.vision not in (8, 16):
            raise ValueError(f"--vision {self.vision}; expected 8 or 16")
        if self.steps < 1 or self.threads < 1:
            raise ValueError(f"--steps {self.steps}, --threads {self.threads}; expected 1 or more")


class Convert(Protocol):
    """`model.quantized.kit.convert` fits."""

    def __call__(
        self,
        source: str,
        out: Path,
        *,
        bits: int,
        vision_bits: int,
        threads: int,
        steps: Sequence[Conversation],
        on_progress: Callable[[int, int], None] | None,
    ) -> Any: ...


def quantize(
    options: Quantize, *, console: Console, say: Say, open_converter: Callable[[], Convert]
) -> int:
    steps = _steps(options.calibrate, options.steps) if options.calibrate else []
    with progress(console) as bar:
        line = bar.add_task("millions of weights", total=None)

        def tell(done: int, all_of_them: int) -> None:
            bar.update(line, completed=done // 1_000_000, total=all_of_them // 1_000_000)

        report = open_converter()(
            str(options.source),
            options.out,
            bits=options.bits,
            vision_bits=options.vision,
            threads=options.threads,
            steps=steps,
            on_progress=tell,
        )
    console.print(_table(report.errors))
    if report.num_done_before:
        say(f"{report.num_done_before} parts were there from before")
    say(f"{report.num_bytes / 1e9:.2f} GB in {options.out}; by layer in quantization.json there")
    return _DONE


def _steps(runs: Sequence[Path], most: int) -> list[Conversation]:
    found = [step.conversation for root in runs for step in demonstrations(root, NANO)]
    if not found:
        raise ValueError(f"no steps to learn from in {[*map(str, runs)]}; expected some")
    return found[:: -(-len(found) // most)]


def _table(errors: dict[str, dict[str, Any]]) -> Table:
    """A row each kind of matrix: the relative error, over the layers that have it."""
    by_kind: defaultdict[str, list[Any]] = defaultdict(list)
    for part in errors.values():
        for kind, error in part.items():
            by_kind[kind].append(error)
    table = Table(title="error, relative to the weights")
    for name in ("matrix", "bits", "layers", "mean", "worst"):
        table.add_column(name, justify="left" if name == "matrix" else "right")
    for kind, found in by_kind.items():
        relative = [error.relative for error in found]
        mean = sum(relative) / len(relative)
        table.add_row(
            *(kind, str(found[0].bits), str(len(found)), f"{mean:.2%}", f"{max(relative):.2%}")
        )
    return table
