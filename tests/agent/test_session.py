"""A session with a form in memory and prepared answers, watched and steered as a screen would."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.action_text import action_text, finish_text
from agent.channel import Channel, descends_from
from agent.events import Observed
from agent.history import History
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from agent.reports import (
    Acted,
    Answered,
    Asking,
    Attach,
    Began,
    Begin,
    Close,
    Declined,
    Glimpse,
    GoOn,
    Halt,
    Heard,
    Hold,
    OneStep,
    Opened,
    Over,
    Planned,
    Reply,
    Report,
    Saw,
    SetMode,
    State,
    Streamed,
    Tell,
    Trouble,
    order_line,
    read_order,
    read_report,
    report_line,
)
from agent.sent_pictures import SentPictures
from agent.session import Session
from agent.watch import SUFFIX, SessionGone, Watch, opened, private_folder, sessions
from env.actions import Action, Click, Point
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FakeDesktop
from env.screen import Screenshot
from trajectories.reading import Episode, read_run
from trajectories.store import RunStore

PRESS = Click(Point(*BUTTON.center))
CHECK = Click(Point(*CHECK_BOX.center))
DONE = finish_text(True, words="Done.")


def say(action: Action, words: str) -> str:
    return action_text(action, FAKE_SIZE, words=words, thought="Because.")


@dataclass
class Hosted:
    """A session that runs, and what its watcher heard."""

    session: Session
    desktop: FakeDesktop
    folder: Path
    path: Path
    watch: Watch
    heard: list[Report] = field(default_factory=list)

    def wait_for(self, kind: type, *, number: int = 1, seconds: float = 20.0) -> Report:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [report for report in list(self.heard) if isinstance(report, kind)]
            if len(found) >= number:
                return found[number - 1]
            time.sleep(0.01)
        raise AssertionError(f"no {kind.__name__} number {number} in {self.heard}")

    def wait_for_mood(self, mood: str) -> None:
        until = time.monotonic() + 20.0
        while time.monotonic() < until:
            moods = [report.mood for report in list(self.heard) if isinstance(report, State)]
            if moods and moods[-1] == mood:
                return
            time.sleep(0.01)
        raise AssertionError(f"never {mood}: {self.heard}")

    def episode(self) -> Episode:
        return read_run(self.folder).episodes[-1]


Host = Callable[..., Hosted]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Starts a session with prepared answers; closed at the end of the test."""
    hosted: list[tuple[Hosted, Channel, threading.Thread]] = []

    def start(answers: list[str], **settings: object) -> Hosted:
        folder = private_folder(tmp_path / "sockets")
        path = folder / f"{len(hosted)}{SUFFIX}"
        desktop = FakeDesktop()
        channel = Channel(
            path,
            lambda order: session.obey(order),
            left_alone=lambda: session.left_alone(),
        )
        channel.post(
            lambda: Opened(
                session=path.stem, pid=1, model="scripted", desktop="fake", unattended="go on"
            )
        )
        session = Session(channel.post, is_watched=lambda: channel.num_watchers > 0, **settings)  # type: ignore[arg-type]
        store = RunStore.create(tmp_path / "runs", policy="scripted", durable=False)

        def play() -> None:
            policy = ScriptedPolicy(answers)
            with store:
                while (task := session.next_task()) is not None:
                    session.begins(task, str(store.folder))
                    Loop(
                        policy,
                        desktop,
                        store,
                        LoopConfig(max_steps=task.max_steps),
                        session.emit,
                        control=session.control,
                        approver=session.gate,
                        hear=session.hear,
                    ).run(task.instruction)

        thread = threading.Thread(target=play)
        thread.start()
        made = Hosted(session, desktop, store.folder, path, Watch(path))
        made.watch.order(Attach())
        threading.Thread(
            target=lambda: made.heard.extend(made.watch.reports()),
            daemon=True,
        ).start()
        hosted.append((made, channel, thread))
        return made

    yield start
    for made, channel, thread in hosted:
        made.session.obey(Close())
        thread.join(20.0)
        channel.close()
        made.watch.close()
        assert not thread.is_alive()


