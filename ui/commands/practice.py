"""`main.py rl`: reinforcement learning on MiniWoB++, measured on unseen seeds before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from agent.collect import OpenPolicy
from agent.miniwob import tasks_named
from agent.practice import PracticeConfig, practise
from agent.workers import share_cores
from model.train.samples import Attempt
from ui.commands.kit import OpenKit
from ui.commands.learning import LearningOptions

_DONE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rl(LearningOptions):
    """Learn from rewards: try tasks many times, sampling, and do more of what succeeded."""

    tasks: Annotated[str, "what to practise: names with commas, or a set's name"]
    out: Annotated[Path, "folder for runs, iterations and report.json; goes on where it stopped"]
    elsewhere: Annotated[str, "tasks measured but not practised, to see what is lost"] = ""
    iterations: Annotated[int, "rounds of trying and learning"] = 4
    problems: Annotated[int, "drawn an iteration; the more often a task fails, the more"] = 80
    attempts: Annotated[int, "at each problem"] = 4
    sampling_temperature: Annotated[float, "of the attempts; at 1 most differ by slips"] = 0.5
    held: Annotated[int, "problems elsewhere at which to go on as before; 0: none"] = 192
    episodes: Annotated[int, "unseen seeds a task, before and after"] = 20
    round: Annotated[int, "of those seeds, as `eval --seed`"] = 80
    temperature: Annotated[float, "what drifting from the iteration's start costs"] = 0.1
    learning_rate: Annotated[
        float, "what a weight moves where all agree, in the first iteration; a tenth in the last"
    ] = 1e-4
    most_drift: Annotated[float, "nats an answer may change in a step, on average"] = 0.5
    problems_a_step: Annotated[int, "whose attempts a step of learning weighs together"] = 128
    length_weight: Annotated[float, "of being shorter than other attempts"] = 0.0
    length_from: Annotated[int, "iteration from which being shorter counts"] = 1
    first_seed: Annotated[int, "of the problems; below 1,000,000"] = 900_000
    threads: Annotated[int, "of torch, while it learns"] = 1


def rl(
    options: Rl,
    *,
    say: Callable[[str], None],
    open_policy: OpenPolicy,
    open_kit: OpenKit,
) -> int:
    tasks = tasks_named(options.tasks)
    others = tasks_named(options.elsewhere) if options.elsewhere else ()
    elsewhere = tuple(task for task in others if task not in tasks)
    config = PracticeConfig(
        tasks=tasks,
        iterations=options.iterations,
        problems=options.problems,
        attempts=options.attempts,
        sampling_temperature=options.sampling_temperature,
        held=options.held,
        first_seed=options.first_seed,
        max_steps=options.max_steps,
        workers=options.workers,
        seed=options.seed,
    )
    kit = open_kit()

    def learn(
        init: Path,
        attempts: Sequence[Attempt],
        held: Sequence[Attempt],
        iteration: int,
        out: Path,
    ) -> dict[str, float]:
        fallen = 0.9 * iteration / max(1, options.iterations - 1)
        return kit.reinforce(
            init,
            attempts,
            out,
            temperature=options.temperature,
            sampling_temperature=options.sampling_temperature,
            held=held,
            learning_rate=options.learning_rate * (1.0 - fallen),
            most_drift=options.most_drift,
            problems_a_step=options.problems_a_step,
            length_weight=options.length_weight if iteration >= options.length_from else 0.0,
            seed=options.seed + iteration,
            threads=options.threads,
        )

    share_cores(options.workers)
    made = practise(
        config,
        kit.weights_folder(options.init),
        options.out,
        elsewhere=elsewhere,
        measurer=options.measurer(
            (*tasks, *elsewhere), options.episodes, options.round, open_policy
        ),
        open_policy=open_policy,
        learn=learn,
        say=say,
    )
    say(f"checkpoint: {made}")
    return _DONE
