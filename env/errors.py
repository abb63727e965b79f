"""What can go wrong between an action and a screen."""


class EnvError(Exception):
    """Something about the screen, not about the agent's decision."""


class DesktopLost(EnvError):
    """The screen went away: the display server or the browser died. The episode cannot go on."""


class DesktopUnavailable(EnvError):
    """The screen could not be opened; the message names what is missing and how to get it."""


class ActionRefused(EnvError):
    """The action cannot be performed as asked (a point off the screen, a key with no name).

    Nothing was done. The text goes back to the model as an observation.
    """


class ActionCut(EnvError):
    """The action was cut off in the middle: by a stop, a person, or because it could no longer
    be sure to do what was asked. Everything held was let go of; part of it may have been done.
    """


class PageBroken(EnvError):
    """A task's page answers no more: something led away from it, or a script failed in it."""


class UnknownTask(EnvError):
    """No task of that name; the message lists near names."""
