"""Patterns and queries of task files, tried in a process that can be ended.

A task file is anybody's, and what it looks through is what an agent left: `(a+)+$` on forty
letters takes `re` for ever, an XPath of nested counts takes libxml2 as long, and neither can be
stopped from within. So they run beside us, with the very libraries OSWorld uses, and one that
works longer than `MOST_SECONDS` is a fault of the task file with the pattern's name.
"""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from env.tasks.errors import TaskRefused

MOST_SECONDS = 2
"""Of the processor's time, which a busy machine does not use up."""
_CEILING_SECONDS = 60.0
_HOME = Path(__file__).resolve().parents[2]


def found(pattern: str, texts: Sequence[str], flags: int = 0) -> bool:
    """Whether a regular expression is somewhere in one of the texts.

    Raises:
        re.error: it is none.
        TypeError: what is looked through is no text.
        TaskRefused: it takes too long.
    """
    compiled = re.compile(pattern, flags)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"a pattern is looked for in texts, not in {texts!r:.80}")
    if re.escape(pattern) == pattern:
        # Nothing but letters: no process for that.
        return any(compiled.search(text) for text in texts)
    return bool(_told("found", pattern, list(texts), flags, what=f"the pattern {pattern!r:.80}"))


def elements(
    tree: str, xpath: str | None, selectors: Sequence[str], names: Mapping[str, str]
) -> list[str | None]:
    """The texts of the elements that an XPath finds, or CSS selectors if it is None.

    Raises:
        TaskRefused: it takes too long, or is not one.
    """
    what = f"the query {xpath or ', '.join(selectors)!r:.80}"
    told: list[str | None] = _told("elements", tree, xpath, list(selectors), dict(names), what=what)
    return told


def _told(name: str, *arguments: Any, what: str) -> Any:
    try:
        ran = subprocess.run(
            (sys.executable, "-m", "env.tasks.apart", name),
            input=json.dumps(arguments).encode(),
            capture_output=True,
            timeout=_CEILING_SECONDS,
            cwd=_HOME,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise TaskRefused(f"{what} takes more than {_CEILING_SECONDS:.0f} s") from None
    except subprocess.CalledProcessError as error:
        if error.returncode < 0:
            raise TaskRefused(f"{what} takes more than {MOST_SECONDS} s of work") from None
        last = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise TaskRefused(f"{what} cannot be tried: {''.join(last)}") from error
    return json.loads(ran.stdout)


def _found(pattern: str, texts: Sequence[str], flags: int) -> bool:
    compiled = re.compile(pattern, flags)
    return any(compiled.search(text) for text in texts)


def _elements(
    tree: str, xpath: str | None, selectors: Sequence[str], names: dict[str, str]
) -> list[str | None]:
    from lxml.cssselect import CSSSelector

    from env.tasks.metrics.markup import parsed

    root = parsed(tree)
    if xpath is None:
        nodes = CSSSelector(", ".join(selectors), namespaces=names)(root)
    else:
        nodes = root.xpath(xpath, namespaces=names)
    return [node.text or None for node in nodes]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    asked = json.load(sys.stdin)
    json.dump(_found(*asked) if sys.argv[1] == "found" else _elements(*asked), sys.stdout)
