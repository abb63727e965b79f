"""Scoring a policy on recorded steps, without a desktop: AgentNetBench's way.

Teacher-forced: each step is asked once, with the recorded history. Every
answer is made out twice, as the bench's own agent does it and by our parser,
and scored by both published rules, so that figures can be put beside anybody's.

    {"average_score": {"published": {"snapshot": .., "60da8b9": ..}, "parsed": {...}}, ...}
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from agent import parser
from agent.errors import AgentError
from agent.policy import Policy
from agent.prompts import PromptStyle, render
from agent.proposals import (
    ClickAt,
    DragFrom,
    Finish,
    MoveTo,
    PressKeys,
    Proposal,
    ScrollAt,
    WaitFor,
    WriteText,
)
from model.messages import Sampling
from trajectories.answer_text import sections_of
from trajectories.errors import FormatError
from trajectories.formats.agentnet_bench import (
    BenchAction,
    BenchStep,
    BenchTask,
    Monologue,
    published_predictions,
)
from trajectories.formats.bench_score import EVERY_RULES, Prediction, StepScore, score_step
from trajectories.past import PastStep
from trajectories.reading import RunRecord

WAYS = ("published", "parsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    task_id: str
    step_num: int
    response: str
    predicted: dict[str, list[Prediction]]
    """By way of making them out."""
    scores: dict[str, dict[str, StepScore]]
    """By way, then by the rules' name."""

    def plain(self) -> dict[str, Any]:
        scores = {
            way: {rules: score._asdict() for rules, score in by_rules.items()}
            for way, by_rules in self.scores.items()
        }
        return {**asdict(self), "scores": scores}


def score_bench(
    tasks: Iterable[BenchTask],
    pictures: Path,
    policy: Policy,
    style: PromptStyle,
    sampling: Sampling,
) -> Iterator[StepResult]:
    """Ask about every step of every task.

    Args:
        pictures: folder of the steps' images.

    Raises:
        FormatError: an image is missing.
        PolicyFailed: no answer.
    """
    for task in tasks:
        past: list[PastStep] = []
        for step in task.steps:
            image = _picture(pictures, step.image)
            asked = render(style, task.high_level_task_description, past, image)
            response = policy.complete(asked, sampling=sampling).text
            yield score_answer(task.task_id, step, response)
            past.append(_as_past(step, len(past) + 1, image))


def score_answer(task_id: str, step: BenchStep, response: str) -> StepResult:
    """One answer by all rules."""
    predicted = {
        "published": published_predictions(response),
        "parsed": parsed_predictions(response),
    }
    gold = [asdict(action) for action in step.ground_truth_actions]
    others = [[asdict(action) for action in option] for option in step.alternative_options]
    scores = {
        way: {rules.name: score_step(rules, gold, predicted[way], others) for rules in EVERY_RULES}
        for way in WAYS
    }
    return StepResult(
        task_id=task_id,
        step_num=step.step_num,
        response=response,
        predicted=predicted,
        scores=scores,
    )


def summarise_steps(results: Sequence[StepResult]) -> dict[str, Any]:
    """The bench's `metric.json`, for every way and every rules."""
    means: dict[str, Any] = {"average_score": {}, "action_type_scores": {}, "alternatives": {}}
    for way in WAYS:
        for rules in EVERY_RULES:
            scores = [result.scores[way][rules.name] for result in results]
            by_type: defaultdict[str, list[float]] = defaultdict(list)
            for score in scores:
                for kind, value in score.by_type.items():
                    by_type[kind].append(value)
            _into(means["average_score"], way, rules.name, _mean([s.total for s in scores]))
            types = {kind: _mean(values) for kind, values in sorted(by_type.items())}
            _into(means["action_type_scores"], way, rules.name, types)
            used = sum(score.used_alternative for score in scores)
            _into(means["alternatives"], way, rules.name, used)
    return {"num_steps": len(results), **means}


