"""A machine of OSWorld's by its server, which here says what the public one was seen to say."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest
from PIL import Image

from env.actions import MAX_HOLD_SECONDS, MAX_TYPED_CHARACTERS, Click, Keys, Point, TypeText
from env.errors import DesktopLost
from env.osworld import OSWorldDesktop, longest_seconds
from env.osworld_client import EXECUTE_SECONDS

SIZE = (64, 48)


class Machine(BaseHTTPRequestHandler):
    color = "black"

    def do_GET(self) -> None:
        png = BytesIO()
        Image.new("RGB", SIZE, self.color).save(png, "PNG")
        self._say(200, png.getvalue())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/execute":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
        elif self.path == "/screen_size":
            self._say(200, b'{"width": 64, "height": 48}')
        else:
            self._say(500, b'{"error": "Failed to serve file: Is a directory"}')

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def machine() -> Iterator[OSWorldDesktop]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Machine)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        with OSWorldDesktop(f"osworld://127.0.0.1:{server.server_port}") as desktop:
            yield desktop
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def test_a_screen_at_rest_is_decoded_once_and_a_changed_one_is_seen() -> None:
    Machine.color = "red"
    with machine() as desktop:
        first = desktop.screenshot().image
        assert desktop.screenshot().image is first
        Machine.color = "blue"
        assert desktop.screenshot().image.getpixel((3, 3)) == (0, 0, 255)


def test_a_folder_is_no_file_and_no_lost_machine() -> None:
    with machine() as desktop, pytest.raises(FileNotFoundError, match="Is a directory"):
        desktop.client.read_file("/etc")


def test_no_action_is_waited_for_as_long_as_a_command() -> None:
    at = Point(1, 1)
    assert longest_seconds(Keys(("a",))) <= 30
    assert longest_seconds(Click(at, hold_seconds=MAX_HOLD_SECONDS)) >= 30 + MAX_HOLD_SECONDS
    assert longest_seconds(TypeText("a" * MAX_TYPED_CHARACTERS)) < EXECUTE_SECONDS


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_beyond_the_time() -> None:
    began = time.monotonic()
    with machine() as desktop, pytest.raises(DesktopLost, match="no end of the answer"):
        desktop.client.execute(("true",), timeout_seconds=0.5)
    assert time.monotonic() - began < 4.0
