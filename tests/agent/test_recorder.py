"""A scripted person on a real desktop with a real browser."""

import base64
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rapidfuzz import fuzz

from agent.demonstrate import drafts_of, keep
from agent.recorder import Recorder, Source, blacked
from env.actions import Click, Drag, Keys, Move, Point, Scroll, TypeText
from env.errors import DesktopLost
from env.headed import HeadedBrowser
from env.screen import Box, ScreenSize
from env.virtual import VirtualDesktop
from env.x11 import X11Display
from tests.trajectories.test_secret_rules import planted
from trajectories.reading import read_run
from trajectories.recording import WITHHELD, Recording, read_recording
from trajectories.schema import Tally
from trajectories.secret_rules import SecretRules
from trajectories.store import RunStore
from ui.commands.recordings import circumstances

FORM = """
<style>
#secret, #field { color: #f0f; caret-color: black }
#secret::selection, #field::selection { background: #f0f; color: #f0f }
</style>
<body style="margin:0;background:white">
<div style="height:3000px"></div>
<input id=secret type=password style="position:absolute;left:20px;top:20px;width:300px">
<input id=field style="position:absolute;left:20px;top:60px;width:700px" aria-label=Open>
<button style="position:absolute;left:20px;top:100px;width:90px;height:30px">Save</button>
<input id=free style="position:absolute;left:20px;top:150px;width:700px">
</body>
"""


Recorded = AbstractContextManager[tuple[X11Display, list[Tally]]]


class Studio:
    def __init__(self, desktop: VirtualDesktop, browser: HeadedBrowser) -> None:
        told = desktop.environment
        self.browser = browser
        self.source = Source(
            display=told["DISPLAY"],
            authority=Path(told["XAUTHORITY"]),
            size=desktop.size,
            session_bus=desktop.session_bus,
            page_url=None,
        )

    def at(self, x: int, y: int) -> Point:
        return Point(self.browser.box.left + x, self.browser.box.top + y)

    def wait_for(self, field: str, value: str) -> None:
        """The browser answers in its own time; what it has not drawn yet was not recorded."""
        until = time.monotonic() + 60
        while self.browser.page.evaluate(f"{field}.value") != value:
            assert time.monotonic() < until, "the browser did not keep up"
            time.sleep(0.01)

    def recording(self, folder: Path, *, video: bool = False) -> Recorded:
        return recorded(self.source, folder, video=video)


@contextmanager
def recorded(
    source: Source, folder: Path, *, video: bool = False
) -> Iterator[tuple[X11Display, list[Tally]]]:
    """Records while the block works the desktop."""
    settings = {"kind": "recording", "size": list(source.size)}
    with RunStore.create(folder, policy="p", settings=settings, kind="recording") as store:
        recorder = Recorder(source, store, SecretRules(), video=video)
        tallies: list[Tally] = []
        writing = threading.Thread(target=lambda: tallies.append(recorder.run()))
        writing.start()
        try:
            with X11Display(source.display, source.authority) as hands:
                time.sleep(0.4)
                yield hands, tallies
                time.sleep(0.3)
        finally:
            recorder.stop()
            writing.join()
            recorder.close()


@pytest.fixture(scope="module")
def opened() -> Iterator[Studio]:
    with VirtualDesktop(accessible=True) as desktop, HeadedBrowser(desktop) as browser:
        yield Studio(desktop, browser)


@pytest.fixture
def studio(opened: Studio) -> Studio:
    opened.browser.page.set_content(FORM)
    opened.browser.wait_until_drawn()
    return opened


@pytest.fixture
def wide() -> Iterator[VirtualDesktop]:
    """A screen of two monitors, a window on each."""
    with VirtualDesktop(ScreenSize(1600, 600)) as desktop:
        for name, place, output in (("left", "+0+0", "screen"), ("right", "+800+0", "none")):
            words = ["xrandr", "--setmonitor", name, f"800/200x600/150{place}", output]
            subprocess.run(words, env=dict(desktop.environment), check=True)
        yield desktop


