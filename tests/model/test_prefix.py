from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from model.generate import Generation, Generator, Shortcuts
from model.kimi_vl import KimiVL
from model.moonvit import Grid
from model.prefix import Prefix, digest_of, keys_of, pictures_from, pictures_of

QUESTION, OTHER = [5, 6, 7, 8, 9, 10], [5, 6, 7, 11, 12]


def ask(generator: Generator, ids: list[int], *pictures: Tensor, count: int = 6) -> Generation:
    """Pictures of the golden checkpoint: patches and grid."""
    pixels, grids = (
        (torch.cat(pictures[::2]), torch.cat(pictures[1::2])) if pictures else (None,) * 2
    )
    with torch.inference_mode():
        return generator.run(torch.tensor([ids]), pixels, grids, max_new_tokens=count)


@contextmanager
def counted(module: torch.nn.Module) -> Iterator[list[int]]:
    """Tokens or patches of every call."""
    calls: list[int] = []
    hook = module.register_forward_pre_hook(
        lambda _module, inputs: calls.append(inputs[0].shape[-2])
    )
    yield calls
    hook.remove()


@pytest.fixture
def picture(golden: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    grids = golden["image_grid_hws"]
    return golden["pixel_values"][: int(grids[0].prod())], grids[:1]


@pytest.fixture
def holes(golden_network: KimiVL, picture: tuple[Tensor, Tensor]) -> list[int]:
    return [golden_network.config.media_placeholder_token_id] * (len(picture[0]) // 4)


def test_a_second_prompt_computes_only_what_is_new(golden_network: KimiVL) -> None:
    generator = Generator(golden_network)
    ask(generator, QUESTION)
    with counted(golden_network.language_model.model.norm) as calls:
        again = ask(generator, OTHER)
    assert again.num_reused == 3
    assert calls[0] == 2
    assert again.token_ids == ask(Generator(golden_network), OTHER).token_ids


def test_what_was_answered_is_kept_for_the_prompt_that_repeats_it(golden_network: KimiVL) -> None:
    generator = Generator(golden_network)
    told = ask(generator, QUESTION).token_ids
    follow_up = [*QUESTION, *told, 20, 21]
    again = ask(generator, follow_up)
    assert again.num_reused == len(QUESTION) + len(told) - 1
    assert again.token_ids == ask(Generator(golden_network), follow_up).token_ids


def test_the_same_prompt_again_computes_its_last_token_and_answers_alike(
    golden_network: KimiVL,
) -> None:
    generator = Generator(golden_network)
    first, second = ask(generator, QUESTION), ask(generator, QUESTION)
    assert second.num_reused == len(QUESTION) - 1
    assert second.token_ids == first.token_ids
    assert second.log_probs == pytest.approx(first.log_probs, abs=1e-5)


def test_another_picture_of_the_same_size_is_not_taken_for_the_last(
    golden_network: KimiVL, picture: tuple[Tensor, Tensor], holes: list[int]
) -> None:
    pixels, grid = picture
    prompt = [5, *holes, 6, 7]
    generator = Generator(golden_network)
    ask(generator, prompt, pixels, grid)
    other = ask(generator, prompt, -pixels, grid)
    assert other.num_reused == 1
    fresh = ask(Generator(golden_network), prompt, -pixels, grid)
    assert other.log_probs == pytest.approx(fresh.log_probs, abs=1e-5)


def test_the_golden_answer_is_the_same_after_a_prompt_that_shares_its_pictures(
    golden_network: KimiVL, golden: dict[str, Tensor]
) -> None:
    pictures = golden["pixel_values"], golden["image_grid_hws"]
    whole = golden["input_ids"][0].tolist()
    generator = Generator(golden_network)
    ask(generator, [*whole[:-3], 7, 8, 9], *pictures)
    made = ask(generator, whole, *pictures, count=24)
    assert made.num_reused == len(whole) - 3
    assert made.token_ids == golden["greedy"].flatten().tolist()
    last = golden["logits"][0, -1].log_softmax(-1)
    assert made.log_probs[0] == pytest.approx(float(last.max()), abs=1e-5)


def test_an_unchanged_picture_is_looked_at_once_wherever_it_stands(
    golden_network: KimiVL, picture: tuple[Tensor, Tensor], holes: list[int]
) -> None:
    generator = Generator(golden_network)
    with counted(golden_network.vision_tower.encoder.final_layernorm) as calls:
        ask(generator, [5, *holes, 6], *picture)
        moved = ask(generator, [5, 9, *holes, 6], *picture)
    assert calls == [len(picture[0])]
    fresh = ask(Generator(golden_network), [5, 9, *holes, 6], *picture)
    assert moved.log_probs == pytest.approx(fresh.log_probs, abs=1e-5)


def test_a_prompt_that_ends_in_a_picture_computes_its_last_token(
    golden_network: KimiVL, picture: tuple[Tensor, Tensor], holes: list[int]
) -> None:
    generator = Generator(golden_network)
    first = ask(generator, [5, *holes], *picture)
    second = ask(generator, [5, *holes], *picture)
    assert second.num_reused == len(holes)
    assert second.token_ids == first.token_ids


def test_what_was_taken_in_before_an_answer_was_interrupted_is_kept(
    golden_network: KimiVL,
) -> None:
    generator = Generator(golden_network)

    def stop(_token_id: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), torch.inference_mode():
        generator.run(torch.tensor([QUESTION]), max_new_tokens=4, on_token=stop)
    again = ask(generator, QUESTION)
    assert again.num_reused == len(QUESTION) - 1
    assert again.token_ids == ask(Generator(golden_network), QUESTION).token_ids


def test_a_prompt_that_was_interrupted_is_computed_from_where_it_parted(
    golden_network: KimiVL,
) -> None:
    generator = Generator(golden_network)
    ask(generator, QUESTION)

    def stop(*_: object) -> None:
        raise InterruptedError

    # In the middle of a pass: some layers have taken the new tokens in, the last has not.
    hook = golden_network.language_model.model.layers[-1].register_forward_pre_hook(stop)
    with pytest.raises(InterruptedError):
        ask(generator, [*QUESTION[:4], 30, 31, 32])
    hook.remove()
    again = ask(generator, [*QUESTION[:4], 33, 34])
    assert again.num_reused == 4
    fresh = ask(Generator(golden_network), [*QUESTION[:4], 33, 34])
    assert again.log_probs == pytest.approx(fresh.log_probs, abs=1e-5)


def test_an_opening_computed_ahead_is_there_when_its_prompt_comes(
    golden_network: KimiVL, picture: tuple[Tensor, Tensor], holes: list[int]
) -> None:
    generator = Generator(golden_network)
    opening = [5, 6, *holes, 7]
    pictures = pictures_of(picture[0], golden_network.grids(picture[1], len(picture[0])))

    def prepare(ids: list[int]) -> int:
        with torch.inference_mode():
            return generator.prepare(torch.tensor([ids]), pictures)

    ask(generator, QUESTION)
    with counted(golden_network.language_model.model.norm) as calls:
        assert prepare(opening) == len(opening) - 2, "its first two tokens were known"
        assert prepare(opening) == 0
        assert prepare([*opening, 8]) == 1
    assert sum(calls) == len(opening) - 1
    # The prompt of before goes on as if nothing had been prepared, then the other one comes.
    assert ask(generator, [*QUESTION, 11]).num_reused == len(QUESTION)
    later = ask(generator, [*opening, 8, 9], *picture)
    assert later.num_reused == len(opening) + 1
    fresh = ask(Generator(golden_network), [*opening, 8, 9], *picture)
    assert later.token_ids == fresh.token_ids
    assert later.log_probs == pytest.approx(fresh.log_probs, abs=1e-5)
    assert ask(generator, [*QUESTION, 11, 12]).num_reused == len(QUESTION) + 1, "both lines live"


def test_without_shortcuts_all_is_computed_anew(
    golden_network: KimiVL, picture: tuple[Tensor, Tensor], holes: list[int]
) -> None:
    bare = Generator(golden_network, shortcuts=Shortcuts(prefix=False, features=False))
    prompt = [5, *holes, 6]
    first = ask(bare, prompt, *picture)
    with counted(golden_network.vision_tower.encoder.final_layernorm) as calls:
        second = ask(bare, prompt, *picture)
    assert (second.num_reused, calls) == (0, [len(picture[0])])
    assert second.token_ids == first.token_ids


def test_only_pictures_that_are_not_in_the_cache_are_wanted() -> None:
    pictures = [("a", 2), ("b", 3)]
    keys = keys_of([1, 99, 99, 2, 99, 99, 99, 3], 99, pictures)
    assert keys == [1, ("a", 0), ("a", 1), 2, ("b", 0), ("b", 1), ("b", 2), 3]
    assert pictures_from(keys, 0, pictures) == ([0, 1], 0)
    assert pictures_from(keys, 4, pictures) == ([1], 0)
    assert pictures_from(keys, 6, pictures) == ([1], 2)
    assert pictures_from(keys, 7, pictures) == ([], 0)


def test_a_digest_tells_grids_of_the_same_patches_apart() -> None:
    pixels = torch.zeros(8, 3, 2, 2)
    assert digest_of(pixels, Grid(2, 4)) != digest_of(pixels, Grid(4, 2))


def test_the_features_of_older_pictures_are_let_go() -> None:
    one = torch.zeros(8)
    prefix = Prefix(1, feature_bytes=4 * one.nbytes + 1)
    made: list[str] = []

    def ask_for(name: str) -> None:
        def encode() -> Tensor:
            made.append(name)
            return one.clone()

        assert prefix.features(name, encode).nbytes == one.nbytes

    for name in "abcdbaf":
        ask_for(name)
    assert made == ["a", "b", "c", "d", "f"]
    ask_for("c")
    assert made[-1] == "c", "f took the place of the one asked for longest ago"
