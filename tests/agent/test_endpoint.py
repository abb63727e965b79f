"""Against a real HTTP server on this machine that can misbehave in every way it is told to."""

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.action_text import finish_text
from agent.endpoint import (
    BadStream,
    EndpointLimits,
    EndpointPolicy,
    EndpointRefused,
    EndpointTooSlow,
    EndpointUnreachable,
)
from agent.errors import PolicyFailed
from agent.events import Ending
from agent.loop import Loop, LoopConfig
from agent.parser import said
from env.fake import FakeDesktop
from model.messages import ImagePart, Sampling, system, user
from trajectories.reading import read_run
from trajectories.store import RunStore

ASKED = [system("You are a GUI agent."), user(ImagePart(Image.new("RGB", (3, 2), "red")), "Go.")]
IMPATIENT = EndpointLimits(
    connect_seconds=2.0, silence_seconds=0.4, answer_seconds=1.5, max_answer_bytes=20_000
)

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.whole(200, {"data": [{"id": "kimi"}, {"id": "other"}]})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.requests.append(json.loads(self.rfile.read(length)))
        self.server.headers_seen.append(dict(self.headers))
        behave = self.server.behaviours[
            min(len(self.server.requests), len(self.server.behaviours)) - 1
        ]
        try:
            behave(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.num_broken += 1

    def whole(self, status: int, body: Any, kind: str = "application/json", **more: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, data: object) -> None:
        line = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {line}\n\n".encode())
        self.wfile.flush()

    def say(self, *pieces: str, finish: str | None = "stop", kind: str = "content") -> None:
        for piece in pieces:
            self.event({"choices": [{"delta": {kind: piece}}]})
        if finish:
            self.event({"choices": [{"delta": {}, "finish_reason": finish}]})

    def log_message(self, *_args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours: list[Behaviour] = []
        """One a request; the last goes on for ever."""
        self.requests: list[dict[str, Any]] = []
        self.headers_seen: list[dict[str, str]] = []
        self.num_broken = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(server: Server, *behaviours: Behaviour, **more: Any) -> Any:
    server.behaviours = list(behaviours)
    pauses: list[float] = []
    with closing(
        EndpointPolicy(server.url, model="kimi", limits=IMPATIENT, pause=pauses.append)
    ) as policy:
        completion = policy.complete(ASKED, sampling=Sampling(max_new_tokens=9, seed=3), **more)
    return completion, pauses


def good(handler: Handler) -> None:
    handler.begin()
    handler.say("Hel", "lo → 😀")
    handler.event({"choices": [], "usage": {"prompt_tokens": 77, "completion_tokens": 2}})
    handler.event("[DONE]")


def status(code: int, **headers: str) -> Behaviour:
    return lambda handler: handler.whole(code, {"error": f"no, {code}"}, **headers)


def test_an_answer_comes_piece_by_piece_with_what_it_cost(server: Server) -> None:
    pieces: list[str] = []
    completion, pauses = ask(server, good, on_text=pieces.append)
    assert completion.text == "Hello → 😀"
    assert pieces == ["Hel", "lo → 😀"]
    assert completion.finished
    assert completion.num_prompt_tokens == 77
    assert completion.seconds.keys() == {"prefill", "decode"}
    assert pauses == []


def test_pictures_travel_as_they_are(server: Server) -> None:
    ask(server, good)
    [request] = server.requests
    opening, asked = request["messages"]
    assert opening == {"role": "system", "content": "You are a GUI agent."}
    picture, text = asked["content"]
    assert text == {"type": "text", "text": "Go."}
    head, data = picture["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    shown = Image.open(BytesIO(base64.b64decode(data)))
    assert (shown.size, shown.getpixel((0, 0))) == ((3, 2), (255, 0, 0))
    assert (request["model"], request["max_tokens"], request["seed"]) == ("kimi", 9, 3)
    assert request["stream"] is True


def test_a_thought_sent_apart_is_marked_as_a_local_model_marks_it(server: Server) -> None:
    def thinks(handler: Handler) -> None:
        handler.begin()
        handler.say("Hm, ", "yes.", finish=None, kind="reasoning_content")
        handler.say("## Action:\nGo.\n")

    completion, _ = ask(server, thinks)
    assert completion.text == "◁think▷Hm, yes.◁/think▷## Action:\nGo.\n"
    assert said(completion.text) == ("Hm, yes.", "Go.")


def test_an_answer_cut_off_by_its_length_is_not_finished(server: Server) -> None:
    def long(handler: Handler) -> None:
        handler.begin()
        handler.say("a", finish="length")

    completion, _ = ask(server, long)
    assert (completion.text, completion.finished) == ("a", False)


def test_the_model_is_asked_for_where_none_is_named(server: Server) -> None:
    server.behaviours = [good]
    with closing(EndpointPolicy.named(server.url)) as policy:
        policy.complete(ASKED, sampling=Sampling())
    with closing(EndpointPolicy.named(f"{server.url}#mine")) as policy:
        policy.complete(ASKED, sampling=Sampling())
    assert [request["model"] for request in server.requests] == ["kimi", "mine"]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_recovers_is_asked_again(server: Server, code: int) -> None:
    completion, pauses = ask(server, status(code), status(code), good)
    assert completion.text == "Hello → 😀"
    assert pauses == [0.5, 1.0]


def test_it_waits_as_long_as_the_server_asks_for(server: Server) -> None:
    _, pauses = ask(server, status(429, Retry_After="1"), good)
    assert pauses == [1.0]


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()  # It holds the socket open too.
    handler.connection.close()


def hang(_handler: Handler) -> None:
    time.sleep(0.8)


def truncated(handler: Handler) -> None:
    handler.begin()
    handler.say("Hel", finish=None)


def broken_off(handler: Handler) -> None:
    truncated(handler)
    reset(handler)


def endless(handler: Handler) -> None:
    handler.begin()
    while True:
        handler.say("again " * 20, finish=None)


def endless_line(handler: Handler) -> None:
    handler.begin()
    handler.wfile.write(b"data: ")
    while True:
        handler.wfile.write(b"a" * 4096)


def dripping(handler: Handler) -> None:
    handler.begin()
    while True:
        handler.wfile.write(b":")
        handler.wfile.flush()
        time.sleep(0.1)


def silent_in_the_middle(handler: Handler) -> None:
    truncated(handler)
    time.sleep(0.8)


def sends(*events: object) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        for event in events:
            handler.event(event)

    return behave


FAULTS: dict[str, tuple[Behaviour, type[PolicyFailed], str]] = {
    "refused for good": (status(401), EndpointRefused, "401"),
    "not found": (status(404), EndpointRefused, "404"),
    "500 for ever": (status(500), EndpointRefused, "no, 500"),
    "429 for ever": (status(429), EndpointRefused, "429"),
    "asks to wait too long": (status(429, Retry_After="900"), EndpointRefused, "429"),
    "a redirect": (status(302, Location="http://127.0.0.1:1/"), EndpointRefused, "302"),
    "connection reset": (reset, EndpointUnreachable, "127.0.0.1"),
    "hang": (hang, EndpointTooSlow, "silent"),
    "truncated": (truncated, BadStream, "middle"),
    "broken off": (broken_off, BadStream, "broke off|middle"),
    "endless": (endless, BadStream, "20000 bytes"),
    "endless line": (endless_line, BadStream, "20000 bytes"),
    "a byte now and then": (dripping, EndpointTooSlow, "did not end"),
    "silent in the middle": (silent_in_the_middle, EndpointTooSlow, "silent"),
    "a page": (lambda h: h.whole(200, b"<html>", kind="text/html"), BadStream, "text/html"),
    "whole JSON": (lambda h: h.whole(200, {"choices": []}), BadStream, "application/json"),
    "no JSON": (sends("{nonsense"), BadStream, "nonsense"),
    "deep JSON": (sends("[" * 9000), BadStream, "JSON"),
    "a list": (sends([1, 2]), BadStream, "list"),
    "no choices": (sends({"id": 1}), BadStream, "choices"),
    "choices of another type": (sends({"choices": "a"}), BadStream, "choices"),
    "content of another type": (sends({"choices": [{"delta": {"content": 5}}]}), BadStream, "5"),
    "delta of another type": (sends({"choices": [{"delta": [1]}]}), BadStream, "delta"),
    "an error in the stream": (sends({"error": "out of memory"}), EndpointRefused, "memory"),
    "nothing": (sends(), BadStream, "middle"),
}


@pytest.mark.parametrize(("behave", "error", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_has_its_name(
    server: Server, behave: Behaviour, error: type[PolicyFailed], told: str
) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=told):
        ask(server, behave)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("behave", "error", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_an_episode_ends_with_a_name_and_a_whole_log(
    server: Server, tmp_path: Path, behave: Behaviour, error: type[PolicyFailed], told: str
) -> None:
    server.behaviours = [behave]
    store = RunStore.create(tmp_path, policy="endpoint", durable=False)
    with (
        FakeDesktop() as desktop,
        closing(
            EndpointPolicy(server.url, model="kimi", limits=IMPATIENT, pause=lambda _: None)
        ) as policy,
    ):
        result = Loop(policy, desktop, store, LoopConfig()).run("Go.")
    store.close()
    assert result.ending is Ending.POLICY_FAILED
    assert desktop.performed == []
    (episode,) = read_run(store.folder).episodes
    assert episode.end is not None


def test_what_was_begun_is_not_asked_for_again(server: Server) -> None:
    with pytest.raises(BadStream):
        ask(server, broken_off, good)
    assert len(server.requests) == 1


def test_stopping_in_an_answer_lets_the_server_go(server: Server) -> None:
    def stop(_text: str) -> None:
        raise InterruptedError

    server.behaviours = [endless]
    with (
        closing(EndpointPolicy(server.url, model="kimi")) as policy,
        pytest.raises(InterruptedError),
    ):
        policy.complete(ASKED, sampling=Sampling(), on_text=stop)
    for _ in range(100):
        if server.num_broken:
            break
        time.sleep(0.02)
    assert server.num_broken == 1


def test_nobody_there_is_told_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with (
            closing(EndpointPolicy(url, model="kimi", pause=lambda _: None)) as policy,
            pytest.raises(EndpointUnreachable, match=r"127\.0\.0\.1"),
        ):
            policy.complete(ASKED, sampling=Sampling())


@pytest.mark.parametrize("url", ["ftp://a/v1", "http://", "kimi", "http://a:b:c/v1"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=url[:4]):
        EndpointPolicy(url)


def test_a_key_goes_only_where_nobody_else_reads_it(server: Server) -> None:
    with pytest.raises(ValueError, match="in the clear"):
        EndpointPolicy("http://gpu.example/v1", api_key="secret")
    EndpointPolicy("https://gpu.example/v1", api_key="secret").close()
    server.behaviours = [good]
    with closing(EndpointPolicy(server.url, model="kimi", api_key="secret")) as policy:
        policy.complete(ASKED, sampling=Sampling())
    assert server.headers_seen[0]["Authorization"] == "Bearer secret"


def test_a_whole_episode_through_a_server(server: Server, tmp_path: Path) -> None:
    def done(handler: Handler) -> None:
        handler.begin()
        handler.say(finish_text(True, words="Done."))

    server.behaviours = [done]
    store = RunStore.create(tmp_path, policy="endpoint", durable=False)
    with FakeDesktop() as desktop, closing(EndpointPolicy(server.url, model="kimi")) as policy:
        assert Loop(policy, desktop, store, LoopConfig()).run("Go.").ending is Ending.DONE
    store.close()
