"""LXTerminal: commands are typed, and their end is seen by the prompt that comes back."""

from collections.abc import Iterator

from env.tasks.suites.desktop.oracles.gestures import click, write
from env.tasks.suites.desktop.oracles.registry import GiveUp, Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

Moves = Iterator[Move | GiveUp]


@oracle
def make_folder(sight: Sight) -> Moves:
    yield from command(sight, "mkdir -p projects/alpha")


@oracle
def count_lines(sight: Sight) -> Moves:
    yield from command(sight, "wc -l < story.txt > count.txt")


@oracle
def make_executable(sight: Sight) -> Moves:
    yield from command(sight, "chmod +x run.sh")


@oracle
def filter_errors(sight: Sight) -> Moves:
    yield from command(sight, "grep ERROR server.log > errors.log")


@oracle
def pack_folder(sight: Sight) -> Moves:
    yield from command(sight, "tar czf photos.tar.gz photos")


@oracle
def rename_many(sight: Sight) -> Moves:
    yield from command(sight, 'for f in notes/*.txt; do mv "$f" "${f%.txt}.md"; done')


@oracle
def largest_file(sight: Sight) -> Moves:
    yield from command(sight, "ls -S data | head -1")
    largest = screen_text(sight).split("head -1\n")[-1].split("\n")[0].strip()
    yield from command(sight, f"echo {largest} > largest.txt", "This one is the largest.")


def command(sight: Sight, line: str, thought: str = "") -> Iterator[Move]:
    """Type a command and wait for the next prompt."""
    terminal = sight.find("terminal", app="lxterminal")
    sight.wait_for(lambda: _prompts(sight) > 0, "a prompt")
    if not terminal.has("focused"):
        yield click(terminal, "the terminal", "Keys go to what has the focus.")
    before = _prompts(sight)
    yield write(f"{line}\n", "the terminal", thought or "A command does it.")
    sight.wait_for(lambda: _prompts(sight) > before, "the next prompt")


def screen_text(sight: Sight) -> str:
    return sight.text(sight.find("terminal", app="lxterminal"))


def _prompts(sight: Sight) -> int:
    return screen_text(sight).count("$ ")
