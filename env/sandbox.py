"""A room that its programs cannot leave: bubblewrap round all of them.

They have a user, process, network, IPC and host name space of their own, no capability, no
variable of ours, /usr read-only, and an empty home in memory that is gone with them. Of this
machine they reach only what is bound in (`shown`), and of the network nothing unless asked.
They see one another: one desktop, one sandbox.
"""

import json
import os
import secrets
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from env.cgroup import make_groups, remove_groups
from env.errors import DesktopUnavailable
from env.network import NAME_SERVER, Network
from env.no_links import pinned
from env.process import end, in_a_group, scratch_folder
from env.room import HOME_INSIDE, Application, Limits, Room, Streams, require
from env.sandbox_client import answer, ask
from env.sandbox_filter import compiled_filter

USER_INSIDE = 1000
RUN_INSIDE = f"/run/user/{USER_INSIDE}"
"""XDG_RUNTIME_DIR: the session bus is here."""

_SUPERVISOR = Path(__file__).with_name("sandbox_supervisor.py")
_CLIENT = Path(__file__).with_name("sandbox_client.py")
_SUPERVISOR_INSIDE = "/run/moonhand/supervisor.py"
_START_SECONDS = 20.0
"""Ceiling; 0.2 s is usual."""

_SETTINGS = (
    *("alternatives", "appstream.conf", "ca-certificates.conf", "chromium", "chromium.d", "dbus-1"),
    *("dconf", "default", "dictionaries-common", "fonts", "gimp", "glvnd", "gtk-2.0", "gtk-3.0"),
    *("gtk-4.0", "host.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "libreoffice"),
    *("locale.alias", "localtime", "magic", "mime.types", "nsswitch.conf", "openal", "opt"),
    *("os-release", "papersize", "perl", "profile", "protocols", "pulse", "python3"),
    *("python3.11", "services", "sgml", "ssl", "terminfo", "thunderbird", "timezone", "vulkan"),
    *("X11", "xdg", "xml"),
)
"""Of /etc: what applications read and nobody need hide. Not passwd, shadow, ssh, hosts."""

_MACHINE_FILES = (
    ("/etc/passwd", f"user:x:{USER_INSIDE}:{USER_INSIDE}:user:{HOME_INSIDE}:/bin/bash\n"),
    ("/etc/group", f"user:x:{USER_INSIDE}:\n"),
    ("/etc/hosts", "127.0.0.1 localhost moonhand\n"),
    ("/etc/hostname", "moonhand\n"),
)

_MASKED = (
    *("acpi", "config.gz", "fs", "iomem", "ioports", "kallsyms", "kcore", "key-users", "keys"),
    *("kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "mtrr", "partitions"),
    *("pagetypeinfo", "sched_debug", "scsi", "slabinfo", "sysrq-trigger", "timer_list"),
    *("vmallocinfo",),
)

_INTO_GROUPS = (
    "echo 1000 >/proc/self/oom_score_adj;"
    ' while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'
)


class Sandbox(Room):
    """Up from the constructor on, with nothing in it but the program that starts others."""

    home_inside = HOME_INSIDE

    def __init__(
        self,
        *,
        shown: Sequence[Path] = (),
        workspace: Path | None = None,
        limits: Limits | None = None,
        ipc_of: int | None = None,
        network: bool = False,
    ) -> None:
        """
        Args:
            shown: files and folders of this machine that are seen inside, read-only, by the
                same paths.
            workspace: a folder that is seen as ~/workspace and may be written; None: that
                folder is a part of the home and goes with it.
            ipc_of: a process started by `own_ipc`, the X server, whose IPC name space they
                share; None: they have one of their own.
            network: they reach other machines (`env.network`).

        Raises:
            DesktopUnavailable: programs cannot be kept apart on this machine; it says why.
        """
        self._closed = False
        self._applications: list[SandboxedApplication] = []
        self._folder = scratch_folder("sandbox")
        self._control = self._folder / "control"
        self._root = -1
        limits = limits or Limits()
        self._groups = make_groups(limits)
        self._process: subprocess.Popen[bytes] | None = None
        self._network: Network | None = None
        self._resolvers = f"nameserver {NAME_SERVER}\n" if network else ""
        try:
            child = self._start(shown, workspace, limits, ipc_of)
            if network:
                self._network = Network(child)
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        return not self._closed and self._process is not None and self._process.poll() is None

    def path(self, inside: str) -> Path:
        below = inside.strip("/")
        if below:
            with suppress(FileNotFoundError):
                os.close(pinned(self._root, below))
        return Path(f"/proc/{os.getpid()}/fd/{self._root}") / below

    def launch(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: str | None = None,
        streams: Streams | None = None,
    ) -> "SandboxedApplication":
        streams = streams or Streams()
        given = {0: streams.stdin, 1: streams.stdout, 2: streams.stderr}
        descriptors = {place: ours for place, ours in given.items() if ours is not None}
        try:
            connection = ask(
                str(self._control), command, environment, folder or HOME_INSIDE, descriptors
            )
        except OSError as error:
            raise DesktopUnavailable(f"{command[0]} did not start: {error}") from error
        started = SandboxedApplication(connection)
        self._applications.append(started)
        return started

    def executable(self, program: str) -> Path:
        script = self._folder / Path(program).name
        words = (
            *(sys.executable, "-I", "-S", str(_CLIENT), str(self._control)),
            *(str(self.path("/")), "/", program),
        )
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o700)
        return script

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for application in self._applications:
            application.let_go()
        if self._network is not None:
            self._network.close()
        if self._process is not None:
            end(self._process)
        if self._root >= 0:
            os.close(self._root)
        remove_groups(self._groups)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(
        self,
        shown: Sequence[Path],
        workspace: Path | None,
        limits: Limits,
        ipc_of: int | None,
    ) -> int:
        """Gives a process of the sandbox."""
        bwrap = require("bwrap", "bubblewrap")
        require("setpriv", "util-linux")
        resources = {"RLIMIT_CORE": 0}
        if not self._groups:
            if os.geteuid() == 0:
                # Root is above the limits that hold for others.
                raise DesktopUnavailable(
                    "as root, programs can be limited by control groups only, and those under"
                    " /sys/fs/cgroup cannot be written; run as an ordinary user, or --no-sandbox"
                )
            resources |= {"RLIMIT_NPROC": limits.tasks, "RLIMIT_DATA": limits.memory_bytes}
        watched = 0 if self._groups else limits.memory_bytes
        with ExitStack() as stack:
            listening = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listening.bind(str(self._control))
            listening.listen(64)
            filter_ = stack.enter_context(tempfile.TemporaryFile())
            try:
                filter_.write(compiled_filter())
            except OSError as error:
                raise DesktopUnavailable(str(error)) from error
            filter_.seek(0)
            told = stack.enter_context(tempfile.TemporaryFile())
            files = self._machine_files()
            read_end, write_end = os.pipe()
            stack.callback(os.close, read_end)
            command = (
                *("sh", "-c", _INTO_GROUPS, "sh", *map(str, self._groups), "--"),
                *_joining(ipc_of),
                bwrap,
                *("--seccomp", str(filter_.fileno()), "--info-fd", str(write_end)),
                *_walls(limits),
                *(() if ipc_of is not None else ("--unshare-ipc",)),
                *_binds(shown, workspace, files),
                *("--remount-ro", "/dev", "--remount-ro", "/", "--"),
                *(str(_python()), "-I", "-S", "-B", _SUPERVISOR_INSIDE),
                *(str(listening.fileno()), json.dumps(resources), str(watched)),
            )
            try:
                self._process = in_a_group(
                    command,
                    {"PATH": os.defpath},
                    keep_open=(listening.fileno(), filter_.fileno(), write_end),
                    stderr=told,
                )
            finally:
                os.close(write_end)
            # The sandbox's own is left: where none was made, nobody is waited for.
            listening.close()
            child = _child(read_end)
            self._root = self._opened_root(child, told.fileno())
            assert child is not None
            return child

    def _machine_files(self) -> list[tuple[Path, str]]:
        """Files that say which machine this is: a made-up one, other every time."""
        folder = self._folder / "machine"
        folder.mkdir()
        written = []
        made_up = (
            ("/etc/machine-id", secrets.token_hex(16) + "\n"),
            ("/etc/resolv.conf", self._resolvers),
        )
        for name, text in (*_MACHINE_FILES, *made_up):
            file = folder / Path(name).name
            file.write_text(text)
            written.append((file, name))
        return written

    def _opened_root(self, child: int | None, told: int) -> int:
        """The sandbox's own root folder, once something can be started in it."""
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while child is not None and self._process.poll() is None:
            try:
                connection = ask(str(self._control), ("true",), {"PATH": "/usr/bin"}, "/", {})
            except OSError as error:
                if time.monotonic() > until:
                    raise DesktopUnavailable(f"the sandbox does not answer: {error}") from error
                continue
            connection.close()
            return os.open(f"/proc/{child}/root", os.O_PATH | os.O_DIRECTORY)
        said = os.pread(told, 4096, 0).decode("utf-8", "replace").strip()
        raise DesktopUnavailable(
            f"bubblewrap cannot keep programs apart on this machine ({said or 'it ended'});"
            " user name spaces must be allowed (sysctl kernel.unprivileged_userns_clone=1, on"
            " Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or --no-sandbox"
        )


class SandboxedApplication(Application):
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._returncode: int | None = None

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        if self._returncode is None:
            ready, _, _ = select.select([self._connection], [], [], timeout_seconds)
            if ready:
                self._hear()
        return self._returncode

    def signal(self, number: int) -> None:
        if self._returncode is None:
            with suppress(OSError):
                self._connection.sendall(bytes((number,)))

    def let_go(self) -> None:
        self._connection.close()
        if self._returncode is None:
            self._returncode = -9

    def _hear(self) -> None:
        try:
            told = answer(self._connection).get("returncode")
        except OSError:
            told = None
        # Whatever else it is, it is over: the supervisor says only this.
        self._returncode = told if isinstance(told, int) else -9
        self._connection.close()


def own_ipc() -> tuple[str, ...]:
    """Words before a command that give it an IPC name space of its own.

    For an X server: by MIT-SHM a client names memory by a number, and the server attaches it
    where the server is. Outside the sandbox that would be this machine's memory.
    """
    as_user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    # Again after the name space was changed, which may have undone it.
    return ("unshare", *as_user, "--ipc", "--", "setpriv", "--pdeathsig", "KILL", "--")


def _joining(ipc_of: int | None) -> tuple[str, ...]:
    if ipc_of is None:
        return ()
    as_user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return ("nsenter", *as_user, "--ipc", "--target", str(ipc_of), "--")


def _walls(limits: Limits) -> tuple[str, ...]:
    scratch = str(limits.scratch_bytes)
    return (
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--disable-userns", "--cap-drop", "ALL", "--clearenv"),
        *("--die-with-parent", "--new-session", "--hostname", "moonhand"),
        *("--uid", str(USER_INSIDE), "--gid", str(USER_INSIDE)),
        *("--proc", "/proc", *_masks(), "--remount-ro", "/proc", "--dev", "/dev"),
        *("--size", scratch, "--tmpfs", "/dev/shm"),
        *("--perms", "1777", "--size", scratch, "--tmpfs", "/tmp"),
        *("--symlink", "/tmp", "/var/tmp"),
        *("--perms", "0700", "--size", str(limits.home_bytes), "--tmpfs", HOME_INSIDE),
        *("--perms", "0700", "--size", str(64 * 2**20), "--tmpfs", RUN_INSIDE),
    )


def _masks() -> list[str]:
    """Files of /proc that tell of the machine's insides. All of /proc is read-only besides:
    for root's own user number, which these programs have outside, many settings of the kernel
    ask for no capability."""
    words = []
    for name in _MASKED:
        if Path("/proc", name).is_file():
            words += ["--ro-bind", "/dev/null", f"/proc/{name}"]
        elif Path("/proc", name).is_dir():
            words += ["--tmpfs", f"/proc/{name}", "--remount-ro", f"/proc/{name}"]
    return words


def _binds(
    shown: Sequence[Path], workspace: Path | None, files: Sequence[tuple[Path, str]]
) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr", "--ro-bind", str(_SUPERVISOR), _SUPERVISOR_INSIDE]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        folder = Path("/", name)
        if folder.is_symlink():
            words += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.exists():
            words += ["--ro-bind", str(folder), str(folder)]
    for name in _SETTINGS:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    words += ["--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig"]
    for file, name in files:
        words += ["--ro-bind", str(file), name]
    for path in (_python_folder(), *shown):
        if not path.is_relative_to("/usr"):
            words += ["--ro-bind", str(path), str(path)]
    inside = f"{HOME_INSIDE}/workspace"
    words += ["--dir", inside] if workspace is None else ["--bind", str(workspace), inside]
    return words


def _python() -> Path:
    """The interpreter itself, not the environment's link to it."""
    return Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")


def _python_folder() -> Path:
    return Path(sys.base_prefix)


def _child(read_end: int) -> int | None:
    """What bubblewrap says its child is; None: it ended before it had one."""
    said = b""
    while piece := os.read(read_end, 4096):
        said += piece
    try:
        child = json.loads(said)["child-pid"]
    except (ValueError, KeyError):
        return None
    assert isinstance(child, int)
    return child
