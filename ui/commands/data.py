"""`main.py export`, `score` and `think`: runs to other people's files, and by their scores."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from agent.cot import CotConfig, ThoughtWriter
from agent.offline import StepResult, bench_tasks, score_bench, summarise_steps
from agent.policy import Policy
from agent.prompts import render, style_named
from model.messages import Sampling
from trajectories.dataset import SPLITS, Dataset, Shares
from trajectories.demo import Demo, annotated, demos_of
from trajectories.errors import FormatError
from trajectories.export import Sample, Wanted, why_not
from trajectories.formats.agentnet import write_agentnet
from trajectories.formats.agentnet_bench import BenchTask, read_bench, write_bench_task
from trajectories.formats.llava import says_image_mark, write_llava
from trajectories.formats.opencua_standard import standardized_demo
from trajectories.formats.sample_archives import write_parquet, write_webdataset
from trajectories.formats.sample_files import PlainSample, plain, write_jsonl
from trajectories.osworld import result_folder, write_result
from trajectories.reading import RunRecord, read_runs
from trajectories.store import find_runs
from ui.commands.raw import export_raw
from ui.options import Export, Score, Think

Say = Callable[[str], None]
OpenPolicy = Callable[[str], Policy]
DONE, FAILED = 0, 1


def export_runs(options: Export, say: Say) -> int:
    wanted = Wanted(
        only_successful=not options.failed, takeover=options.takeover, alarm=options.alarm
    )
    if options.format == "opencua-raw":
        return export_raw(options, wanted, say)
    for path in options.paths:
        find_runs(path)
    options.out.mkdir(parents=True, exist_ok=True)
    match options.format:
        case "sft" | "llava" | "parquet" | "webdataset":
            return _export_samples(options, wanted, say)
        case _:
            return _export_episodes(options, wanted, say)


def _runs(options: Export) -> Iterator[RunRecord]:
    for path in options.paths:
        for run in read_runs(path):
            yield annotated(run, options.level) if options.level else run


def _export_samples(options: Export, wanted: Wanted, say: Say) -> int:
    dataset = Dataset(
        partial(_runs, options),
        partial(render, style_named(options.style)),
        wanted,
        Shares(options.validation, options.test),
    )
    for split in SPLITS:
        count = _write_samples(options, split, dataset.samples(split), say)
        say(f"{split}: {count} samples")
    told = {
        "format": options.format,
        "style": options.style,
        "level": options.level,
        "runs": [str(path) for path in options.paths],
    }
    say(f"card: {dataset.write_card(options.out, told)}")
    for reason, count in dataset.counts.left_out.items():
        say(f"{count} episodes left out: {reason}")
    return DONE


def _write_samples(options: Export, split: str, samples: Iterable[Sample], say: Say) -> int:
    plain_samples = map(plain, samples)
    match options.format:
        case "sft":
            return write_jsonl(plain_samples, options.out / f"{split}.jsonl")
        case "llava":
            sayable = _without_image_marks(plain_samples, say)
            return write_llava(sayable, options.out / f"{split}.json")
        case "parquet":
            return write_parquet(plain_samples, options.out / f"{split}.parquet")
        case _:
            return write_webdataset(plain_samples, options.out / split)


def _without_image_marks(samples: Iterable[PlainSample], say: Say) -> Iterator[PlainSample]:
    """Whoever types "<image>" somewhere must not end the export."""
    for sample in samples:
        if says_image_mark(sample):
            say(f"left out {sample.meta}: a text with <image> in it, which LLaVA cannot say")
        else:
            yield sample


def _export_episodes(options: Export, wanted: Wanted, say: Say) -> int:
    count = 0
    match options.format:
        case "agentnet":
            demos = (demo for _, demo in _wanted_demos(options, wanted))
            count = write_agentnet(demos, options.out / "trajectories.jsonl")
        case "opencua":
            for _, demo in _wanted_demos(options, wanted):
                try:
                    told = standardized_demo(demo)
                except FormatError as error:
                    say(f"left out {demo.demo_id}: {error}")
                    continue
                path = options.out / f"{demo.demo_id}.json"
                path.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
                count += 1
        case "bench":
            for run in _runs(options):
                for task in bench_tasks(run, options.out / "images"):
                    if task.steps:
                        write_bench_task(task, options.out)
                        count += 1
        case _:
            count = _write_osworld(options, wanted)
    say(f"{count} episodes in {options.out}")
    return DONE


def _wanted_demos(options: Export, wanted: Wanted) -> Iterator[tuple[RunRecord, Demo]]:
    for run in _runs(options):
        for episode, demo in zip(run.episodes, demos_of(run), strict=True):
            # One without a step teaches nothing, and no reader takes it.
            if demo.steps and why_not(run, episode, wanted) is None:
                yield run, demo


def _write_osworld(options: Export, wanted: Wanted) -> int:
    count = 0
    for run in _runs(options):
        for number, episode in enumerate(run.episodes):
            score = None if episode.end is None else episode.end.score
            if episode.steps and score is not None and why_not(run, episode, wanted) is None:
                name = f"{run.run.run_id}-{number}"
                model = Path(run.run.policy).name
                folder = result_folder(options.out, model, episode.start.task, name)
                write_result(folder, episode, run.folder, score)
                count += 1
    return count


def score_steps(options: Score, say: Say, open_policy: OpenPolicy) -> int:
    style = style_named(options.style)
    options.out.mkdir(parents=True, exist_ok=True)
    tasks, pictures = _bench_of(options)
    sampling = Sampling(max_new_tokens=options.max_tokens)
    results: list[StepResult] = []
    with (options.out / "steps.jsonl").open("w", encoding="utf-8") as file:
        for result in score_bench(tasks, pictures, open_policy(options.model), style, sampling):
            results.append(result)
            file.write(json.dumps(result.plain(), ensure_ascii=False) + "\n")
            file.flush()
    if not results:
        raise ValueError(f"no step to score in {options.path}")
    metric = summarise_steps(results)
    path = options.out / "metric.json"
    path.write_text(json.dumps(metric, indent=2) + "\n", encoding="utf-8")
    for way, by_rules in metric["average_score"].items():
        for rules, mean in by_rules.items():
            say(f"{way}, {rules}: {mean:.4f} over {len(results)} steps")
    say(f"written to {path}")
    return DONE


def _bench_of(options: Score) -> tuple[Iterable[BenchTask], Path]:
    if any(options.path.glob("*.json")) and not (options.path / "run.json").exists():
        return read_bench(options.path), options.images or options.path / "images"
    pictures = options.images or options.out / "images"
    runs = read_runs(options.path)
    return (task for run in runs for task in bench_tasks(run, pictures)), pictures


def write_thoughts(options: Think, say: Say, open_policy: OpenPolicy) -> int:
    sampling = Sampling(max_new_tokens=options.max_tokens)
    writer = ThoughtWriter(open_policy(options.model), CotConfig(sampling=sampling))
    for run in read_runs(options.path):
        for line in writer.write(run):
            say(line)
    return DONE
