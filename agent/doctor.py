"""What this machine can do for Moonhand, looked at one thing after another, and how to mend it.

Plain functions that give values; who shows them is `ui`. Nothing is changed, and what is opened
to see whether it opens is closed again.
"""

import hashlib
import json
import os
import platform
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

from env.chromium import chromium_executable
from env.errors import DesktopUnavailable
from env.fonts import FONTS_CONF
from env.room import SEARCH_PATH
from env.sandbox import Sandbox
from env.screen import ScreenSize
from env.virtual import VirtualDesktop
from model.errors import ModelError

GIB = 2**30
LEAST_MEMORY_BYTES = 4 * GIB
"""The small network, a desktop and a browser take about 2."""
LEAST_DISK_BYTES = 2 * GIB
_MAX_HEADER_BYTES = 100 * 2**20
_FONTS = ("DejaVu Sans", "Liberation Sans")


FindWeights = Callable[[str], Path]


class State(Enum):
    GOOD = "good"
    LACKING = "lacking"
    """Something else than the usual cannot be done."""
    BROKEN = "broken"
    """`make demo` would fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: State
    told: str
    """What was seen, with its numbers."""
    mend: str = ""
    """What to do; empty where nothing need be."""


def findings(
    environment: Mapping[str, str], model: str, runs: Path, find: FindWeights
) -> Iterator[Finding]:
    """Every check, in the order in which they build on one another.

    Args:
        environment: of the user's session.
        model: as `--model` has it.
        runs: where runs are written; need not be there yet.
        find: the folder that a `--model` names.
    """
    yield system()
    yield threads()
    yield memory()
    yield disk(runs)
    yield fonts()
    yield sandbox()
    yield display()
    yield bus()
    yield browser()
    yield weights(model, find)
    yield session(environment)


def verdict(found: list[Finding]) -> State:
    """The worst of them."""
    order = list(State)
    return max((each.state for each in found), key=order.index, default=State.GOOD)


def system() -> Finding:
    told = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    if platform.system() != "Linux":
        mend = "virtual desktops and sandboxes need Linux; --desktop browser or fake does not"
        return Finding("system", State.LACKING, told, mend)
    return Finding("system", State.GOOD, told)


def threads() -> Finding:
    """Cores that this process may use, and how busy they are with other things."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    told = f"{cores} cores, load {load:.1f}"
    if load > 2 * cores:
        return Finding("threads", State.LACKING, told, "the machine is busy: all takes longer")
    return Finding("threads", State.GOOD, told)


def memory() -> Finding:
    seen = psutil.virtual_memory()
    told = f"{seen.available / GIB:.1f} of {seen.total / GIB:.1f} GiB free"
    if seen.available < LEAST_MEMORY_BYTES:
        mend = f"end other programs; {LEAST_MEMORY_BYTES / GIB:.0f} GiB should be free"
        return Finding("memory", State.LACKING, told, mend)
    return Finding("memory", State.GOOD, told)


def disk(runs: Path) -> Finding:
    """Where runs go, and where they would."""
    folder = runs.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    told = f"{free / GIB:.1f} GiB free at {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", State.BROKEN, f"{folder} cannot be written", "give another --out")
    if free < LEAST_DISK_BYTES:
        return Finding("disk", State.LACKING, told, "make room, or give another --out")
    return Finding("disk", State.GOOD, told)


