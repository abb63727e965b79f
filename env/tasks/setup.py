"""Doing the steps: a machine is brought into a task's first state, or made ready to be judged.

As OSWorld does it: only some steps must succeed; when a program does not start or
a window is not there, that is noted and the task goes on.
"""

import logging
import re
import time
from pathlib import Path
from typing import assert_never

from env.tasks import browser
from env.tasks.errors import MissingFile, SetupFailed, TaskRefused, Unscored
from env.tasks.home import furnish
from env.tasks.machine import Bench, Ran
from env.tasks.needs import programs, unmet
from env.tasks.steps import (
    ActivateWindow,
    ChangeWallpaper,
    ChromeCloseTabs,
    ChromeOpenTabs,
    CloseWindow,
    Download,
    Execute,
    ExecuteWithVerification,
    GoogleDrive,
    Launch,
    LocalFile,
    Login,
    Open,
    Proxy,
    Sleep,
    Step,
    Until,
    UpdateBrowseHistory,
    UploadFile,
    argv_of,
)
from env.tasks.task import Task

log = logging.getLogger(__name__)

OPEN_SECONDS = 60.0
"""For a file's window to appear. OSWorld waits half an hour, which helps nobody."""

UNNAMED_SECONDS = 8.0
"""After so long a new window will do that is not called by the file."""

_LOOK_SECONDS = 0.25
_UNTIL_SECONDS = 0.3
_MOST_FAILURES = 5
_MOST_TRIES = 1000


def prepare(task: Task, bench: Bench) -> None:
    """Furnish the home and do a task's `config`, in order.

    Raises:
        Unscored: something it needs is not here: a file, a site, an account, a program.
        SetupFailed: a step that must succeed did not.
        DesktopLost: the machine went.
    """
    if reasons := unmet(task, bench.mirror):
        raise Unscored("; ".join(reasons))
    for program in programs(task):
        if bench.machine.run(("sh", "-c", 'command -v -- "$1"', "sh", program)).returncode != 0:
            raise Unscored(f"needs {program}, which is not installed here")
    furnish(bench.machine)
    _do_all(task.config, bench, "config")


def finish(task: Task, bench: Bench) -> None:
    """Do a task's `postconfig`: what is to be done before judging. Raises as `prepare`."""
    _do_all(task.evaluator.postconfig, bench, "postconfig")


def _do_all(steps: tuple[Step, ...], bench: Bench, where: str) -> None:
    for number, step in enumerate(steps):
        started = time.monotonic()
        try:
            _do(step, bench)
        except (OSError, ValueError) as error:
            raise SetupFailed(f"{where}[{number}] {type(step).__name__}: {error}") from error
        log.info(
            "%s[%d] %s: %.2f s", where, number, type(step).__name__, time.monotonic() - started
        )


def _do(step: Step, bench: Bench) -> None:
    match step:
        case Download():
            for file in step.files:
                path = bench.mirror.find(file.url, bench.task_id, file.path)
                bench.machine.put_file(_at_home(file.path, bench), path.read_bytes())
        case UploadFile():
            for local in step.files:
                content = _beside(local, bench).read_bytes()
                bench.machine.put_file(_at_home(local.path, bench), content)
        case Launch():
            _launch(step, bench)
        case Open():
            _open(step.path, bench)
        case Execute():
            _execute(step, bench)
        case ExecuteWithVerification():
            _execute_and_verify(step, bench)
        case ActivateWindow():
            _window(("-a",), step, bench)
        case CloseWindow():
            _window(("-c",), step, bench)
        case ChromeOpenTabs():
            browser.open_tabs(bench, step.urls_to_open)
        case ChromeCloseTabs():
            browser.close_tabs(bench, step.urls_to_close)
        case Sleep():
            time.sleep(step.seconds)
        case ChangeWallpaper():
            _change_wallpaper(step.path, bench)
        case UpdateBrowseHistory():
            browser.write_history(bench, step.history)
        case GoogleDrive() | Login():
            raise Unscored("needs a Google account")
        case Proxy():
            raise Unscored("needs a proxy on the internet")
        case _:
            assert_never(step)


def _launch(step: Launch, bench: Bench) -> None:
    try:
        bench.machine.launch(_argv(step.command, step.through_shell, bench))
    except OSError as error:
        log.warning("not launched: %s", error)


def _execute(step: Execute, bench: Bench) -> None:
    """Once; or, with `until`, again and again until it says what is waited for."""
    argv = _argv(step.command, step.through_shell, bench)
    failures = 0
    for _ in range(_MOST_TRIES):
        ran = _try(argv, bench)
        if ran is None:
            failures += 1
        else:
            if step.stdout:
                bench.file(step.stdout).write_bytes(ran.stdout)
            if step.stderr:
                bench.file(step.stderr).write_bytes(ran.stderr)
        if step.until is None or failures >= _MOST_FAILURES or _is_met(step.until, ran):
            return
        time.sleep(_UNTIL_SECONDS)
    raise SetupFailed(f"{argv!r:.80} did not come to {step.until} in {_MOST_TRIES} tries")


