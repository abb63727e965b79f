"""Own input, a great deal of it: never is it taken for a person's."""

import random

from agent.control import Control
from benchmarks.stop_proof.agent import SIZE
from benchmarks.stop_proof.report import Report
from benchmarks.stop_proof.stage import Stage, opened_stage
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText
from env.x11 import X11Display


def prove_own_input(count: int, seed: int) -> Report:
    """Until so many events were injected."""
    report = Report(name="own input")
    chance = random.Random(seed)
    control = Control()
    with opened_stage() as stage, X11Display(stage.name, stage.cookie) as display:
        display.heed(control)
        while report.cases < count:
            _act(report, stage, display, chance)
            for why in (control.stopped, control.paused):
                if why is not None:
                    report.bad.append(f"after {report.cases} events: {why}")
                    return report
    return report


def _act(report: Report, stage: Stage, display: X11Display, chance: random.Random) -> None:
    action = _action(chance)
    display.perform(action)
    heard = stage.heard()
    report.cases += sum(event.injected for event in heard)
    report.counts[type(action).__name__] += 1
    if not all(event.injected for event in heard):
        report.bad.append(f"{action}: events of a person's devices")


def _action(chance: random.Random) -> Action:
    def point() -> Point:
        return Point(
            chance.choice((0, chance.randrange(SIZE.width), SIZE.width - 1)),
            chance.choice((0, chance.randrange(SIZE.height), SIZE.height - 1)),
        )

    match chance.randrange(6):
        case 0:
            return TypeText("Own Input! " * 100)
        case 1:
            return Click(point(), count=chance.randint(1, 3))
        case 2:
            return Drag(point(), point())
        case 3:
            return Scroll(point(), 50)
        case 4:
            return Keys(("escape",), presses=20)
        case _:
            return Move(point())
