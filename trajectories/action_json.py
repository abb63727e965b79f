"""Actions as plain JSON values and back, for the log.

{"action": "Click", "at": [3, 4], "button": "left", "count": 1, "modifiers": []}
"""

import json
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from typing import Any

from pydantic import TypeAdapter

from env.actions import Action, Click, Drag, Keys, Move, Scroll, TypeText, Wait

_CLASSES: dict[str, type[Action]] = {
    cls.__name__: cls for cls in (Click, Move, Drag, Scroll, TypeText, Keys, Wait)
}
_READERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(cls) for name, cls in _CLASSES.items()}


def encode(action: Action) -> dict[str, Any]:
    # Through JSON, so that what is compared in memory is what comes back from the disk.
    plain = json.loads(json.dumps(asdict(action)))
    return {"action": type(action).__name__, **plain}


def decode(record: dict[str, Any]) -> Action:
    """Raises: ValueError for an action that does not exist or has wrong fields."""
    fields = dict(record)
    name = fields.pop("action", None)
    if name not in _READERS:
        raise ValueError(f"no action named {name!r}; expected one of {', '.join(_READERS)}")
    known = {each.name for each in dataclass_fields(_CLASSES[name])}
    if unknown := fields.keys() - known:
        raise ValueError(f"{name} with {sorted(unknown)}; expected {sorted(known)}")
    action: Action = _READERS[name].validate_python(fields)
    return action
