"""What can go wrong with what is kept."""


class TrajectoryError(Exception):
    """Something about a run on disk."""


class LogDamaged(TrajectoryError):
    """A bad record with good ones after it. Not a torn tail: nothing is cut, nothing skipped."""


class LogLocked(TrajectoryError):
    """Another process is writing to this log."""


class RunNotFound(TrajectoryError):
    """No run folder at that path."""


class BlobMissing(TrajectoryError):
    """A screenshot the log names is not in the store, or is not what its name says."""