def test_a_task_is_done_and_told(host: Host) -> None:
    hosted = host([say(PRESS, "Click it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    over = hosted.wait_for(Over)
    assert isinstance(over, Over)
    assert (over.ending, over.steps) == ("done", 2)
    kinds = [type(report) for report in hosted.heard if not isinstance(report, State)]
    assert kinds == [
        *(Opened, Began),
        *(Glimpse, Saw, Streamed, Planned, Acted),
        *(Glimpse, Saw, Streamed, Planned),
        Over,
    ]
    planned = hosted.wait_for(Planned)
    assert isinstance(planned, Planned)
    assert planned.words == f"click at {PRESS.at.x}, {PRESS.at.y}"
    assert planned.code.startswith("pyautogui.click(")
    glimpse, saw = hosted.wait_for(Glimpse), hosted.wait_for(Saw)
    assert isinstance(glimpse, Glimpse)
    assert isinstance(saw, Saw)
    assert glimpse.jpeg.startswith(b"\xff\xd8")
    assert (saw.sent_before, saw.jpeg) == (True, b"")
    hosted.wait_for_mood("ready")


def test_the_same_picture_is_sent_once_and_another_by_a_caret_again() -> None:
    pictures = SentPictures()
    page = FakeDesktop().screenshot()
    caret = Screenshot(page.image.copy(), 1.0)
    caret.image.paste("black", (50, 50, 52, 70))

    def saw(screenshot: Screenshot) -> Saw:
        return pictures.saw(Observed(step=1, screenshot=screenshot, seconds=0.1))

    glimpse = pictures.glimpse(page)
    assert glimpse is not None
    assert pictures.glimpse(FakeDesktop().screenshot()) is None
    assert (saw(page).sent_before, saw(page).jpeg) == (True, b"")
    other = saw(caret)
    assert not other.sent_before
    assert other.jpeg not in (b"", glimpse.jpeg)
    assert saw(page).jpeg == glimpse.jpeg


def test_who_comes_while_the_screen_settles_is_shown_it_and_later_what_was_seen() -> None:
    history = History()

    def last() -> Report:
        return list(history.replay())[-1]

    seen = Saw(step=1, at=0.0, seconds=0.1, image="a", sent_before=True)
    for report in (
        Began(task="free", instruction="a", max_steps=1, width=1, height=1, folder=""),
        Glimpse(at=0.0, jpeg=b"one"),
        Glimpse(at=0.0, jpeg=b"two"),
    ):
        history.add(report)
    assert last() == Glimpse(at=0.0, jpeg=b"two")
    history.add(seen)
    assert last() == replace(seen, jpeg=b"two", sent_before=False)
    history.add(replace(seen, step=2))
    assert [each.jpeg for each in history.replay() if isinstance(each, Saw)] == [b"", b"two"]


def test_a_question_waits_for_its_answer(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    asking = hosted.wait_for(Asking)
    assert isinstance(asking, Asking)
    assert [kind for kind, _ in asking.risks] == ["sends"]
    assert asking.points
    assert asking.crop.startswith(b"\x89PNG")
    hosted.wait_for_mood("asking")
    hosted.watch.order(Reply(number=7, verdict="yes"))
    time.sleep(0.1)
    assert hosted.desktop.num_presses == 0, "that was the answer to another question"
    hosted.watch.order(Reply(number=asking.number, verdict="yes"))
    hosted.wait_for(Over)
    assert hosted.desktop.num_presses == 1


def test_no_answer_in_time_is_no(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), DONE], answer_seconds=0.3)
    hosted.watch.order(Begin(instruction="Press it."))
    declined = hosted.wait_for(Declined)
    assert isinstance(declined, Declined)
    assert declined.reason == "the user said no: nobody answered within 0.3 seconds"
    assert hosted.desktop.num_presses == 0


def test_a_stop_ends_a_question_too(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.order(Halt())
    over = hosted.wait_for(Over)
    assert isinstance(over, Over)
    assert (over.ending, over.reason) == ("stopped", "stopped by the user")
    assert hosted.desktop.num_presses == 0


def test_one_step_is_shown_before_and_paused_after(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), say(CHECK, "Check it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.order(OneStep())
    hosted.watch.order(Reply(number=1, verdict="yes"))
    hosted.wait_for_mood("paused")
    assert (hosted.desktop.num_presses, hosted.desktop.checked) == (1, False)
    hosted.watch.order(OneStep())
    asking = hosted.wait_for(Asking, number=2)
    assert isinstance(asking, Asking)
    assert asking.until is None, "whoever goes step by step may take their time"
    hosted.watch.order(Reply(number=2, verdict="yes"))
    hosted.wait_for_mood("paused")
    assert hosted.desktop.checked
    hosted.watch.order(GoOn())
    hosted.wait_for(Over)


def test_what_is_told_reaches_the_log(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), say(CHECK, "Check it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.order(Tell(text="Leave the box."))
    hosted.wait_for(Heard)
    hosted.watch.order(Reply(number=1, verdict="no", text="later"))
    hosted.wait_for(Over)
    hosted.session.obey(Close())
    time.sleep(0.1)
    assert [step.told for step in hosted.episode().steps] == ["Leave the box.", "", ""]


def test_a_takeover_is_in_the_log(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), say(CHECK, "Check it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.order(Hold(takeover=True))
    hosted.watch.order(Reply(number=1, verdict="no"))
    hosted.wait_for_mood("paused")
    hosted.watch.order(GoOn())
    hosted.wait_for(Over)
    hosted.session.obey(Close())
    time.sleep(0.1)
    assert "takeover" in {guard.kind for guard in hosted.episode().guards}


def test_one_task_at_a_time(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.order(Begin(instruction="And that."))
    hosted.wait_for(Trouble)
    hosted.watch.order(Reply(number=1, verdict="yes"))
    hosted.wait_for(Over)


def test_the_mode_can_change_while_it_works(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), say(PRESS, "Send it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.order(SetMode(mode="watch"))
    hosted.watch.order(Reply(number=1, verdict="yes"))
    hosted.wait_for(Over)
    assert hosted.desktop.num_presses == 2


def test_who_comes_later_is_told_the_episode_so_far(host: Host) -> None:
    hosted = host([say(CHECK, "Check it."), say(PRESS, "Send it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    with Watch(hosted.path) as late:
        heard: list[Report] = []
        for report in late.reports():
            heard.append(report)
            if isinstance(report, State):
                break
    assert [type(report) for report in heard] == [
        *(Opened, Began, Saw, Streamed, Planned, Acted),
        *(Saw, Streamed, Asking, State),
    ]
    pictures = [bool(report.jpeg) for report in heard if isinstance(report, Saw)]
    assert pictures == [False, True], "the newest picture comes along, older ones lie in the run"
    hosted.watch.order(Reply(number=1, verdict="yes"))
    hosted.wait_for(Over)


@pytest.mark.parametrize(("unattended", "ending"), [("go on", "done"), ("stop", "stopped")])
def test_what_becomes_of_it_when_nobody_watches_any_more(
    host: Host, unattended: str, ending: str
) -> None:
    slow = [say(CHECK, "Check it."), say(PRESS, "Send it."), DONE]
    hosted = host(slow, unattended=unattended, answer_seconds=1.0)
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    hosted.watch.close()
    until = time.monotonic() + 20.0
    while hosted.session.gate.num_asked and time.monotonic() < until:
        episode = hosted.episode()
        if episode.end is not None:
            assert episode.end.ending.lower() == ending
            return
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_a_look_at_which_session_it_is_counts_for_nothing(host: Host) -> None:
    hosted = host([say(PRESS, "Send it."), DONE], unattended="stop")
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    assert sessions(hosted.path.parent) == [hosted.path]
    assert opened(hosted.path).model == "scripted"
    time.sleep(0.2)
    assert hosted.session.control.stopped is None


def test_a_session_that_died_is_cleared_away(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "sockets")
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(folder / f"dead{SUFFIX}"))
    dead.close()
    assert sessions(folder) == []
    assert list(folder.iterdir()) == []
    with pytest.raises(SessionGone):
        Watch(folder / f"dead{SUFFIX}")


def test_the_socket_is_only_its_owners(host: Host) -> None:
    hosted = host([DONE])
    assert hosted.path.stat().st_mode & 0o777 == 0o600
    assert hosted.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_others_may_look_into_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="not only yours"):
        private_folder(open_to_all)


def test_a_program_of_the_agents_own_desktop_is_turned_away(host: Host) -> None:
    """What the session's process started may not answer its questions."""
    hosted = host([say(PRESS, "Send it."), DONE])
    hosted.watch.order(Begin(instruction="Press it."))
    hosted.wait_for(Asking)
    program = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        'try: s.sendall(b\'{"kind":"reply","number":1,"verdict":"yes"}\\n\'); print(s.recv(9))\n'
        "except OSError: print(b'')\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", program, str(hosted.path)), capture_output=True, check=True
    )
    assert done.stdout == b"b''\n"
    time.sleep(0.2)
    assert hosted.desktop.num_presses == 0
    assert descends_from(os.getpid(), os.getppid())
    assert not descends_from(os.getppid(), os.getpid())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"kind":"eval","text":"1"}',
        b'{"kind":"reply","number":1,"verdict":"maybe"}',
        b'{"kind":"halt","now":true}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_no_order_is_refused(line: bytes) -> None:
    with pytest.raises(ValidationError):
        read_order(line)


def test_reports_and_orders_come_back_as_they_went() -> None:
    saw = Saw(step=1, at=2.5, seconds=0.1, image="ab", jpeg=bytes(range(256)))
    assert read_report(report_line(saw)) == saw
    asking = Asking(
        number=1,
        step=2,
        thought="",
        sentence="Send.",
        code="x",
        words="click",
        points=((1, 2),),
        risks=(("sends", "it may"),),
        until=None,
    )
    assert read_report(report_line(asking)) == asking
    reply = Reply(number=1, verdict="no", text="a\nb")
    assert read_order(order_line(reply)) == reply


def test_history_joins_what_was_streamed_and_forgets_what_was_answered() -> None:
    history = History()
    for report in (
        Began(task="free", instruction="a", max_steps=1, width=1, height=1, folder=""),
        Streamed(step=1, text="a"),
        Streamed(step=1, text="b"),
        Streamed(step=2, text="c"),
        Asking(
            number=1,
            step=1,
            thought="",
            sentence="",
            code="",
            words="",
            points=(),
            risks=(),
            until=None,
        ),
        Answered(number=1, words="yes"),
    ):
        history.add(report)
    told = list(history.replay())[1:]
    assert told == [
        Streamed(step=1, text="ab"),
        Streamed(step=2, text="c"),
        Answered(number=1, words="yes"),
    ]
