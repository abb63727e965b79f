"""A real x11vnc on a real virtual desktop, talked to as a viewer does (RFB 3.8, RFC 6143)."""

import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from agent.recorder import Recorder, Source
from env.actions import Move, Point
from env.screen import ScreenSize
from env.view import VncView
from env.virtual import VirtualDesktop
from trajectories.recording import read_recording
from trajectories.schema import Tally
from trajectories.secret_rules import SecretRules
from trajectories.store import RunStore

SIZE = ScreenSize(320, 240)
VNC_PASSWORD = 2
"""The security type; 1 would be none at all."""


@pytest.fixture
def desktop() -> Iterator[VirtualDesktop]:
    with VirtualDesktop(SIZE) as opened:
        yield opened


class Viewer:
    """As little of a viewer as it takes."""

    def __init__(self, view: VncView) -> None:
        self._socket = socket.create_connection((view.host, view.port), timeout=20)
        assert self.read(12) == b"RFB 003.008\n"
        self.send(b"RFB 003.008\n")
        self.offered = list(self.read(self.read(1)[0]))

    def read(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            piece = self._socket.recv(count - len(got))
            assert piece, "x11vnc hung up"
            got += piece
        return got

    def send(self, message: bytes) -> None:
        self._socket.sendall(message)

    def is_let_in(self, password: str) -> bool:
        self.send(bytes([VNC_PASSWORD]))
        # DES, which is triple DES with one key three times; VNC turns the bits of each byte round.
        key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode().ljust(8, b"\0"))
        des = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
        self.send(des.update(self.read(16)) + des.finalize())
        return self.read(4) == bytes(4)

    def begin(self) -> ScreenSize:
        self.send(b"\1")
        width, height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.read(*struct.unpack(">I", self.read(4)))
        return ScreenSize(width, height)

    def move(self, x: int, y: int, buttons: int = 0) -> None:
        self.send(struct.pack(">BBHH", 5, buttons, x, y))

    def tap(self, letter: str) -> None:
        for down in (1, 0):
            self.send(struct.pack(">BBHI", 4, down, 0, ord(letter)))

    def pixel(self, x: int, y: int) -> bytes:
        """Blue, green and red: the display's own order."""
        # Encoding 0 is raw.
        self.send(struct.pack(">BBHi", 2, 0, 1, 0))
        self.send(struct.pack(">BBHHHH", 3, 0, 0, 0, SIZE.width, SIZE.height))
        kind, _, count = struct.unpack(">BBH", self.read(4))
        assert kind == 0
        found = b""
        for _ in range(count):
            left, top, width, height, _ = struct.unpack(">HHHHi", self.read(12))
            pixels = self.read(4 * width * height)
            if left <= x < left + width and top <= y < top + height:
                at = 4 * ((y - top) * width + x - left)
                found = pixels[at : at + 3]
        return found

    def close(self) -> None:
        self._socket.close()


def entered(view: VncView) -> Viewer:
    viewer = Viewer(view)
    assert viewer.is_let_in(view.password)
    viewer.begin()
    return viewer


