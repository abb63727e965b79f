"""Our virtual desktop, spoken to as an OSWorld machine is: for other people's agents.

Nothing that comes in is executed here. Mouse and keyboard code is read as a syntax tree and
performed; every other command runs in the desktop's sandbox. Whoever speaks must know the token,
as a bearer token or as the password of the address (`http://moonhand:TOKEN@127.0.0.1:5000`,
for clients that can send nothing else).

The thread that serves is the one that opened the desktop; requests come in on others.
"""

import hmac
import json
import logging
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from werkzeug.exceptions import HTTPException, Unauthorized
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from agent.errors import AgentError
from agent.machine_routes import Routes
from env.errors import EnvError
from env.virtual import VirtualDesktop

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY_BYTES = 256 * 2**20
MAX_WAITING = 64
_POLL_SECONDS = 0.2

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class DesktopServer:
    """Borrows the desktop. Open in the thread that opened that."""

    def __init__(
        self, desktop: VirtualDesktop, token: str, *, host: str = "127.0.0.1", port: int = 5000
    ) -> None:
        """
        Args:
            port: 0: any that is free.

        Raises:
            ValueError: a host that is not this machine's loopback.
            OSError: the port is taken.
        """
        if host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(
                f"serving on {host!r} would let others in; expected 127.0.0.1 (forward it by ssh)"
            )
        if len(token) < 16:
            raise ValueError(f"a token of {len(token)} characters; expected at least 16")
        self._token = token.encode()
        self._jobs: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue(MAX_WAITING)
        self._routes = Routes(desktop, self._on_desktop)
        self._stopped = threading.Event()
        self._http = make_server(
            host, port, self._application, threaded=True, request_handler=_Quiet
        )

    @property
    def port(self) -> int:
        return self._http.server_port

    def serve(self, stop: Callable[[], bool]) -> None:
        """Until `stop` says so or the desktop is lost to another thread's `shut_down`."""
        listening = threading.Thread(target=self._http.serve_forever, name="http", daemon=True)
        listening.start()
        try:
            while not (stop() or self._stopped.is_set()):
                try:
                    job, answer = self._jobs.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                _do(job, answer)
        finally:
            self._stopped.set()
            self._http.shutdown()
            self._http.server_close()
            while not self._jobs.empty():
                self._jobs.get()[1].cancel()

    def shut_down(self) -> None:
        """Ends `serve` soon; from any thread."""
        self._stopped.set()

    def _on_desktop(self, job: Callable[[], Result]) -> Result:
        """Have the serving thread do it."""
        answer: Future[Result] = Future()
        if self._stopped.is_set():
            raise EnvError("the server is being shut down")
        try:
            self._jobs.put_nowait((job, answer))
        except queue.Full as error:
            raise EnvError(f"{MAX_WAITING} requests are waiting already") from error
        return answer.result()

    def _application(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with Request(environ) as request:
            response = self._answer(request)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        request.max_content_length = MAX_BODY_BYTES
        try:
            self._refuse_strangers(request)
            return self._routes.answer(request)
        except HTTPException as error:
            return _told(error.code or 500, str(error.description), error)
        except AgentError as error:
            return _told(400, str(error))
        except (EnvError, OSError) as error:
            logger.warning("%s: %s", request.path, error)
            return _told(500, str(error))
        except (KeyError, TypeError, ValueError) as error:
            return _told(400, f"the request cannot be read: {error!r}")

    def _refuse_strangers(self, request: Request) -> None:
        authorization = request.authorization
        said = ""
        if authorization is not None:
            said = authorization.token or authorization.password or ""
        if not hmac.compare_digest(said.encode(), self._token):
            raise Unauthorized("a token is wanted: Authorization: Bearer TOKEN")


class _Quiet(WSGIRequestHandler):
    """Logs where everything else is logged, and without the address's password."""

    def log(self, type: str, message: str, *args: Any) -> None:
        logger.debug("%s", message % args if args else message)


def _do(job: Callable[[], Any], answer: "Future[Any]") -> None:
    if answer.set_running_or_notify_cancel():
        try:
            answer.set_result(job())
        except BaseException as error:
            answer.set_exception(error)
            if not isinstance(error, Exception):
                raise


def _told(status: int, message: str, error: HTTPException | None = None) -> Response:
    body = json.dumps({"status": "error", "message": message})
    response = Response(body, status=status, mimetype="application/json")
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
