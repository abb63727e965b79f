"""Pictures as pictures: a terminal played here says what it can, and gets what it can show."""

import fcntl
import math
import os
import re
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest
from PIL import Image
from textual_image._sixel import image_to_sixels

from ui.sixel import selected_when_defined

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from PIL import Image
from textual.app import App
from ui.graphics import graphics_of
from ui.picture import Picture

kind = graphics_of("auto")
Path(sys.argv[1]).write_text(kind)

class Shown(App):
    def compose(self):
        yield Picture(kind)

    def on_mount(self):
        self.query_one(Picture).show(Image.new("RGB", (64, 32), "red"), [(32, 16)])
        self.set_timer(1.0, self.exit)

Shown().run()
"""
ATTEMPTS = 5
"""The library waits 0.1 s for an answer, which a busy machine may not give by then."""


class PlayedTerminal:
    """Answers the two questions, and keeps what is written to it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.written = b""
        self._answered = 0
        self._master, self.slave = os.openpty()
        # 80x24 cells of 8x16 pixels.
        size = struct.pack("HHHH", 24, 80, 640, 384)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self.written += os.read(self._master, 65536)
            except OSError:
                return
            self._answer()

    def _answer(self) -> None:
        news = self.written[self._answered :]
        asked = re.search(rb"\x1b\[c|\x1b_G[^\x1b]*a=q[^\x1b]*\x1b\\", news)
        if asked is None:
            return
        self._answered += asked.end()
        if asked[0] == b"\x1b[c":
            os.write(self._master, b"\x1b[?62;4;22c" if self._kind == "sixel" else b"\x1b[?62;22c")
        elif self._kind == "kitty" or (self._kind == "old kitty" and b"U=1" not in asked[0]):
            number = re.search(rb"i=(\d+)", asked[0])
            assert number is not None
            os.write(self._master, b"\x1b_Gi=" + number[1] + b";OK\x1b\\")

    def close(self) -> None:
        os.close(self.slave)
        self._reader.join(5.0)
        os.close(self._master)


def shown_to(kind: str, told: Path) -> tuple[str, bytes]:
    """What the program took the terminal for, and all it wrote."""
    terminal = PlayedTerminal(kind)
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    try:
        with subprocess.Popen(
            (sys.executable, "-c", PROGRAM, str(told)),
            stdin=terminal.slave,
            stdout=terminal.slave,
            stderr=terminal.slave,
            start_new_session=True,
            env={name: value for name, value in environment.items() if name != "TMUX"},
        ) as program:
            program.wait(60.0)
    finally:
        terminal.close()
    return told.read_text(), terminal.written


@pytest.mark.parametrize(
    ("kind", "picture"),
    [
        ("sixel", rb"\x1bP[\d;]*q.*#\d+;2;"),
        ("kitty", rb"\x1b_G[^\x1b]*f=\d+[^\x1b]*;[A-Za-z0-9+/]"),
    ],
)
def test_a_terminal_that_can_gets_a_picture(tmp_path: Path, kind: str, picture: bytes) -> None:
    for _ in range(ATTEMPTS):
        taken_for, written = shown_to(kind, tmp_path / "kind")
        if taken_for == kind:
            break
    assert taken_for == kind
    questions_over = written.rindex(b"\x1b[?1049h")
    assert re.search(picture, written[questions_over:], re.DOTALL)


def test_a_kitty_that_has_no_placeholders_is_shown_blocks(tmp_path: Path) -> None:
    """Debian 12's showed a box for each letter that stands for a piece of the picture."""
    for _ in range(ATTEMPTS):
        taken_for, written = shown_to("old kitty", tmp_path / "kind")
        if b"U=1" in written:
            break
    assert b"U=1" in written, "it was never asked"
    assert taken_for == "blocks"


def test_every_colour_of_a_sixel_is_selected_when_it_is_defined() -> None:
    """xterm goes on in the colour before where it is only defined."""
    sixels = image_to_sixels(Image.radial_gradient("L").resize((48, 48)).convert("RGB"))
    mended = selected_when_defined(sixels)
    defined = re.findall(r"#(\d+);2;\d+;\d+;\d+", mended)
    assert len(defined) > 10
    assert re.findall(r"#(\d+);2;\d+;\d+;\d+#\1", mended) == defined


def test_after_a_sixel_the_cursor_stands_in_its_last_line(tmp_path: Path) -> None:
    """What is to the right of the picture there is drawn next."""
    for _ in range(ATTEMPTS):
        taken_for, written = shown_to("sixel", tmp_path / "kind")
        if taken_for == "sixel":
            break
    assert taken_for == "sixel"
    picture = re.search(
        rb'\x1b\[(\d+);(\d+)H\x1bP[\d;]*q"1;1;(\d+);(\d+).*?\x1b\\\x1b\[(\d+);(\d+)H',
        written,
        re.DOTALL,
    )
    assert picture is not None
    top, left, across, down, row, column = map(int, picture.groups())
    cells = (math.ceil(across / 8), math.ceil(down / 16))
    assert (row, column) == (top + cells[1] - 1, left + cells[0])
