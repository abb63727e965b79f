"""Suites run to the end on the form, which takes no time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from agent.action_text import action_text, finish_text
from agent.form_stages import TASKS, FormStage, FormStages, form_jobs
from agent.policy import Policy, ScriptedPolicy
from agent.stages import Stage, TaskJob, Verdict
from agent.task_runs import OpenTaskRunner, SuiteConfig, TaskRecord, TaskRunner
from env.actions import Click, Keys, Point
from env.errors import EnvError
from env.fake import BUTTON, FAKE_SIZE
from trajectories.reading import read_runs

PRESS = action_text(Click(Point(*BUTTON.center)), FAKE_SIZE, words="Press it.")
GIVE_UP = finish_text(False, words="No.")


def no_policy(name: str) -> Policy:
    raise AssertionError(f"{name} is no model")


def run_all(out: Path, model: str) -> dict[str, TaskRecord]:
    config = SuiteConfig(suite="form", model=model)
    with OpenTaskRunner(config, out, no_policy, FormStages(), "none")() as run:
        records = [run(job) for job in form_jobs()]
    return {record.task: record for record in records if record is not None}


def run_one(out: Path, answers: list[str], task: str, stages: object = None) -> TaskRecord:
    config = SuiteConfig(suite="form", model="scripted", max_steps=3)
    open_stage = stages or FormStages()
    runner = TaskRunner(config, out, ScriptedPolicy(answers), open_stage, "mp4")  # type: ignore[arg-type]
    record = runner.run(TaskJob("form", task))
    assert record is not None
    return record


def test_the_oracle_solves_every_task(tmp_path: Path) -> None:
    records = run_all(tmp_path, "oracle")
    assert {task: record.score for task, record in records.items()} == dict.fromkeys(TASKS, 1.0)


def test_doing_nothing_solves_none(tmp_path: Path) -> None:
    assert {record.score for record in run_all(tmp_path, "idle").values()} == {0.0}


def test_giving_up_solves_what_cannot_be_done_and_nothing_else(tmp_path: Path) -> None:
    records = run_all(tmp_path, "gives-up")
    scores = {task: record.score for task, record in records.items()}
    assert scores == {**dict.fromkeys(TASKS, 0.0), "print": 1.0}


def test_scores_are_floats(tmp_path: Path) -> None:
    record = run_one(tmp_path, [PRESS, finish_text(True, words="Done.")], "save-twice")
    assert record.score == 0.5
    assert (record.ending, record.num_steps) == ("DONE", 2)


def test_at_the_step_limit_the_state_is_judged_as_it_is(tmp_path: Path) -> None:
    record = run_one(tmp_path, [PRESS, PRESS, PRESS], "save-twice")
    assert (record.ending, record.score, record.num_steps) == ("STEP_LIMIT", 1.0, 3)


def test_giving_up_after_all_is_worth_nothing(tmp_path: Path) -> None:
    assert run_one(tmp_path, [PRESS, PRESS, GIVE_UP], "save-twice").score == 0.0


def test_an_answer_that_was_refused_gives_up_nothing(tmp_path: Path) -> None:
    refused = action_text(Keys(("no-such-key",)), FAKE_SIZE, words="Press.").replace(
        "\n```", "\ncomputer.terminate(status='failure')\n```"
    )
    record = run_one(tmp_path, [PRESS, PRESS, refused], "save-twice")
    assert (record.ending, record.score) == ("STEP_LIMIT", 1.0)


def test_the_folder_is_osworlds_with_our_log_and_a_film(tmp_path: Path) -> None:
    run_one(tmp_path, [PRESS, finish_text(True, words="Done.")], "save-twice")
    folder = tmp_path / "pyautogui/screenshot/scripted/form/save-twice"
    assert (folder / "result.txt").read_text() == "0.5\n"
    (run,) = read_runs(folder)
    assert len(run.episodes[0].steps) == 2
    assert len(list(folder.glob("step_*.png"))) == 3
    assert "score 0.5" in (folder / "runtime.log").read_text()
    with av.open(str(folder / "recording.mp4")) as film:
        assert len(list(film.decode(video=0))) == 3
    assert not list(tmp_path.glob("drafts/**/*.png")), "nothing is left of the draft"


def test_where_the_time_went_is_told(tmp_path: Path) -> None:
    record = run_one(tmp_path, [PRESS, finish_text(True, words="Done.")], "save-twice")
    assert {"open", "prepare", "capture", "settle", "model", "act", "finish", "judge"} <= set(
        record.seconds
    )
    parts = sum(spent for part, spent in record.seconds.items() if part != "total")
    assert parts <= record.seconds["total"] + 0.01


@dataclass(frozen=True, slots=True)
class BrokenStages:
    """A task that cannot be set up, or not be judged, or whose judge is broken."""

    at: str
    error: type[Exception] = EnvError

    @contextmanager
    def __call__(self, job: TaskJob, folder: Path) -> Iterator[Stage]:
        yield _BrokenStage(self.at, self.error)


class _BrokenStage(FormStage):
    def __init__(self, at: str, error: type[Exception]) -> None:
        super().__init__(TASKS["check"])
        self._at = at
        self._error = error

    def prepare(self) -> None:
        self._break("prepare")

    def judge(self, last_action: str | None) -> Verdict:
        self._break("judge")
        return super().judge(last_action)

    def _break(self, at: str) -> None:
        if at == self._at:
            raise self._error("the file x.docx is missing")


@pytest.mark.parametrize("at", ["prepare", "judge"])
@pytest.mark.parametrize("error", [EnvError, RuntimeError])
def test_what_cannot_be_set_up_or_judged_is_unscored_and_says_why(
    at: str, error: type[Exception], tmp_path: Path
) -> None:
    answers = [PRESS, finish_text(True, words="Done.")]
    record = run_one(tmp_path, answers, "check", BrokenStages(at, error))
    assert record.score is None
    assert "x.docx is missing" in record.reason
    folder = tmp_path / "pyautogui/screenshot/scripted/form/check"
    assert not (folder / "result.txt").exists(), "a reader would count it as 0"
    assert "x.docx is missing" in (folder / "runtime.log").read_text()
    if at == "prepare":
        (line,) = (folder / "traj.jsonl").read_text().splitlines()
        assert "x.docx" in json.loads(line)["Error"]


def test_what_has_no_score_is_run_again_and_what_has_one_is_not(tmp_path: Path) -> None:
    answers = [PRESS, finish_text(True, words="Done.")]
    assert run_one(tmp_path, answers, "check", BrokenStages("prepare")).score is None
    assert run_one(tmp_path, answers, "check").score == 0.0
    config = SuiteConfig(suite="form", model="scripted")
    runner = TaskRunner(config, tmp_path, ScriptedPolicy([]), FormStages())
    assert runner.run(TaskJob("form", "check")) is None


def test_nobody_answering_is_not_the_models_failure(tmp_path: Path) -> None:
    record = run_one(tmp_path, [PRESS], "save-twice")
    assert (record.ending, record.score) == ("POLICY_FAILED", None)
