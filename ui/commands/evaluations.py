"""`main.py eval`: a suite of tasks to a folder of results that compare and can be gone on with."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from agent.collect import OpenPolicy
from agent.evaluate import EvalConfig, OpenEvaluator, finished
from agent.form_stages import FormStages, form_jobs
from agent.grounding import (
    GroundingConfig,
    OpenPointer,
    earlier_predictions,
    summarise_grounding,
    write_prediction,
)
from agent.grounding_sets import make_web_set
from agent.miniwob import evaluation_jobs, tasks_named
from agent.prompts import style_for
from agent.stages import OpenStage, TaskJob
from agent.suite_run import SuiteRun
from agent.summary import summarise, write_summary
from agent.task_runs import OpenTaskRunner, SuiteConfig, TaskRecord
from agent.workers import run_jobs, share_cores
from trajectories.formats.screenspot import read_screenspot
from trajectories.results import claim_folder, plan
from ui.commands.stats import tell_stats
from ui.options import Eval, Targets
from ui.tables import (
    grounding_line,
    grounding_table,
    progress,
    suite_line,
    suite_table,
    summary_line,
    summary_table,
)

DONE = 0
Say = Callable[[str], None]


def evaluate(
    options: Eval,
    *,
    console: Console,
    say: Say,
    open_policy: OpenPolicy,
    weights_of: Callable[[str], str],
) -> int:
    if options.stats and options.suite == "screenspot":
        raise ValueError("--stats tells of steps; screenspot has none")
    code = _evaluated(options, console, say, open_policy, weights_of)
    if options.stats:
        tell_stats(options.out, console, say)
    return code


def _evaluated(
    options: Eval,
    console: Console,
    say: Say,
    open_policy: OpenPolicy,
    weights_of: Callable[[str], str],
) -> int:
    match options.suite:
        case "miniwob":
            return _miniwob(options, console, say, open_policy, weights_of)
        case "form":
            jobs = form_jobs(options.episodes or 1)
            return _tasks(options, FormStages(), jobs, console, say, open_policy, weights_of)
        case "osworld" | "desktop":
            from agent.desktop_stages import DesktopStages, osworld_jobs
            from env.tasks.suites.desktop.make import EXAMPLES

            files, mirror = options.files, options.mirror
            if options.suite == "desktop":
                files, mirror = EXAMPLES, options.out.resolve() / "inputs"
            elif files is None:
                raise ValueError("eval osworld needs --files, the folder of OSWorld's task files")
            jobs = osworld_jobs(files, options.tasks, options.episodes or 1)
            if options.download:
                _download(options, jobs, console, say)
            stages = DesktopStages(
                mirror=mirror,
                makes_inputs=options.suite == "desktop",
                exact=options.osworld_exact,
                num_desktops=workers if isinstance(workers := _workers(options), int) else 1,
            )
            return _tasks(options, stages, jobs, console, say, open_policy, weights_of)
        case "screenspot":
            return _screenspot(options, console, say, open_policy, weights_of)
        case _:
            raise ValueError(
                f"no suite named {options.suite!r};"
                " expected miniwob, desktop, osworld, screenspot or form"
            )


def _miniwob(
    options: Eval,
    console: Console,
    say: Say,
    open_policy: OpenPolicy,
    weights_of: Callable[[str], str],
) -> int:
    config = EvalConfig(
        model=options.model,
        weights=weights_of(options.model),
        seed=options.seed,
        blind=options.blind,
        max_steps=options.max_steps or 30,
        other_answers=options.other_answers,
        font=options.font,
    )
    tasks = tasks_named(options.tasks or "pix2act59")
    jobs = evaluation_jobs(tasks, options.episodes or 20, options.seed)
    claim_folder(options.out, asdict(config))
    plan(options.out, len(jobs))
    records = finished(options.out, config, jobs)
    done = {(record.task, record.seed) for record in records}
    todo = [job for job in jobs if job not in done]
    num_workers = _num_workers(options)
    share_cores(num_workers)
    with progress(console) as bar:
        line = bar.add_task("episodes", total=len(jobs), completed=len(records))
        opener = OpenEvaluator(config, options.out, open_policy)
        for record in run_jobs(todo, opener, num_workers):
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


def _tasks(
    options: Eval,
    open_stage: OpenStage,
    jobs: Sequence[TaskJob],
    console: Console,
    say: Say,
    open_policy: OpenPolicy,
    weights_of: Callable[[str], str],
) -> int:
    config = SuiteConfig(
        suite=options.suite,
        model=options.model,
        weights=weights_of(options.model),
        seed=options.seed,
        blind=options.blind,
        longest_side_px=options.longest_side,
        max_steps=options.max_steps or 15,
        style=style_for(options.style, options.model).name,
        exact=options.osworld_exact,
    )
    suite = SuiteRun(config, options.out, jobs)
    opener = OpenTaskRunner(config, options.out, open_policy, open_stage, options.recording)
    with progress(console) as bar:
        line = bar.add_task("tasks", total=len(jobs), completed=len(suite.records))
        for _ in suite.run(opener, _workers(options)):
            bar.update(line, advance=1, description=_so_far(suite.records))
    path = suite.write_summary()
    summary = suite.summary()
    console.print(suite_table(summary))
    say(suite_line(summary))
    for unscored in summary["unscored"]:
        say(f"unscored: {unscored['task']}: {unscored['reason']}")
    say(f"written to {path}")
    return DONE


def _download(options: Eval, jobs: Sequence[TaskJob], console: Console, say: Say) -> None:
    """Raises: ValueError: nowhere to put the files."""
    from env.tasks.errors import TaskRefused
    from env.tasks.hub import fetch_missing
    from env.tasks.task import Task

    if options.suite != "osworld" or options.mirror is None:
        raise ValueError("--download is eval osworld's, and needs --mirror, the folder to fill")
    tasks = []
    for source in dict.fromkeys(job.source for job in jobs):
        # What is no task is told of when its turn comes.
        with suppress(TaskRefused):
            tasks.append(Task.from_file(Path(source)))
    hosts = [host.strip() for host in options.download.split(",")]
    num_fetched = 0
    with progress(console) as bar:
        line = bar.add_task("files", total=None)
        for fetched in fetch_missing(tasks, options.mirror, hosts):
            num_fetched += not fetched.trouble
            if fetched.trouble:
                say(f"not fetched: {fetched.url}: {fetched.trouble}")
            bar.advance(line)
    say(f"{num_fetched} files fetched into {options.mirror}")


def _screenspot(
    options: Eval,
    console: Console,
    say: Say,
    open_policy: OpenPolicy,
    weights_of: Callable[[str], str],
) -> int:
    if options.images is None:
        raise ValueError("eval screenspot needs --images, a folder in ScreenSpot's layout")
    samples = read_screenspot(options.images)
    config = GroundingConfig(
        model=options.model,
        weights=weights_of(options.model),
        images=str(options.images),
        style=style_for(options.style, options.model).name,
        blind=options.blind,
    )
    claim_folder(options.out, asdict(config))
    predictions = earlier_predictions(options.out, samples)
    done = {prediction.id for prediction in predictions}
    todo = [sample for sample in samples if sample.id not in done]
    num_workers = _num_workers(options)
    share_cores(num_workers)
    with progress(console) as bar:
        line = bar.add_task("targets", total=len(samples), completed=len(predictions))
        for prediction in run_jobs(todo, OpenPointer(config, open_policy), num_workers):
            write_prediction(options.out, prediction)
            predictions.append(prediction)
            bar.advance(line)
    summary = summarise_grounding(config, samples, predictions)
    path = write_summary(options.out, summary)
    console.print(grounding_table(summary))
    say(grounding_line(summary))
    say(f"written to {path}")
    return DONE


def make_targets(options: Targets, say: Say) -> int:
    if options.of == "desktop":
        from agent.application_targets import make_application_set

        path = make_application_set(options.out, seed=options.seed)
    else:
        path = make_web_set(options.out, seed=options.seed)
    say(f"{len(read_screenspot(options.out))} targets in {path}")
    return DONE


def _workers(options: Eval) -> int | str:
    """How many processes; or the address of a Ray cluster.

    Raises:
        ValueError: neither.
    """
    if options.workers.startswith("ray://"):
        return options.workers
    if not options.workers.isdecimal() or int(options.workers) < 1:
        raise ValueError(f"--workers {options.workers!r}; expected 1 or more, or ray://HOST:PORT")
    return int(options.workers)


def _num_workers(options: Eval) -> int:
    """Raises: ValueError: a cluster, or nonsense."""
    workers = _workers(options)
    if isinstance(workers, str):
        raise ValueError(f"{options.suite} runs on this machine alone; expected a number")
    return workers


def _so_far(records: Sequence[TaskRecord]) -> str:
    scores = [record.score for record in records if record.score is not None]
    mean = sum(scores) / len(scores) if scores else 0.0
    return f"tasks (mean {mean:.0%})"
