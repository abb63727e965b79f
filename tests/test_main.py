"""Commands as a person types them: exit codes and what is said."""

import json
from pathlib import Path

import pytest
from PIL import Image

from agent.demonstrations import demonstrations, exported_demonstrations
from agent.prompts import NANO
from main import DONE, FAILED, REFUSED, main
from trajectories.reading import read_run
from trajectories.schema import EpisodeEnd, EpisodeStart
from trajectories.store import RunStore, find_runs


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return err


def test_an_unknown_task_is_refused_with_near_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["collect", "--tasks", "click-buton", "--out", str(tmp_path)]
    assert main(words) == REFUSED
    assert "'click-buton'" in (message := said(capsys))
    assert "click-button" in message


def test_missing_weights_are_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "nowhere")
    for words in (
        ["eval", "miniwob", "--model", nowhere, "--out", str(tmp_path / "out")],
        ["run", "Go.", "--desktop", "fake", "--model", nowhere, "--out", str(tmp_path / "out")],
        ["demo", "--model", nowhere, "--out", str(tmp_path / "out")],
    ):
        assert main(words) == REFUSED
        assert "no weights in" in said(capsys)
    assert not (tmp_path / "out").exists()


def test_without_chromium_the_message_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["collect", "--tasks", "click-button", "--episodes", "1", "--out", str(tmp_path)]
    assert main(words) == REFUSED
    assert "looked for chromium" in said(capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["eval", "webarena", "--out", "x"], "no suite named 'webarena'"),
        (["eval", "osworld", "--out", "x"], "needs --files"),
        (["eval", "screenspot", "--out", "x"], "needs --images"),
        (["report", "/nonexistent"], "expected a folder that eval has written"),
        (["run", "Go.", "--desktop", "holodeck"], "holodeck"),
        (["run", "Go.", "--style", "rococo"], "no prompt style named 'rococo'"),
        (["collect", "--out", "x", "--seed", "10000000"], "evaluations have the others"),
        (["collect", "--out", "x", "--noise", "2"], "a share from 0 to 1"),
        (["replay", "/nonexistent"], "no run in /nonexistent"),
        (["export", "/nonexistent", "--out", "x"], "no run in /nonexistent"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if words[0] == "run":
        words = [*words, "--model", str(checkpoint_in_name_only(tmp_path))]
    assert main(words) == REFUSED
    assert message in (line := said(capsys))
    assert line.count("\n") == 1


def checkpoint_in_name_only(folder: Path) -> Path:
    (folder / "config.json").write_text("{}")
    return folder


def test_words_that_fit_no_command_end_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fly"])
    assert end.value.code == REFUSED
    assert "invalid choice" in said(capsys)


def test_a_damaged_log_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run-01"
    folder.mkdir()
    (folder / "steps.log").write_bytes(b"something else")
    assert main(["replay", str(folder)]) == REFUSED
    assert "holds no good record" in said(capsys)


def test_demonstrations_are_collected_exported_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, out = tmp_path / "runs", tmp_path / "set"
    words = ["collect", "--tasks", "click-button,enter-text-2", "--episodes", "2"]
    assert main([*words, "--out", str(runs)]) == DONE
    (folder,) = find_runs(runs)
    episodes = read_run(folder).episodes
    assert [episode.success for episode in episodes] == [True] * 4
    assert main(["export", str(runs), "--out", str(out)]) == DONE
    lines = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert len(lines) == sum(len(episode.steps) for episode in episodes)
    assert lines[0]["messages"][-1]["content"][0]["text"].startswith("## ")
    assert (out / lines[0]["messages"][1]["content"][0]["image"]).is_file()
    assert json.loads((out / "card.json").read_text())["num_samples"] == {"train": len(lines)}
    learned = list(exported_demonstrations(out / "train.jsonl"))
    direct = list(demonstrations(runs, NANO))
    assert [each.conversation.turns for each in learned] == [
        each.conversation.turns for each in direct
    ]
    assert [each.labels for each in learned] == [each.labels for each in direct]
    assert main(["replay", str(runs)]) == DONE
    assert "click-button 1" in (folder / "replay.html").read_text()


def test_an_evaluation_is_gone_on_with_and_not_mixed_with_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "miniwob", "--model", "expert", "--tasks", "click-test,click-test-2"]
    words += ["--out", str(tmp_path), "--episodes"]
    assert main([*words, "1"]) == DONE
    results = sorted(tmp_path.glob("pyautogui/screenshot/expert/*/*/result.txt"))
    assert [path.parent.name for path in results] == ["10000000", "10000000"]
    first = results[0].stat().st_mtime_ns
    assert main([*words, "2"]) == DONE
    assert results[0].stat().st_mtime_ns == first, "a finished episode was run again"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["mean"], summary["episodes"], summary["standard_error"]) == (1.0, 4, 0.0)
    assert summary["per_task"]["click-test"]["episodes"] == 2
    assert "time limits are off" in summary["notes"][0]
    line = json.loads((results[0].parent / "traj.jsonl").read_text().splitlines()[-1])
    assert (line["step_num"], line["reward"], line["done"]) == (1, 1.0, True)
    said(capsys)
    assert main([*words, "1", "--seed", "1"]) == REFUSED
    assert "holds another evaluation" in said(capsys)


