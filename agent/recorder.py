"""Recording what a person does on an X11 display, for a demonstration.

Events are written within 0.1 s, keys without their names; names follow when it
is known that they are no secret (`agent.recorder_privacy`). The screen is looked
at ten times a second and stored when it changed. The recorder's own keys are
ctrl+shift+f9, which pauses and goes on, and ctrl+shift+f10, which ends it.
"""

import itertools
import logging
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from PIL import Image, ImageDraw

from agent.recorder_privacy import MOVING_SECONDS, Key, Privacy
from env.accessibility import Accessibility, Element, SessionBus
from env.errors import DesktopLost
from env.input_event import InputEvent
from env.listen import InputListener
from env.screen import Box, Screenshot, ScreenSize
from env.sign import RecordingSign, without_sign
from env.windows import Window, window_in_front
from env.x11 import X11Display, connect
from trajectories.recording import RECORDER
from trajectories.schema import Frame, Input, Note, Pause, Place, Reveal, Tally
from trajectories.screen_video import ScreenVideo, digest_of
from trajectories.secret_rules import SecretRules
from trajectories.store import RunStore

PAUSE_KEY, STOP_KEY = "f9", "f10"
_WITH = {"ctrl", "shift"}
BATCH_SECONDS = 0.05
LOOK_SECONDS = 0.1
RIPE_SECONDS = MOVING_SECONDS + 2 * LOOK_SECONDS
"""A picture waits for so long, until it is known where a black field went."""
KEPT_UNPACKED = 20
"""Pictures that wait to be stored, as they are; the others are packed."""
_BUTTONS = (1, 2, 3)

