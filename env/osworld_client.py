"""The HTTP protocol of the server inside an OSWorld machine, spoken by a client.

What is asked of it twice does no harm and is asked again when the machine does not answer (its
server is started late and is busy at times). What does something is sent once: a lost answer
does not say that nothing was done.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx2
from PIL import Image

from env.errors import DesktopLost, DesktopUnavailable
from env.room import Finished
from env.screen import ScreenSize

SCHEME = "osworld://"
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
MAX_ANSWER_BYTES = 512 * 2**20
MAX_PICTURE_BYTES = 64 * 2**20
MAX_SIDE = 16_384

SCREENSHOT_SECONDS = 10.0
EXECUTE_SECONDS = 120.0
"""The server's own limit for a command is as long; a reply takes a little longer."""
TREE_SECONDS = 30.0
"""The server walks the whole of it, which takes half an hour for some spreadsheets."""
CONNECT_SECONDS = 5.0
NUM_TRIES = 3
PAUSE_SECONDS = 1.0

_PORTS = (5000, 9222, 8006, 8080)
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)((?::\d{1,5}){0,4})/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class OSWorldAddress:
    """`osworld://HOST:5000:9222:8006:8080`, as OSWorld's providers write it: the ports of the
    server, of Chromium's debugger, of noVNC and of VLC. Those left out are the usual ones."""

    host: str
    server: int = _PORTS[0]
    chromium: int = _PORTS[1]
    vnc: int = _PORTS[2]
    vlc: int = _PORTS[3]

    @classmethod
    def parse(cls, text: str) -> "OSWorldAddress":
        """
        >>> OSWorldAddress.parse("osworld://vm:5001").server
        5001

        Raises:
            ValueError: no such address can be.
        """
        found = _ADDRESS.fullmatch(text.removeprefix(SCHEME))
        if not text.startswith(SCHEME) or found is None:
            raise ValueError(f"{text!r} is no address; expected osworld://HOST:5000:9222:8006:8080")
        given = [int(port) for port in found[2].split(":") if port]
        if any(not 1 <= port <= 65535 for port in given):
            raise ValueError(f"{text!r} has a port that cannot be; expected 1 to 65535")
        ports = (*given, *_PORTS[len(given) :])
        server, chromium, vnc, vlc = ports
        return cls(host=found[1], server=server, chromium=chromium, vnc=vnc, vlc=vlc)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.server}"


