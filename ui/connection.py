"""The app's end of a session: a thread that listens and posts what it hears."""

import threading
from pathlib import Path

from textual.app import App
from textual.message import Message

from agent.reports import Attach, Order, Report
from agent.watch import SessionGone, Watch


class Reported(Message):
    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


class Hung(Message):
    """The session ended, or its process died."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class Connection:
    """To one session. Orders never wait: the socket's buffer takes them."""

    def __init__(self, app: App[None], path: Path) -> None:
        """
        Raises:
            SessionGone.
        """
        self.path = path
        self._app = app
        self._watch = Watch(path)
        self._watch.order(Attach())
        self.peer_pid = self._watch.peer_pid
        """Of the session's process."""
        self._closed = False
        threading.Thread(target=self._listen, name="reports", daemon=True).start()

    def order(self, order: Order) -> bool:
        """False: nobody is there any more."""
        try:
            self._watch.order(order)
        except SessionGone:
            return False
        return True

    def close(self) -> None:
        self._closed = True
        self._watch.close()

    def _listen(self) -> None:
        for report in self._watch.reports():
            # The one thing of an app that another thread may call.
            self._app.post_message(Reported(report))
        if not self._closed:
            self._app.post_message(Hung(self.path))
