"""Where Chromium is on this machine."""

import shutil
import sys
from pathlib import Path

from env.errors import DesktopUnavailable

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_executable() -> str:
    """Raises `DesktopUnavailable`, saying how to get one."""
    for name in CHROMIUM_NAMES:
        # Beside our own Python is where `scripts/setup.sh` puts one that no package brings.
        found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
        if found:
            return found
    raise DesktopUnavailable(
        f"no browser: looked for {', '.join(CHROMIUM_NAMES)} on PATH; make setup installs one"
    )


def chromium_folder() -> Path | None:
    """The folder with all of it, where that is not a system package; None: it is, or nowhere."""
    try:
        folder = Path(chromium_executable()).resolve().parent
    except DesktopUnavailable:
        return None
    return None if folder.is_relative_to("/usr") else folder
