"""What a task needs that may not be here: files of the hub, sites, accounts, applications.

Found before anything is started, from the task file alone, so that a task is passed over
with the reason and not failed. What only an instruction speaks of (a site to look up) was read
by people: `env.tasks.live`.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from env.tasks.browser import HISTORY_URL
from env.tasks.errors import MissingFile
from env.tasks.live import LIVE
from env.tasks.mirror import Mirror
from env.tasks.steps import (
    ChromeOpenTabs,
    Download,
    GoogleDrive,
    Launch,
    Login,
    Proxy,
    Step,
    UpdateBrowseHistory,
)
from env.tasks.task import Source, Task

_ACCOUNT = "needs a Google account"
_VSCODE = "needs VS Code with OSWorld's extension"
_SITES = {
    "gotoRecreationPage_and_get_html_content": "https://www.recreation.gov",
    "number_of_search_results": "https://google.com",
}
_HERE = ("localhost", "127.0.0.1", "::1")
_PROGRAMS = {"vs_code": "code", "vscode": "code"}
"""Of applications whose tasks do not all start them."""


def unmet(task: Task, mirror: Mirror) -> tuple[str, ...]:
    """Reasons why a task cannot be set up or judged with what is here; empty: none is known."""
    found = [
        *(reason for url, name in files(task) for reason in _missing(url, name, task, mirror)),
        *(reason for step in _steps(task) for reason in _of_step(step)),
        *(reason for one in _sources(task) for reason in _of_source(one)),
        *([f"needs the internet: {LIVE[task.id]}"] if task.id in LIVE else []),
    ]
    return tuple(dict.fromkeys(found))


def files(task: Task) -> Iterator[tuple[str, str]]:
    """The address of every file that is put on the machine or compared with, and what the task
    calls it: its path there, or its `dest`."""
    for step in _steps(task):
        match step:
            case Download():
                yield from ((file.url, file.path) for file in step.files)
            case UpdateBrowseHistory():
                yield HISTORY_URL, "history_new.sqlite"
    for source in _sources(task):
        if source.type == "cloud_file":
            urls, names = source.parameters["path"], source.parameters["dest"]
            if not source.parameters.get("multi", False):
                urls, names = [urls], [names]
            yield from zip(urls, names, strict=False)


def programs(task: Task) -> tuple[str, ...]:
    """Programs that must be on the machine: the applications a task starts or is about. Not
    what lies in the home, which a step may bring."""
    started = (
        step.command[0] if not isinstance(step.command, str) else step.command.split()[0]
        for step in task.config
        if isinstance(step, Launch) and not step.through_shell
    )
    meant = (_PROGRAMS[name] for name in task.related_apps if name in _PROGRAMS)
    own = (name for name in started if "/" not in name or name.startswith("/usr/"))
    return tuple(dict.fromkeys((*own, *meant)))


def _steps(task: Task) -> Iterator[Step]:
    yield from task.config
    yield from task.evaluator.postconfig


def _sources(task: Task) -> Iterator[Source]:
    for check in task.evaluator.checks:
        for source in (check.result, check.expected):
            if source is not None:
                yield source


def _of_step(step: Step) -> Iterator[str]:
    match step:
        case ChromeOpenTabs():
            yield from (f"needs the site {url}" for url in step.urls_to_open if is_far(url))
        case GoogleDrive() | Login():
            yield _ACCOUNT
        case Proxy():
            yield "needs a proxy on the internet"


def _of_source(source: Source) -> Iterator[str]:
    parameters = source.parameters
    match source.type:
        case "googledrive_file":
            yield _ACCOUNT
        case "vscode_config":
            yield _VSCODE
        case "gotoRecreationPage_and_get_html_content" | "number_of_search_results":
            yield f"needs the site {_SITES[source.type]}"
        case "page_info" if is_far(parameters["url"]):
            yield f"needs the site {parameters['url']}"
        case "pdf_from_url" if is_far(parameters["path"]):
            yield f"needs the site {parameters['path']}"


def _missing(url: str, name: str, task: Task, mirror: Mirror) -> Iterator[str]:
    try:
        mirror.find(url, task.id, name)
    except MissingFile as error:
        yield str(error)


def is_far(url: str) -> bool:
    """An address on the internet: a machine for tasks has no way there."""
    parts = urlsplit(url if "://" in url or ":" in url else f"http://{url}")
    return parts.scheme in ("http", "https") and parts.hostname not in _HERE
