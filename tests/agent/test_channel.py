import socket
import threading
import time
from pathlib import Path

from agent.channel import Channel
from agent.reports import Report


def test_who_comes_in_while_it_is_closed_is_turned_away(tmp_path: Path) -> None:
    goes_on = threading.Event()

    def slow() -> Report | None:
        goes_on.wait(10.0)
        return None

    channel = Channel(tmp_path / "a.session", lambda _: None, left_alone=lambda: None)
    channel.post(slow)
    closing = threading.Thread(target=channel.close)
    closing.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as late:
        late.settimeout(10.0)
        time.sleep(0.1)
        late.connect(str(channel.path))
        time.sleep(0.1)
        goes_on.set()
        assert late.recv(1) == b""
    closing.join()
