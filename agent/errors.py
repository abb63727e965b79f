"""What can go wrong between a model's answer and an action.

Everything under `ParseError` and `GroundingError` is the model's mistake: the
message says what was seen and what is expected, and goes back to the model as
an observation. `PolicyFailed` is not: nobody answered.
"""


class AgentError(Exception):
    """Something about the agent's decision, not about the screen."""


class ParseError(AgentError):
    """The answer is not one of the actions an agent has. Nothing of it is performed."""


class AnswerTooLong(ParseError):
    """More text than any answer needs; refused before it is looked into."""


class ThoughtNotClosed(ParseError):
    """A think block was opened and never closed: the answer was cut off."""


class NoCode(ParseError):
    """No fenced code block, or an empty one."""


class NotPython(ParseError):
    """The code block cannot be read as Python statements."""


class UnknownCall(ParseError):
    """A statement that is not a call of the closed set."""


class BadArguments(ParseError):
    """A known call with missing, unknown, doubled or impossible arguments."""


class UnpairedCall(ParseError):
    """Half of something: a drag with no start, a key held and not released."""


class GroundingError(AgentError):
    """A point outside the picture."""


class PolicyFailed(AgentError):
    """The policy could not answer at all (its expert is lost, its server is gone)."""
