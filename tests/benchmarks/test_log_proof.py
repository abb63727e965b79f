"""The short form of `make proof-log`."""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from benchmarks.log_proof.__main__ import main
from benchmarks.log_proof.crashes import prove_crashes
from benchmarks.log_proof.damage import prove_damage
from benchmarks.log_proof.faults import prove_faults
from benchmarks.log_proof.kills import prove_kills
from benchmarks.log_proof.resumes import prove_resumes
from benchmarks.log_proof.workload import Report


def assert_nothing_bad(report: Report, cases: int) -> None:
    assert report.bad == []
    assert report.cases >= cases


def in_a_small_process(prove: Callable[[int, int], Report], cases: int) -> Report:
    """These fork once a case. From this process, with torch and all tests in it, 500 took 212 s;
    from a small one 52 s."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(prove, cases, 1).result()


def test_500_kills_lose_double_and_reorder_nothing() -> None:
    report = in_a_small_process(prove_kills, 500)
    assert_nothing_bad(report, 500)
    # A process is killed a moment after some steps of its own, however slow the machine.
    assert report.counts["steps acknowledged"] > 500
    assert report.counts["killed before a step"] < 250


def test_100_000_states_after_a_power_cut_hold_every_acknowledged_step() -> None:
    report = prove_crashes(100_000, seed=1)
    assert_nothing_bad(report, 100_000)
    assert report.counts["power cuts while writing"] > 1_000
    assert report.counts["power cuts while recovering"] > 1_000
    assert report.counts["torn tails"] > 1_000


def test_the_proof_by_power_cuts_would_show_a_log_that_does_not_sync() -> None:
    assert prove_crashes(500, seed=1, durable=False).bad


def test_100_000_cut_and_flipped_logs_give_nothing_wrong_and_are_all_noticed() -> None:
    assert_nothing_bad(prove_damage(100_000, seed=1), 100_000)


def test_a_storage_call_that_fails_loses_nothing_and_holds_back_the_action() -> None:
    report = prove_faults(50, seed=1)
    assert_nothing_bad(report, 6 * 50)
    assert report.counts["actions performed"] > 1_000


def test_1_000_resumed_episodes_do_nothing_twice() -> None:
    report = in_a_small_process(prove_resumes, 1_000)
    assert_nothing_bad(report, 1_000)
    assert report.counts["left in doubt"] > 50


def test_the_report_is_a_file_and_says_what_was_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--kills", "2", "--states", "20", "--cuts", "100", "--steps", "2", "--resumes", "2"]
    assert main([*few, "--out", str(tmp_path / "proof.json")]) == 0
    proofs = json.loads((tmp_path / "proof.json").read_text())["proofs"]
    assert [proof["num_bad"] for proof in proofs] == [0] * 5
    assert "SIGKILLs: 2 cases, 0 bad" in capsys.readouterr().out