def test_a_question_about_a_picture_is_answered_with_what_it_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (160, 210), "white").save(tmp_path / "page.png")
    words = ["chat", "What is at x=0.50, y=0.50?", "--image", str(tmp_path / "page.png")]
    assert main([*words, "--max-tokens", "8", "--stats"]) == 0
    *_, stats = capsys.readouterr().out.strip().splitlines()
    assert "prompt tokens at" in stats
    assert "peak memory" in stats


@pytest.mark.parametrize("content", [None, b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_picture_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "page.png"
    if content is not None:
        path.write_bytes(content)
    assert main(["chat", "Why?", "--image", str(path)]) == 2
    assert "page.png is no picture" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["chat", "Why?"], ["run", "Go.", "--desktop", "fake"]])
def test_a_server_that_is_not_there_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    where = ["--out", str(tmp_path)] if command[0] == "run" else []
    code = main([*command, *where, "--model", "http://127.0.0.1:9/v1#kimi"])
    said = capsys.readouterr()
    assert code == (1 if command[0] == "run" else 2)
    assert "127.0.0.1:9" in said.out + said.err


def test_a_constrained_run_writes_nothing_but_actions(tmp_path: Path) -> None:
    words = ["run", "Press OK.", "--desktop", "fake", "--constrained", "--max-steps", "2"]
    assert main([*words, "--out", str(tmp_path)]) in (DONE, 1)
    [folder] = find_runs(tmp_path)
    [episode] = read_run(folder).episodes
    assert all(step.intent is not None for step in episode.steps)


def test_a_log_is_checked_repaired_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunStore.create(tmp_path, policy="scripted") as store:
        store.append(
            EpisodeStart(task="t", instruction="Save it.", width=4, height=3, started_at=0.0)
        )
        store.append(EpisodeEnd(ending="DONE", score=1.0), sync=True)
    assert main(["log", "check", str(tmp_path)]) == DONE
    data = bytearray((store.folder / "steps.log").read_bytes())
    data[100] ^= 1
    (store.folder / "steps.log").write_bytes(data)
    assert main(["log", "check", str(tmp_path)]) == FAILED
    assert "DAMAGED" in capsys.readouterr().out
    assert main(["log", "repair", str(store.folder)]) == DONE
    assert "steps.damaged" in capsys.readouterr().out
    assert main(["log", "check", str(tmp_path)]) == DONE
    assert main(["log", "show", str(tmp_path), "--find", "save"]) == DONE
    assert "Save it." in capsys.readouterr().out
    assert main(["log", "show", str(store.folder)]) == DONE
    assert "t: Save it." in capsys.readouterr().out


def test_resuming_what_ended_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunStore.create(tmp_path, policy="nano") as store:
        store.append(
            EpisodeStart(task="t", instruction="Save it.", width=4, height=3, started_at=0.0)
        )
        store.append(EpisodeEnd(ending="DONE", score=1.0), sync=True)
    assert main(["resume", str(store.folder), "--desktop", "fake"]) == REFUSED
    assert "ended" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "made"),
    [
        ("llava", "train.json"),
        ("parquet", "train.parquet"),
        ("webdataset", "train/samples-000000.tar"),
        ("agentnet", "trajectories.jsonl"),
        ("opencua", "*.json"),
        ("bench", "*.json"),
        ("osworld", "pyautogui/screenshot/expert/click-button/*/result.txt"),
    ],
)
def test_runs_are_exported_in_every_form_and_come_back(
    form: str, made: str, tmp_path: Path
) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out"
    words = ["collect", "--tasks", "click-button", "--episodes", "1", "--out", str(runs)]
    assert main(words) == DONE
    assert main(["export", str(runs), "--out", str(out), "--format", form]) == DONE
    (path,) = out.glob(made)
    if form in ("agentnet", "opencua"):
        words = ["import", str(path), "--format", form, "--out", str(tmp_path / "again")]
        assert main(words) == DONE
        (episode,) = read_run(find_runs(tmp_path / "again")[0]).episodes
        assert episode.success
    if form == "bench":
        words = ["score", str(out), "--out", str(tmp_path / "scores"), "--style", "nano"]
        assert main(words) == DONE
        metric = json.loads((tmp_path / "scores" / "metric.json").read_text())
        assert set(metric["average_score"]) == {"published", "parsed"}
