"""160 ways out of the sandbox, each tried from inside: none leads out.

Those that do no harm are tried outside too, where they must succeed: a probe that cannot says
nothing.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from env.network import own_addresses
from env.room import Limits
from env.sandbox import Sandbox
from env.screen import ScreenSize
from env.virtual import VirtualDesktop

PROGRAM = Path(__file__).with_name("break_out")
MARK = "a-mark-of-the-world-outside"
LIMITS = Limits(tasks=120, memory_bytes=400 * 2**20, home_bytes=2**26, scratch_bytes=2**26)

HARMLESS = (
    *("read_a_file_of_the_home", "read_an_ssh_key", "read_another_agents_log", "read_the_project"),
    *("users_of_the_machine_are_listed", "this_machines_number_is_known", "read_packages_state"),
    *("through_the_root_of_this_process", "see_a_process_outside", "end_a_process_outside"),
    *("through_the_parent_of_the_root", "connect_to_a_port_of_the_loopback"),
    *("connect_to_a_port_by_another_name", "connect_to_a_abstract_socket"),
    *("connect_to_a_socket_in_tmp", "connect_to_a_session_bus", "connect_to_a_display"),
    *("connect_to_a_display_by_its_abstract_socket", "attach_shared_memory", "take_a_message"),
    *("read_posix_shared_memory", "read_secrets_of_the_environment", "write_what_is_only_shown"),
    *("find_another_network", "send_a_datagram_to_the_machine_by_its_loopback"),
    *("send_a_datagram_to_the_machine_by_its_address", "connect_to_nobody_in_particular"),
)
"""Those that need no right that an ordinary user lacks."""

_ALLOWED_WITH_NETWORK = (
    *("connect_to_the_internet", "connect_to_a_name_server", "send_a_datagram_out"),
    *("look_up_a_name", "find_another_network"),
)


def probe_names() -> list[str]:
    listed = subprocess.run(
        (sys.executable, str(PROGRAM), "--list"), capture_output=True, check=True
    )
    names: list[str] = json.loads(listed.stdout)
    return names


NAMES = probe_names()


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Things of the machine outside that a sandbox is there to keep from programs."""
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir()
    for name in ("secret", ".ssh/id_ed25519", "log", "shown"):
        (home / name).write_text(MARK)
    libc = ctypes.CDLL(None)
    with ExitStack() as stack:
        display = stack.enter_context(VirtualDesktop(ScreenSize(64, 64), accessible=False))
        number = display.environment["DISPLAY"].removeprefix(":")
        bus_path = home / "bus"
        bus = subprocess.Popen(
            ("dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus_path}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(bus.wait)
        stack.callback(bus.kill)
        sleeper = subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)", MARK))
        stack.callback(sleeper.wait)
        stack.callback(sleeper.kill)
        tcp = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("0.0.0.0", 0))
        answering = threading.Thread(target=answer_datagrams, args=(udp,))
        answering.start()
        stack.callback(answering.join)
        stack.callback(udp.sendto, b"", udp.getsockname())
        listeners = {"abstract": f"\0{MARK}", "socket": str(home / "socket")}
        for address in listeners.values():
            link = stack.enter_context(socket.socket(socket.AF_UNIX))
            link.bind(address)
            link.listen(8)
        segment = libc.shmget(0, 4096, 0o1600)
        stack.callback(libc.shmctl, segment, 0, None)
        message_key = os.getpid()
        messages = libc.msgget(message_key, 0o1600)
        stack.callback(libc.msgctl, messages, 0, None)
        posix_shm = Path("/dev/shm", f"moonhand-bait-{os.getpid()}")
        posix_shm.write_text(MARK)
        stack.callback(posix_shm.unlink)
        while not bus_path.exists():
            assert bus.poll() is None
        yield {
            "secret": str(home / "secret"),
            "key": str(home / ".ssh/id_ed25519"),
            "log": str(home / "log"),
            "shown": str(home / "shown"),
            "project": str(Path(__file__).parents[2] / "main.py"),
            "machine_id": Path("/etc/machine-id").read_text(),
            "mark": MARK,
            "process": sleeper.pid,
            "port": tcp.getsockname()[1],
            "udp_port": udp.getsockname()[1],
            "address": next(iter(own_addresses()), "192.0.2.1"),
            "abstract": f"@{MARK}",
            "socket": listeners["socket"],
            "bus": str(bus_path),
            "display": f"/tmp/.X11-unix/X{number}",
            "display_abstract": f"@/tmp/.X11-unix/X{number}",
            "shm": segment,
            "message_key": message_key,
            "posix_shm": str(posix_shm),
            "tasks": LIMITS.tasks,
            "memory": LIMITS.memory_bytes,
            "space": max(LIMITS.home_bytes, LIMITS.scratch_bytes),
        }


def answer_datagrams(server: socket.socket) -> None:
    """Until an empty one."""
    while (said := server.recvfrom(16))[0]:
        server.sendto(b"answered", said[1])


def tried_inside(
    bait: dict[str, object], names: Sequence[str] = (), *, network: bool = False
) -> dict[str, str]:
    """How each ended; no name: all of them."""
    shown = (PROGRAM, Path(str(bait["shown"])))
    sandbox = Sandbox(shown=shown, limits=LIMITS, network=network)
    command = (str(Path(sys.base_prefix, "bin", "python3")), str(PROGRAM), *names)
    told = {"PATH": "/usr/bin:/bin", "HOME": sandbox.home_inside}
    try:
        done = sandbox.run(command, told, timeout_seconds=240, stdin=json.dumps(bait).encode())
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        outcomes: dict[str, str] = json.loads(done.stdout)
        # It is still there, and works.
        assert sandbox.run(("true",), told, timeout_seconds=10).returncode == 0
        return outcomes
    finally:
        sandbox.close()


@pytest.fixture(scope="module")
def inside(bait: dict[str, object]) -> dict[str, str]:
    return tried_inside(bait)


@pytest.mark.parametrize("name", NAMES)
def test_from_inside_there_is_no_way_out(name: str, inside: dict[str, str]) -> None:
    assert inside[name] != "OUT"


def test_with_a_network_there_is_no_way_to_this_machine(bait: dict[str, object]) -> None:
    outward = ("connect", "send", "network", "open_a_raw", "open_a_packet", "reach")
    names = [one for one in NAMES if one.startswith(outward) and one not in _ALLOWED_WITH_NETWORK]
    assert len(names) >= 25
    outcomes = tried_inside(bait, names, network=True)
    assert [name for name, said in outcomes.items() if said == "OUT"] == []


def test_they_are_many() -> None:
    assert len(NAMES) >= 60


def test_outside_the_harmless_ones_succeed(bait: dict[str, object]) -> None:
    assert set(HARMLESS) <= set(NAMES)
    done = subprocess.run(
        (sys.executable, str(PROGRAM), *HARMLESS),
        env={"PATH": os.environ["PATH"], "SECRET": MARK},
        input=json.dumps(bait),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    failed = {name: said for name, said in json.loads(done.stdout).items() if said != "OUT"}
    assert failed == {}
