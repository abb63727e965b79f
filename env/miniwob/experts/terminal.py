"""A terminal with two commands: list the files, remove the one of the asked kind."""

import re

from env.miniwob.experts.gestures import click, keys, type_text
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all
from env.miniwob.page import MiniWobPage


@expert("terminal")
def remove_a_file(page: MiniWobPage) -> Move:
    if not find_all(page, "#terminal-target")[0].focused:
        return click(find(page, "#terminal"), "the terminal", "It needs the focus.")
    typed = str(page.evaluate("() => document.querySelector('#active-input').textContent"))
    if typed:
        return keys("backspace", presses=len(typed), thought="There is something typed already.")
    files = _listed_files(page)
    if not files:
        return type_text("ls\n", "the terminal", "See what files there are.")
    name = _of_the_asked_kind(files, page.instruction)
    return type_text(f"rm {name}\n", "the terminal", f"{name} is such a file.")


def _listed_files(page: MiniWobPage) -> list[str]:
    """The files of the last listing; none before the first."""
    files = sorted(str(name) for name in page.evaluate("() => currentFiles"))
    outputs = [output.text for output in find_all(page, ".terminal-output")]
    return files if " ".join(files) in outputs else []


def _of_the_asked_kind(files: list[str], instruction: str) -> str:
    extension = re.search(r"extension \.(\S+)$", instruction)
    for name in files:
        if extension is None:
            if "." not in name:
                return name
        # The page looks where the extension first occurs: "bash.sh" is not an .sh file to it.
        elif name.find(extension[1]) + len(extension[1]) == len(name):
            return name
    raise ExpertLost(f"no file of the kind asked in {instruction!r} among {files}")
