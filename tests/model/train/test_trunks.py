"""What documents of a pack begin with alike is computed once, and learned as if it were not."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from model.config import KimiVLConfig
from model.images import ImageProcessor
from model.tokenizer import Tokenizer
from model.train.batches import MOST_SHARED, packed
from model.train.documents import Document, Reader
from model.train.initial import random_network
from model.train.objective import Amounts, Objective
from model.train.samples import Conversation, Demonstration, Label, Recalled, Turn
from model.train.sources import TOGETHER, DemonstrationSource

PARTS = ("answer", "glyphs", "pointer", "copy")
OPENING = "You are a GUI agent. Answer with one action at a time, and say why you chose it."


@pytest.fixture
def screens(tmp_path: Path) -> list[Path]:
    """Six pictures of two sizes, each another."""
    paths = []
    for number in range(6):
        picture = Image.new("RGB", ((56, 56), (84, 56))[number % 2], "white")
        ImageDraw.Draw(picture).rectangle((5 * number, 8, 5 * number + 20, 30), fill="navy")
        paths.append(tmp_path / f"{number}.png")
        picture.save(paths[-1])
    return paths


def episode(screens: Sequence[Path], num_shown: int, task: str = "write") -> list[Conversation]:
    """A step for each screen, its prompt with as many earlier ones as the style shows."""
    steps = []
    for number, screen in enumerate(screens):
        shown = range(max(0, number - num_shown + 1), number)
        history = [Recalled(screens[each], f"# Step {each}:\nI clicked.") for each in shown]
        if number >= num_shown:
            history.insert(0, Recalled(None, f"# Step {number - num_shown}:\nLong ago."))
        turn = Turn("Write the minutes. What is next?", f"click(x=0.{20 + number}, y=0.30)")
        steps.append(
            Conversation(
                system=OPENING, history=tuple(history), picture=screen, turns=(turn,), source=task
            )
        )
    return steps


Lay = Callable[[Sequence[Conversation]], list[Document]]


@pytest.fixture
def lay(tokenizer: Tokenizer, characters: list[Label]) -> Lay:
    read = Reader(tokenizer, ImageProcessor())

    def read_all(conversations: Sequence[Conversation]) -> list[Document]:
        return [read(each, characters if each.picture else None) for each in conversations]

    return read_all


def said_twice(screens: Sequence[Path]) -> list[Conversation]:
    """Two rounds about one screen, of which one or both are learned; and the first all alone."""
    first, other = Turn("Read it aloud.", "Vel kV"), Turn("Where is kV?", "x=0.70, y=0.46")
    both = Conversation(system=OPENING, picture=screens[0], turns=(first, other))
    corrected = replace(first, answer="Vel kV, it says")
    return [both, replace(both, turns=(first,)), replace(both, turns=(corrected,)), both]


CASES: dict[str, Callable[[list[Path]], list[Conversation]]] = {
    "each prompt begins with the one before it": lambda screens: episode(screens, 6),
    "screens slide": lambda screens: episode(screens, 2),
    "two episodes, mixed": lambda screens: [
        *itertools.chain(*zip(episode(screens[:4], 4), episode(screens[2:], 4), strict=True)),
    ],
    "answers in the trunk": said_twice,
    "with text alone between": lambda screens: [
        *episode(screens[:2], 2),
        Conversation(system="s", picture=None, turns=(Turn('Say "kV".', "kV"),)),
        *episode(screens[:3], 3),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradients_are_those_of_the_rows_apart(
    case: str, small_config: KimiVLConfig, screens: list[Path], lay: Lay
) -> None:
    documents = lay(CASES[case](screens))
    torch.manual_seed(0)
    objective = Objective(random_network(small_config, seed=3), pointer_layer=1)
    together = packed(documents)
    assert together.input_ids_BT.shape[1] < 0.8 * together.num_tokens
    over = Amounts.of(together)
    apart = [packed([document], shares=False) for document in documents]
    in_all = [sum(parts) for parts in zip(*map(Amounts.of, apart), strict=True)]
    assert over[:-1] == pytest.approx(in_all[:-1])
    whole = objective(together, over)
    sum(getattr(whole, part) for part in PARTS).backward()
    found = {n: p.grad.clone() for n, p in objective.named_parameters() if p.grad is not None}
    objective.zero_grad()
    each = [objective(batch, over) for batch in apart]
    sum(getattr(losses, part) for losses in each for part in PARTS).backward()
    for part in (*PARTS, "hits", "tried"):
        total = torch.stack([getattr(losses, part) for losses in each]).sum(0)
        assert torch.allclose(getattr(whole, part), total, atol=1e-5, rtol=0), part
    assert whole.answer > 0
    for name, parameter in objective.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(found[name], parameter.grad, atol=1e-5), name


def test_where_nothing_is_shared_all_is_as_without_sharing(
    small_config: KimiVLConfig, screens: list[Path], lay: Lay
) -> None:
    steps = [replace(step, system=str(n)) for n, step in enumerate(episode(screens[:3], 1))]
    documents = lay(steps)
    objective = Objective(random_network(small_config, seed=3), pointer_layer=1)
    shared, apart = packed(documents), packed(documents, shares=False)
    assert torch.equal(shared.input_ids_BT, apart.input_ids_BT)
    assert shared.stretches == apart.stretches
    for one, other in zip(objective(shared), objective(apart), strict=True):
        assert torch.equal(one, other)


def test_a_picture_is_there_once_wherever_it_stands(screens: list[Path], lay: Lay) -> None:
    sliding = packed(lay(episode(screens, 2)))
    assert len(sliding.grids) == len(screens)
    assert sorted(set(sliding.shown)) == list(range(6))
    assert len(sliding.shown) > 6, "shown again where other words came before it"
    assert len(sliding.uses) == 11


def test_a_document_that_is_all_of_another_has_nothing_of_its_own(
    screens: list[Path], lay: Lay
) -> None:
    first, *_ = lay(episode(screens[:1], 1))
    batch = packed([first, first])
    assert batch.input_ids_BT.shape[1] == first.num_tokens
    assert batch.num_tokens == 2 * first.num_tokens
    endless = packed(itertools.repeat(first), num_tokens=2 * first.num_tokens)
    assert endless.num_tokens == 2 * MOST_SHARED * first.num_tokens


def test_what_is_told_of_earlier_steps_is_not_learned(
    tokenizer: Tokenizer, screens: list[Path], lay: Lay
) -> None:
    batch = packed(lay(episode(screens, 6)[-1:]))
    assert tokenizer.decode(batch.learned.targets_P.tolist()) == "click(x=0.25, y=0.30)<|im_end|>"
    assert len(batch.shown) == 6
    assert {look.row for look in batch.looks} == {0}


def test_steps_that_tell_of_others_are_drawn_in_a_row_and_all_as_often(
    screens: list[Path],
) -> None:
    steps = [*episode(screens, 6), *episode(screens[:3], 6, "read")]
    source = DemonstrationSource(
        [Demonstration(conversation=step, labels=None) for step in steps], num_questions=1
    )
    rows = source.one_after_another(random.Random(0))
    drawn = [next(rows)[0] for _ in range(TOGETHER)]
    numbers = [steps.index(each) for each in drawn]
    length = 6 if numbers[0] < 6 else 3
    assert all((b - a) % length == 1 for a, b in itertools.pairwise(numbers))
    alone = DemonstrationSource(
        [
            Demonstration(conversation=replace(step, history=()), labels=None)
            for step in episode(screens, 6)
        ],
        num_questions=1,
    )
    ours = alone.one_after_another(random.Random(1))
    orders = [tuple(next(ours)[0].turns[0].answer for _ in range(3)) for _ in range(60)]
    assert len(set(orders)) > 30, "nothing to share: each is drawn by itself"
