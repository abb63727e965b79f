"""`main.py record` and `reduce`: a demonstration recorded, looked through, kept or not."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.demonstrate import Draft, drafts_of, keep, reworded
from agent.recorder import PAUSE_KEY, STOP_KEY, Recorder, Source
from env.accessibility import SessionBus
from env.errors import DesktopUnavailable
from env.headed import HeadedBrowser, shown_with
from env.monitors import monitors_of, scale_of
from env.virtual import VirtualDesktop
from env.x11 import X11Display, connect
from trajectories.formats.opencua_raw import extract, read_lines
from trajectories.formats.opencua_reduce import reduce_events
from trajectories.formats.opencua_standard import standardized
from trajectories.recording import Recording, read_recording
from trajectories.reduce import reduce_recording
from trajectories.replay import describe
from trajectories.schema import Note
from trajectories.secret_rules import SecretRules
from trajectories.store import RunStore
from ui.commands.raw import REVIEWED, WHOLE
from ui.commands.viewing import viewed
from ui.interrupt import StopOnInterrupt
from ui.options import Record, Reduce

Say = Callable[[str], None]
Ask = Callable[[str], str]
DONE, FAILED = 0, 1


def record(options: Record, say: Say, ask: Ask) -> int:
    rules = SecretRules(options.exclude, options.private_window)
    task = options.task or ask("What will you do? ")
    with _source(options, say) as source:
        settings = {
            "kind": "recording",
            "size": list(source.size),
            "reviewed": False,
            **circumstances(source),
        }
        with RunStore.create(
            options.out, policy="person", settings=settings, kind="recording"
        ) as store:
            recorder = Recorder(source, store, rules, video=options.video)
            try:
                recorder.note("before", task)
                if options.desktop == "virtual" and options.view == "none":
                    say("This desktop has no window here; --view vnc lets you see and work it.")
                say(f"Recording, with a red line round the screen. ctrl+shift+{PAUSE_KEY} pauses,")
                say(f"ctrl+shift+{STOP_KEY} or Ctrl-C here ends it.")
                with StopOnInterrupt(about="a recording") as control:
                    tally = recorder.run(lambda: control.stopped is not None)
                after = "" if options.keep else ask("Anything to remark? ")
                if after:
                    recorder.note("after", after)
            finally:
                recorder.close()
    say(f"{tally.num_stored} of {tally.num_seen} events stored, {tally.num_withheld} keys withheld")
    recording = read_recording(store.folder)
    drafts = drafts_of(recording) if options.keep else _reviewed(recording, say, ask)
    if drafts is None:
        shutil.rmtree(store.folder)
        say("nothing was kept")
        return FAILED
    success = options.keep or ask("Was the task done? [Y/n] ").strip().lower() != "n"
    with RunStore.create(
        options.out,
        policy="person",
        settings={"kind": "demonstration", "reviewed": not options.keep},
    ) as run:
        learned = keep(recording, drafts, run, instruction=task, success=success)
    if not options.keep_raw:
        shutil.rmtree(store.folder)
    elif not options.keep:
        deleted = len(drafts_of(recording)) - len(drafts)
        with RunStore(store.folder) as raw:
            told = f"{deleted} steps were deleted" if deleted else WHOLE
            raw.append(Note(step=1, kind=REVIEWED, text=told), sync=True)
    say(f"{len(drafts)} steps, {learned} to learn from")
    say(f"run folder: {run.folder}")
    return DONE


def _reviewed(recording: Recording, say: Say, ask: Ask) -> list[Draft] | None:
    """What the person leaves in; None: nothing of it is to be kept."""
    drafts = drafts_of(recording)
    while True:
        for number, draft in enumerate(drafts, start=1):
            done = "cannot be learned" if draft.action is None else describe(draft.action)
            say(f"{number:>3}. {draft.words} ({done})")
        answer = ask(
            "Enter keeps this, 3 5-7 deletes steps, 4: words rewords one, q discards all: "
        )
        if not answer.strip():
            return drafts
        if answer.strip() == "q":
            return None
        try:
            drafts = _edited(drafts, answer)
        except ValueError as error:
            say(str(error))


def _edited(drafts: list[Draft], answer: str) -> list[Draft]:
    number, colon, words = answer.partition(":")
    if colon:
        place = _place(number, len(drafts))
        return [*drafts[:place], reworded(drafts[place], words.strip()), *drafts[place + 1 :]]
    gone: set[int] = set()
    for part in answer.split():
        first, _, last = part.partition("-")
        gone |= set(range(_place(first, len(drafts)), _place(last or first, len(drafts)) + 1))
    return [draft for place, draft in enumerate(drafts) if place not in gone]


def _place(number: str, count: int) -> int:
    if not number.strip().isdigit() or not 1 <= int(number) <= count:
        raise ValueError(f"step {number.strip()!r}; expected 1 to {count}")
    return int(number) - 1


@contextmanager
def _source(options: Record, say: Say) -> Iterator[Source]:
    match options.desktop:
        case "virtual":
            with (
                VirtualDesktop(
                    accessible=True,
                    sandbox=not options.no_sandbox,
                    shown=shown_with(options.url),
                    network=options.network,
                ) as desktop,
                viewed(desktop, options.view, say, view_only=False),
            ):
                yield from _of_virtual(desktop, options.url)
        case "real":
            yield _of_session()
        case other:
            raise ValueError(f"no recording on {other!r}; expected real or virtual")


def circumstances(source: Source) -> dict[str, Any]:
    """What the pixels and the seconds of a recording are measured by."""
    connection = connect(source.display, source.authority)
    try:
        return {
            "monitors": monitors_of(connection),
            "scale": scale_of(connection),
            "clock": {"monotonic": time.monotonic(), "epoch": time.time()},
        }
    finally:
        connection.close()


def _of_virtual(desktop: VirtualDesktop, url: str | None) -> Iterator[Source]:
    told = desktop.environment
    source = Source(
        display=told["DISPLAY"],
        authority=Path(told["XAUTHORITY"]),
        size=desktop.size,
        session_bus=desktop.session_bus,
    )
    if url is None:
        yield source
        return
    with HeadedBrowser(desktop) as browser:
        browser.page.goto(url)
        yield Source(
            display=source.display,
            authority=source.authority,
            size=source.size,
            session_bus=source.session_bus,
            page_url=lambda: browser.page.url,
        )


def _of_session() -> Source:
    display = os.environ.get("DISPLAY")
    if os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise DesktopUnavailable(
            "this session is Wayland's, which lets nobody record it; choose an X11 session"
            ' ("on Xorg") at the log-in screen, or --desktop virtual'
        )
    if not display:
        raise DesktopUnavailable("no X11 session here (DISPLAY is not set); try --desktop virtual")
    with X11Display(display) as screen:
        size = screen.size
    bus = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    return Source(
        display=display,
        authority=None,
        size=size,
        session_bus=SessionBus.own(bus) if bus else None,
    )


def reduce(options: Reduce, say: Say) -> int:
    """Show what a recording is reduced to; of AgentNetTool's, by their rules, as their files."""
    if not options.opencua:
        for each in reduce_recording(read_recording(options.path)):
            told = each.told if each.action is None else describe(each.action)
            say(f"{each.began:.2f} to {each.ended:.2f}: {told}")
        return DONE
    actions = reduce_events(read_lines(options.path / "events.jsonl"))
    out = options.out or options.path
    out.mkdir(parents=True, exist_ok=True)
    for name, lines in (
        ("complete", [action.dump() for action in actions]),
        ("vis", [action.shown() for action in actions]),
    ):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (out / f"reduced_events_{name}.jsonl").write_text(text, encoding="utf-8")
    for action in actions:
        say(f"{action.start_time:.2f}: {action.description}")
    if any(options.path.glob("*.mp4")):
        told = json.dumps(standardized(extract(options.path)), ensure_ascii=False)
        (out / "standardized.json").write_text(told + "\n", encoding="utf-8")
    say(f"{len(actions)} actions in {out}")
    return DONE