def pointer_comes_to(desktop: VirtualDesktop, place: tuple[int, int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if desktop.pointer == place:
            return True
        time.sleep(0.02)
    return False


def test_with_the_password_the_desktop_is_seen_and_without_it_nothing(
    desktop: VirtualDesktop,
) -> None:
    with (
        VncView(desktop) as view,
        closing(Viewer(view)) as stranger,
        closing(Viewer(view)) as viewer,
    ):
        assert stranger.offered == [VNC_PASSWORD]
        assert not stranger.is_let_in("x" + view.password[1:7] + "x")
        assert viewer.is_let_in(view.password)
        assert viewer.begin() == SIZE
        seen = desktop.screenshot().image.crop((300, 200, 301, 201)).tobytes()
        assert viewer.pixel(300, 200) == bytes(reversed(seen))


def test_it_listens_on_this_machine_alone(desktop: VirtualDesktop) -> None:
    with VncView(desktop) as view:
        listening = psutil.Process(view.pid).net_connections("all")
        addresses = [each.laddr for each in listening if each.status == psutil.CONN_LISTEN]
        assert addresses == [("127.0.0.1", view.port)]


def test_its_password_is_for_nobody_else_to_read(desktop: VirtualDesktop) -> None:
    with VncView(desktop) as view, VncView(desktop) as other:
        process = psutil.Process(view.pid)
        told = " ".join([*process.cmdline(), *process.environ().values()])
        assert view.password not in told
        assert stat.S_IMODE(view.password_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(view.password_file.parent.stat().st_mode) == 0o700
        assert view.password_file.read_text().strip() == view.password
        assert view.password != other.password
        assert view.port != other.port
    assert not view.password_file.parent.exists()


def test_it_is_gone_when_it_is_closed(desktop: VirtualDesktop) -> None:
    view = VncView(desktop)
    pid = view.pid
    view.close()
    view.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((view.host, view.port), timeout=5)


def test_it_ends_with_its_desktop(desktop: VirtualDesktop) -> None:
    with VncView(desktop) as view:
        process = psutil.Process(view.pid)
        desktop.close()
        until = time.monotonic() + 20
        while process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < until, "x11vnc outlived its desktop"
            time.sleep(0.02)


def test_who_may_only_look_moves_nothing(desktop: VirtualDesktop) -> None:
    desktop.perform(Move(Point(5, 5)))
    with (
        VncView(desktop) as view,
        VncView(desktop, view_only=False) as working,
        closing(entered(view)) as looker,
        closing(entered(working)) as worker,
    ):
        looker.move(50, 60)
        assert not pointer_comes_to(desktop, (50, 60), 1.0)
        # The same from who may: it is not that the message is wrong.
        worker.move(50, 60)
        assert pointer_comes_to(desktop, (50, 60), 20.0)


@pytest.mark.parametrize(("name", "word"), [("VNC_CONNECT", ""), ("X11VNC_REMOTE", "cmd=connect:")])
def test_an_application_cannot_have_it_connect_to_anybody(
    desktop: VirtualDesktop, name: str, word: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, VncView(desktop) as view:
        # Left to itself x11vnc obeys, but not in its first second.
        time.sleep(2.0)
        host, port = elsewhere.getsockname()
        root = desktop.root
        atoms = [root.display.get_atom(each) for each in (name, "STRING")]
        root.change_property(*atoms, 8, f"{word}{host}:{port}".encode())
        root.display.flush()
        elsewhere.settimeout(3.0)
        with closing(entered(view)), pytest.raises(TimeoutError):
            elsewhere.accept()


def test_a_person_who_works_the_desktop_through_it_is_recorded(
    desktop: VirtualDesktop, tmp_path: Path
) -> None:
    told = desktop.environment
    source = Source(display=told["DISPLAY"], authority=Path(told["XAUTHORITY"]), size=desktop.size)
    tallies: list[Tally] = []
    with (
        VncView(desktop, view_only=False) as view,
        RunStore.create(
            tmp_path,
            policy="person",
            settings={"kind": "recording", "size": list(desktop.size)},
            kind="recording",
        ) as store,
    ):
        recorder = Recorder(source, store, SecretRules())
        writing = threading.Thread(target=lambda: tallies.append(recorder.run()))
        writing.start()
        try:
            with closing(entered(view)) as viewer:
                # Until the recorder listens.
                time.sleep(0.5)
                viewer.move(120, 90)
                viewer.move(120, 90, buttons=1)
                viewer.move(120, 90)
                viewer.tap("a")
                assert pointer_comes_to(desktop, (120, 90), 20.0)
                # Until keys are known to be no secret.
                time.sleep(1.5)
        finally:
            recorder.stop()
            writing.join()
            recorder.close()
    (tally,) = tallies
    assert tally.num_seen == tally.num_stored
    seen = [
        (event.kind, event.x, event.y, event.down, event.key)
        for event in read_recording(store.folder).events
    ]
    assert seen == [
        ("move", 120, 90, True, ""),
        ("button", 120, 90, True, ""),
        ("button", 120, 90, False, ""),
        ("key", 120, 90, True, "a"),
        ("key", 120, 90, False, "a"),
    ]
