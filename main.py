"""Moonhand's commands, one subcommand each. The only place that names concrete classes.

Exit codes: 0 done, 1 failed, 2 refused or misconfigured.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from rich.console import Console

from agent.action_grammar import ACTIONS
from agent.collect import CollectConfig, OpenCollector
from agent.control import Control
from agent.demonstrations import texts_by_task
from agent.errors import AgentError
from agent.events import Emit, Ending, EpisodeResult, both
from agent.loop import OTHER_ANSWERS, Loop, LoopConfig
from agent.miniwob import (
    MiniWob,
    evaluation_jobs,
    loop_config,
    tasks_named,
    training_jobs,
)
from agent.policy import Policy
from agent.prompts import NANO, style_for, style_named
from agent.screens import label_screens
from agent.specimens import label_specimens
from agent.task_runs import ACTORS
from agent.workers import run_jobs
from env.backends import open_desktop
from env.errors import EnvError
from env.headed import HeadedBrowser
from env.miniwob.page import TASK_SIZE, MiniWobPage, html_folder
from env.viewport import Viewport
from env.virtual import VirtualDesktop
from model.errors import ModelError
from model.messages import ImagePart, Part, Sampling, system, user
from model.shelf import weights_digest, weights_folder
from trajectories.errors import TrajectoryError
from trajectories.reading import read_run
from trajectories.replay import write_replay
from trajectories.store import RunStore
from ui.arguments import Command, parse_arguments
from ui.asking import gate_at, mode_of
from ui.commands.cockpit import AttachTo, Cockpit, Host, attach, be_host, open_cockpit
from ui.commands.data import export_runs, score_steps, write_thoughts
from ui.commands.doctor import Doctor, doctor
from ui.commands.evaluations import evaluate, make_targets
from ui.commands.imports import import_files
from ui.commands.kit import Kit
from ui.commands.logs import look_into_logs
from ui.commands.quantizing import Convert, Quantize, quantize
from ui.commands.recordings import record, reduce
from ui.commands.replays import replay_runs
from ui.commands.reports import Report, report
from ui.commands.serving import ServeDesktop, osworld_token, serve_desktop
from ui.commands.stats import tell_stats
from ui.commands.stopping import Stop, stop
from ui.commands.training import training_commands
from ui.commands.viewing import viewed
from ui.desktops import real_settings, worked_desktop
from ui.going_on import GoOnAtEnter
from ui.interrupt import StopOnInterrupt
from ui.lines import LiveLines
from ui.options import (
    Chat,
    Collect,
    Demo,
    Eval,
    Export,
    Import,
    Label,
    Log,
    Record,
    Reduce,
    Replay,
    Resume,
    Run,
    Score,
    Targets,
    Think,
    Vocabulary,
)
from ui.snapshot import once_seen
from ui.tables import completion_line, loading, progress, results_table

DONE, FAILED, REFUSED = 0, 1, 2

console = Console()
complaints = Console(stderr=True)


def open_policy(name: str) -> Policy:
    """The network of a folder, "nano" the one shipped; or a server's, by its address.

    Raises:
        ModelError: no checkpoint there, or one that does not fit.
        ValueError: an address that cannot be one.
    """
    if is_address(name):
        from agent.endpoint import EndpointPolicy

        return EndpointPolicy.named(name, api_key=os.environ.get("MOONHAND_API_KEY"))
    from model.chat import ChatModel

    with loading(complaints) as tell:
        return ChatModel.from_pretrained(weights_folder(name), on_progress=tell)


def collect(options: Collect) -> int:
    config = CollectConfig(
        out=options.out,
        model=options.model,
        noise=options.noise,
        reload=options.reload,
        loop=loop_config(max_steps=options.max_steps),
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


def is_address(model: str) -> bool:
    return model.startswith(("http://", "https://"))


def weights_of(model: str) -> str:
    """A digest of the weights; empty where there are none to look into."""
    known = model == "expert" or model in ACTORS or is_address(model)
    return "" if known else weights_digest(model)


def demo(options: Demo) -> int:
    policy = None if options.model == "expert" else open_policy(options.model)
    jobs = evaluation_jobs(tasks_named(options.tasks), 1, options.seed)
    results = []
    with (
        VirtualDesktop(shown=(html_folder(),), sandbox=not options.no_sandbox) as desktop,
        viewed(desktop, options.view, say),
        HeadedBrowser(desktop) as browser,
        RunStore.create(options.out, policy=options.model) as store,
        StopOnInterrupt(about="the demo") as control,
    ):
        window = Viewport(desktop, browser.part(TASK_SIZE))
        world = MiniWob(MiniWobPage(browser.page), window, store)
        picture = once_seen(desktop, store.folder / "desktop.png")
        emit = both(picture, told_of(control))
        say(f"A virtual desktop of {desktop.size.width}x{desktop.size.height}, a browser on it.\n")
        for job in jobs:
            actor = policy or world.expert()
            config = loop_config(max_steps=15)
            results.append(world.run(job, actor, config, emit=emit, control=control))
            if control.stopped:
                break
    console.print(results_table(results))
    won = sum(result.score is not None and result.score > 0 for result in results)
    say(f"{won} of {len(results)} episodes succeeded")
    if options.stats:
        tell_stats(store.folder, console, say)
    say(f"run folder: {store.folder}")
    say(f"replay: {write_replay(read_run(store.folder), store.folder / 'replay.html')}")
    return DONE


def run(options: Run) -> int:
    config = LoopConfig(
        max_steps=options.max_steps,
        style=style_for(options.style, options.model),
        other_answers=OTHER_ANSWERS,
        sampling=Sampling(constraint=ACTIONS if options.constrained else None),
    )
    mode = mode_of(options.ask, options.desktop)
    if not is_address(options.model):
        weights_folder(options.model)
    with (
        worked_desktop(
            options.desktop,
            options.url,
            sandbox=not options.no_sandbox,
            network=options.network,
            real=real_settings(options),
        ) as desktop,
        viewed(desktop, options.view, say),
        RunStore.create(options.out, policy=options.model, settings=config.settings()) as store,
        StopOnInterrupt(about=options.instruction) as control,
    ):
        policy = open_policy(options.model)
        gate = gate_at(0, mode, control, say)
        loop = Loop(
            policy, desktop, store, config, told_of(control), control=control, approver=gate
        )
        result = loop.run(options.instruction)
    if options.stats:
        tell_stats(store.folder, console, say)
    return told(store, result)


def resume(options: Resume) -> int:
    mode = mode_of(options.ask, options.desktop)
    record = read_run(options.path)
    if not record.episodes:
        raise ValueError(f"{options.path} holds no episode; nothing to resume")
    model = options.model or record.run.policy
    style = style_named(record.run.settings.get("style", NANO.name))
    config = LoopConfig(max_steps=options.max_steps, style=style)
    with (
        open_desktop(options.desktop, token=osworld_token()) as desktop,
        RunStore(options.path) as store,
        StopOnInterrupt(about=f"{options.path}, resumed") as control,
    ):
        policy = open_policy(model)
        gate = gate_at(0, mode, control, say)
        loop = Loop(
            policy, desktop, store, config, told_of(control), control=control, approver=gate
        )
        result = loop.resume(record.episodes[-1])
    return told(store, result)


def told_of(control: Control) -> Emit:
    """What happens, in the terminal; after a pause somebody there is asked to go on."""
    read_line = sys.stdin.readline if sys.stdin.isatty() else None
    return both(LiveLines(say), GoOnAtEnter(control, say, read_line))


def told(store: RunStore, result: EpisodeResult) -> int:
    """Where the run is; the exit code of a single task."""
    say(f"run folder: {store.folder}")
    say(f"replay: {write_replay(read_run(store.folder), store.folder / 'replay.html')}")
    return DONE if result.ending is Ending.DONE else FAILED


def chat(options: Chat) -> int:
    from model.images import open_picture

    parts: list[Part] = [ImagePart(open_picture(path)) for path in options.image]
    if options.video is not None:
        from model.video import parts_of, sampled_frames

        parts += parts_of(sampled_frames(options.video))
    sampling = Sampling(temperature=options.temperature, max_new_tokens=options.max_tokens)
    asked = [system(options.system), user(*parts, options.question)]
    completion = open_policy(options.model).complete(asked, sampling=sampling, on_text=say_on)
    say("" if completion.finished else " [cut off: see --max-tokens]")
    if options.stats:
        say(completion_line(completion))
    return DONE


def label(options: Label) -> int:
    with progress(console) as bar:
        line = bar.add_task("pages", total=options.pages)
        labelled = label_screens if options.desktop else label_specimens
        for _ in labelled(options.seed, options.pages, options.out):
            bar.advance(line)
    say(f"{options.pages} pages in {options.out}")
    return DONE


def vocabulary(options: Vocabulary) -> int:
    from model.train.vocabulary import template_words, train_ranks, write_ranks

    ranks = train_ranks(template_words(texts_by_task(options.runs)), options.ranks)
    write_ranks(ranks, options.out)
    say(f"{len(ranks)} ranks in {options.out}")
    return DONE


def open_kit() -> Kit:
    from model.train import kit

    return kit


def open_converter() -> Convert:
    from model.quantized.kit import convert

    return convert


def say(text: str) -> None:
    """A line as it is: no markup, no wrapping, so that a path can be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def ask(question: str) -> str:
    """A line from the terminal."""
    return console.input(question, markup=False)


