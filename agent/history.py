"""What somebody who comes late is told: the episode so far, made short."""

from collections.abc import Iterator
from dataclasses import replace

from agent.reports import (
    Answered,
    Asking,
    Began,
    Glimpse,
    Opened,
    Over,
    Report,
    Saw,
    State,
    Streamed,
)


class History:
    """Of one session: who it is, its state, and the last episode from its beginning.

    Streamed pieces are joined, only the newest picture is kept (the others are in the run
    folder), and a question that was answered is left out.
    """

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._state: State | None = None
        self._reports: list[Report] = []
        self._glimpse: Glimpse | None = None
        """Of what has not been looked at yet."""
        self._jpeg = b""
        """The newest picture."""

    def add(self, report: Report) -> None:
        match report:
            case Opened():
                self._opened = report
            case State():
                self._state = report
            case Began():
                self._reports, self._glimpse = [report], None
            case Glimpse(jpeg=jpeg):
                self._glimpse, self._jpeg = report, jpeg
            case Streamed(step=step, text=text):
                last = self._reports[-1] if self._reports else None
                if isinstance(last, Streamed) and last.step == step:
                    self._reports[-1] = replace(last, text=last.text + text)
                else:
                    self._reports.append(report)
            case Saw():
                self._jpeg = report.jpeg or self._jpeg
                whole = replace(report, jpeg=self._jpeg, sent_before=False)
                self._reports = [_without_picture(each) for each in self._reports]
                self._reports.append(whole)
                self._glimpse = None
            case Answered(number=number):
                self._reports = [
                    each
                    for each in self._reports
                    if not (isinstance(each, Asking) and each.number == number)
                ]
                self._reports.append(report)
            case Over():
                self._reports.append(report)
                self._glimpse = None
            case _:
                self._reports.append(report)

    def replay(self) -> Iterator[Report]:
        """The state last: it tells whether what came before is still going on."""
        if self._opened is not None:
            yield self._opened
        yield from self._reports
        if self._glimpse is not None:
            yield self._glimpse
        if self._state is not None:
            yield self._state


def _without_picture(report: Report) -> Report:
    return replace(report, jpeg=b"") if isinstance(report, Saw) and report.jpeg else report
