"""What each route of OSWorld's in-machine server does here, and what it answers.

A file or a program is always the sandbox's. Routes for what a virtual desktop does not have
(recording, wallpaper) answer 501.
"""

import json
import posixpath
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from PIL import Image, ImageDraw
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound
from werkzeug.exceptions import NotImplemented as NotServed
from werkzeug.wrappers import Request, Response

from agent.errors import AgentError
from agent.pixel_code import is_desktop_code, read_pixel_code
from env.accessibility_tree import accessibility_xml
from env.errors import ActionCut, ActionRefused, DesktopUnavailable
from env.screen import Screenshot
from env.virtual import VirtualDesktop
from env.window_list import activate, close, size_of, window_named

EXECUTE_SECONDS = 120.0
PYTHON_SECONDS = 30.0
OPEN_SECONDS = 60.0
"""OSWorld's own server waits half an hour for a window."""
MAX_ENTRIES = 10_000
_POINTER = ((0, 0), (0, 16), (4, 12), (7, 19), (9, 18), (6, 11), (11, 11))

Result = TypeVar("Result")
OnDesktop = Callable[[Callable[[], Any]], Any]


class Routes:
    def __init__(self, desktop: VirtualDesktop, on_desktop: OnDesktop) -> None:
        """
        Args:
            on_desktop: has the desktop's own thread do something, and gives what came out.
        """
        self._desktop = desktop
        self._on_desktop = on_desktop
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/screenshot"): self._screenshot,
            ("GET", "/terminal"): lambda _: _json({"output": None, "status": "success"}),
            ("GET", "/accessibility"): self._accessibility,
            ("GET", "/platform"): lambda _: _text("Linux"),
            ("GET", "/cursor_position"): lambda _: _json(list(self._pointer())),
            ("POST", "/screen_size"): self._screen_size,
            ("POST", "/execute"): self._execute,
            ("POST", "/setup/execute"): self._execute,
            ("POST", "/execute_with_verification"): self._execute_verified,
            ("POST", "/setup/execute_with_verification"): self._execute_verified,
            ("POST", "/run_python"): self._run_python,
            ("POST", "/run_bash_script"): self._run_bash,
            ("POST", "/file"): self._file,
            ("POST", "/setup/upload"): self._upload,
            ("POST", "/setup/launch"): self._launch,
            ("POST", "/setup/open_file"): self._open_file,
            ("POST", "/setup/activate_window"): self._activate_window,
            ("POST", "/setup/close_window"): self._close_window,
            ("POST", "/window_size"): self._window_size,
            ("POST", "/desktop_path"): self._desktop_path,
            ("POST", "/list_directory"): self._list_directory,
        }

    def answer(self, request: Request) -> Response:
        """
        Raises:
            HTTPException, AgentError, EnvError, ValueError: for the server to tell.
        """
        route = self._routes.get((request.method, request.path))
        if route is not None:
            return route(request)
        if any(path == request.path for _, path in self._routes):
            raise MethodNotAllowed()
        if request.path in _NOT_HERE:
            raise NotServed(f"{request.path} is not served on a virtual desktop")
        raise NotFound(f"no route {request.path}")

    def _screenshot(self, _: Request) -> Response:
        seen, at = self._on_desktop(lambda: (self._desktop.screenshot(), self._desktop.pointer))
        picture = seen.image.copy()
        _draw_pointer(picture, at)
        return Response(Screenshot(picture, seen.taken_at).png(), mimetype="image/png")

    def _accessibility(self, _: Request) -> Response:
        bus = self._desktop.session_bus
        if bus is None:
            raise NotServed("this desktop was started without accessibility")
        return _json({"AT": accessibility_xml(bus)})

    def _screen_size(self, _: Request) -> Response:
        width, height = self._desktop.size
        return _json({"width": width, "height": height})

    def _pointer(self) -> tuple[int, int]:
        at: tuple[int, int] = self._on_desktop(lambda: self._desktop.pointer)
        return at

    def _execute(self, request: Request) -> Response:
        body = _body(request)
        return _json(self._executed(_command(body), EXECUTE_SECONDS))

    def _execute_verified(self, request: Request) -> Response:
        body = _body(request)
        told = self._executed(_command(body), EXECUTE_SECONDS)
        wanted = body.get("verification") or {}
        until = time.monotonic() + min(float(body.get("max_wait_time", 10)), EXECUTE_SECONDS)
        while not self._holds(wanted):
            if time.monotonic() > until:
                return _json(told | {"status": "verification_failed"}, 500)
            time.sleep(max(0.05, float(body.get("check_interval", 1))))
        return _json(told | {"verification": "success"})

    def _holds(self, wanted: Mapping[str, Any]) -> bool:
        title, command = wanted.get("window_exists"), wanted.get("command_success")
        if title and self._window(str(title)) is None:
            return False
        return not command or self._executed(_words(command, True), 30.0)["returncode"] == 0

    def _executed(self, command: Sequence[str], seconds: float) -> dict[str, Any]:
        code = _code_of(command)
        if code is not None and is_desktop_code(code):
            return self._performed(code)
        done = self._desktop.run(command, timeout_seconds=seconds)
        if done.timed_out:
            raise DesktopUnavailable(f"the command timed out after {seconds:g} s")
        return {
            "status": "success",
            "output": done.text,
            "error": done.stderr.decode("utf-8", "replace"),
            "returncode": done.returncode,
        }

    def _performed(self, code: str) -> dict[str, Any]:
        """Answered as if a Python had run it, with what it could not do as its complaint."""
        error = ""
        try:
            for action in read_pixel_code(code, self._desktop.size):
                self._on_desktop(partial(self._desktop.perform, action))
        except (AgentError, ActionRefused, ActionCut) as refused:
            error = f"{type(refused).__name__}: {refused}"
        return {
            "status": "success",
            "output": "",
            "error": error,
            "returncode": 1 if error else 0,
        }

    def _run_python(self, request: Request) -> Response:
        told = self._executed(("python3", "-c", str(_body(request)["code"])), PYTHON_SECONDS)
        failed = told["returncode"] != 0
        return _json(
            {
                "status": "error" if failed else "success",
                "message": told["output"] + told["error"],
                "output": told["output"],
                "error": told["error"],
                "return_code": told["returncode"],
                "need_more": False,
            }
        )

    def _run_bash(self, request: Request) -> Response:
        body = _body(request)
        done = self._desktop.run(
            ("bash", "-c", str(body["script"])),
            timeout_seconds=min(float(body.get("timeout", 100)), EXECUTE_SECONDS),
            folder=body.get("working_dir"),
        )
        return _json(
            {
                "status": "success" if done.returncode == 0 else "error",
                "output": done.text + done.stderr.decode("utf-8", "replace"),
                "error": "timed out" if done.timed_out else "",
                "returncode": done.returncode,
            }
        )

    def _file(self, request: Request) -> Response:
        path = request.form.get("file_path")
        if not path:
            raise BadRequest("file_path is required")
        try:
            content = self._desktop.room.read_file(self._at_home(path))
        except FileNotFoundError as error:
            raise NotFound(str(error)) from error
        return Response(content, mimetype="application/octet-stream")

    def _upload(self, request: Request) -> Response:
        path, file = request.form.get("file_path"), request.files.get("file_data")
        if not path or file is None:
            raise BadRequest("file_path and file_data are required")
        content = file.read()
        self._desktop.room.write_file(self._at_home(path), content)
        return _text(f"File Uploaded: {len(content)} bytes")

    def _launch(self, request: Request) -> Response:
        command = _command(_body(request))
        self._desktop.launch([self._at_home(word) for word in command])
        return _text(f"{shlex.join(command)} launched successfully")

    def _open_file(self, request: Request) -> Response:
        path = self._at_home(str(_body(request)["path"]))
        found = self._desktop.run(("test", "-e", path), timeout_seconds=10.0)
        if found.returncode != 0:
            raise NotFound(f"{path} is not there")
        self._desktop.launch(("xdg-open", path))
        until = time.monotonic() + OPEN_SECONDS
        while self._window(posixpath.basename(path)) is None:
            if time.monotonic() > until:
                raise DesktopUnavailable(f"no window shows {path} after {OPEN_SECONDS:g} s")
            time.sleep(0.2)
        return _text("File opened and window activated successfully")

    def _activate_window(self, request: Request) -> Response:
        return self._to_window(request, activate, "activated")

    def _close_window(self, request: Request) -> Response:
        return self._to_window(request, close, "closed")

    def _to_window(self, request: Request, do: Callable[[Any, Any], None], done: str) -> Response:
        body = _body(request)
        name = str(body["window_name"])

        def act() -> bool:
            window = window_named(
                self._desktop.root,
                name,
                strict=bool(body.get("strict")),
                by_class=bool(body.get("by_class")),
            )
            if window is not None:
                do(self._desktop.root, window)
            return window is not None

        if not self._on_desktop(act):
            raise NotFound(f"no window is called {name!r}")
        return _text(f"Window {done} successfully")

    def _window(self, name: str) -> Any:
        return self._on_desktop(
            lambda: window_named(self._desktop.root, name, strict=False, by_class=False)
        )

    def _window_size(self, request: Request) -> Response:
        name = request.form.get("app_class_name", "")

        def look() -> Any:
            window = window_named(self._desktop.root, name, strict=False, by_class=True)
            return None if window is None else size_of(window)

        size = self._on_desktop(look)
        if size is None:
            raise NotFound(f"no window of class {name!r}")
        return _json({"width": size.width, "height": size.height})

    def _desktop_path(self, _: Request) -> Response:
        return _json({"desktop_path": f"{self._desktop.home_inside}/Desktop"})

    def _list_directory(self, request: Request) -> Response:
        path = self._at_home(str(_body(request)["path"]))
        done = self._desktop.run(
            ("find", path, "-mindepth", "1", "-printf", r"%y\t%P\0"), timeout_seconds=20.0
        )
        if done.returncode != 0:
            raise NotFound(done.stderr.decode("utf-8", "replace").strip())
        return _json({"directory_tree": _tree(posixpath.basename(path), done.stdout)})

    def _at_home(self, word: str) -> str:
        home = self._desktop.home_inside
        if word.startswith("~/"):
            return f"{home}/{word[2:]}"
        return word


