"""What a folder of tasks' results comes to, told by the results alone.

`summary.json` is of the evaluation that wrote it. A folder into which the domains or models of
several were copied has none, or that of one of them; the records beside the results have it all.
"""

import json
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agent.task_runs import RECORD_JSON, SuiteConfig, TaskRecord
from agent.task_summary import summarise_tasks
from trajectories.errors import FormatError
from trajectories.osworld import model_folder
from trajectories.results import RECORD, attempt_folder

_CONFIG = TypeAdapter(SuiteConfig)
_CONFIG_NAMES = frozenset(field.name for field in fields(SuiteConfig))


def gathered(out: Path) -> dict[str, dict[str, Any]]:
    """Contents of a `summary.json` for each model; empty: these are no scripted tasks' results.

    Raises:
        FormatError: naming the file that does not fit.
    """
    records: defaultdict[str, list[TaskRecord]] = defaultdict(list)
    for path in sorted(out.glob(f"pyautogui/screenshot/*/*/*/{RECORD}")):
        try:
            told = json.loads(path.read_bytes())
            if "domain" in told:
                record = RECORD_JSON.validate_python(told)
                records[_model(path.parents[2].name, record.attempt)].append(record)
        except (ValueError, TypeError) as error:
            raise FormatError(f"{path}: not a task's record: {error}") from error
    return {
        model: summarise_tasks(_config(model_folder(out, model) / "args.json", model), found)
        for model, found in sorted(records.items())
    }


def _model(folder: str, attempt: int) -> str:
    """Later attempts are filed as other models."""
    return folder.removesuffix(attempt_folder("", attempt))


def _config(path: Path, model: str) -> SuiteConfig:
    """Of whoever wrote the model's folder first; of domains that came alone only the name."""
    try:
        told = json.loads(path.read_bytes())
        known = {name: value for name, value in told.items() if name in _CONFIG_NAMES}
        return _CONFIG.validate_python({"suite": "", "model": model} | known)
    except FileNotFoundError:
        return SuiteConfig(suite="", model=model)
    except (ValueError, AttributeError, ValidationError) as error:
        raise FormatError(f"{path}: not an evaluation's arguments: {error}") from error
