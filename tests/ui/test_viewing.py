"""`--view`: what is said of it, and where it is refused."""

import socket
from pathlib import Path

import pytest

from env.virtual import VirtualDesktop
from ui.commands.viewing import viewed
from ui.options import Record, Run


def test_where_no_terminal_is_the_password_is_in_a_file_and_not_said() -> None:
    said: list[str] = []
    with VirtualDesktop() as desktop, viewed(desktop, "vnc", said.append):
        address, password = said
        host, _, port = address.rpartition(": ")[2].partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as viewer:
            assert viewer.recv(3) == b"RFB"
        file = Path(password.removeprefix("password: in "))
        assert len(file.read_text().strip()) == 8
        assert file.read_text().strip() not in password
    assert not file.exists()


def test_nothing_is_shown_unless_asked_for() -> None:
    said: list[str] = []
    with VirtualDesktop() as desktop, viewed(desktop, "none", said.append):
        assert not said


def test_only_a_virtual_desktop_is_viewed_or_given_a_network() -> None:
    with pytest.raises(ValueError, match="not of browser"):
        Run(instruction="x", desktop="browser", view="vnc")
    with pytest.raises(ValueError, match="not of real"):
        Record(view="vnc")
    with pytest.raises(ValueError, match="--network is of a virtual desktop, not of real"):
        Run(instruction="x", desktop="real", network=True)
