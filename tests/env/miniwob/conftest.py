"""One browser for all tests of a module: a start costs a second or more."""

from collections.abc import Iterator

import pytest

from env.browser import BrowserDesktop
from env.miniwob.page import MiniWobPage


@pytest.fixture(scope="module")
def desktop() -> Iterator[BrowserDesktop]:
    with BrowserDesktop() as desktop:
        yield desktop


@pytest.fixture
def page(desktop: BrowserDesktop) -> MiniWobPage:
    return MiniWobPage(desktop.page)
