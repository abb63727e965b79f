"""What GIMP finds out about its plug-ins at a first start, so that no task has to wait for it."""

import random
import subprocess
import tempfile
from pathlib import Path

from env.room import SEARCH_PATH
from env.tasks.suites.desktop.inputs.files import made

_SECONDS = 300


@made("profiles/gimp/pluginrc")
def pluginrc(rng: random.Random) -> bytes:
    """Of the GIMP on this machine; it asks again those plug-ins that are newer than this.
    Empty where there is no GIMP."""
    with tempfile.TemporaryDirectory() as home:
        try:
            subprocess.run(
                ("gimp", "-i", "-d", "-f", "-b", "(gimp-quit 0)"),
                env={"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "PATH": SEARCH_PATH},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=True,
            )
        except FileNotFoundError:
            return b""
        return (Path(home) / ".config/GIMP/2.10/pluginrc").read_bytes()