class OSWorldClient:
    """One kept connection. Whoever opened it closes it."""

    def __init__(self, address: OSWorldAddress, *, token: str | None = None) -> None:
        """
        Args:
            token: what `main.py serve-desktop` printed; OSWorld's own server asks for none.

        Raises:
            ValueError: the token would travel in the clear.
        """
        if token and address.host not in LOOPBACK:
            raise ValueError(
                f"a token for {address.host} would travel in the clear; forward its port by ssh"
            )
        self.address = address
        self._last: tuple[bytes, Image.Image] | None = None
        self._http = httpx2.Client(
            base_url=address.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx2.Timeout(SCREENSHOT_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            # A proxy of the user's has no business between an agent and its machine.
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def screenshot(self) -> Image.Image:
        """
        Raises:
            DesktopLost: the machine does not answer, or not with a picture.
        """
        answer = self._asked("GET", "/screenshot", timeout_seconds=SCREENSHOT_SECONDS)
        data = answer.content
        if self._last is None or self._last[0] != data:
            # Of a screen at rest the same bytes come again, and making pixels of them is most of
            # what a look costs here.
            self._last = data, _picture(data)
        return self._last[1]

    def screen_size(self) -> ScreenSize:
        told = _object(self._asked("POST", "/screen_size"))
        try:
            size = ScreenSize(int(told["width"]), int(told["height"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DesktopLost(f"the machine tells no screen size: {str(told)[:80]}") from error
        if not all(1 <= side <= MAX_SIDE for side in size):
            raise DesktopLost(f"a screen of {size.width}x{size.height}; expected 1 to {MAX_SIDE}")
        return size

    def execute(
        self,
        command: Sequence[str] | str,
        *,
        shell: bool = False,
        timeout_seconds: float = EXECUTE_SECONDS,
    ) -> Finished:
        """Run a command on the machine, once.

        Raises:
            DesktopLost: the machine does not answer; the command may have been run.
        """
        given = command if isinstance(command, str) else list(command)
        answer = self._sent(
            "/execute", {"command": given, "shell": shell}, timeout_seconds=timeout_seconds
        )
        told = _object(answer)
        if answer.status_code != 200:
            # So the server tells of a program that is not there, and of one that took too long.
            said = str(told.get("message", answer.text))[:2000]
            return Finished(
                returncode=127, stdout=b"", stderr=said.encode(), timed_out="timed out" in said
            )
        code = told.get("returncode", 0)
        return Finished(
            returncode=code if isinstance(code, int) else 1,
            stdout=str(told.get("output") or "").encode(),
            stderr=str(told.get("error") or "").encode(),
            timed_out=False,
        )

    def launch(self, command: Sequence[str] | str, *, shell: bool = False) -> None:
        """Start a program and leave it running.

        Raises:
            DesktopUnavailable: it did not start; it says why.
            DesktopLost: as `execute`.
        """
        given = command if isinstance(command, str) else list(command)
        answer = self._sent("/setup/launch", {"command": given, "shell": shell})
        if answer.status_code != 200:
            raise DesktopUnavailable(f"{given} did not start: {answer.text[:500]}")

    def read_file(self, path: str) -> bytes:
        """Raises `FileNotFoundError` for one that is not there, or is a folder."""
        # For a folder OSWorld's own server has a 500.
        expected = (200, 400, 404, 500)
        answer = self._asked("POST", "/file", data={"file_path": path}, expected=expected)
        if answer.status_code != 200:
            raise FileNotFoundError(f"{path}: {answer.text[:200]}")
        return answer.content

    def write_file(self, path: str, content: bytes) -> None:
        """Raises `OSError` if the machine does not let us."""
        answer = self._asked(
            "POST",
            "/setup/upload",
            data={"file_path": path},
            files={"file_data": ("file", content)},
            expected=(200, 400, 500),
            timeout_seconds=EXECUTE_SECONDS,
        )
        if answer.status_code != 200:
            raise OSError(f"{path}: {answer.text[:200]}")

    def accessibility_tree(self) -> str:
        """OSWorld's XML of what applications show."""
        told = _object(self._asked("GET", "/accessibility", timeout_seconds=TREE_SECONDS))
        tree = told.get("AT")
        if not isinstance(tree, str):
            raise DesktopLost("the machine tells no accessibility tree")
        return tree

    def _asked(
        self,
        method: str,
        path: str,
        *,
        expected: Sequence[int] = (200,),
        timeout_seconds: float = SCREENSHOT_SECONDS,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> httpx2.Response:
        """Ask until an answer comes, three times at most and no longer than the time-out in all."""
        until = time.monotonic() + timeout_seconds
        reason = ""
        for tries_left in range(NUM_TRIES - 1, -1, -1):
            left = max(0.5, until - time.monotonic())
            try:
                answer = self._answer(method, path, left, data=data, files=files)
            except httpx2.TransportError as error:
                reason = repr(error)
            else:
                _refuse_without_token(answer)
                if answer.status_code in expected:
                    return answer
                reason = f"status {answer.status_code}: {answer.text[:200]}"
            if not tries_left or time.monotonic() + PAUSE_SECONDS > until:
                break
            time.sleep(PAUSE_SECONDS)
        raise DesktopLost(f"{self.address.url}{path} does not answer: {reason}")

    def _sent(
        self, path: str, body: Mapping[str, Any], *, timeout_seconds: float = EXECUTE_SECONDS
    ) -> httpx2.Response:
        try:
            answer = self._answer("POST", path, timeout_seconds, json=dict(body))
        except httpx2.TransportError as error:
            raise DesktopLost(
                f"{self.address.url}{path} broke off; what was asked may have been done: {error!r}"
            ) from error
        _refuse_without_token(answer)
        return answer

    def _answer(self, method: str, path: str, seconds: float, **content: Any) -> httpx2.Response:
        """One answer, whole within the time: a time-out of HTTP's begins anew with every byte.

        Raises:
            TransportError: none came, or no end of it.
        """
        until = time.monotonic() + seconds
        timeout = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        body = bytearray()
        with self._http.stream(method, path, timeout=timeout, **content) as told:
            for piece in told.iter_bytes():
                body += piece
                if time.monotonic() > until:
                    raise httpx2.ReadTimeout(f"no end of the answer after {seconds:g} s")
                if len(body) > MAX_ANSWER_BYTES:
                    raise httpx2.ReadError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            return httpx2.Response(told.status_code, content=bytes(body))


def _refuse_without_token(answer: httpx2.Response) -> None:
    if answer.status_code in (401, 403):
        raise DesktopUnavailable("the machine wants a token (MOONHAND_OSWORLD_TOKEN), another one")


def _object(answer: httpx2.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError as error:
        raise DesktopLost(f"the machine answers {answer.text[:80]!r}; expected JSON") from error
    if not isinstance(told, dict):
        raise DesktopLost(f"the machine answers {answer.text[:80]!r}; expected a JSON object")
    return told


def _picture(data: bytes) -> Image.Image:
    """The picture in a reply; its size is looked at before its pixels are made."""
    if not data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise DesktopLost(f"the machine's screenshot is no PNG or JPEG: {data[:16]!r}")
    if len(data) > MAX_PICTURE_BYTES:
        raise DesktopLost(f"a screenshot of {len(data)} bytes; expected {MAX_PICTURE_BYTES}")
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
            if max(picture.size) > MAX_SIDE:
                raise DesktopLost(f"a screenshot of {picture.size}; expected sides to {MAX_SIDE}")
            picture.load()
            # What is RGB already would be copied.
            return picture if picture.mode == "RGB" else picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DesktopLost(f"the machine's screenshot cannot be read: {error}") from error
