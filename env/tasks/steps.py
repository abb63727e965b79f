"""The steps that bring a machine into a task's first state, or into one that can be judged.

One value for each type of OSWorld's `config` and `postconfig`. What a step does is in
`env.tasks.setup`; here is only what may be written in a task file.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from env.tasks.errors import TaskRefused

_STRICT = ConfigDict(extra="forbid")
_Command = Annotated[tuple[str, ...] | str, Field(min_length=1)]
_Text = Annotated[str, Field(min_length=1)]
_ThroughShell = Annotated[bool, Field(alias="shell")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    __pydantic_config__ = _STRICT
    url: _Text
    path: _Text
    """On the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    __pydantic_config__ = _STRICT
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    __pydantic_config__ = _STRICT
    local_path: _Text
    """Beside the task file, never outside its folder."""
    path: _Text


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFile:
    __pydantic_config__ = _STRICT
    files: tuple[LocalFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    __pydantic_config__ = _STRICT
    command: _Command
    through_shell: _ThroughShell = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    __pydantic_config__ = _STRICT
    path: _Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    __pydantic_config__ = _STRICT
    returncode: int | None = None
    stdout: str | None = None
    stderr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """`command` in a task file is another name for it."""

    __pydantic_config__ = _STRICT
    command: _Command
    through_shell: _ThroughShell = False
    stdout: str = ""
    """A name in the task's folder that the output is kept under; read by getter `cache_file`."""
    stderr: str = ""
    until: Until | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    __pydantic_config__ = _STRICT
    window_exists: str | None = None
    command_success: _Command | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteWithVerification:
    __pydantic_config__ = _STRICT
    command: _Command
    verification: Verification | None = None
    max_wait_time: float = 10.0
    check_interval: float = 1.0
    through_shell: _ThroughShell = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateWindow:
    __pydantic_config__ = _STRICT
    window_name: _Text
    strict: bool = False
    by_class: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWindow:
    __pydantic_config__ = _STRICT
    window_name: _Text
    strict: bool = False
    by_class: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromeOpenTabs:
    __pydantic_config__ = _STRICT
    urls_to_open: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromeCloseTabs:
    __pydantic_config__ = _STRICT
    urls_to_close: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    __pydantic_config__ = _STRICT
    seconds: Annotated[float, Field(ge=0, le=600)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWallpaper:
    __pydantic_config__ = _STRICT
    path: _Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    __pydantic_config__ = _STRICT
    url: str
    title: str
    visit_time_from_now_in_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateBrowseHistory:
    __pydantic_config__ = _STRICT
    history: tuple[Visit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleDrive:
    __pydantic_config__ = _STRICT
    settings_file: str
    operation: tuple[Literal["delete", "mkdirs", "upload"], ...] = ()
    args: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    __pydantic_config__ = _STRICT
    settings_file: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    __pydantic_config__ = _STRICT
    client_password: str = ""


Step = (
    Download
    | UploadFile
    | Launch
    | Open
    | Execute
    | ExecuteWithVerification
    | ActivateWindow
    | CloseWindow
    | ChromeOpenTabs
    | ChromeCloseTabs
    | Sleep
    | ChangeWallpaper
    | UpdateBrowseHistory
    | GoogleDrive
    | Login
    | Proxy
)

STEPS: Mapping[str, type[Step]] = {
    "download": Download,
    "upload_file": UploadFile,
    "launch": Launch,
    "open": Open,
    "execute": Execute,
    "command": Execute,
    "execute_with_verification": ExecuteWithVerification,
    "activate_window": ActivateWindow,
    "close_window": CloseWindow,
    "chrome_open_tabs": ChromeOpenTabs,
    "chrome_close_tabs": ChromeCloseTabs,
    "sleep": Sleep,
    "change_wallpaper": ChangeWallpaper,
    "update_browse_history": UpdateBrowseHistory,
    "googledrive": GoogleDrive,
    "login": Login,
    "proxy": Proxy,
}


def parse_steps(value: Any, where: str) -> tuple[Step, ...]:
    """Turn a task file's list of steps into values.

    Raises:
        TaskRefused: a step is not one; the message starts with `where` and its place.
    """
    if not isinstance(value, list):
        raise TaskRefused(f"{where}: {value!r:.80} is no list of steps")
    return tuple(_parse_step(step, f"{where}[{number}]") for number, step in enumerate(value))


def _parse_step(value: Any, where: str) -> Step:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise TaskRefused(f"{where}: {value!r:.80} is no step; expected type and parameters")
    kind = STEPS.get(value["type"])
    if kind is None:
        raise TaskRefused(f"{where}.type: no step is called {value['type']!r}")
    if extra := value.keys() - {"type", "parameters"}:
        raise TaskRefused(f"{where}: a step has no {', '.join(sorted(extra))}")
    try:
        return TypeAdapter(kind).validate_python(value.get("parameters", {}))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("parameters", *map(str, first["loc"])))
        raise TaskRefused(f"{where}.{place}: {first['msg']}") from error


def argv_of(command: _Command, through_shell: bool, home: str) -> tuple[str, ...]:
    """What OSWorld's server would run: a string without a shell is split as a shell splits; of
    a list with a shell the first is the script; "~/" at the start of an argument is the home.

    Raises:
        ValueError: a quotation is not closed.
    """
    if through_shell:
        script = (command,) if isinstance(command, str) else command
        return ("/bin/sh", "-c", *script)
    words = shlex.split(command) if isinstance(command, str) else command
    return tuple(f"{home}/{word[2:]}" if word.startswith("~/") else word for word in words)
