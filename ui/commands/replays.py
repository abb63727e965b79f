"""`main.py replay`: a run as a page or a film, or performed once more on a desktop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.perform_again import Compared, perform_again
from env.backends import open_desktop
from env.browser import BrowserDesktop
from env.desktop import Desktop
from env.headed import HeadedBrowser, showing, shown_with
from env.miniwob.page import TASK_SIZE, MiniWobPage, html_folder
from env.miniwob.tasks import TASKS
from env.screen import ScreenSize
from env.viewport import Viewport
from env.virtual import VirtualDesktop
from trajectories.film import write_film
from trajectories.reading import Episode, RunRecord, read_run, read_runs
from trajectories.replay import write_replay
from trajectories.store import find_runs
from ui.commands.serving import osworld_token
from ui.interrupt import StopOnInterrupt
from ui.options import Replay

Say = Callable[[str], None]
SAME, DIFFERENT = 0, 1


def replay_runs(options: Replay, say: Say) -> int:
    """Exit code 1: performed again, the screen was another somewhere."""
    if options.desktop is not None:
        return _perform(options, say)
    if options.film is not None:
        count = write_film(_episode_of(options), options.film)
        say(f"{options.film}: {count} frames")
        return SAME
    for run in read_runs(options.path):
        say(str(write_replay(run, run.folder / "replay.html")))
    return SAME


def _episode_of(options: Replay) -> Episode:
    runs = find_runs(options.path)
    if len(runs) > 1:
        raise ValueError(f"{len(runs)} runs in {options.path}; expected the folder of one")
    run: RunRecord = read_run(runs[0])
    if not 0 <= options.episode < len(run.episodes):
        raise ValueError(
            f"no episode {options.episode} in {options.path}; expected 0 to {len(run.episodes) - 1}"
        )
    return run.episodes[options.episode]


def _perform(options: Replay, say: Say) -> int:
    assert options.desktop is not None
    episode = _episode_of(options)
    first: Compared | None = None
    with (
        _as_it_was(episode, options) as desktop,
        StopOnInterrupt(about=f"{options.path}, performed again") as control,
    ):
        for compared in perform_again(episode, desktop, control=control):
            say(compared.in_words())
            if first is None and (compared.where is not None or compared.refused):
                first = compared
    if first is None:
        say("the screen was the same at every step")
        return SAME
    say(f"the screen first differs at step {first.step}")
    return DIFFERENT


@contextmanager
def _as_it_was(episode: Episode, options: Replay) -> Iterator[Desktop]:
    """A desktop of the log's size; of a MiniWoB++ episode with its page, as it began."""
    assert options.desktop is not None
    kind, url = options.desktop, options.url
    sandbox, network = not options.no_sandbox, options.network
    start = episode.start
    size = ScreenSize(start.width, start.height)
    if start.task not in TASKS or start.seed is None or size != TASK_SIZE:
        of_kind = size if kind in ("virtual", "browser") else None
        opened = open_desktop(
            kind,
            of_kind,
            shown=shown_with(url),
            sandbox=sandbox,
            network=network,
            token=osworld_token(),
        )
        with opened as desktop, showing(desktop, url):
            yield desktop
        return
    match kind:
        case "browser":
            with BrowserDesktop(TASK_SIZE) as browser:
                _set_up(MiniWobPage(browser.page), start.task, start.seed)
                yield browser
        case "virtual":
            virtual = VirtualDesktop(shown=(html_folder(),), sandbox=sandbox, network=network)
            with virtual as desktop, HeadedBrowser(desktop) as window:
                _set_up(MiniWobPage(window.page), start.task, start.seed)
                window.wait_until_drawn()
                yield Viewport(desktop, window.part(TASK_SIZE))
        case _:
            raise ValueError(f"{start.task} on {kind!r}; expected virtual or browser")


def _set_up(page: MiniWobPage, task: str, seed: int) -> None:
    page.open(task)
    page.reset(seed)