def _into(holder: dict[str, Any], way: str, rules: str, value: object) -> None:
    holder.setdefault(way, {})[rules] = value


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _picture(folder: Path, name: str) -> Image.Image:
    if Path(name).name != name:
        raise FormatError(f"an image named {name!r}; expected a file name without a folder")
    try:
        with Image.open(folder / name) as image:
            return image.convert("RGB")
    except OSError as error:
        raise FormatError(f"{folder / name} cannot be read: {error}") from error


def _as_past(step: BenchStep, number: int, image: Image.Image) -> PastStep:
    told = step.inner_monologue
    return PastStep(
        number=number, thought=told.thought, sentence=told.low_level_instruction, image=image
    )


def parsed_predictions(response: str) -> list[Prediction]:
    """What our parser reads, in the bench's words; nothing for an answer it refuses."""
    try:
        proposals = parser.parse(response).proposals
    except AgentError:
        return []
    return [prediction for proposal in proposals for prediction in _predictions(proposal)]


def _predictions(proposal: Proposal) -> list[Prediction]:
    match proposal:
        case ClickAt(at=at, button=button, count=count):
            kinds = {
                ("left", 2): "doubleClick",
                ("left", 3): "tripleClick",
                ("right", 1): "rightClick",
                ("middle", 1): "middleClick",
            }
            return [(kinds.get((button, count), "click"), (at.x, at.y))]
        case MoveTo(to=to):
            return [("moveTo", (to.x, to.y))]
        case DragFrom(start=start, end=end):
            return [("moveTo", (start.x, start.y)), ("dragTo", (end.x, end.y))]
        case ScrollAt(notches=notches, at=at, sideways=sideways):
            turn: Prediction = ("hscroll" if sideways else "scroll", notches)
            return [turn] if at is None else [("moveTo", (at.x, at.y)), turn]
        case WriteText(text=text):
            return [("write", text)]
        case PressKeys(keys=keys, presses=presses):
            names = ["ctrl" if key in ("cmd", "command") else key for key in keys]
            return [("press" if len(keys) == 1 else "hotkey", names)] * presses
        case WaitFor(seconds=seconds):
            return [("wait", seconds)]
        case Finish(success=success):
            return [("terminate", "success" if success else "failure")]


def bench_tasks(run: RunRecord, pictures: Path) -> Iterator[BenchTask]:
    """Episodes of ours as the bench's tasks: what was done is what is right.

    Args:
        pictures: folder the screenshots are written to.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    for number, episode in enumerate(run.episodes):
        if not episode.success:
            continue
        steps = []
        for step in episode.steps:
            if step.intent is None or step.error:
                continue
            name = f"{step.observation.image}.png"
            if not (pictures / name).exists():
                (pictures / name).write_bytes(step.png())
            gold = [_gold(prediction) for prediction in parsed_predictions(step.intent.response)]
            code = sections_of(step.intent.response).code or ""
            steps.append(
                BenchStep(
                    step_num=step.number,
                    image=name,
                    action=code,
                    inner_monologue=Monologue(
                        thought=step.intent.thought, low_level_instruction=step.intent.sentence
                    ),
                    ground_truth_actions=gold,
                )
            )
        yield BenchTask(
            task_id=f"{run.run.run_id}-{number}",
            user_task_description=episode.start.instruction,
            high_level_task_description=episode.start.instruction,
            meta_info={"domain": episode.start.task},
            steps=steps,
        )


def _gold(prediction: Prediction) -> BenchAction:
    kind, value = prediction
    params: dict[str, Any]
    match kind:
        case "write":
            params = {"text": value}
        case "press" | "hotkey":
            params = {"keys": value}
        case "scroll" | "hscroll":
            params = {"amount": value}
        case "terminate":
            params = {"status": value}
        case "wait":
            params = {"duration": value}
        case _:
            params = {"position": {"x": value[0], "y": value[1]}}
    return BenchAction(type=kind, params=params)
