"""A way out to the network for a sandbox whose user asked for one: slirp4netns.

A process outside takes the packets of the sandbox's own network and does with ordinary sockets
what they ask for; nobody needs a right that the user lacks. Programs inside hold no capability,
so they cannot change the routes laid here: none leads to this machine, neither to its loopback
nor to an address it has when the sandbox is made, none to link-local addresses, where clouds tell
their secrets, and none through IPv6. Other machines of the user's own network are in reach.
"""

import fcntl
import os
import select
import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

import psutil

from env.errors import DesktopUnavailable
from env.process import end, in_a_group
from env.room import SEARCH_PATH, require

NAME_SERVER = "10.0.2.3"
"""Asks this machine's own, wherever that listens; nothing but names is to be had of it."""

_ADMINISTRATION = f"{SEARCH_PATH}:/usr/sbin:/sbin"
_TUNNELS = "/dev/net/tun"
_NEVER = ("169.254.0.0/16",)
_GET_OWNER = 0xB701
"""NS_GET_USERNS of ioctl_ns(2)."""
_START_SECONDS = 10.0
"""Ceiling; 0.02 s is usual."""


class Network:
    """Up from the constructor on."""

    def __init__(self, process_id: int) -> None:
        """
        Args:
            process_id: of a process of the sandbox.

        Raises:
            DesktopUnavailable: a program is missing (the message names its package), or the
                network did not come up.
        """
        require("slirp4netns", "slirp4netns")
        if not os.access(_TUNNELS, os.R_OK | os.W_OK):
            raise DesktopUnavailable(
                f"{_TUNNELS} cannot be opened, so there is no network to be had for a sandbox;"
                " it takes the kernel's module tun, and mode 0666 as usual"
            )
        self._process: subprocess.Popen[bytes] | None = None
        with ExitStack() as stack:
            network = os.open(f"/proc/{process_id}/ns/net", os.O_RDONLY)
            stack.callback(os.close, network)
            # Not the one its programs are in, which has no say over the network.
            owner = fcntl.ioctl(network, _GET_OWNER)
            stack.callback(os.close, owner)
            spaces = _Spaces(network, owner)
            # Before anything can get out.
            spaces.wall_off((*_NEVER, *own_addresses()))
            self._process = spaces.connected()

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """Safe to call twice."""
        if self._process is not None:
            end(self._process)
            self._process = None


class _Spaces:
    """A network name space and the user name space that it belongs to, as open files."""

    def __init__(self, network: int, owner: int) -> None:
        self._network = network
        self._owner = owner

    def wall_off(self, addresses: Sequence[str]) -> None:
        batch = "".join(f"route add unreachable {address}\n" for address in addresses)
        done = subprocess.run(
            (*self._as_owner(), f"--net=/proc/self/fd/{self._network}", "--", _ip(), "-batch", "-"),
            env={"PATH": _ADMINISTRATION},
            input=batch.encode(),
            capture_output=True,
            pass_fds=(self._network, self._owner),
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise DesktopUnavailable(f"the sandbox's routes cannot be laid: {said}")

    def connected(self) -> subprocess.Popen[bytes]:
        read_end, write_end = os.pipe()
        try:
            process = in_a_group(
                (
                    *(*self._as_owner(), "--", "setpriv", "--pdeathsig", "KILL", "--"),
                    *("slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"),
                    *("--enable-sandbox", "--enable-seccomp", f"--ready-fd={write_end}"),
                    *("--netns-type=path", f"/proc/self/fd/{self._network}", "tap0"),
                ),
                {"PATH": SEARCH_PATH},
                keep_open=(write_end, self._network, self._owner),
            )
        finally:
            os.close(write_end)
        try:
            # Ends early, and empty, if it dies.
            ready = select.select([read_end], [], [], _START_SECONDS)[0] and os.read(read_end, 1)
        finally:
            os.close(read_end)
        if not ready:
            end(process)
            raise DesktopUnavailable(f"slirp4netns did not start: status {process.returncode}")
        return process

    def _as_owner(self) -> tuple[str, ...]:
        # Bubblewrap has it that whoever made the name space is root in it.
        return ("nsenter", "--preserve-credentials", f"--user=/proc/self/fd/{self._owner}")


def own_addresses() -> list[str]:
    """This machine's IPv4 addresses but those of its loopback, of bridges and tunnels too."""
    found = (one for link in psutil.net_if_addrs().values() for one in link)
    return [
        one.address
        for one in found
        if one.family == socket.AF_INET and not one.address.startswith("127.")
    ]


def _ip() -> str:
    return require("ip", "iproute2", path=_ADMINISTRATION)
