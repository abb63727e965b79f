"""Other people's demonstrations into a run of our own: then everything here works with them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent import parser
from agent.coords import to_screen
from agent.errors import AgentError
from agent.events import Ending
from agent.logged_step import write_done, write_seen
from agent.parser import Parsed
from agent.proposals import Finish
from env.screen import ScreenSize
from trajectories import action_json
from trajectories.demo import Demo, DemoStep
from trajectories.schema import EpisodeEnd, EpisodeStart
from trajectories.store import RunStore
from trajectories.thoughts import add_step_thoughts, add_task_thoughts


@dataclass(slots=True)
class Imported:
    num_episodes: int = 0
    num_steps: int = 0
    left_out: list[str] = field(default_factory=list)
    """Episodes with an action that cannot be done here, and which."""


def import_demos(demos: Iterable[Demo], store: RunStore) -> Imported:
    """Write every demo as an episode of the run.

    Raises:
        FormatError: from the demos, when it comes to them.
        OSError: the log cannot be written.
    """
    imported = Imported()
    for demo in demos:
        size = ScreenSize(demo.width, demo.height)
        try:
            read = [_read(step, size) for step in demo.steps]
        except AgentError as error:
            imported.left_out.append(f"{demo.demo_id}: {error}")
            continue
        store.append(
            EpisodeStart(
                task=demo.task,
                seed=demo.seed,
                instruction=demo.instruction,
                width=demo.width,
                height=demo.height,
                started_at=0.0,
            )
        )
        for number, (step, (parsed, actions)) in enumerate(
            zip(demo.steps, read, strict=True), start=1
        ):
            write_seen(store, number, step.png)
            write_done(store, number, step.response, parsed, actions)
            if step.thoughts is not None:
                add_step_thoughts(store.folder, imported.num_episodes, number, step.thoughts)
        store.append(_end(demo), sync=True)
        if demo.thoughts is not None:
            add_task_thoughts(store.folder, imported.num_episodes, demo.thoughts)
        imported.num_episodes += 1
        imported.num_steps += len(demo.steps)
    return imported


def _read(step: DemoStep, size: ScreenSize) -> tuple[Parsed, list[dict[str, object]]]:
    parsed = parser.parse(step.response)
    actions = [
        action_json.encode(to_screen(proposal, size))
        for proposal in parsed.proposals
        if not isinstance(proposal, Finish)
    ]
    return parsed, actions


def _end(demo: Demo) -> EpisodeEnd:
    if demo.success is None:
        return EpisodeEnd(ending=Ending.STEP_LIMIT.name, score=None, reason="imported; not judged")
    ending = Ending.DONE if demo.success else Ending.FAILED
    score = float(demo.success) if demo.score is None else demo.score
    return EpisodeEnd(ending=ending.name, score=score, reason="imported")
