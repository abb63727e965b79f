"""Does what is asked over two pipes, on the machine: runs programs, reads and writes files.

The first process of a sandbox; when it ends, so does all that was started here.
A request and its answer are a line of JSON each. What a task file or an agent
wants run is run by this, never by the process that judges.
"""

import base64
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO

from env.tasks.inside.relay import Relay, socket_to_port

MOST_OUTPUT_BYTES = 64_000_000
_POLL_SECONDS = 0.005
_SLOWEST_POLL_SECONDS = 0.05


def main() -> None:
    """Until the pipe ends."""
    # For this process alone; a task's own Python has no business with our modules.
    os.environ.pop("PYTHONPATH", None)
    requests, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    # Children inherit neither pipe: what they print must not look like an answer.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    warden = _Warden()
    _say(answers, {"ready": True})
    for line in requests:
        request = json.loads(line)
        try:
            answer = warden.do(request)
        except OSError as error:
            answer = {"errno": error.errno or 5, "error": str(error)}
        _say(answers, answer)


def _say(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


class _Warden:
    def __init__(self) -> None:
        self._launched: list[subprocess.Popen[bytes]] = []
        self._relays: dict[int, Relay] = {}

    def do(self, request: dict[str, Any]) -> dict[str, Any]:
        self._launched = [process for process in self._launched if process.poll() is None]
        match request:
            case {"do": "run", "argv": argv, "timeout": timeout}:
                return _run(argv, timeout)
            case {"do": "launch", "argv": argv}:
                self._launched.append(_start(argv, subprocess.DEVNULL, subprocess.DEVNULL))
                return {}
            case {"do": "put", "path": path, "content": content}:
                target = Path(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(base64.b64decode(content))
                return {}
            case {"do": "get", "path": path}:
                return {"content": _base64(Path(path).read_bytes())}
            case {"do": "relay", "port": port, "path": path}:
                if port not in self._relays:
                    self._relays[port] = socket_to_port(Path(path), port)
                return {}
        raise OSError(f"no such request: {request.get('do')}")


def _start(argv: list[str], out: Any, err: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        cwd=os.environ["HOME"],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )


def _run(argv: list[str], timeout: float) -> dict[str, Any]:
    """Files, not pipes: a program left in the background holds a pipe open for ever."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = _start(argv, out, err)
        until, pause = time.monotonic() + timeout, _POLL_SECONDS
        while process.poll() is None:
            if time.monotonic() > until:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return {"returncode": None, "stdout": _read(out), "stderr": _read(err)}
            time.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_POLL_SECONDS)
        return {"returncode": process.returncode, "stdout": _read(out), "stderr": _read(err)}


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return _base64(file.read(MOST_OUTPUT_BYTES))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    main()
