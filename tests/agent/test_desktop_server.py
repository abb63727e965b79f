"""Our desktop behind OSWorld's protocol: who speaks it with the token is served, in the sandbox."""

import threading
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import httpx2
import pytest

from agent.desktop_server import DesktopServer
from env.actions import Click, Point
from env.errors import DesktopUnavailable
from env.osworld import OSWorldDesktop
from env.screen import ScreenSize
from env.virtual import VirtualDesktop

TOKEN = "a token of twenty-four"
SIZE = ScreenSize(640, 480)


class Served:
    def __init__(self, server: DesktopServer, desktop: VirtualDesktop) -> None:
        self.server = server
        self.desktop = desktop
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60.0,
        )

    def execute(self, *command: str, shell: bool = False) -> dict[str, object]:
        answer = self.http.post("/execute", json={"command": list(command), "shell": shell})
        told: dict[str, object] = answer.json()
        return told | {"status_code": answer.status_code}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    ready = threading.Event()
    opened: list[Served] = []

    def serve() -> None:
        with VirtualDesktop(SIZE, accessible=True) as desktop:
            server = DesktopServer(desktop, TOKEN, port=0)
            opened.append(Served(server, desktop))
            ready.set()
            server.serve(lambda: False)

    serving = threading.Thread(target=serve)
    serving.start()
    assert ready.wait(60)
    yield opened[0]
    opened[0].http.close()
    opened[0].server.shut_down()
    serving.join()


def test_without_the_token_nothing_is_answered(served: Served) -> None:
    address = f"127.0.0.1:{served.server.port}"
    for path in ("/screenshot", "/platform", "/no-such-route"):
        assert httpx2.get(f"http://{address}{path}").status_code == 401
    wrong = {"Authorization": "Bearer another token altogether"}
    assert httpx2.get(f"http://{address}/platform", headers=wrong).status_code == 401
    with pytest.raises(DesktopUnavailable, match="wants a token"):
        OSWorldDesktop(f"osworld://{address}")


def test_a_client_that_can_send_no_header_puts_the_token_into_the_address(served: Served) -> None:
    address = f"http://moonhand:{TOKEN.replace(' ', '%20')}@127.0.0.1:{served.server.port}"
    assert httpx2.get(f"{address}/platform").text == "Linux"


def test_it_listens_to_this_machine_only(served: Served) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        DesktopServer(served.desktop, TOKEN, host="0.0.0.0", port=0)
    with pytest.raises(ValueError, match="at least 16"):
        DesktopServer(served.desktop, "short", port=0)


def test_the_screen_is_seen_with_its_pointer(served: Served) -> None:
    with OSWorldDesktop(f"osworld://127.0.0.1:{served.server.port}", token=TOKEN) as machine:
        assert machine.size == SIZE
        machine.perform(Click(Point(100, 100)))
        assert served.http.get("/cursor_position").json() == [100, 100]
        seen = machine.screenshot().image
        assert seen.size == SIZE
        assert seen.getpixel((101, 105)) == (255, 255, 255)


def test_commands_run_in_the_sandbox(served: Served) -> None:
    told = served.execute("sh", "-c", "id -un; ls /root /srv/x 2>&1; cat /etc/shadow; exit 4")
    assert told["status"] == "success"
    assert told["returncode"] == 4
    assert "user" in str(told["output"])
    assert "No such file" in str(told["error"])
    assert served.execute("echo $HOME", "ignored", shell=True)["output"] == "/home/user\n"
    assert served.execute("no-such-program")["status_code"] == 500


def test_python_that_is_no_action_runs_in_the_sandbox_or_not_at_all(served: Served) -> None:
    code = "import pyautogui; import os; os.system('touch /tmp/escaped'); pyautogui.click(1, 1)"
    told = served.execute("python", "-c", code)
    assert told["returncode"] == 1
    assert "UnknownCall" in str(told["error"])
    assert served.execute("ls", "/tmp/escaped")["returncode"] != 0


def test_files_come_and_go(served: Served) -> None:
    sent = served.http.post(
        "/setup/upload",
        data={"file_path": "~/Desktop/a.txt"},
        files={"file_data": ("a.txt", b"hello")},
    )
    assert sent.text == "File Uploaded: 5 bytes"
    got = served.http.post("/file", data={"file_path": "/home/user/Desktop/a.txt"})
    assert got.content == b"hello"
    assert served.http.post("/file", data={"file_path": "/nothing"}).status_code == 404
    assert served.http.post("/file").status_code == 400
    # A link is followed in there, where it leads nowhere.
    served.execute("ln -s /etc/shadow /home/user/link", shell=True)
    assert served.http.post("/file", data={"file_path": "/home/user/link"}).status_code == 404
    tree = served.http.post("/list_directory", json={"path": "/home/user/Desktop"}).json()
    assert tree["directory_tree"]["children"] == [{"type": "file", "name": "a.txt"}]


def test_windows_are_opened_found_and_closed(served: Served) -> None:
    """With xmessage or another small client there would be more to install: openbox has none of
    its own, so Chromium it is."""
    page = b"<title>A page of ours</title><button>Press</button>"
    served.http.post(
        "/setup/upload", data={"file_path": "~/p.html"}, files={"file_data": ("p", page)}
    )
    command = "chromium --no-sandbox --test-type --no-first-run --disable-gpu"
    words = [*command.split(), "--force-renderer-accessibility", "file:///home/user/p.html"]
    assert "launched" in served.http.post("/setup/launch", json={"command": words}).text
    wanted = {"window_name": "A page of ours", "strict": False, "by_class": False}
    eventually(lambda: served.http.post("/setup/activate_window", json=wanted).status_code == 200)
    size = served.http.post("/window_size", data={"app_class_name": "chromium"}).json()
    assert size["width"] > 100
    eventually(lambda: "Press" in names_in(served))
    assert served.http.post("/setup/close_window", json=wanted).status_code == 200
    eventually(lambda: served.http.post("/setup/close_window", json=wanted).status_code == 404)


def names_in(served: Served) -> list[str]:
    tree = ElementTree.fromstring(served.http.get("/accessibility").json()["AT"])
    assert tree.tag == "desktop-frame"
    return [node.get("name", "") for node in tree.iter()]


def eventually(holds: object) -> None:
    assert callable(holds)
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


def test_what_a_virtual_desktop_has_not_is_said_to_be_missing(served: Served) -> None:
    assert served.http.post("/start_recording").status_code == 501
    assert served.http.get("/no-such-route").status_code == 404
    assert served.http.get("/execute").status_code == 405
    assert served.http.post("/execute", content=b"no json").status_code == 400
    assert served.http.post("/execute", json={"command": {}}).status_code == 400
