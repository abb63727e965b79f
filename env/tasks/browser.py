"""The machine's Chromium, spoken to through its debugging port as OSWorld does."""

import logging
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

from env.tasks.errors import SetupFailed
from env.tasks.machine import Bench
from env.tasks.steps import Visit
from env.tasks.urls import same_url

log = logging.getLogger(__name__)

PORT = 9222
"""Where a set-up step's `socat` leads to Chromium's own port, 1337."""

PROFILE = ".config/google-chrome/Default"
HISTORY_URL = (
    "https://huggingface.co/datasets/xlangai/ubuntu_osworld_file_cache/resolve/main/chrome/"
    "44ee5668-ecd5-4366-a6ce-c1c9b8d4e938/history_empty.sqlite?download=true"
)

CONNECT_SECONDS = 30.0
"""OSWorld tries fifteen times, five seconds apart."""

_TRY_SECONDS = 0.5
_LOAD_MS = 60_000
_CHROME_EPOCH_SECONDS = 11_644_473_600
"""From 1601 to 1970."""

_TYPED_LINK = 805306368
"""What OSWorld writes for how a page was come to."""


@contextmanager
def connected(bench: Bench, *, seconds: float = CONNECT_SECONDS) -> Iterator[Browser]:
    """The running browser; its pages stay open when the block is left.

    Raises:
        ConnectionError: nothing answers at the debugging port.
    """
    with sync_playwright() as playwright:
        address = f"http://{bench.machine.address_of(PORT)}"
        until = time.monotonic() + seconds
        while True:
            try:
                browser = playwright.chromium.connect_over_cdp(address)
                break
            except Error as error:
                if time.monotonic() > until:
                    raise ConnectionError(f"no browser at {address}: {error.message}") from error
                time.sleep(_TRY_SECONDS)
        yield browser


def open_tabs(bench: Bench, urls: Sequence[str]) -> None:
    """A tab for each address, instead of the one the browser started with."""
    with connected(bench) as browser:
        context = browser.contexts[0]
        first = context.pages[0] if context.pages else None
        for url in urls:
            page = context.new_page()
            try:
                page.goto(url, timeout=_LOAD_MS)
            except Error as error:
                log.warning("%s did not load: %s", url, error.message)
        if urls and first is not None:
            first.close()


def close_tabs(bench: Bench, urls: Sequence[str]) -> None:
    with connected(bench) as browser:
        for url in urls:
            for page in browser.contexts[0].pages:
                if same_url(page.url, url):
                    page.close()
                    break


def write_history(bench: Bench, visits: Sequence[Visit]) -> None:
    """Put visits into an empty history of the browser's, before it starts."""
    empty = bench.mirror.find(HISTORY_URL, bench.task_id, "history_new.sqlite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "History"
        path.write_bytes(empty.read_bytes())
        try:
            _insert(path, visits)
        except sqlite3.Error as error:
            raise SetupFailed(f"{empty.name} is no history of Chromium's: {error}") from error
        bench.machine.put_file(f"{bench.machine.home}/{PROFILE}/History", path.read_bytes())


def _insert(path: Path, visits: Sequence[Visit]) -> None:
    now = time.time()
    connection = sqlite3.connect(path)
    try:
        for visit in visits:
            at = now - visit.visit_time_from_now_in_seconds
            stamp = int((at + _CHROME_EPOCH_SECONDS) * 1_000_000)
            cursor = connection.execute(
                "INSERT INTO urls (url, title, visit_count, typed_count, last_visit_time, hidden)"
                " VALUES (?, ?, 1, 0, ?, 0)",
                (visit.url, visit.title, stamp),
            )
            connection.execute(
                "INSERT INTO visits (url, visit_time, from_visit, transition, segment_id,"
                " visit_duration) VALUES (?, ?, 0, ?, 0, 0)",
                (cursor.lastrowid, stamp, _TYPED_LINK),
            )
        connection.commit()
    finally:
        connection.close()