def _is_met(until: Until, ran: Ran | None) -> bool:
    if ran is None:
        return False
    return (
        (until.returncode is not None and ran.returncode == until.returncode)
        or (until.stdout is not None and until.stdout in ran.output)
        or (until.stderr is not None and until.stderr in ran.error)
    )


def _try(argv: tuple[str, ...], bench: Bench) -> Ran | None:
    """None: no such program, or it took too long."""
    try:
        ran = bench.machine.run(argv)
    except OSError as error:
        log.warning("not run: %s", error)
        return None
    if ran.returncode is None:
        log.warning("ended, too long: %r", argv)
        return None
    if ran.returncode != 0:
        log.info("status %d: %r: %.300s", ran.returncode, argv, ran.error)
    return ran


def _execute_and_verify(step: ExecuteWithVerification, bench: Bench) -> None:
    ran = _try(_argv(step.command, step.through_shell, bench), bench)
    if step.verification is None:
        return
    until = time.monotonic() + step.max_wait_time
    while True:
        window, command = step.verification.window_exists, step.verification.command_success
        seen = window is None or any(window in title for title in window_titles(bench))
        if seen and command is not None:
            ran = _try(_argv(command, step.through_shell, bench), bench)
            seen = ran is not None and ran.returncode == 0
        if seen:
            return
        if time.monotonic() > until:
            raise SetupFailed(f"{step.verification} was not seen in {step.max_wait_time} s")
        time.sleep(step.check_interval)


def _open(path: str, bench: Bench) -> None:
    """Open a file as a double click would, and wait for a window that has its name."""
    target = _at_home(path, bench)
    if bench.machine.run(("test", "-e", target)).returncode != 0:
        # OSWorld's server then takes the path for a command.
        bench.machine.launch(argv_of(path, False, bench.machine.home))
        return
    before = window_titles(bench)
    bench.machine.launch(("xdg-open", target))
    named = re.compile(rf"(?<!\w){re.escape(Path(target).stem)}(?!\w)")
    started = time.monotonic()
    while True:
        titles = window_titles(bench)
        found = [title for title in titles if named.search(title)]
        waited = time.monotonic() - started
        if not found and waited > UNNAMED_SECONDS:
            # Pages, and pictures in some viewers, are not called by their files.
            found = [title for title in titles if title not in before]
        if found:
            bench.machine.run(("wmctrl", "-a", found[-1]))
            return
        if waited > OPEN_SECONDS:
            raise SetupFailed(f"no window for {Path(target).name} in {OPEN_SECONDS} s")
        time.sleep(_LOOK_SECONDS)


def window_titles(bench: Bench) -> tuple[str, ...]:
    listed = bench.machine.run(("wmctrl", "-l"))
    # "0x00a00007  0 host title of the window"
    rows = (line.split(None, 3) for line in listed.output.splitlines())
    return tuple(row[3] for row in rows if len(row) == 4)


def _window(what: tuple[str, ...], step: ActivateWindow | CloseWindow, bench: Bench) -> None:
    by_class = ("-x",) if step.by_class else ()
    strict = ("-F",) if step.strict else ()
    _try(("wmctrl", *by_class, *strict, *what, step.window_name), bench)


def _change_wallpaper(path: str, bench: Bench) -> None:
    uri = f"file://{_at_home(path, bench)}"
    key = ("org.gnome.desktop.background", "picture-uri")
    _try(("gsettings", "set", *key, uri), bench)


def _beside(file: LocalFile, bench: Bench) -> Path:
    """A file of the task's own folder. A task file is not trusted to read any other."""
    if bench.beside is None:
        raise TaskRefused(f"{file.local_path}: the task has no folder to read from")
    path = (bench.beside / file.local_path).resolve()
    if not path.is_relative_to(bench.beside.resolve()):
        raise TaskRefused(f"{file.local_path} leads out of the task's folder")
    if not path.is_file():
        raise MissingFile(f"needs the file {file.local_path} beside the task")
    return path


def _argv(command: tuple[str, ...] | str, through_shell: bool, bench: Bench) -> tuple[str, ...]:
    width, height = bench.machine.size
    values = {
        "{CLIENT_PASSWORD}": bench.password,
        "{SCREEN_WIDTH_HALF}": str(width // 2),
        "{SCREEN_HEIGHT_HALF}": str(height // 2),
        "{SCREEN_WIDTH}": str(width),
        "{SCREEN_HEIGHT}": str(height),
    }

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    words = filled(command) if isinstance(command, str) else tuple(map(filled, command))
    return argv_of(words, through_shell, bench.machine.home)


def _at_home(path: str, bench: Bench) -> str:
    if path == "~" or path.startswith("~/"):
        return bench.machine.home + path[1:]
    return path if path.startswith("/") else f"{bench.machine.home}/{path}"