def fonts() -> Finding:
    """The letters that the small network learnt to read."""
    tool = shutil.which("fc-list", path=SEARCH_PATH)
    if tool is None:
        return Finding("fonts", State.LACKING, "no fontconfig", "apt-get install fontconfig")
    listed = subprocess.run(
        (tool, ":", "family"),
        env={"PATH": SEARCH_PATH, "FONTCONFIG_FILE": str(FONTS_CONF)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout
    missing = [name for name in _FONTS if name not in listed]
    if missing:
        mend = "apt-get install fonts-dejavu-core fonts-liberation"
        return Finding("fonts", State.LACKING, f"no {', '.join(missing)}", mend)
    return Finding("fonts", State.GOOD, f"{len(set(listed.splitlines()))} families")


def sandbox() -> Finding:
    """Whether programs can be kept apart, and reach no network."""
    began = time.monotonic()
    try:
        room = Sandbox()
    except DesktopUnavailable as error:
        return Finding("sandbox", State.BROKEN, str(error), "make setup; or --no-sandbox")
    try:
        # One interface a line after two of headings; of itself alone there is "lo".
        links = room.read_file("/proc/net/dev").decode().splitlines()[2:]
    finally:
        room.close()
    networks = {line.split(":")[0].strip() for line in links} - {"lo"}
    if networks:
        return Finding(
            "sandbox", State.BROKEN, f"networks in it: {sorted(networks)}", "please report this"
        )
    told = f"up in {_since(began)}, no network in it; {_network_on_request()}"
    return Finding("sandbox", State.GOOD, told)


def _network_on_request() -> str:
    try:
        Sandbox(network=True).close()
    except DesktopUnavailable as error:
        return f"--network gives it none: {error}"
    return "--network gives it one"


def display() -> Finding:
    """Whether a virtual desktop opens and is seen."""
    began = time.monotonic()
    try:
        with VirtualDesktop(ScreenSize(320, 240)) as desktop:
            opened = _since(began)
            began = time.monotonic()
            desktop.screenshot()
            told = f"up in {opened}, a picture in {_since(began)}"
    except DesktopUnavailable as error:
        return Finding("display", State.BROKEN, str(error), "make setup")
    return Finding("display", State.GOOD, told)


def bus() -> Finding:
    """Whether applications can tell what they show: password fields in recordings, graders."""
    lacking = [
        package
        for program, package in (
            ("dbus-daemon", "dbus"),
            ("/usr/libexec/at-spi-bus-launcher", "at-spi2-core"),
        )
        if shutil.which(program, path=SEARCH_PATH) is None
    ]
    if lacking:
        mend = f"apt-get install {' '.join(lacking)}"
        return Finding("bus", State.LACKING, "no accessibility: password fields unknown", mend)
    return Finding("bus", State.GOOD, "D-Bus and AT-SPI are there")


def browser() -> Finding:
    try:
        found = chromium_executable()
    except DesktopUnavailable as error:
        return Finding("browser", State.BROKEN, str(error), "make setup")
    with tempfile.TemporaryDirectory() as home:
        said = subprocess.run(
            (found, "--version"),
            env={"PATH": os.environ.get("PATH", SEARCH_PATH), "HOME": home},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    if said.returncode != 0:
        told = f"{found} does not start: {said.stderr.strip()[-200:]}"
        return Finding("browser", State.BROKEN, told, "make setup")
    return Finding("browser", State.GOOD, said.stdout.strip())


def weights(model: str, find: FindWeights) -> Finding:
    """Whether a checkpoint is whole, by its headers, and fits into what memory is free."""
    if model.startswith(("http://", "https://")):
        return Finding("weights", State.GOOD, f"a server's, at {model}")
    try:
        folder = find(model)
        sizes = [_declared_bytes(path) for path in sorted(folder.glob("*.safetensors"))]
        _refuse_changed(folder)
    # Its files may hold anything: a header or a report of another shape is broken too.
    except (ModelError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        mend = "copy the folder again, or `git checkout model/weights`"
        return Finding("weights", State.BROKEN, str(error), mend)
    if not sizes:
        told = f"no *.safetensors in {folder}"
        return Finding("weights", State.BROKEN, told, "copy the whole folder")
    needed, free = sum(sizes), psutil.virtual_memory().available
    told = f"{model}: {needed / 2**20:.0f} MiB in {len(sizes)} files"
    if needed > free:
        mend = "more memory, `main.py quantize`, or --model http://... of a server"
        return Finding("weights", State.LACKING, f"{told}, {free / 2**20:.0f} MiB free", mend)
    return Finding("weights", State.GOOD, told)


def session(environment: Mapping[str, str]) -> Finding:
    """Whether the user's own desktop could be worked."""
    if environment.get("XDG_SESSION_TYPE") == "wayland" or "WAYLAND_DISPLAY" in environment:
        mend = 'choose an X11 session ("on Xorg") at the log-in screen; virtual desktops work'
        return Finding("session", State.LACKING, "Wayland: --desktop real cannot be", mend)
    if not environment.get("DISPLAY"):
        mend = "log in to an X11 session; virtual desktops need none"
        return Finding("session", State.LACKING, "no X11 session: --desktop real cannot be", mend)
    return Finding("session", State.GOOD, f"X11 at {environment['DISPLAY']}")


def _declared_bytes(path: Path) -> int:
    """The size of a file of tensors; as its header has it, or an error."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER_BYTES:
            raise ValueError(f"{path} is no file of tensors: a header of {length} bytes")
        header = json.loads(file.read(length))
    tensors = [each for name, each in header.items() if name != "__metadata__"]
    end = max((each["data_offsets"][1] for each in tensors), default=0)
    declared = 8 + length + int(end)
    if path.stat().st_size != declared:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; its header says {declared}")
    return declared


def _refuse_changed(folder: Path) -> None:
    """Of a folder that `main.py quantize` made, every byte, by the digests in its report."""
    report = folder / "quantization.json"
    if not report.is_file():
        return
    for part in json.loads(report.read_bytes())["parts"].values():
        path = folder / Path(part["file"]).name
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != part["sha256"]:
                raise ValueError(f"{path} is not what quantize wrote; make the folder again")


def _since(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"
