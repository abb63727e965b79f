"""What fewer bits change of the shipped network's answers, on screens like those it learned from.

Its answers in float32 are read by the same network in 8 and in 4 bits; agreement is how often the
next token is the same. `benchmarks/quantized.py` does so on real episodes.
"""

from itertools import product
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from model.chat import ChatModel
from model.messages import ImagePart, Message, Sampling, system, user
from model.processor import ModelInput
from model.quantized.kit import convert
from model.shelf import NANO_WEIGHTS

WORDS = ("Submit", "Ok", "Cancel", "yes")
PLACES = ((20, 70), (60, 120), (90, 170))


def asked(word: str, place: tuple[int, int]) -> list[Message]:
    """A button on a page of MiniWoB++'s size, its instruction above."""
    instruction = f'Click on the "{word}" button.'
    screen = Image.new("RGB", (160, 210), "white")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 160, 50), fill="yellow")
    draw.text((3, 3), instruction, fill="black")
    draw.rectangle((*place, place[0] + 50, place[1] + 20), fill="lightgray", outline="gray")
    draw.text((place[0] + 6, place[1] + 4), word, fill="black")
    text = f"# Task Instruction:\n{instruction}\n"
    return [system("You are a GUI agent."), user(ImagePart(screen), text)]


@pytest.fixture(scope="module")
def answered() -> list[tuple[ModelInput, int, torch.Tensor]]:
    """Prompt and answer, where the answer begins, and the answer."""
    exact = ChatModel.from_pretrained(NANO_WEIGHTS, torch.float32)
    found = []
    for word, place in product(WORDS, PLACES):
        messages = asked(word, place)
        answer = exact.complete(messages, sampling=Sampling(max_new_tokens=70)).token_ids
        prompt = exact.processor(messages)
        start = prompt.input_ids.shape[1]
        ids = torch.cat((prompt.input_ids, torch.tensor([answer])), dim=1)
        whole = ModelInput(ids, prompt.pixel_values, prompt.image_grid_hws)
        found.append((whole, start, torch.tensor(answer)))
    return found


@pytest.mark.parametrize(("bits", "least"), [(8, 0.99), (4, 0.95)])
def test_the_next_token_is_seldom_another(
    answered: list[tuple[ModelInput, int, torch.Tensor]], tmp_path: Path, bits: int, least: float
) -> None:
    convert("nano", tmp_path / "made", bits=bits, vision_bits=16, threads=1)
    network = ChatModel.from_pretrained(tmp_path / "made").network
    same = []
    with torch.inference_mode():
        for whole, start, answer in answered:
            logits = network(whole.input_ids, whole.pixel_values, whole.image_grid_hws)
            same.append(logits[0, start - 1 : -1].argmax(-1) == answer)
    assert len(torch.cat(same)) > 300
    assert torch.cat(same).float().mean() >= least
