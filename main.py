"""Moonhand's commands, one subcommand each. The only place that names concrete classes.

Exit codes: 0 done, 1 failed, 2 refused or misconfigured.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console

from agent.collect import CollectConfig, OpenCollector
from agent.demonstrations import demonstrations, texts_by_task
from agent.errors import AgentError
from agent.evaluate import EvalConfig, OpenEvaluator, claim_folder, finished
from agent.events import Ending, both
from agent.loop import Loop, LoopConfig
from agent.miniwob import (
    DEMO_TASKS,
    MiniWob,
    evaluation_jobs,
    loop_config,
    tasks_named,
    training_jobs,
)
from agent.policy import Policy
from agent.prompts import NANO, render, style_named
from agent.specimens import label_specimens
from agent.summary import summarise, write_summary
from agent.workers import run_jobs, share_cores
from env.backends import open_desktop
from env.errors import EnvError
from env.headed import HeadedBrowser, showing
from env.miniwob.page import TASK_SIZE, MiniWobPage
from env.miniwob.specimen import WORDS
from env.viewport import Viewport
from env.virtual import VirtualDesktop
from model.errors import ModelError
from model.shelf import weights_digest, weights_folder
from trajectories.errors import TrajectoryError
from trajectories.export import samples
from trajectories.jsonl import write_jsonl
from trajectories.reading import read_run
from trajectories.replay import write_replay
from trajectories.store import RunStore, find_runs
from ui.arguments import POSITIONAL, Command, parse_arguments
from ui.interrupt import StopOnInterrupt
from ui.lines import LiveLines
from ui.snapshot import once_seen
from ui.tables import progress, results_table, summary_line, summary_table

if TYPE_CHECKING:
    from model.train.stages import Stage
    from model.train.trainer import Source

DONE, FAILED, REFUSED = 0, 1, 2
RECIPES = Path(__file__).parent / "model" / "train" / "recipes"

console = Console()
complaints = Console(stderr=True)


def open_policy(name: str) -> Policy:
    """The network of a folder; "nano" is the one shipped.

    Raises:
        ModelError: no checkpoint there, or one that does not fit.
    """
    from model.chat import ChatModel

    return ChatModel.from_pretrained(weights_folder(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Expert demonstrations, or a learner's episodes with the expert's advice, as run folders."""

    out: Annotated[Path, "folder for the run folders"]
    tasks: Annotated[str, "pix2act59, all, experts, or names with commas"] = "experts"
    episodes: Annotated[int, "episodes a task"] = 10
    seed: Annotated[int, "first seed; below 1,000,000"] = 0
    workers: Annotated[int, "processes"] = 1
    noise: Annotated[float, "share of the expert's steps that are spoilt"] = 0.0
    model: Annotated[str, "who acts: expert, nano or a folder of weights"] = "expert"
    reload: Annotated[bool, "load the page anew for every episode"] = False


