"""A home that has been lived in: what OSWorld's machine has in it before a task begins.

On an empty one, applications greet their new user, and half a task's first clicks go to
that; and settings that are not there yet are taken for settings well made.
"""

import json

from env.tasks.machine import Machine

_FOLDERS = (
    *("Desktop", "Documents", "Downloads", "Music", "Pictures", "Public", "Templates", "Videos"),
)
_VLC = """[qt]
qt-privacy-ask=0
[core]
metadata-network-access=0
extraintf=http
[lua]
http-password=password
"""
_OFFICE = (
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Common/Misc", "ShowTipOfTheDay", "false"),
    ("Office.Impress/Misc/Start", "EnablePresenterScreen", "true"),
    ("Office.Impress/Misc", "StartWithTemplate", "false"),
    ("Setup/Office", "ooSetupInstCompleted", "true"),
    ("Setup/Product", "ooSetupLastVersion", "7.4"),
    ("Setup/Product", "LastTimeDonateShown", "4000000000"),
    ("Setup/Product", "LastTimeGetInvolvedShown", "4000000000"),
)
_OFFICE_ITEM = (
    '<item oor:path="/org.openoffice.{}"><prop oor:name="{}" oor:op="fuse">'
    "<value>{}</value></prop></item>"
)
_OFFICE_FILE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<oor:items xmlns:oor="http://openoffice.org/2001/registry"'
    ' xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n{}\n</oor:items>\n'
)
_CHROMIUM = {
    "profile": {"name": "Person 1", "exit_type": "Normal"},
    "session": {"restore_on_startup": 5},
    "browser": {"has_seen_welcome_page": True},
    "bookmark_bar": {"show_on_all_tabs": True},
}
_BROWSER = "chromium.desktop"
_BROWSER_FILE = (
    "[Desktop Entry]\nType=Application\nName=Chromium\nExec=google-chrome %U\nIcon=chromium\n"
    "MimeType=text/html;x-scheme-handler/http;x-scheme-handler/https;\n"
)
"""Instead of the system's, which starts one that would not do in a sandbox."""

_DEFAULTS = "[Default Applications]\n" + "".join(
    f"{kind}={_BROWSER}\n"
    for kind in ("text/html", "x-scheme-handler/http", "x-scheme-handler/https")
)
_BASH = "PS1='\\u@\\h:\\w\\$ '\nPROMPT_COMMAND='history -a'\n"
"""The history at every prompt: it is judged before the terminal ends."""


def furnish(machine: Machine) -> None:
    """Once, before anything has been started on it. What is there already is left as it is."""
    office = "\n".join(_OFFICE_ITEM.format(*setting) for setting in _OFFICE)
    files = {
        ".config/vlc/vlcrc": _VLC,
        ".config/libreoffice/4/user/registrymodifications.xcu": _OFFICE_FILE.format(office),
        ".config/GIMP/2.10/gimprc": "(check-updates no)\n",
        ".config/google-chrome/Default/Preferences": json.dumps(_CHROMIUM),
        ".config/google-chrome/First Run": "",
        f".local/share/applications/{_BROWSER}": _BROWSER_FILE,
        ".config/mimeapps.list": _DEFAULTS,
        ".bashrc": _BASH,
    }
    home = machine.home
    machine.run(("mkdir", "-p", *(f"{home}/{name}" for name in _FOLDERS)))
    for name, text in files.items():
        if machine.run(("test", "-e", f"{home}/{name}")).returncode != 0:
            machine.put_file(f"{home}/{name}", text.encode())
