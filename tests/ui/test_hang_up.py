import os
import signal
import subprocess
import sys
from pathlib import Path

MAIN = Path(__file__).parents[2] / "main.py"


def test_the_cockpit_ends_with_a_terminal_that_does_not_control_it(tmp_path: Path) -> None:
    master, slave = os.openpty()
    process = subprocess.Popen(
        (sys.executable, MAIN, "--graphics", "blocks"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        # The session's leader, but nothing has made the terminal its own.
        start_new_session=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "TERM": "xterm-256color"},
    )
    os.close(slave)
    try:
        drawn = b""
        while b"moonhand" not in drawn:
            drawn += os.read(master, 65536)
        os.close(master)
        assert process.wait(20.0) == -signal.SIGHUP
    finally:
        process.kill()
        process.wait()