def collect(options: Collect) -> int:
    config = CollectConfig(
        out=options.out, model=options.model, noise=options.noise, reload=options.reload
    )
    jobs = training_jobs(tasks_named(options.tasks), options.episodes, options.seed)
    results = []
    with progress(console) as bar:
        line = bar.add_task("episodes", total=len(jobs))
        for result in run_jobs(jobs, OpenCollector(config, open_policy), options.workers):
            results.append(result)
            bar.advance(line)
    scored = [result for result in results if result.score is not None]
    won = sum(1 for result in scored if result.score is not None and result.score > 0)
    steps = sum(result.num_steps for result in results)
    say(f"{len(results)} episodes, {won} successful, {steps} steps, in {options.out}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Eval:
    """Run tasks on unseen seeds and write what came out, as numbers that compare."""

    suite: Annotated[str, "miniwob", POSITIONAL]
    out: Annotated[Path, "folder for results; finished episodes in it are not run again"]
    model: Annotated[str, "nano, a folder of weights, or expert"] = "nano"
    tasks: Annotated[str, "pix2act59, all, experts, or names with commas"] = "pix2act59"
    episodes: Annotated[int, "unseen seeds a task"] = 20
    seed: Annotated[int, "round: its seeds start at 10,000,000 + 1000 times this"] = 0
    workers: Annotated[int, "processes, each with a browser and a model"] = 1
    blind: Annotated[bool, "feed black pictures: what is left is not reading"] = False
    max_steps: Annotated[int, "steps an episode"] = 30


def evaluate(options: Eval) -> int:
    if options.suite != "miniwob":
        raise ValueError(f"no suite named {options.suite!r}; expected miniwob")
    config = EvalConfig(
        model=options.model,
        weights="" if options.model == "expert" else weights_digest(options.model),
        seed=options.seed,
        blind=options.blind,
        max_steps=options.max_steps,
    )
    jobs = evaluation_jobs(tasks_named(options.tasks), options.episodes, options.seed)
    claim_folder(options.out, config)
    records = finished(options.out, config, jobs)
    done = {(record.task, record.seed) for record in records}
    todo = [job for job in jobs if job not in done]
    share_cores(options.workers)
    with progress(console) as bar:
        line = bar.add_task("episodes", total=len(jobs), completed=len(records))
        opener = OpenEvaluator(config, options.out, open_policy)
        for record in run_jobs(todo, opener, options.workers):
            records.append(record)
            write_summary(options.out, summarise(config, records))
            won = sum(record.success for record in records) / len(records)
            bar.update(line, advance=1, description=f"episodes ({won:.0%} won)")
    summary = summarise(config, records)
    path = write_summary(options.out, summary)
    console.print(summary_table(summary))
    say(summary_line(summary))
    say(f"written to {path}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Watch the agent do tasks it has never seen, in a browser window on a virtual desktop."""

    model: Annotated[str, "nano, a folder of weights, or expert"] = "nano"
    tasks: Annotated[str, "names with commas; one unseen episode each"] = ",".join(DEMO_TASKS)
    seed: Annotated[int, "which unseen episodes: a round of its own"] = 900
    out: Annotated[Path, "folder for the run folder"] = Path("runs")


def demo(options: Demo) -> int:
    policy = None if options.model == "expert" else open_policy(options.model)
    jobs = evaluation_jobs(tasks_named(options.tasks), 1, options.seed)
    results = []
    with (
        VirtualDesktop() as desktop,
        HeadedBrowser(desktop) as browser,
        RunStore.create(options.out, policy=options.model) as store,
        StopOnInterrupt() as stop,
    ):
        window = Viewport(desktop, browser.part(TASK_SIZE))
        world = MiniWob(MiniWobPage(browser.page), window, store)
        emit = both(LiveLines(say), once_seen(desktop, store.folder / "desktop.png"))
        say(f"A virtual desktop of {desktop.size.width}x{desktop.size.height}, a browser on it.\n")
        for job in jobs:
            actor = policy or world.expert()
            config = loop_config(max_steps=15)
            results.append(world.run(job, actor, config, emit=emit, stop=stop))
            if stop():
                break
    console.print(results_table(results))
    won = sum(result.score is not None and result.score > 0 for result in results)
    say(f"{won} of {len(results)} episodes succeeded")
    say(f"run folder: {store.folder}")
    say(f"replay: {write_replay(read_run(store.folder), store.folder / 'replay.html')}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Do one task, given in words, on a screen."""

    instruction: Annotated[str, "what to do", POSITIONAL]
    desktop: Annotated[str, "virtual, browser, fake, real or osworld://HOST:PORT"] = "virtual"
    model: Annotated[str, "nano or a folder of weights"] = "nano"
    style: Annotated[str, "of the prompt: nano or opencua"] = "nano"
    url: Annotated[str | None, "a page to open first, in a browser"] = None
    max_steps: Annotated[int, "steps before it is given up"] = 15
    out: Annotated[Path, "folder for the run folder"] = Path("runs")


def run(options: Run) -> int:
    config = LoopConfig(max_steps=options.max_steps, style=style_named(options.style))
    weights_folder(options.model)
    with (
        open_desktop(options.desktop) as desktop,
        showing(desktop, options.url),
        RunStore.create(options.out, policy=options.model, settings=config.settings()) as store,
        StopOnInterrupt() as stop,
    ):
        policy = open_policy(options.model)
        loop = Loop(policy, desktop, store, config, LiveLines(say), stop=stop)
        result = loop.run(options.instruction)
    say(f"run folder: {store.folder}")
    say(f"replay: {write_replay(read_run(store.folder), store.folder / 'replay.html')}")
    return DONE if result.ending is Ending.DONE else FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Write runs as HTML pages that need nothing else."""

    path: Annotated[Path, "a run folder, or a folder with some", POSITIONAL]


def replay(options: Replay) -> int:
    for folder in find_runs(options.path):
        say(str(write_replay(read_run(folder), folder / "replay.html")))
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Write runs as training samples in JSON lines, for other programs."""

    path: Annotated[Path, "a run folder, or a folder with some", POSITIONAL]
    out: Annotated[Path, "the .jsonl file; pictures go to images/ beside it"]
    style: Annotated[str, "of the prompt: nano or opencua"] = "nano"


def export(options: Export) -> int:
    render_styled = partial(render, style_named(options.style))
    runs = (read_run(folder) for folder in find_runs(options.path))
    count = write_jsonl((each for run in runs for each in samples(run, render_styled)), options.out)
    say(f"{count} samples in {options.out}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Photograph and label pages of random text, for the vision tower to learn reading from."""

    out: Annotated[Path, "folder for the pages"]
    pages: Annotated[int, "how many"] = 8000
    seed: Annotated[int, "of the first page"] = 0


def label(options: Label) -> int:
    with progress(console) as bar:
        line = bar.add_task("pages", total=options.pages)
        for _ in label_specimens(options.seed, options.pages, options.out):
            bar.advance(line)
    say(f"{options.pages} pages in {options.out}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Make the small tokenizer from the wording of the tasks and their demonstrations."""

    runs: Annotated[Path, "folder with run folders"]
    out: Annotated[Path, "the file to write, e.g. data/tiktoken.model"]
    ranks: Annotated[int, "tokens, the 256 special ones not counted"] = 768


def vocabulary(options: Vocabulary) -> int:
    from model.train.vocabulary import template_words, train_ranks, write_ranks

    ranks = train_ranks(template_words(texts_by_task(options.runs)), options.ranks)
    write_ranks(ranks, options.out)
    say(f"{len(ranks)} ranks in {options.out}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrain:
    """Train a network from nothing through every stage of a recipe; goes on where it stopped."""

    recipe: Annotated[Path, "the stages, as JSON"] = RECIPES / "nano.json"
    data: Annotated[Path, "folder with specimens/, runs/ and tiktoken.model"] = Path("data")
    out: Annotated[Path, "folder for checkpoints and metrics"] = Path("checkpoints/nano")
    threads: Annotated[int, "of torch"] = 1


def pretrain(options: Pretrain) -> int:
    from model.train.recipe import TOKENIZER_FILE, Recipe, follow

    made = follow(
        Recipe.from_file(options.recipe),
        options.data / TOKENIZER_FILE,
        partial(training_sources, options.data),
        options.out,
        threads=options.threads,
    )
    say(f"checkpoint: {made}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sft:
    """Fine-tune a checkpoint on demonstrations: one stage, from a folder of weights."""

    config: Annotated[Path, "the stage, as JSON"]
    out: Annotated[Path, "folder for checkpoints and metrics"]
    init: Annotated[str, "nano or a folder of weights to start from"] = "nano"
    data: Annotated[Path, "folder with runs/, and specimens/ if the stage wants it"] = Path("data")
    threads: Annotated[int, "of torch"] = 1


def sft(options: Sft) -> int:
    from model.train.recipe import fine_tune
    from model.train.stages import Stage

    made = fine_tune(
        weights_folder(options.init),
        Stage.from_file(options.config),
        partial(training_sources, options.data),
        options.out,
        threads=options.threads,
    )
    say(f"checkpoint: {made}")
    return DONE


def training_sources(data: Path, stage: "Stage") -> "dict[str, Source]":
    """What the stage's mixture names, read from `data`.

    Raises:
        ValueError: a name that is none of those below, or nothing there.
    """
    from model.train.copying import CopySource
    from model.train.samples import read_pages
    from model.train.sources import DemonstrationSource, PageSource

    sources: dict[str, Source] = {}
    for name in stage.mixture:
        match name:
            case "specimens":
                sources[name] = PageSource(read_pages(data / name), num_questions=8)
            case "demonstrations":
                steps = list(demonstrations(data / "runs", NANO))
                say(f"{len(steps)} steps of demonstrations")
                sources[name] = DemonstrationSource(steps, num_questions=3)
            case "copying":
                sources[name] = CopySource(tuple(WORDS))
            case _:
                raise ValueError(
                    f"no source {name!r}; expected specimens, demonstrations or copying"
                )
    return sources


COMMANDS = {
    "demo": Command(Demo, demo),
    "run": Command(Run, run),
    "eval": Command(Eval, evaluate),
    "collect": Command(Collect, collect),
    "label": Command(Label, label),
    "vocabulary": Command(Vocabulary, vocabulary),
    "pretrain": Command(Pretrain, pretrain),
    "sft": Command(Sft, sft),
    "replay": Command(Replay, replay),
    "export": Command(Export, export),
}


def say(text: str) -> None:
    """A line as it is: no markup, no wrapping, so that a path can be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def main(words: Sequence[str]) -> int:
    try:
        command, options = parse_arguments(__doc__ or "", COMMANDS, words)
        return command.run(options)
    except (EnvError, AgentError, ModelError, TrajectoryError, ValueError, OSError) as error:
        complaints.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return REFUSED
    except KeyboardInterrupt:
        complaints.print("stopped")
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
