"""Files fetched from a server of this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from env.tasks.hub import TRIES, Fetched, fetch_missing
from env.tasks.mirror import Mirror
from env.tasks.needs import unmet
from env.tasks.task import Task


class Hub(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if "/moved/" in self.path:
            self.send_response(302)
            self.send_header("Location", "/cdn/in.xlsx")
            self.end_headers()
            return
        found = "in.xlsx" in self.path
        self.send_response(200 if found else 404)
        # Cut off: more is promised than comes.
        self.send_header("Content-Length", "99" if "/cut/" in self.path else "5")
        self.end_headers()
        self.wfile.write(b"whole")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    Hub.asked = []
    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def task_with(*urls: str) -> Task:
    files = [{"url": url, "path": "/home/user/in.xlsx"} for url in urls]
    step = {"type": "download", "parameters": {"files": files}}
    value = {"id": "t1", "instruction": "Do.", "config": [step]}
    return Task.from_json(json.dumps(value | {"evaluator": {"func": "infeasible"}}))


def test_what_is_missing_comes_once_and_lies_in_the_hubs_tree(host: str, tmp_path: Path) -> None:
    url = f"http://{host}/datasets/x/resolve/main/calc/t1/in.xlsx?download=true"
    moved = f"http://{host}/moved/in.xlsx"
    task = task_with(url, url, moved)
    assert unmet(task, Mirror(tmp_path))
    assert list(fetch_missing([task, task], tmp_path, [host])) == [Fetched(url), Fetched(moved)]
    assert unmet(task, Mirror(tmp_path)) == ()
    assert (tmp_path / "calc/t1/in.xlsx").read_bytes() == b"whole"
    num_asked = len(Hub.asked)
    assert list(fetch_missing([task], tmp_path, [host])) == []
    assert len(Hub.asked) == num_asked


def test_what_does_not_come_whole_is_not_there(host: str, tmp_path: Path) -> None:
    missing, cut = f"http://{host}/gone.xlsx", f"http://{host}/cut/in.xlsx"
    results = list(fetch_missing([task_with(missing, cut)], tmp_path, [host]))
    assert "404" in results[0].trouble
    assert results[1].trouble
    assert Hub.asked.count("/cut/in.xlsx") == TRIES
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nobody_is_asked_who_was_not_named(host: str, tmp_path: Path) -> None:
    urls = [f"http://{host}/in.xlsx", "http://example.org/in.xlsx", f"http://{host}/a/%2e%2e/b"]
    troubles = [one.trouble for one in fetch_missing([task_with(*urls)], tmp_path, ["example.org"])]
    assert troubles == [f"{host} was not named", "not https", f"{host} was not named"]
    (out,) = fetch_missing([task_with(urls[2])], tmp_path, [host])
    assert out.trouble == "leads out of the mirror"
    assert Hub.asked == []
