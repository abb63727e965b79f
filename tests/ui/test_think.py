"""`main.py think` as a process of its own, with a teacher behind HTTP, killed in the middle."""

import base64
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.agent.test_cot import EXPLAINED, GOOD, SUMMARY
from tests.agent.test_endpoint import Handler, Server, server
from tests.trajectories.conftest import MakeRun, make_run
from trajectories.reading import Step, read_run
from trajectories.thoughts import read_thoughts

__all__ = ["make_run", "server"]

ROOT = Path(__file__).parents[2]


def words_of(request: dict[str, Any]) -> str:
    asked = request["messages"][-1]["content"]
    if isinstance(asked, str):
        return asked
    return " ".join(part["text"] for part in asked if part["type"] == "text")


def pictures_of(request: dict[str, Any]) -> list[Image.Image]:
    asked = request["messages"][-1]["content"]
    links = [part["image_url"]["url"] for part in asked if part["type"] == "image_url"]
    return [Image.open(BytesIO(base64.b64decode(link.partition(",")[2]))) for link in links]


def teach(handler: Handler) -> None:
    request = handler.server.requests[-1]
    words = words_of(request)
    answer = EXPLAINED
    if "last_step_correct" in words:
        answer = GOOD
    elif "task_completed" in words:
        answer = SUMMARY
    handler.begin()
    handler.say(answer)
    handler.event("[DONE]")


def fall_silent(handler: Handler) -> None:
    time.sleep(60)


def think(run: Path, server: Server) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "main.py", "think", str(run), "--model", f"{server.url}#kimi"]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, env=dict(os.environ))


def test_a_killed_writing_of_thoughts_goes_on_and_asks_nothing_twice(
    make_run: MakeRun, server: Server
) -> None:
    run = make_run()
    (episode,) = read_run(run).episodes
    steps = [step for step in episode.steps if not step.error]
    # Each step is explained and judged, the last only explained; the whole is summed up.
    needed = 2 * len(steps) - 1 + 1
    server.behaviours = [*([teach] * 5), fall_silent]
    killed = think(run, server)
    until = time.monotonic() + 90
    while len(server.requests) < 6:
        assert killed.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    written = read_thoughts(run)
    # Two steps were explained and judged; of the third the judgement never came.
    assert sorted(written.steps) == [(0, 1), (0, 2)]
    server.behaviours = [teach]
    assert think(run, server).wait(90) == 0
    again = read_thoughts(run)
    assert len(again.steps) == len(steps)
    assert again.tasks[0].alignment_score == 8
    assert {key: again.steps[key] for key in written.steps} == written.steps
    # The explanation of the third step is asked for once more, and nothing else is.
    assert len(server.requests) == needed + 2
    judged = [each for each in server.requests[6:] if "last_step_correct" in words_of(each)]
    assert [seen_after(each) for each in judged] == [pixels(step) for step in steps[3:]]


def seen_after(request: dict[str, Any]) -> bytes:
    """The reflector's second picture: the screen after the step."""
    _, after = pictures_of(request)
    return after.convert("RGB").tobytes()


def pixels(step: Step) -> bytes:
    return step.image().tobytes()