def say_on(text: str) -> None:
    """A piece of a line, at once."""
    console.file.write(text)
    console.file.flush()


COMMANDS = {
    "demo": Command(Demo, demo),
    "run": Command(Run, run),
    "resume": Command(Resume, resume),
    "cockpit": Command(Cockpit, partial(open_cockpit, say=say, ask=ask)),
    "attach": Command(AttachTo, partial(attach, say=say, ask=ask)),
    "host": Command(Host, partial(be_host, open_policy=open_policy)),
    "chat": Command(Chat, chat),
    "eval": Command(
        Eval,
        partial(evaluate, console=console, say=say, open_policy=open_policy, weights_of=weights_of),
    ),
    "report": Command(Report, partial(report, console=console, say=say)),
    "targets": Command(Targets, partial(make_targets, say=say)),
    "collect": Command(Collect, collect),
    "label": Command(Label, label),
    "vocabulary": Command(Vocabulary, vocabulary),
    "stop": Command(Stop, partial(stop, say=say)),
    **training_commands(say, console, open_policy, open_kit),
    "quantize": Command(
        Quantize, partial(quantize, console=console, say=say, open_converter=open_converter)
    ),
    "log": Command(Log, partial(look_into_logs, say=say)),
    "record": Command(Record, partial(record, say=say, ask=ask)),
    "reduce": Command(Reduce, partial(reduce, say=say)),
    "replay": Command(Replay, partial(replay_runs, say=say)),
    "doctor": Command(Doctor, partial(doctor, say=say, find=weights_folder)),
    "serve-desktop": Command(ServeDesktop, partial(serve_desktop, say=say)),
    "export": Command(Export, partial(export_runs, say=say)),
    "import": Command(Import, partial(import_files, say=say)),
    "score": Command(Score, partial(score_steps, say=say, open_policy=open_policy)),
    "think": Command(Think, partial(write_thoughts, say=say, open_policy=open_policy)),
}


def main(words: Sequence[str]) -> int:
    try:
        command, options = parse_arguments(__doc__ or "", COMMANDS, words, default="cockpit")
        return command.run(options)
    except (EnvError, AgentError, ModelError, TrajectoryError, ValueError, OSError) as error:
        complaints.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return REFUSED
    except KeyboardInterrupt:
        complaints.print("stopped")
        return FAILED


if __name__ == "__main__":
    # By that name: another machine finds by it what it is sent.
    sys.exit(import_module("main").main(sys.argv[1:]))
