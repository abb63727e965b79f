"""What can be wrong with a model's files and its input."""


class ModelError(Exception):
    """Something about the model, its files or what it was given."""


class CheckpointError(ModelError):
    """A checkpoint that does not fit exactly; nothing of it is used."""


class ImageRefused(ModelError):
    """A picture too large, too small or damaged."""


class PromptTooLong(ModelError):
    """More tokens than the model has positions."""
