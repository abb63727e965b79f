"""The network of a sandbox that may have one.

In a network name space of the test's own, where an address can be added that stands for another
machine: this file is also the program that is run in it.
"""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from env.errors import DesktopUnavailable
from env.network import own_addresses
from env.room import require
from env.sandbox import Sandbox

OURS, ANOTHERS = "192.0.2.9", "198.51.100.9"
ATTEMPT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3.0) as link:
        print(link.recv(16).decode())
except OSError as error:
    print(error.strerror)
"""


def reached() -> dict[str, str]:
    """What a sandbox with a network hears at each address of a server of this machine's."""
    give(OURS)
    with ExitStack() as stack:
        sandbox = Sandbox(network=True)
        stack.callback(sandbox.close)
        assert own_addresses() == [OURS]
        # Not this machine's as far as the sandbox knows.
        give(ANOTHERS)
        server = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        outcomes = {}
        for address in (ANOTHERS, OURS, "10.0.2.2"):
            python = str(Path(sys.base_prefix, "bin", "python3"))
            command = (python, "-c", ATTEMPT, address, str(server.getsockname()[1]))
            application = sandbox.launch(("sh", "-c", 'exec "$@" >said', "sh", *command), {})
            server.settimeout(3.0 if address == ANOTHERS else 0.5)
            try:
                link, _ = server.accept()
            except TimeoutError:
                pass
            else:
                link.sendall(b"hello")
                link.close()
            application.wait(10.0)
            outcomes[address] = sandbox.read_file(f"{sandbox.home_inside}/said").decode().strip()
        return outcomes


def give(address: str) -> None:
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
    subprocess.run(("ip", "address", "add", f"{address}/32", "dev", "lo"), check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a network name space of one's own takes root")
def test_other_machines_are_reached_and_this_one_is_not() -> None:
    command = ("unshare", "--net", sys.executable, __file__)
    told = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        ANOTHERS: "hello",
        OURS: "No route to host",
        "10.0.2.2": "Network is unreachable",
    }


def test_a_sandbox_has_no_network_unless_asked() -> None:
    sandbox = Sandbox()
    try:
        routes = sandbox.read_file("/proc/net/route").decode()
    finally:
        sandbox.close()
    assert len(routes.splitlines()) == 1, "only the headings"


def test_a_machine_without_the_program_is_told_its_name() -> None:
    with pytest.raises(DesktopUnavailable, match="apt-get install slirp4netns"):
        require("slirp4netns", "slirp4netns", path="/nowhere")


if __name__ == "__main__":
    print(json.dumps(reached()))
