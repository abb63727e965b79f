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
