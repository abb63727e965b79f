import math

import pytest
import torch
from torch import Tensor

from model.errors import PromptTooLong
from model.generate import Generator, Shortcuts
from model.kimi_vl import KimiVL

PROMPT = torch.tensor([[5, 6, 7]])


def greedy(network: KimiVL, count: int = 6) -> list[int]:
    with torch.inference_mode():
        return Generator(network).run(PROMPT, max_new_tokens=count).token_ids


def test_each_token_is_the_likeliest_after_those_before_it(golden_network: KimiVL) -> None:
    ids = PROMPT
    for token_id in greedy(golden_network):
        with torch.inference_mode():
            logits = golden_network(ids)
        assert token_id == int(logits[0, -1].argmax())
        ids = torch.cat((ids, torch.tensor([[token_id]])), dim=1)


@pytest.mark.parametrize("share", [0, 3, 24], ids=["wrong", "half right", "right"])
def test_guesses_change_the_passes_and_not_the_answer(
    golden_network: KimiVL, golden: dict[str, Tensor], share: int
) -> None:
    plain = golden["greedy"].flatten().tolist()
    prompt = golden["input_ids"]
    familiar = [*prompt[0, -3:].tolist(), *plain[:share], *[400] * 9]
    passes: list[int] = []
    hook = golden_network.language_model.lm_head.register_forward_pre_hook(
        lambda _module, inputs: passes.append(len(inputs[0]))
    )
    with torch.inference_mode():
        made = Generator(golden_network).run(
            prompt,
            golden["pixel_values"],
            golden["image_grid_hws"],
            max_new_tokens=24,
            familiar_ids=familiar,
        )
    hook.remove()
    assert made.token_ids == plain
    assert len(passes) < 8 if share == 24 else len(passes) <= 24


@pytest.mark.parametrize("temperature", [0.0, 1.0, 3.0])
def test_an_answer_is_the_same_with_and_without_guesses(
    golden_network: KimiVL, temperature: float
) -> None:
    """Sampled ones too: what is drawn decides whether a guess was right, not the other way."""

    def answers(shortcuts: Shortcuts) -> tuple[list[list[int]], int, int]:
        generator = Generator(golden_network, shortcuts=shortcuts)
        made = []
        with torch.inference_mode():
            for seed in (1, 2, 1, 3, 1):
                made.append(
                    generator.run(PROMPT, max_new_tokens=24, temperature=temperature, seed=seed % 3)
                )
        return (
            [one.token_ids for one in made],
            sum(one.num_right for one in made),
            sum(one.num_passes for one in made),
        )

    guessed, num_right, num_passes = answers(Shortcuts())
    plain, none_right, all_passes = answers(Shortcuts(guesses=False))
    assert guessed == plain
    assert (none_right, all_passes) == (0, 5 * 23)
    assert num_right > 5, "the same question was asked with the same seed"
    assert num_passes <= all_passes - num_right + 5, "but for what was guessed past the end"


def test_log_probabilities_are_the_same_where_guesses_were_right(golden_network: KimiVL) -> None:
    plain = greedy(golden_network, 12)
    familiar = [*PROMPT[0].tolist(), *plain]
    with torch.inference_mode():
        made = Generator(golden_network).run(PROMPT, max_new_tokens=12, familiar_ids=familiar)
        ids = torch.cat((PROMPT, torch.tensor([plain])), dim=1)
        log_probs = golden_network(ids).log_softmax(-1)[0]
    assert made.token_ids == plain
    for place, (token_id, log_prob) in enumerate(zip(plain, made.log_probs, strict=True)):
        assert math.isclose(log_prob, float(log_probs[2 + place, token_id]), abs_tol=1e-4)


def test_a_stop_among_the_guesses_ends_the_answer_there(golden_network: KimiVL) -> None:
    plain = greedy(golden_network, 8)
    stop = plain[1]
    familiar = [*PROMPT[0].tolist(), *plain]
    with torch.inference_mode():
        made = Generator(golden_network).run(
            PROMPT, max_new_tokens=8, stop_ids=(stop,), familiar_ids=familiar
        )
    assert made.token_ids == plain[: plain.index(stop) + 1]
    assert made.stopped