def read(folder: Path) -> Recording:
    return read_recording(next(folder.glob("recording-*")))


@pytest.mark.parametrize("video", [False, True])
def test_a_demonstration_is_recorded_and_kept_as_a_run(
    studio: Studio, tmp_path: Path, video: bool
) -> None:
    with studio.recording(tmp_path, video=video) as (hands, tallies):
        hands.perform(Click(studio.at(60, 70)))
        time.sleep(0.3)
        hands.perform(TypeText("Grüße <3"))
        studio.wait_for("field", "Grüße <3")
        studio.browser.wait_until_drawn()
        time.sleep(0.6)
        hands.perform(Click(studio.at(60, 115)))
        time.sleep(0.3)
    (tally,) = tallies
    assert tally.num_seen == tally.num_stored > 20
    assert tally.num_withheld == 0
    recording = read(tmp_path)
    assert (recording.folder / "screen.ts").exists() == video
    drafts = drafts_of(recording)
    assert [draft.action for draft in drafts] == [
        Click(studio.at(60, 70)),
        TypeText("Grüße <3"),
        Click(studio.at(60, 115)),
    ]
    assert [draft.words for draft in drafts] == [
        'Click the "Open" entry.',
        'Type "Grüße <3".',
        'Click the "Save" push button.',
    ]
    with RunStore.create(tmp_path, policy="person", settings={"reviewed": True}) as store:
        assert keep(recording, drafts, store, instruction="Save it.", success=True) == 3
    (episode,) = read_run(store.folder).episodes
    assert episode.success
    assert len(episode.steps) == 4
    # The screens before typing and after it are two.
    images = [step.observation.image for step in episode.steps]
    assert images[1] != images[2]
    # Nothing of the red line is left in the pictures.
    edge = np.asarray(episode.steps[0].image().crop((0, 0, 3, 720)))
    assert not (edge == (0xE0, 0x30, 0x2A)).all(-1).any()


def test_a_thousand_events_a_second_are_all_stored(studio: Studio, tmp_path: Path) -> None:
    with studio.recording(tmp_path) as (hands, tallies):
        began = time.monotonic()
        for number in range(10_000):
            hands.perform(Move(Point(number % 1200, 300 + number % 7)))
            # No faster than 1,000 a second on the whole.
            time.sleep(max(0.0, began + number / 1000 - time.monotonic()))
    (tally,) = tallies
    assert tally.num_stored == tally.num_seen
    recording = read(tmp_path)
    assert len(recording.events) == tally.num_stored
    moves = [event.x for event in recording.events if event.kind == "move" and event.y >= 300]
    assert moves == [number % 1200 for number in range(10_000)]


def test_both_monitors_of_a_session_are_recorded(wide: VirtualDesktop, tmp_path: Path) -> None:
    told = wide.environment
    source = Source(
        display=told["DISPLAY"], authority=Path(told["XAUTHORITY"]), size=wide.size, page_url=None
    )
    settings = circumstances(source)
    assert [(each["name"], each["x"]) for each in settings["monitors"]] == [
        ("left", 0),
        ("right", 800),
    ]
    with recorded(source, tmp_path) as (hands, _):
        hands.perform(Click(Point(100, 300)))
        time.sleep(0.6)
        hands.perform(Drag(Point(700, 300), Point(1500, 590)))
        time.sleep(0.3)
        shown = show_red(source, Box(1000, 100, 1100, 200))
        time.sleep(0.6)
        hands.perform(Scroll(Point(1050, 150), -2))
        time.sleep(0.3)
        shown.terminate()
        shown.wait()
    recording = read(tmp_path)
    drafts = drafts_of(recording)
    assert [draft.action for draft in drafts] == [
        Click(Point(100, 300)),
        Drag(Point(700, 300), Point(1500, 590)),
        Scroll(Point(1050, 150), -2),
    ]
    looks = [recording.picture(draft.frame) for draft in drafts]
    assert looks[0].size == (1600, 600)
    assert [look.getpixel((1050, 150)) == (255, 0, 0) for look in looks] == [False, False, True]


