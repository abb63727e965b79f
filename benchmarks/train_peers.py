"""The same conversations through transformers' Trainer over `model.hf`.

Not through TRL's SFTTrainer (1.16): it replaces the forward pass of a model by its own, for which
it wants a backbone that returns hidden states, and a tokenizer of transformers'; `model.hf` has
neither. It subclasses this Trainer, and packs no pictures.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForImageTextToText,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import model.hf  # noqa: E402, F401 (registers the classes)
from model.train.batches import padded  # noqa: E402
from model.train.documents import Document, Reader  # noqa: E402
from model.train.draws import Row  # noqa: E402

NO_LOSS = -100


class Speed(NamedTuple):
    name: str
    tokens: int
    seconds: float
    cpu_seconds: float

    @property
    def a_second(self) -> float:
        return self.tokens / self.seconds


class Clock(TrainerCallback):
    """From the end of the first step to the end of the last."""

    began = cpu = 0.0
    seconds = cpu_seconds = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            self.began, self.cpu = time.perf_counter(), time.process_time()
        self.seconds = time.perf_counter() - self.began
        self.cpu_seconds = time.process_time() - self.cpu


def batch_of(documents: Sequence[Document]) -> dict[str, Any]:
    """What their collator gives: padded on the right."""
    batch = padded(documents)
    lengths = torch.tensor([document.num_tokens for document in documents])
    mask = torch.arange(batch.input_ids_BT.shape[1]) < lengths[:, None]
    labels = torch.full_like(batch.input_ids_BT, NO_LOSS)
    labels.view(-1)[batch.learned.places_P + 1] = batch.learned.targets_P
    return {
        "input_ids": batch.input_ids_BT,
        "attention_mask": mask.long(),
        "labels": labels,
        "pixel_values": batch.pixel_values,
        "image_grid_hws": torch.tensor([tuple(grid) for grid in batch.grids]),
    }


def loss_of(folder: Path, documents: Sequence[Document]) -> float:
    """Mean over all that is learned, a row at a time."""
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    total, tokens = 0.0, 0
    with torch.no_grad():
        for document in documents:
            learned = sum(document.tokens.is_learned)
            total += float(network(**batch_of([document])).loss) * learned
            tokens += learned
    return total / tokens


def speed_of(
    folder: Path,
    read: Reader,
    drawn: Sequence[Sequence[Row]],
    at_once: int,
    dtype: str,
) -> Speed:
    """AdamW; a step goes through its rows `at_once` by `at_once`, and what these pad is not
    counted. A first step is not timed, and is no larger than the others.

    Args:
        drawn: the rows of each of our steps. Theirs are of half as many: an AdamW step takes nearly
            nothing beside its rows, and the first is then soon over.
    """
    timed = [row for rows in drawn[1:] for row in rows]
    steps_at_once = max(1, len(timed) // (len(drawn) - 1) // (2 * at_once))
    rows = [*drawn[0][: steps_at_once * at_once], *timed]
    num_steps = len(rows) // (at_once * steps_at_once)
    counted: list[int] = []

    def collate(chosen: Sequence[Row]) -> dict[str, Any]:
        documents = [read(*row) for row in chosen]
        counted.append(sum(document.num_tokens for document in documents))
        return batch_of(documents)

    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        arguments: dict[str, Any] = {
            "output_dir": out,
            "per_device_train_batch_size": at_once,
            "gradient_accumulation_steps": steps_at_once,
            "max_steps": num_steps,
            "learning_rate": 1e-4,
            "use_cpu": True,
            "bf16": dtype == "bfloat16",
            "remove_unused_columns": False,
            "report_to": [],
            "save_strategy": "no",
            "logging_strategy": "no",
            "disable_tqdm": True,
            "seed": 0,
        }
        trainer = InOrder(
            model=AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32),
            args=TrainingArguments(**arguments),
            train_dataset=list(rows),
            data_collator=collate,
            callbacks=[clock],
        )
        trainer.train()
    tokens = sum(counted[steps_at_once : num_steps * steps_at_once])
    return Speed("transformers", tokens, clock.seconds, clock.cpu_seconds)


class InOrder(Trainer):
    """The rows are drawn already."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset
        return torch.utils.data.SequentialSampler(rows)
