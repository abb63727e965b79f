"""What lies with somebody else, behind a password."""

from collections.abc import Mapping
from typing import Any

from env.tasks.errors import Unscored
from env.tasks.machine import Bench


def googledrive_file(bench: Bench, parameters: Mapping[str, Any]) -> Any:
    """Raises `Unscored`, always."""
    raise Unscored("needs a Google account")