def show_red(source: Source, box: Box) -> "subprocess.Popen[bytes]":
    """A window of some program; there when this returns, until that ends."""
    script = (
        "from Xlib import X, display; import sys, time;"
        "d = display.Display(); s = d.screen(); x, y, w, h = map(int, sys.argv[1:]);"
        "s.root.create_window(x, y, w, h, 0, s.root_depth, X.InputOutput, X.CopyFromParent,"
        " background_pixel=0xFF0000, override_redirect=True).map(); d.sync();"
        " print(flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", script, str(box.left), str(box.top)]
    words += [str(box.right - box.left), str(box.bottom - box.top)]
    told = {"DISPLAY": source.display, "XAUTHORITY": str(source.authority)}
    program = subprocess.Popen(words, env={**os.environ, **told}, stdout=subprocess.PIPE)
    assert program.stdout is not None
    with program.stdout:
        program.stdout.readline()
    return program


def test_a_screen_that_changes_its_size_ends_the_recording(
    wide: VirtualDesktop, tmp_path: Path
) -> None:
    told = wide.environment
    source = Source(
        display=told["DISPLAY"], authority=Path(told["XAUTHORITY"]), size=wide.size, page_url=None
    )
    with RunStore.create(tmp_path, policy="p", kind="recording") as store:
        recorder = Recorder(source, store, SecretRules())
        small = ["60", "1200", "1210", "1220", "1300", "600", "610", "620", "640"]
        for words in (
            ["--newmode", "small", *small],
            ["--addmode", "screen", "small"],
            ["--output", "screen", "--mode", "small"],
        ):
            subprocess.run(["xrandr", *words], env=dict(told), check=True)
        with pytest.raises(DesktopLost, match="1600x600 became one of 1200x600"):
            recorder.run()
        recorder.close()


def test_nothing_is_recorded_in_a_pause(studio: Studio, tmp_path: Path) -> None:
    pause = Keys(("ctrl", "shift", "f9"))
    with studio.recording(tmp_path) as (hands, tallies):
        hands.perform(Click(studio.at(60, 70)))
        hands.perform(pause)
        time.sleep(0.3)
        hands.perform(TypeText("not this"))
        time.sleep(0.3)
        hands.perform(pause)
        time.sleep(0.3)
        hands.perform(TypeText("this"))
    actions = [draft.action for draft in drafts_of(read(tmp_path))]
    assert actions == [Click(studio.at(60, 70)), TypeText("this")]
    assert tallies[0].num_seen == tallies[0].num_stored


def test_the_stop_chord_ends_it(studio: Studio, tmp_path: Path) -> None:
    with studio.recording(tmp_path) as (hands, tallies):
        hands.perform(Keys(("ctrl", "shift", "f10")))
        time.sleep(0.5)
        assert tallies


def forms_of(secret: str) -> list[bytes]:
    """As it might lie on a disk."""
    plain = secret.encode()
    encoded = [base64.b64encode(b"\0" * shift + plain)[4:-4] for shift in range(3)]
    return [plain, plain[::-1], secret.encode("utf-16-le"), secret.encode("utf-16-be"), *encoded]


def read_by_ocr(picture: Path) -> str:
    """What tesseract makes out, letters and digits alone."""
    with Image.open(picture) as image:
        larger = image.convert("L").resize((2 * image.width, 2 * image.height))
    png = BytesIO()
    larger.save(png, format="PNG", compress_level=1)
    words = ["tesseract", "stdin", "stdout", "--psm", "11"]
    told = subprocess.run(
        words, input=png.getvalue(), capture_output=True, check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )  # fmt: skip
    return only_letters(told.stdout.decode())


def only_letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def is_seen(secret: str, seen: str) -> bool:
    """Also with a few letters made out wrongly."""
    wanted = only_letters(secret)
    return bool(wanted) and fuzz.partial_ratio(wanted, seen, score_cutoff=80) > 0


HARMLESS = "The quick brown fox jumps over the lazy dog"


