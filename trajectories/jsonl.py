"""Samples as JSON lines, for training programs other than ours.

    {"messages": [{"role": "user", "content": [{"type": "image", "image": "<name>.png"},
                                               {"type": "text", "text": "..."}]},
                  {"role": "assistant", "content": [{"type": "text", "text": "<target>"}]}],
     "meta": {...}}

Only the last assistant message is to be learned. Pictures lie beside the file,
named after the hash of what is in them.
"""

import hashlib
import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from model.messages import ImagePart, Message, Part, TextPart, assistant
from trajectories.export import Sample


def write_jsonl(samples: Iterable[Sample], path: Path) -> int:
    """Write the lines, and the pictures to `images/` beside them. Gives how many lines."""
    pictures = path.parent / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for sample in samples:
            messages = [*sample.messages, assistant(sample.target)]
            line = {
                "messages": [_message(message, pictures) for message in messages],
                "meta": {
                    "run": sample.meta.run_id,
                    "episode": sample.meta.episode,
                    "task": sample.meta.task,
                    "seed": sample.meta.seed,
                    "step": sample.meta.step,
                    "advised": sample.meta.advised,
                },
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count


def _message(message: Message, pictures: Path) -> dict[str, Any]:
    return {"role": message.role, "content": [_part(part, pictures) for part in message.parts]}


def _part(part: Part, pictures: Path) -> dict[str, str]:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(image=image):
            buffer = BytesIO()
            image.save(buffer, format="PNG", compress_level=1)
            name = f"{hashlib.sha256(buffer.getvalue()).hexdigest()}.png"
            if not (pictures / name).exists():
                (pictures / name).write_bytes(buffer.getvalue())
            return {"type": "image", "image": f"{pictures.name}/{name}"}
