"""What can go wrong with a task, as opposed to with the agent that does it."""

from env.errors import EnvError


class TaskRefused(EnvError, ValueError):
    """The task file is not one; the message names the field."""


class SetupFailed(EnvError):
    """A step that must not fail did. Nothing was asked of the agent: the task is not scored."""


class Unscored(EnvError):
    """The task cannot be set up or judged here (a site, an account, an application, a file that
    is not there). Not a zero: nobody could have done better."""


class MissingFile(Unscored):
    """A file of the task is not in the mirror; the message has its name."""