def shows_magenta(picture: Image.Image) -> bool:
    """The colour of what is typed into the two fields that hold secrets, and of nothing else."""
    pixels = np.asarray(picture).astype(int)
    return bool(((pixels[..., 0] - pixels[..., 1] > 60) & (pixels[..., 2] > 150)).any())


def test_a_secret_stays_black_wherever_its_page_is_scrolled(studio: Studio, tmp_path: Path) -> None:
    secret = planted(7)["GitHub token"]
    with studio.recording(tmp_path) as (hands, _):
        hands.perform(Click(studio.at(60, 70)))
        time.sleep(0.4)
        hands.perform(TypeText(secret))
        studio.wait_for("field", secret)
        time.sleep(3.0)
        for _ in range(3):
            studio.browser.page.evaluate("scrollBy(0, 17)")
            time.sleep(0.7)
        studio.browser.page.evaluate("scrollTo({top: 0, behavior: 'smooth'})")
        time.sleep(1.5)
    recording = read(tmp_path)
    assert len({tuple(frame.blacked[-1]) for frame in recording.frames if frame.blacked}) > 2
    for frame in recording.frames:
        assert not shows_magenta(recording.picture(frame)), frame.blacked
    # The field alone is black, not the page.
    last = recording.picture(recording.frames[-1])
    assert last.getpixel(studio.at(60, 115)) != (0, 0, 0)


def test_500_secrets_leave_no_trace(studio: Studio, tmp_path: Path) -> None:
    """Half in a password field, that shows them in the end, half in an open one where the rules
    know them. What is no secret can be read in the stored pictures."""
    kinds = len(planted(0))
    secrets = [secret for seed in range(1, 31) for secret in planted(seed).values()][:500]
    assert kinds >= 14
    assert len(secrets) == 500
    with studio.recording(tmp_path) as (hands, tallies):
        hands.perform(Click(studio.at(60, 160)))
        time.sleep(0.4)
        hands.perform(TypeText(HARMLESS))
        studio.wait_for("free", HARMLESS)
        time.sleep(2.5)
        hands.perform(Click(studio.at(60, 30)))
        time.sleep(0.4)
        for secret in secrets[:250]:
            hands.perform(Keys(("ctrl", "a")))
            hands.perform(TypeText(secret))
            studio.wait_for("secret", secret)
        studio.browser.page.evaluate("secret.type = 'text'")
        time.sleep(0.4)
        hands.perform(Click(studio.at(60, 70)))
        time.sleep(0.4)
        for secret in secrets[250:]:
            hands.perform(Keys(("ctrl", "a")))
            hands.perform(TypeText(secret))
            studio.wait_for("field", secret)
        time.sleep(2.5)
    folder = next(tmp_path.glob("recording-*"))
    stored = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    keys = "".join(event.char for event in read(tmp_path).events if event.kind == "key")
    for secret in secrets:
        assert secret not in keys
        for form in forms_of(secret):
            assert not any(form in data for data in stored), secret
    # In no picture can anything of a field be seen once something was in it.
    recording = read(tmp_path)
    clear = [frame for frame in recording.frames if not frame.blacked]
    first_secret = next(event.at for event in recording.events if event.key == WITHHELD)
    assert all(frame.at <= first_secret for frame in clear)
    assert tallies[0].num_withheld > 10_000
    pictures = sorted(folder.glob("blobs/*/*.png"))
    for picture in pictures:
        with Image.open(picture) as image:
            assert not shows_magenta(image)
    seen = " ".join(map(read_by_ocr, pictures))
    assert is_seen(HARMLESS, seen)
    assert not [secret for secret in secrets if is_seen(secret, seen)]


def test_a_black_box_covers_its_pixels_and_no_others() -> None:
    picture = blacked(Image.new("RGB", (10, 10), "white"), [Box(2, 3, 5, 6)])
    assert picture.getpixel((2, 3)) == picture.getpixel((4, 5)) == (0, 0, 0)
    assert picture.getpixel((5, 6)) == picture.getpixel((1, 3)) == (255, 255, 255)