def test_it_stops_at_a_stop_id_and_says_so(golden_network: KimiVL) -> None:
    whole = greedy(golden_network)
    stop = whole[3]
    with torch.inference_mode():
        made = Generator(golden_network).run(PROMPT, max_new_tokens=6, stop_ids=(stop,))
    assert made.token_ids == whole[: whole.index(stop) + 1]
    assert made.stopped


def test_cut_off_is_not_stopped(golden_network: KimiVL) -> None:
    with torch.inference_mode():
        made = Generator(golden_network).run(PROMPT, max_new_tokens=2, stop_ids=(511,))
    assert len(made.token_ids) == len(made.log_probs) == 2
    assert not made.stopped
    assert made.seconds.keys() == {"vision", "prefill", "decode"}


def test_log_probabilities_are_those_of_the_whole_text(golden_network: KimiVL) -> None:
    with torch.inference_mode():
        made = Generator(golden_network).run(PROMPT, max_new_tokens=5, temperature=1.5, seed=1)
        ids = torch.cat((PROMPT, torch.tensor([made.token_ids])), dim=1)
        log_probs = golden_network(ids).log_softmax(-1)[0]
    expected = sum(float(log_probs[2 + i, token]) for i, token in enumerate(made.token_ids))
    assert math.isclose(sum(made.log_probs), expected, abs_tol=1e-4)


def test_a_seed_repeats_what_was_sampled(golden_network: KimiVL) -> None:
    def sampled(seed: int) -> list[int]:
        with torch.inference_mode():
            return (
                Generator(golden_network)
                .run(PROMPT, max_new_tokens=8, temperature=2.0, seed=seed)
                .token_ids
            )

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


def test_every_token_is_told_as_it_comes(golden_network: KimiVL) -> None:
    told: list[int] = []
    with torch.inference_mode():
        made = Generator(golden_network).run(PROMPT, max_new_tokens=4, on_token=told.append)
    assert told == made.token_ids


def test_what_the_listener_raises_ends_it(golden_network: KimiVL) -> None:
    def stop(_token_id: int) -> None:
        raise InterruptedError

    with torch.inference_mode(), pytest.raises(InterruptedError):
        Generator(golden_network).run(PROMPT, max_new_tokens=4, on_token=stop)


def test_more_tokens_than_positions_are_refused(golden_network: KimiVL) -> None:
    with pytest.raises(PromptTooLong, match="3 prompt tokens and 510 new ones"):
        Generator(golden_network).run(PROMPT, max_new_tokens=510)


def test_one_prompt_at_a_time(golden_network: KimiVL) -> None:
    with pytest.raises(ValueError, match="a batch of 2"):
        Generator(golden_network).run(PROMPT.repeat(2, 1), max_new_tokens=1)


def test_the_picture_counts(golden_network: KimiVL, golden: dict[str, Tensor]) -> None:
    def answer(pixels: Tensor) -> list[int]:
        return golden_network.generate(
            golden["input_ids"], pixels, golden["image_grid_hws"], max_new_tokens=8
        ).tolist()

    assert answer(golden["pixel_values"]) != answer(-torch.ones_like(golden["pixel_values"]))


@pytest.mark.parametrize("chunk", [1, 7, 40])
def test_a_prompt_taken_in_by_chunks_is_answered_alike(
    golden_network: KimiVL, golden: dict[str, Tensor], chunk: int
) -> None:
    """Chunks end in the middle of both pictures."""
    assert golden["input_ids"].shape[1] > chunk
    with torch.inference_mode():
        made = Generator(golden_network, prefill_chunk=chunk).run(
            golden["input_ids"],
            golden["pixel_values"],
            golden["image_grid_hws"],
            max_new_tokens=24,
        )
    assert made.token_ids == golden["greedy"].flatten().tolist()
    last = golden["logits"][0, -1].log_softmax(-1)
    assert math.isclose(made.log_probs[0], float(last.max()), abs_tol=1e-5)
