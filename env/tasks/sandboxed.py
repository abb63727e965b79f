"""A machine for tasks: a virtual desktop's screen, and a sandbox for all that runs on it.

Task files carry shell and Python of strangers, and an agent opens a terminal:
both run in namespaces of their own (bubblewrap), as the user `user` with the home
/home/user that OSWorld's files take for granted. They see a read-only system, this
desktop's display and their home; no network but their own loopback, so that four
machines side by side may all use port 9222; no process and no file of ours.
"""

import base64
import contextlib
import json
import os
import platform
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from env.errors import DesktopLost, DesktopUnavailable
from env.fonts import FONTS_CONF
from env.screen import Screenshot, ScreenSize
from env.tasks.inside.relay import Relay, port_to_socket
from env.tasks.machine import RUN_SECONDS, Ran
from env.virtual import VirtualDesktop

HOME = "/home/user"
_OURS = "/opt/moonhand"
_RUN = "/run/user/1000"
_LINKS = ("bin", "sbin", "lib", "lib64", "lib32")
_SHIMS = Path(__file__).with_name("inside") / "bin"
_ACCOUNT = f"user:x:1000:1000:user:{HOME}:/bin/bash\n"
_GROUP = "user:x:1000:\n"
_CHROMIUM = Path("/usr/lib/chromium")
_BUS_SECONDS = 10.0
_TREE_SECONDS = 30.0


