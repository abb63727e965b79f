"""What can go wrong with what is kept."""


class TrajectoryError(Exception):
    """Something about a run on disk."""


class LogDamaged(TrajectoryError):
    """A bad record before what was last synced. Not a torn tail: nothing is cut or skipped."""


class LogLocked(TrajectoryError):
    """Another process is writing to this log."""


class RunNotFound(TrajectoryError):
    """No run folder at that path."""


class RunNotBegun(TrajectoryError):
    """A run folder whose process died before it had written who acts."""


class BlobMissing(TrajectoryError):
    """A screenshot the log names is not in the store, or is not what its name says."""


class DiskFull(TrajectoryError):
    """Too little space for another step; enough is left to write down how the episode ended."""


class FormatError(TrajectoryError):
    """A file to import is not what its format says. The message names file and field."""