_NOT_HERE = (
    *("/start_recording", "/end_recording", "/wallpaper", "/setup/change_wallpaper"),
    "/setup/download_file",
)


def _body(request: Request) -> dict[str, Any]:
    body = request.get_json(force=True)
    if not isinstance(body, dict):
        raise BadRequest("expected a JSON object")
    return body


def _command(body: Mapping[str, Any]) -> list[str]:
    # Some task files have the word.
    shell = body.get("shell") in (True, "true", "True")
    return _words(body.get("command"), shell)


def _words(command: object, shell: bool) -> list[str]:
    """What to start. Of a list given to a shell the first is the script, as with `subprocess`."""
    match command:
        case str() if command and shell:
            return ["sh", "-c", command]
        case str() if command:
            return shlex.split(command)
        case list() if command and all(isinstance(word, str) for word in command):
            return [*(("sh", "-c") if shell else ()), *command]
    raise BadRequest(f"command is {str(command)[:40]!r}; expected text or a list of texts")


def _code_of(command: Sequence[str]) -> str | None:
    """The Python that a command would run: `python -c CODE`."""
    match command:
        case [program, "-c", code] if posixpath.basename(program) in ("python", "python3"):
            return code
    return None


def _tree(name: str, listed: bytes) -> dict[str, Any]:
    top: dict[str, Any] = {"type": "directory", "name": name, "children": []}
    folders = {"": top}
    for entry in listed.decode("utf-8", "replace").split("\0")[:MAX_ENTRIES]:
        kind, _, path = entry.partition("\t")
        if not path:
            continue
        parent, own = posixpath.split(path)
        node: dict[str, Any] = {"type": "directory" if kind == "d" else "file", "name": own}
        if kind == "d":
            node["children"] = []
            folders[path] = node
        folders[parent]["children"].append(node)
    return top


def _draw_pointer(picture: Image.Image, at: tuple[int, int]) -> None:
    outline = [(at[0] + x, at[1] + y) for x, y in _POINTER]
    ImageDraw.Draw(picture).polygon(outline, fill="white", outline="black")


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, mimetype="application/json")


def _text(value: str) -> Response:
    return Response(value, mimetype="text/plain")
