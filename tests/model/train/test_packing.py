"""Packed into one row, documents learn what they would have learned apart."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.config import KimiVLConfig
from model.images import ImageProcessor
from model.tokenizer import Tokenizer
from model.train.batches import packed, padded
from model.train.documents import Document, Reader
from model.train.initial import random_network
from model.train.objective import Amounts, Losses, Objective
from model.train.samples import Conversation, Label, Turn

PARTS = ("answer", "glyphs", "pointer", "copy")


@pytest.fixture
def documents(tokenizer: Tokenizer, page_picture: Path, characters: list[Label]) -> list[Document]:
    """With a picture, with text alone, with two pictures, with an unlabelled one."""

    def said(*turns: tuple[str, str]) -> tuple[Turn, ...]:
        return tuple(Turn(*turn) for turn in turns)

    page = Conversation(
        system="Look.",
        picture=page_picture,
        turns=said(("Where is kV?", "x=0.70, y=0.46"), ("What is it?", "kV it is")),
    )
    text = Conversation(
        system="s",
        picture=None,
        turns=said(
            ('Say "Vel kV".', "Vel kV"),
        ),
    )
    two = replace(page, earlier=(page_picture,), turns=page.turns[:1])
    read = Reader(tokenizer, ImageProcessor())
    rows = [(page, characters), (text, None), (two, characters), (page, None)]
    return [read(*row) for row in rows]


def objective_of(config: KimiVLConfig) -> Objective:
    torch.manual_seed(0)
    return Objective(random_network(config, seed=3), pointer_layer=1)


def gradients(objective: Objective, losses: Losses) -> dict[str, torch.Tensor]:
    objective.zero_grad()
    sum(getattr(losses, part) for part in PARTS).backward()
    return {
        name: parameter.grad.clone()
        for name, parameter in objective.named_parameters()
        if parameter.grad is not None
    }


def test_the_loss_of_a_packed_row_is_the_sum_of_its_documents_losses(
    small_config: KimiVLConfig, documents: list[Document]
) -> None:
    objective = objective_of(small_config)
    together = Amounts.of(packed(documents))
    whole = objective(packed(documents), together)
    apart = [objective(packed([document]), together) for document in documents]
    for part in (*PARTS, "hits", "tried"):
        total = torch.stack([getattr(losses, part) for losses in apart]).sum(0)
        assert torch.allclose(getattr(whole, part), total, atol=1e-5, rtol=0), part
    assert all(getattr(whole, part) > 0 for part in PARTS)


def test_packed_and_padded_learn_the_same(
    small_config: KimiVLConfig, documents: list[Document]
) -> None:
    objective = objective_of(small_config)
    packs, pads = (objective(lay(documents)) for lay in (packed, padded))
    for part in PARTS:
        assert torch.allclose(getattr(packs, part), getattr(pads, part), atol=1e-5, rtol=0), part
    one, other = (gradients(objective, objective(lay(documents))) for lay in (packed, padded))
    assert one.keys() == other.keys()
    for name, gradient in one.items():
        assert torch.allclose(gradient, other[name], atol=1e-5), name


def test_a_document_does_not_see_the_one_before_it(
    small_config: KimiVLConfig, documents: list[Document]
) -> None:
    network = random_network(small_config, seed=3)
    text, page = documents[1], documents[3]

    def hidden_of_the_last(first: Document) -> torch.Tensor:
        batch = packed([first, text])
        features = None
        if batch.pixel_values is not None:
            patches = network.vision_tower(batch.pixel_values, batch.grids)
            features = network.project(patches, batch.grids)
        embedded = network.merge(batch.input_ids_BT, features)
        return network.hidden(embedded, stretches=batch.stretches)[0, -text.num_tokens :]

    assert torch.allclose(hidden_of_the_last(text), hidden_of_the_last(page), atol=1e-6)


def test_the_last_token_of_a_document_predicts_nothing(documents: list[Document]) -> None:
    batch = packed(documents)
    assert batch.stretches is not None
    ends = torch.tensor([each.length for each in batch.stretches]).cumsum(0) - 1
    assert batch.asked_Q is not None
    assert not torch.isin(batch.asked_Q, ends).any()
    assert int(ends[-1]) + 1 == batch.input_ids_BT.shape[1]


def test_two_halves_of_a_batch_add_up_to_the_whole(
    small_config: KimiVLConfig, documents: list[Document]
) -> None:
    objective = objective_of(small_config)
    over = Amounts.of(padded(documents))
    halves = [objective(padded(half), over) for half in (documents[:2], documents[2:])]
    whole = objective(padded(documents))
    assert torch.allclose(halves[0].answer + halves[1].answer, whole.answer, atol=1e-5)
