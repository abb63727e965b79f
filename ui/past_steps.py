"""Steps of a log as the screens show steps."""

from env.actions import points_of
from trajectories import action_json
from trajectories.reading import Episode, Step
from trajectories.replay import describe
from trajectories.waterfall import waterfall
from ui.progress import Stand, StepView


def step_views(episode: Episode) -> list[StepView]:
    return [_view(step) for step in episode.steps]


def shown_points(step: Step) -> list[tuple[int, int]]:
    """Where it acted, on its picture."""
    if step.intent is None:
        return []
    actions = [action_json.decode(record) for record in step.intent.actions]
    return [(point.x, point.y) for action in actions for point in points_of(action)]


def _view(step: Step) -> StepView:
    look = step.observation.capture_seconds + step.observation.settle_seconds
    if step.intent is None:
        return StepView(
            number=step.number,
            look_seconds=look,
            reason="nothing was answered",
            parts=waterfall(step),
        )
    intent = step.intent
    words = ", then ".join(describe(action_json.decode(record)) for record in intent.actions)
    return StepView(
        number=step.number,
        stand=Stand.DECLINED if step.error else Stand.DONE,
        image=step.observation.image,
        answer=intent.response,
        sentence=intent.sentence,
        words=words,
        points=tuple(shown_points(step)),
        reason=step.error,
        look_seconds=look,
        think_seconds=intent.seconds.get("model", 0.0),
        act_seconds=0.0 if step.outcome is None else step.outcome.act_seconds,
        parts=waterfall(step),
    )
