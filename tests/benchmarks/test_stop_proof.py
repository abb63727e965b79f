"""The short form of `make proof-stop`."""

from benchmarks.stop_proof.kills import HOW, prove_kills
from benchmarks.stop_proof.own_input import prove_own_input
from benchmarks.stop_proof.stops import prove_stops


def test_20_stops_in_every_state_hold_and_leave_nothing_held() -> None:
    report = prove_stops(20, seed=1)
    # How long they took is for an idle machine to say.
    assert [line for line in report.bad if " took " not in line] == []
    assert report.cases == 20
    assert set(report.milliseconds) == {"stop", "takeover"}


def test_killed_crashed_and_hanging_processes_leave_nothing_held() -> None:
    report = prove_kills(len(HOW), seed=1)
    assert report.bad == []
    assert set(report.counts) == set(HOW)


def test_2000_events_of_its_own_are_never_taken_for_a_persons() -> None:
    report = prove_own_input(2_000, seed=1)
    assert report.bad == []
    assert report.cases >= 2_000
