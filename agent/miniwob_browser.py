"""A browser for MiniWoB++ pages, opened again when it died: a lost page is not the whole work."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from agent.chronicle import EpisodeLog
from agent.events import Ending, EpisodeResult
from agent.miniwob import Job, MiniWob
from env.browser import BrowserDesktop
from env.errors import DesktopLost
from env.miniwob.page import MiniWobPage


class MiniWobBrowser:
    """Owns a `BrowserDesktop`; close it in the thread that opened it."""

    def __init__(self, log: EpisodeLog, *, font: str = "") -> None:
        """
        Args:
            font: that all pages are written in; empty: in their own.

        Raises:
            DesktopUnavailable: no Chromium.
            ValueError: no such font.
        """
        self._log, self._font = log, font
        self._open()

    def run(self, job: Job, play: Callable[[MiniWob], EpisodeResult]) -> EpisodeResult:
        """Play a job; if the browser dies, once more in a new one.

        Args:
            play: plays it in the world as it is now.
        """
        result = self._attempt(job, play)
        if result.ending is Ending.DESKTOP_LOST:
            self.close()
            self._open()
            result = self._attempt(job, play)
        return result

    def close(self) -> None:
        self._desktop.close()

    def _open(self) -> None:
        self._desktop = BrowserDesktop()
        page = MiniWobPage(self._desktop.page)
        if self._font:
            page.write_in(self._font)
        self._world = MiniWob(page, self._desktop, self._log)

    def _attempt(self, job: Job, play: Callable[[MiniWob], EpisodeResult]) -> EpisodeResult:
        try:
            return play(self._world)
        except DesktopLost as error:
            # Before the episode began: nothing of it is in the log.
            return EpisodeResult(
                task=job.task,
                seed=job.seed,
                ending=Ending.DESKTOP_LOST,
                num_steps=0,
                score=None,
                reason=str(error),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
