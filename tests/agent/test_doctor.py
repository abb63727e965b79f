"""What the machine is found to be able to do, and what is wrong with it."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from agent import doctor
from agent.doctor import Finding, State, verdict
from model.shelf import weights_folder


def test_this_machine_can_do_what_the_tests_need(tmp_path: Path) -> None:
    found = {
        each.name: each
        for each in doctor.findings({}, "nano", tmp_path / "runs" / "new", weights_folder)
    }
    for name in ("system", "sandbox", "display", "browser", "bus", "fonts", "weights"):
        assert found[name].state is State.GOOD, found[name]
    assert "no network" in found["sandbox"].told
    assert str(tmp_path) in found["disk"].told
    assert "cores" in found["threads"].told
    assert "GiB" in found["memory"].told


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "no X11 session"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "Wayland"),
        ({"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland"}, "Wayland"),
    ],
)
def test_a_session_that_cannot_be_worked_is_said_to_be_one(
    environment: dict[str, str], told: str
) -> None:
    found = doctor.session(environment)
    assert found.state is State.LACKING
    assert told in found.told
    assert found.mend
    assert doctor.session({"DISPLAY": ":0"}).state is State.GOOD


def test_weights_are_known_by_their_headers(tmp_path: Path) -> None:
    assert doctor.weights(str(tmp_path), weights_folder).state is State.BROKEN
    (tmp_path / "config.json").write_text("{}")
    assert "no *.safetensors" in doctor.weights(str(tmp_path), weights_folder).told
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    whole = struct.pack("<Q", len(header)) + header + bytes(8)
    file = tmp_path / "model.safetensors"
    file.write_bytes(whole)
    assert doctor.weights(str(tmp_path), weights_folder).state is State.GOOD
    digest = hashlib.sha256(whole).hexdigest()
    told = {"parts": {"layer 0": {"file": file.name, "bytes": len(whole), "sha256": digest}}}
    (tmp_path / "quantization.json").write_text(json.dumps(told))
    assert doctor.weights(str(tmp_path), weights_folder).state is State.GOOD
    file.write_bytes(whole[:-1] + b"\x01")
    assert "not what quantize wrote" in doctor.weights(str(tmp_path), weights_folder).told
    (tmp_path / "quantization.json").write_text('{"parts": ["layer 0"]}')
    assert doctor.weights(str(tmp_path), weights_folder).state is State.BROKEN
    file.write_bytes(whole[:-1])
    cut = doctor.weights(str(tmp_path), weights_folder)
    assert cut.state is State.BROKEN
    assert "its header says" in cut.told
    file.write_bytes(b"\xff" * 20)
    assert doctor.weights(str(tmp_path), weights_folder).state is State.BROKEN


def test_the_worst_finding_is_the_verdict() -> None:
    good, lacking, broken = (Finding("it", state, "so") for state in State)
    assert verdict([]) is State.GOOD
    assert verdict([good, lacking]) is State.LACKING
    assert verdict([broken, good]) is State.BROKEN
