from dataclasses import replace

import pytest
import torch

from model.chat import ChatModel
from model.config import KimiVLConfig
from model.constrain import Guide
from model.images import ImageProcessor
from model.messages import Completion, Constraint, Sampling, user
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.initial import random_network

DIGITS = Constraint(
    grammar='start: "(" /[0-9]/ ", and that is all of it)"', openings=("## Code:\n", "Action")
)


def follow(guide: Guide, tokenizer: Tokenizer, text: str) -> None:
    for token_id in tokenizer.encode(text):
        guide.accept(token_id)


def allowed(guide: Guide, tokenizer: Tokenizer) -> set[str]:
    logits = guide.masked(torch.zeros(tokenizer.vocab_size))
    return {tokenizer.decode([int(n)]) for n in (logits == 0).nonzero()}


def answer(config: KimiVLConfig, tokenizer: Tokenizer, sampling: Sampling) -> Completion:
    """Of a network with random weights, which would never write a grammar's text by itself."""
    network = random_network(replace(config), seed=1).eval()
    model = ChatModel(network, Processor(tokenizer, ImageProcessor()))
    return model.complete([user("Go.")], sampling=sampling)


def test_it_begins_to_hold_at_an_opening_and_ends_with_its_grammar(tokenizer: Tokenizer) -> None:
    guide = Guide(DIGITS, tokenizer)
    follow(guide, tokenizer, "A thought (of 12).\n## Code:")
    assert not guide.holds
    assert len(allowed(guide, tokenizer)) > 300
    follow(guide, tokenizer, "\n")
    assert guide.holds
    assert allowed(guide, tokenizer) == {"("}
    follow(guide, tokenizer, "(")
    assert allowed(guide, tokenizer) == set("0123456789")
    follow(guide, tokenizer, "7, and that is all of it)")
    assert not guide.holds
    assert len(allowed(guide, tokenizer)) > 300


def test_it_holds_again_at_the_next_opening(tokenizer: Tokenizer) -> None:
    guide = Guide(DIGITS, tokenizer)
    follow(guide, tokenizer, "Action(7, and that is all of it) then Action")
    assert guide.holds


def test_a_thought_is_never_touched(tokenizer: Tokenizer) -> None:
    guide = Guide(DIGITS, tokenizer)
    follow(guide, tokenizer, "◁think▷Say Action")
    assert not guide.holds
    follow(guide, tokenizer, " or not.◁/think▷ Action")
    assert guide.holds


def test_what_has_no_choice_is_forced(tokenizer: Tokenizer) -> None:
    guide = Guide(DIGITS, tokenizer)
    assert guide.forced() == []
    follow(guide, tokenizer, "Action(7")
    assert ", and that is all of it".startswith(tokenizer.decode(guide.forced())[:20])
    assert len(guide.forced()) > 5


def test_a_text_that_is_no_grammar_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="no grammar"):
        Guide(Constraint(grammar="start: (", openings=("a",)), tokenizer)


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_network_writes_what_the_grammar_lets_it(
    small_config: KimiVLConfig, tokenizer: Tokenizer, temperature: float
) -> None:
    everywhere = replace(DIGITS, openings=("",))
    sampling = Sampling(max_new_tokens=200, temperature=temperature, seed=3, constraint=everywhere)
    plain = answer(small_config, tokenizer, replace(sampling, constraint=None))
    made = answer(small_config, tokenizer, sampling)
    first = tokenizer.decode(made.token_ids[:1])
    assert first == tokenizer.decode(plain.token_ids[:1]), "free until the opening"
    constrained = made.text.removeprefix(first)
    assert constrained[0] == "("
    assert constrained[1].isdecimal()
    assert constrained[2:].startswith(", and that is all of it)")
    assert len(made.log_probs) == len(made.token_ids)


def test_forced_tokens_cost_no_pass_of_their_own(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    network = random_network(small_config, seed=1).eval()
    passes: list[int] = []
    network.language_model.lm_head.register_forward_pre_hook(
        lambda _module, inputs: passes.append(len(inputs[0]))
    )
    model = ChatModel(network, Processor(tokenizer, ImageProcessor()))
    everywhere = replace(DIGITS, openings=("",))
    count = 3 + len(tokenizer.encode(", and that is all of it)"))
    sampling = Sampling(max_new_tokens=count, constraint=everywhere)
    made = model.complete([user("Go.")], sampling=sampling)
    assert made.text.endswith("that is all of it)")
    assert len(passes) <= 6 < count


def test_an_answer_without_an_opening_is_what_it_was(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    never = replace(DIGITS, openings=("no network says this",))
    free, held = (
        answer(small_config, tokenizer, Sampling(max_new_tokens=30, constraint=constraint))
        for constraint in (None, never)
    )
    assert held.token_ids == free.token_ids