class SandboxedMachine:
    """Up from the constructor on. Borrows the desktop; whoever opened it closes it, later."""

    def __init__(self, desktop: VirtualDesktop, *, network: bool = False) -> None:
        """
        Args:
            network: the sandbox shares this machine's network. Only for tasks on live sites.

        Raises:
            DesktopUnavailable: no bubblewrap, or it may not make namespaces here.
        """
        if shutil.which("bwrap") is None:
            raise DesktopUnavailable(
                "bwrap is not installed; tasks run other people's commands and nothing runs"
                " without a sandbox; try: apt-get install bubblewrap"
            )
        self._desktop = desktop
        self._relays: dict[int, tuple[Relay, int]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="moonhand-machine-"))
        try:
            self._process = self._start(network)
            self._start_bus()
        except BaseException:
            self.close()
            raise

    @property
    def home(self) -> str:
        return HOME

    @property
    def size(self) -> ScreenSize:
        return self._desktop.size

    @property
    def architecture(self) -> str:
        return platform.machine()

    def screenshot(self) -> Screenshot:
        return self._desktop.screenshot()

    def put_file(self, path: str, content: bytes) -> None:
        self._ask({"do": "put", "path": path, "content": base64.b64encode(content).decode()})

    def get_file(self, path: str) -> bytes:
        return base64.b64decode(self._ask({"do": "get", "path": path})["content"])

    def run(self, argv: Sequence[str], *, timeout: float = RUN_SECONDS) -> Ran:
        answer = self._ask({"do": "run", "argv": list(argv), "timeout": timeout})
        out, err = (base64.b64decode(answer[name]) for name in ("stdout", "stderr"))
        return Ran(answer["returncode"], out, err)

    def launch(self, argv: Sequence[str]) -> None:
        self._ask({"do": "launch", "argv": list(argv)})

    def accessibility_tree(self) -> str:
        tree = (sys.executable, "-P", "-m", "env.tasks.inside.tree")
        ran = self.run(("env", f"PYTHONPATH={_OURS}", *tree), timeout=_TREE_SECONDS)
        if ran.returncode != 0:
            raise DesktopUnavailable(f"no accessibility tree: {ran.error.strip()[-300:]}")
        return ran.output

    def address_of(self, port: int) -> str:
        if port not in self._relays:
            name = f"port-{port}"
            self._ask({"do": "relay", "port": port, "path": f"{_RUN}/{name}"})
            self._relays[port] = port_to_socket(self._folder / "run" / name)
        return f"127.0.0.1:{self._relays[port][1]}"

    def close(self) -> None:
        """End everything on the machine and delete its files. Safe to call twice."""
        for relay, _ in self._relays.values():
            relay.close()
        self._relays.clear()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert pipe is not None
                with contextlib.suppress(OSError):
                    pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, network: bool) -> subprocess.Popen[bytes]:
        for name in ("home", "run"):
            (self._folder / name).mkdir(mode=0o700)
        (self._folder / "passwd").write_text(_ACCOUNT)
        (self._folder / "group").write_text(_GROUP)
        (self._folder / "machine-id").write_text(secrets.token_hex(16) + "\n")
        options = "\0".join((*self._namespaces(network), *self._files()))
        # Through a pipe: the sandbox can read how it was started; our paths are not its business.
        read_end, write_end = os.pipe()
        command = [
            *("setpriv", "--pdeathsig", "KILL", "--", "bwrap", "--args", str(read_end), "--"),
            *(sys.executable, "-P", "-m", "env.tasks.inside.warden"),
        ]
        with os.fdopen(write_end, "wb") as told:
            process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(read_end,),
            )
            os.close(read_end)
            told.write(options.encode())
        assert process.stdout is not None
        assert process.stderr is not None
        if not process.stdout.readline():
            said = process.stderr.read().decode("utf-8", "replace").strip()
            process.wait()
            raise DesktopUnavailable(f"no sandbox can be made here: {said[-300:]}")
        return process

    def _namespaces(self, network: bool) -> list[str]:
        options = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid"]
        options += ["--unshare-ipc", "--die-with-parent", "--new-session"]
        return options if network else [*options, "--unshare-net"]

    def _files(self) -> list[str]:
        mounts = ["--ro-bind", "/usr", "/usr", "--tmpfs", "/opt", "--tmpfs", "/etc"]
        for name in _LINKS:
            if (Path("/") / name).is_symlink():
                mounts += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        mounts += _etc(("passwd", "group", "machine-id"))
        for name in ("passwd", "group", "machine-id"):
            mounts += ["--ro-bind", str(self._folder / name), f"/etc/{name}"]
        mounts += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"]
        mounts += ["--bind", str(self._folder / "home"), HOME]
        mounts += ["--bind", str(self._folder / "run"), _RUN]
        socket = f"/tmp/.X11-unix/X{self._desktop.environment['DISPLAY'].lstrip(':')}"
        mounts += ["--ro-bind", socket, socket]
        mounts += ["--ro-bind", self._desktop.environment["XAUTHORITY"], f"{HOME}/.Xauthority"]
        for prefix in {sys.prefix, sys.base_prefix, str(Path(sys.prefix).resolve())}:
            if not Path(prefix).is_relative_to("/usr"):
                mounts += ["--ro-bind", prefix, prefix]
        mounts += ["--ro-bind", str(Path(__file__).parents[1]), f"{_OURS}/env"]
        mounts += ["--ro-bind", str(_SHIMS), f"{_OURS}/bin"]
        mounts += ["--ro-bind", str(FONTS_CONF), f"{_OURS}/fonts.conf"]
        # A process is called by the name of the file it runs, so Chromium is put together under
        # another: links would not do, it starts its children by their real path.
        for path in _CHROMIUM.iterdir() if _CHROMIUM.is_dir() else ():
            name = "chrome" if path.name == _CHROMIUM.name else path.name
            mounts += ["--ro-bind", str(path.resolve()), f"/opt/google/chrome/{name}"]
        return mounts

    def _environment(self) -> Mapping[str, str]:
        return {
            "HOME": HOME,
            "USER": "user",
            "LOGNAME": "user",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PATH": f"{_OURS}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/games",
            "PYTHONPATH": _OURS,
            "MOONHAND_PYTHON": sys.executable,
            "FONTCONFIG_FILE": f"{_OURS}/fonts.conf",
            "DISPLAY": self._desktop.environment["DISPLAY"],
            "XAUTHORITY": f"{HOME}/.Xauthority",
            "XDG_RUNTIME_DIR": _RUN,
            "XDG_SESSION_TYPE": "x11",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={_RUN}/bus",
            "QT_ACCESSIBILITY": "1",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
            "NO_AT_BRIDGE": "0",
        }

    def _start_bus(self) -> None:
        address = f"--address=unix:path={_RUN}/bus"
        self.launch(("dbus-daemon", "--session", "--nofork", "--nopidfile", address))
        until = time.monotonic() + _BUS_SECONDS
        while not (self._folder / "run/bus").exists():
            if time.monotonic() > until:
                raise DesktopUnavailable(f"dbus-daemon was not up after {_BUS_SECONDS} s")
            time.sleep(0.005)
        self.launch(("/usr/libexec/at-spi-bus-launcher", "--launch-immediately"))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises `OSError` as the machine did, `DesktopLost` if nobody answers."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        except (OSError, ValueError) as error:
            raise DesktopLost(f"the machine does not answer: {error}") from error
        if "errno" in answer:
            raise OSError(answer["errno"], answer["error"])
        return answer


def _etc(without: Sequence[str]) -> list[str]:
    """The system's settings, less what only root may read: where the sandbox is made by root,
    its user is root to the files outside."""
    mounts: list[str] = []
    for path in sorted(Path("/etc").iterdir()):
        if path.name in without:
            continue
        if path.is_symlink():
            mounts += ["--symlink", os.readlink(path), str(path)]
        elif _for_all(path):
            mounts += ["--ro-bind", str(path), str(path)]
            if path.is_dir():
                mounts += [word for inner in sorted(path.rglob("*")) for word in _mask(inner)]
    return mounts


def _mask(path: Path) -> list[str]:
    if path.is_symlink() or not path.exists() or _for_all(path):
        return []
    return ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]


def _for_all(path: Path) -> bool:
    return bool(path.lstat().st_mode & stat.S_IROTH)
