"""What a command says, what the task file itself says, and the machine's screen and windows."""

import json
from collections.abc import Mapping
from typing import Any

from lxml import etree

from env.tasks.errors import Unscored
from env.tasks.machine import Bench
from env.tasks.steps import argv_of

_NAMESPACE = "https://accessibility.ubuntu.example.org/ns"
_TERMINALS = ("gnome-terminal-server", "xfce4-terminal", "mate-terminal", "lxterminal")


def rule(bench: Bench, parameters: Mapping[str, Any]) -> Any:
    return parameters["rules"]


def vm_command_line(bench: Bench, parameters: Mapping[str, Any]) -> str | None:
    ran = _run(bench, parameters)
    return None if ran is None else ran[0]


def vm_command_error(bench: Bench, parameters: Mapping[str, Any]) -> str | None:
    ran = _run(bench, parameters)
    return None if ran is None else ran[1]


def accessibility_tree(bench: Bench, parameters: Mapping[str, Any]) -> str:
    return bench.machine.accessibility_tree()


def vm_terminal_output(bench: Bench, parameters: Mapping[str, Any]) -> str | None:
    """The text of the terminal in front; None: there is no terminal that tells."""
    root = etree.fromstring(bench.machine.accessibility_tree().encode())
    for application in root.iterfind("application"):
        if application.get("name") not in _TERMINALS:
            continue
        shown = application.iterfind(".//terminal")
        for terminal in shown:
            if terminal.get(f"{{{_NAMESPACE}/state}}showing") == "true" and terminal.text:
                return terminal.text.rstrip()
    return None


def vm_screen_size(bench: Bench, parameters: Mapping[str, Any]) -> dict[str, int]:
    return {"width": bench.machine.size.width, "height": bench.machine.size.height}


def vm_window_size(bench: Bench, parameters: Mapping[str, Any]) -> dict[str, int] | None:
    """Of the first window of an application, by its class."""
    name = str(parameters["app_class_name"]).lower()
    # "0x00a00007  0  10 20  800 600  gimp-2.10.Gimp-2.10 host title"
    for line in bench.machine.run(("wmctrl", "-lGx")).output.splitlines():
        fields = line.split(None, 8)
        if len(fields) >= 7 and name in fields[6].lower():
            return {"width": int(fields[4]), "height": int(fields[5])}
    return None


def _run(bench: Bench, parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    """Output and error; None where OSWorld's server answers with a failure."""
    command = parameters["command"]
    words = command if isinstance(command, str) else tuple(command)
    # One task has it as a text.
    through_shell = str(parameters.get("shell", False)).lower() == "true"
    try:
        ran = bench.machine.run(argv_of(words, through_shell, bench.machine.home))
    except (OSError, ValueError):
        return None
    if ran.returncode is None:
        raise Unscored(f"{json.dumps(command):.80} was not over in time")
    return ran.output, ran.error
