"""What `main.py quantize` asks for: a name or folder in, a folder of ours out."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from model.chat import ChatModel
from model.kernels.choice import best_kernels
from model.messages import Message
from model.quantized.calibrate import input_products
from model.quantized.convert import Report, quantize_folder
from model.quantized.plan import Plan
from model.shelf import weights_folder
from model.train.documents import messages_of, names_of, opened
from model.train.samples import Conversation

OnProgress = Callable[[int, int], None]


def convert(
    source: str,
    out: Path,
    *,
    bits: int,
    vision_bits: int,
    threads: int,
    steps: Sequence[Conversation] = (),
    on_progress: OnProgress | None = None,
) -> Report:
    """
    Args:
        source: as `--model` names it.
        steps: of the user's own trajectories; what they are made of weighs more.

    Raises:
        CheckpointError: see `model.quantized.convert.quantize_folder`.
    """
    torch.set_num_threads(threads)
    folder = weights_folder(source)
    plan = Plan(experts=bits, attention=bits, head=bits, vision=vision_bits)
    products, seen = None, ""
    if steps:
        model = ChatModel.from_pretrained(folder, device="cpu")
        prompts = (model.processor(asked(step), False) for step in steps)
        products = input_products(model.network, prompts)
        digest = hashlib.sha256(repr([(s.system, s.turns) for s in steps]).encode()).hexdigest()
        seen = f"{len(steps)} steps {digest[:16]}"
        del model
    return quantize_folder(
        folder,
        out,
        plan,
        best_kernels(torch.device("cpu")),
        products=products,
        calibrated_on=seen,
        on_progress=on_progress,
    )


def asked(step: Conversation) -> list[Message]:
    """As the network was asked, and its answers."""
    return messages_of(step, [opened(*name) for name in names_of(step)])
