"""Settings the applications find at their start: no first-run dialogs, a window that fits."""

from env.tasks.suites.desktop.inputs.files import text

text(
    "profiles/thunar.xml",
    """<?xml version="1.0" encoding="UTF-8"?>
<channel name="thunar" version="1.0">
  <property name="last-view" type="string" value="ThunarDetailsView"/>
  <property name="last-window-width" type="int" value="960"/>
  <property name="last-window-height" type="int" value="600"/>
  <property name="last-show-hidden" type="bool" value="false"/>
</channel>
""",
)
text(
    "profiles/bashrc",
    """PS1='\\w$ '
HISTFILE=~/.bash_history
PROMPT_COMMAND='history -a'
""",
)
_OFFICE_SETTINGS = (
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Common/Misc", "ShowTipOfTheDay", "false"),
    # Asks whether to keep the format at every save of what is not ODF.
    ("Office.Common/Save/Document", "WarnAlienFormat", "false"),
    ("Office.Impress/Misc/Start", "StartWithTemplate", "false"),
    ("Office.Impress/Misc", "StartWithTemplate", "false"),
    ("Setup/L10N", "ooLocale", "en-US"),
    ("Setup/Office", "ooSetupInstCompleted", "true"),
    # Else a bar offers the news of this version, or asks for a donation.
    ("Setup/Product", "ooSetupLastVersion", "7.4"),
    ("Setup/Product", "LastTimeDonateShown", "4000000000"),
    ("Setup/Product", "LastTimeGetInvolvedShown", "4000000000"),
)
_OFFICE_ITEMS = "".join(
    f'<item oor:path="/org.openoffice.{path}"><prop oor:name="{name}" oor:op="fuse">'
    f"<value>{value}</value></prop></item>\n"
    for path, name, value in _OFFICE_SETTINGS
)
text(
    "profiles/registrymodifications.xcu",
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<oor:items xmlns:oor="http://openoffice.org/2001/registry"'
    ' xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n{_OFFICE_ITEMS}</oor:items>\n',
)
text(
    "profiles/gimp/sessionrc",
    """(session-info "toplevel"
    (factory-entry "gimp-single-image-window")
    (position 0 0)
    (size 1200 680)
    (open-on-exit)
    (aux-info
        (left-docks-width "120")
        (right-docks-position "1100")
        (maximized "yes")))
(hide-docks no)
(single-window-mode yes)
(last-tip-shown 0)
""",
)
text("profiles/gimp/gimprc", "(check-updates no)\n(show-tooltips no)\n")
text(
    "profiles/vlcrc",
    "[qt]\nqt-privacy-ask=0\nqt-updates-notif=0\n\n[core]\nmetadata-network-access=0\n",
)