Item = TypeVar("Item")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is recorded."""

    display: str
    authority: Path | None
    size: ScreenSize
    session_bus: SessionBus | None = None
    """Of the applications; None: passwords cannot be told from other text."""
    page_url: Callable[[], str | None] | None = None
    """Of a browser that is ours; called by the thread that runs the recorder."""


@dataclass(slots=True)
class _Look:
    at: float
    image: Image.Image | bytes
    """Mode RGB; or its pixels packed, while it waits for long."""
    window: Window

    def pack(self) -> None:
        """Of a screen that changes with every key, ten a second would soon fill the memory."""
        if isinstance(self.image, Image.Image):
            self.image = zlib.compress(self.image.tobytes(), 1)

    def picture(self, size: ScreenSize) -> Image.Image:
        if isinstance(self.image, Image.Image):
            return self.image
        return Image.frombytes("RGB", (size.width, size.height), zlib.decompress(self.image))


class Recorder:
    """One recording. Everything is open from the constructor on; closed by who opened it."""

    def __init__(
        self, source: Source, store: RunStore, rules: SecretRules, *, video: bool = False
    ) -> None:
        """
        Args:
            video: the screen is written as one video, not as a picture a change.

        Raises:
            DesktopUnavailable: no such display, or it cannot be listened to.
        """
        self._source = source
        self._store = store
        self._incoming: SimpleQueue[InputEvent] = SimpleQueue()
        self._looks: SimpleQueue[_Look] = SimpleQueue()
        self._frames: deque[_Look] = deque()
        """Not stored yet: something typed since is not decided."""
        self._last_frame: tuple[str, list[list[int]]] | None = None
        self._last_window = Window("", "")
        self._num_seen = self._num_stored = self._num_paused = 0
        self._down: set[str] = set()
        self.paused = False
        self._stopped = threading.Event()
        self._lost = ""
        self._accessibility = self._open_accessibility()
        self._privacy = Privacy(rules, self._focused, source.size)
        self._video = ScreenVideo(store.folder, *source.size) if video else None
        self._sign = RecordingSign(source.display, source.authority, source.size)
        self._eyes = X11Display(source.display, source.authority)
        self._watch = connect(source.display, source.authority)
        self._listener = InputListener(source.display, source.authority, self._take)
        self._looker = threading.Thread(target=self._look, name="look", daemon=True)
        self._looker.start()

    def _open_accessibility(self) -> Accessibility | None:
        if self._source.session_bus is None:
            logger.warning("no accessibility: password fields cannot be told from others")
            return None
        return Accessibility(self._source.session_bus)

    @property
    def num_events(self) -> int:
        """Seen so far."""
        return self._num_seen

    def note(self, kind: str, text: str) -> None:
        """A remark of the person, before or after."""
        self._store.append(Note(step=1, kind=kind, text=self._privacy.scrubbed(text)), sync=True)

    def stop(self) -> None:
        self._stopped.set()

    def run(self, asked_to_stop: Callable[[], bool] = lambda: False) -> Tally:
        """Record until stopped; the log says how many events were seen and stored.

        Raises:
            DesktopLost: the display died; what was recorded until then is stored.
            OSError: the log cannot be written.
        """
        while not (self._stopped.is_set() or asked_to_stop() or self._lost):
            time.sleep(BATCH_SECONDS)
            self._write()
        self._stopped.set()
        self._listener.close()
        self._looker.join(5.0)
        self._write(over=True)
        if self._video is not None:
            self._video.close()
        tally = Tally(
            num_seen=self._num_seen - self._num_paused,
            num_stored=self._num_stored,
            num_withheld=self._privacy.num_withheld,
        )
        self._store.append(tally, sync=True)
        if self._lost:
            raise DesktopLost(self._lost)
        return tally

    def close(self) -> None:
        self._stopped.set()
        self._listener.close()
        self._looker.join(5.0)
        if self._video is not None:
            self._video.close()
        self._sign.close()
        self._watch.close()
        self._eyes.close()
        if self._accessibility is not None:
            self._accessibility.close()

    def _take(self, event: InputEvent) -> None:
        """Called by the listener's thread."""
        self._num_seen += 1
        self._incoming.put(event)

    def _look(self) -> None:
        """The screen and the window in front, in a thread of its own."""
        last: Screenshot | None = None
        last_window: Window | None = None
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._check_size()
                screenshot = self._eyes.screenshot()
                window = window_in_front(self._watch)
                self._follow()
            except DesktopLost as error:
                self._lost = str(error)
                return
            if last is None or not screenshot.same_pixels(last) or window != last_window:
                self._looks.put(_Look(began, screenshot.image, window))
                last, last_window = screenshot, window
            self._stopped.wait(max(0.0, LOOK_SECONDS - (time.monotonic() - began)))

    def _follow(self) -> None:
        """Where the fields are that must be black, now that the screen was looked at."""
        if self._accessibility is not None:
            if not self._accessibility.alive:
                raise DesktopLost(
                    "applications no longer say what has the focus; passwords could not be kept out"
                )
            for element in self._privacy.followed(time.monotonic()):
                box = self._accessibility.box_of(element)
                self._privacy.moved(time.monotonic(), element, box)

    def _check_size(self) -> None:
        """Raises: DesktopLost: the screen is another; points before and after would not agree."""
        root = self._watch.screen().root.get_geometry()
        if (root.width, root.height) != tuple(self._source.size):
            before = self._source.size
            raise DesktopLost(
                f"the screen of {before.width}x{before.height} became one of"
                f" {root.width}x{root.height}; record anew"
            )

    def _write(self, *, over: bool = False) -> None:
        events = _drained(self._incoming)
        kept = [event for event in map(self._own, events) if event is not None]
        if kept:
            self._write_events(kept)
        for look in _drained(self._looks):
            self._write_window(look)
            if not self.paused:
                self._frames.append(look)
        now = time.monotonic()
        revealed = self._privacy.settled(now, over=over)
        if revealed:
            keys = [[key.number, *key.event[6:]] for key in revealed]
            self._store.append(Reveal(keys=keys))
        self._write_frames(over=over)
        if kept or revealed or over:
            # Whatever the machine does next, no more than the last moments are lost.
            if self._video is not None and not over:
                self._video.sync()
            self._store.sync()

    def _own(self, event: InputEvent) -> InputEvent | None:
        """The event as it is to be stored; the recorder's own keys have no name but that."""
        if event.kind == "key":
            name = event.key.removesuffix("right")
            (self._down.add if event.down else self._down.discard)(name)
            if event.key in (PAUSE_KEY, STOP_KEY) and self._down >= _WITH:
                if event.down and event.key == STOP_KEY:
                    self._stopped.set()
                if event.down and event.key == PAUSE_KEY:
                    self._pause(event.at)
                event = event._replace(key=RECORDER, char="")
        if self.paused:
            self._num_paused += 1
            return None
        return event

    def _pause(self, at: float) -> None:
        self.paused = not self.paused
        self._store.append(Pause(at=at, paused=self.paused), sync=True)

    def _write_events(self, events: list[InputEvent]) -> None:
        first = self._num_stored
        rows = []
        for number, event in enumerate(events, first):
            if event.kind == "key" and event.key != RECORDER:
                self._privacy.key(Key(number, event))
                event = event._replace(key="", char="", code=0)
            rows.append(list(event))
            if event.kind == "button" and event.down and event.button in _BUTTONS:
                self._write_place(event)
        self._store.append(Input(first=first, events=rows))
        self._num_stored += len(rows)

    def _write_place(self, press: InputEvent) -> None:
        element = self._element_at(press.x, press.y)
        url = self._source.page_url() if self._source.page_url is not None else None
        self._store.append(
            Place(
                at=press.at,
                window=self._privacy.scrubbed(self._last_window.title),
                window_class=self._last_window.window_class,
                role="" if element is None else element.role,
                name="" if element is None else self._privacy.scrubbed(element.name),
                box=None if element is None or element.box is None else list(element.box),
                url=None if url is None else self._privacy.scrubbed(url),
            )
        )

    def _write_window(self, look: _Look) -> None:
        if look.window == self._last_window:
            return
        self._last_window = look.window
        private = self._privacy.window(look.at, look.window)
        title = "(private)" if private else self._privacy.scrubbed(look.window.title)
        self._store.append(Place(at=look.at, window=title, window_class=look.window.window_class))

    def _write_frames(self, *, over: bool) -> None:
        """Those before anything that is still undecided."""
        now = time.monotonic()
        decided = self._privacy.undecided_since() if not over else float("inf")
        ripe = now - RIPE_SECONDS if not over else float("inf")
        while self._frames and self._frames[0].at < decided and self._frames[0].at < ripe:
            look = self._frames.popleft()
            boxes = self._privacy.blacked(look.at)
            image = blacked(without_sign(look.picture(self._source.size)), boxes)
            self._write_frame(look.at, image, [list(box) for box in boxes])
        for look in itertools.islice(self._frames, KEPT_UNPACKED, None):
            look.pack()

    def _write_frame(self, at: float, image: Image.Image, boxes: list[list[int]]) -> None:
        if self._video is None:
            name = self._store.store_image(Screenshot(image, at).png())
        else:
            name = digest_of(image)
        if (name, boxes) == self._last_frame:
            return
        number = None if self._video is None else self._video.add(image, at)
        self._store.append(Frame(at=at, image=name, video=number, blacked=boxes))
        self._last_frame = (name, boxes)

    def _focused(self, at: float) -> Element | None:
        return None if self._accessibility is None else self._accessibility.focused(at)

    def _element_at(self, x: int, y: int) -> Element | None:
        return None if self._accessibility is None else self._accessibility.element_at(x, y)


def blacked(image: Image.Image, boxes: list[Box]) -> Image.Image:
    """The picture with nothing left of what lies in the boxes."""
    pen = ImageDraw.Draw(image)
    for left, top, right, bottom in boxes:
        pen.rectangle((left, top, right - 1, bottom - 1), fill=(0, 0, 0))
    return image


def _drained(queue: "SimpleQueue[Item]") -> list[Item]:
    items = []
    while True:
        try:
            items.append(queue.get_nowait())
        except Empty:
            return items
