"""Whether a stage has learned what the next one builds on: measured, on data it never saw."""

import json
import random
from pathlib import Path

import torch
from safetensors.torch import load_file

from model.errors import ModelError
from model.generate import Generator
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.messages import Message
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.batches import padded
from model.train.documents import Reader, messages_of, names_of, opened
from model.train.draws import Source
from model.train.objective import SCORES, Objective
from model.train.samples import Conversation
from model.train.stages import Gate
from model.train.trainer import GLYPH_HEAD

GATE_FILE = "gate.json"
ROWS_A_BATCH = 8


class GateClosed(ModelError):
    """A stage did not reach what it must before the next one; the message has the figure."""


def pass_gate(
    gate: Gate, network: KimiVL, tokenizer: Tokenizer, source: Source, folder: Path
) -> float:
    """Judge the stage in `folder` and write down what came out.

    Args:
        network: the stage's checkpoint, as it was stored.
        source: of held-out data.

    Raises:
        GateClosed: it falls short.
    """
    value = measured(gate, network, tokenizer, source, folder / GLYPH_HEAD)
    told = {"measure": gate.measure, "value": round(value, 4), "at_least": gate.at_least}
    (folder / GATE_FILE).write_text(json.dumps(told) + "\n")
    if value < gate.at_least:
        raise GateClosed(
            f"{folder.name}: {gate.measure} of {value:.3f} on held-out {gate.source};"
            f" the gate asks for {gate.at_least}"
        )
    return value


def measured(
    gate: Gate, network: KimiVL, tokenizer: Tokenizer, source: Source, glyph_head: Path
) -> float:
    """From 0 to 1."""
    rng = random.Random(f"gate/{gate.source}")
    rows = [source(rng) for _ in range(gate.rows)]
    if gate.measure == "exact":
        return _exact(network, tokenizer, [conversation for conversation, _ in rows])
    config = network.config
    read = Reader(tokenizer, ImageProcessor(config.in_token_limit, config.vision.patch_size))
    objective = Objective(network, pointer_layer=config.text.num_hidden_layers // 2)
    objective.glyph_head.load_state_dict(load_file(glyph_head))
    device = network.language_model.lm_head.weight.device
    objective.to(device)
    hits, tried = torch.zeros(len(SCORES)), torch.zeros(len(SCORES))
    with torch.no_grad():
        for start in range(0, len(rows), ROWS_A_BATCH):
            documents = [read(*row) for row in rows[start : start + ROWS_A_BATCH]]
            batch = padded(documents).to(device)
            alone = gate.measure == "glyph_accuracy"
            losses = objective.read_only(batch) if alone else objective(batch)
            hits, tried = hits + losses.hits, tried + losses.tried
    place = SCORES.index(gate.measure)
    return float(hits[place] / tried[place].clamp(min=1))


def _exact(network: KimiVL, tokenizer: Tokenizer, conversations: list[Conversation]) -> float:
    """Share of answers written as they should be, each after the right ones before it."""
    config = network.config
    images = ImageProcessor(config.in_token_limit, config.vision.patch_size)
    processor = Processor(tokenizer, images)
    generator = Generator(network)
    right, asked = 0, 0
    with torch.inference_mode():
        for conversation in conversations:
            pictures = [opened(*name) for name in names_of(conversation)]
            messages = messages_of(conversation, pictures)
            first = len(messages) - 2 * len(conversation.turns)
            for end, turn in enumerate(conversation.turns, start=1):
                prompt = messages[: first + 2 * end - 1]
                right += written(generator, processor, prompt, len(turn.answer)) == turn.answer
                asked += 1
    return right / max(asked, 1)


def written(
    generator: Generator, processor: Processor, messages: list[Message], most_tokens: int
) -> str:
    """The greedy answer, without its end token."""
    prompt = processor(messages)
    made = generator.run(
        prompt.input_ids,
        prompt.pixel_values,
        prompt.image_grid_hws,
        max_new_tokens=most_tokens + 8,
        stop_ids=processor.tokenizer.stop_ids,
    )
    ids = made.token_ids
    return processor.tokenizer.decode(ids[:-1] if made.stopped else ids)
