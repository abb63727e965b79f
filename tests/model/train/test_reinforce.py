"""A tiny policy is rewarded for one of two answers, and comes to prefer it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from model.chat import ChatModel
from model.config import KimiVLConfig
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.messages import ImagePart, Sampling, system, user
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.initial import random_network
from model.train.mirror_descent import by_problem
from model.train.reinforce import Learner, MirrorDescent, reinforce
from model.train.samples import Answer, Attempt
from model.train.vocabulary import write_ranks

LENGTH = 3


@pytest.fixture
def network(small_config: KimiVLConfig) -> KimiVL:
    return random_network(small_config, seed=2)


def tried(
    network: KimiVL,
    tokenizer: Tokenizer,
    picture: Path,
    count: int,
    problem: str = "t/1",
    temperature: float = 1.0,
) -> list[Attempt]:
    """Sampled through the model an agent holds; rewarded for an even first id."""
    chat = ChatModel(network, Processor(tokenizer, ImageProcessor()))
    with Image.open(picture) as opened:
        asked = [system("Look."), user(ImagePart(opened.convert("RGB")), "Where?")]
    found = []
    for seed in range(count):
        sampling = Sampling(temperature=temperature, max_new_tokens=LENGTH, seed=seed)
        made = chat.complete(asked, sampling=sampling)
        answer = Answer(
            system="Look.",
            picture=picture,
            prompt="Where?",
            token_ids=made.token_ids,
            log_probs=made.log_probs,
            num_prompt_tokens=made.num_prompt_tokens,
        )
        reward = float(made.token_ids[0] % 2 == 0)
        found.append(Attempt(problem=problem, task="t", reward=reward, answers=(answer,)))
    return found


def at_problems(attempts: list[Attempt], size: int) -> list[Attempt]:
    """The same, so many at each problem."""
    return [
        replace(attempt, problem=f"t/{number // size}") for number, attempt in enumerate(attempts)
    ]


def test_what_the_log_says_of_an_answer_is_what_learning_computes(
    network: KimiVL, tokenizer: Tokenizer, page_picture: Path
) -> None:
    attempts = tried(network, tokenizer, page_picture, 6)
    learner = Learner(network, tokenizer, MirrorDescent())
    answers = [answer for attempt in attempts for answer in attempt.answers]
    told = learner.log_probs([learner.read.answered(answer) for answer in answers])
    logged = torch.tensor([sum(answer.log_probs) for answer in answers])
    assert torch.allclose(told.detach(), logged, atol=1e-3)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_rewarded_answers_become_likelier(
    network: KimiVL, tokenizer: Tokenizer, page_picture: Path, temperature: float
) -> None:
    before = tried(network, tokenizer, page_picture, 32, temperature=temperature)
    config = MirrorDescent(
        learning_rate=3e-3,
        most_drift=5.0,
        temperature=0.05,
        problems_a_step=1,
        sampling_temperature=temperature,
    )
    for _ in range(2):
        # Each iteration learns from the policy it begins with, with an optimizer of its own.
        attempts = tried(network, tokenizer, page_picture, 32, temperature=temperature)
        told = Learner(network, tokenizer, config).learn(by_problem(at_problems(attempts, 8)))
        assert told["first_drift"] < 1e-2, "its own answers, at the very start"
    after = tried(network, tokenizer, page_picture, 32, temperature=temperature)
    won = [sum(attempt.reward for attempt in attempts) / 32 for attempts in (before, after)]
    assert won[1] > won[0] + 0.15


def test_a_high_temperature_pulls_back_to_where_the_iteration_began(
    network: KimiVL, tokenizer: Tokenizer, page_picture: Path
) -> None:
    attempts = tried(random_network(network.config, seed=5), tokenizer, page_picture, 32)
    answers = [answer for attempt in attempts for answer in attempt.answers]
    began = torch.tensor([sum(answer.log_probs) for answer in answers])
    drifts = []
    for temperature in (0.0, 20.0):
        copy = random_network(network.config, seed=2)
        config = MirrorDescent(learning_rate=1e-3, temperature=temperature, problems_a_step=1)
        learner = Learner(copy, tokenizer, config)
        learner.learn(by_problem(at_problems(attempts, 4)))
        now = learner.log_probs([learner.read.answered(answer) for answer in answers])
        drifts.append(float((now.detach() - began).abs().mean()))
    assert drifts[1] < 0.8 * drifts[0]


def test_what_is_held_is_pulled_back_to_where_practice_began(
    network: KimiVL, tokenizer: Tokenizer, page_picture: Path
) -> None:
    held = tried(random_network(network.config, seed=5), tokenizer, page_picture, 16, "elsewhere")
    answers = [answer for attempt in held for answer in attempt.answers]
    began = torch.tensor([sum(answer.log_probs) for answer in answers])
    attempts = at_problems(tried(network, tokenizer, page_picture, 64), 4)
    drifts = []
    for hold in (0.0, 3.0):
        copy = random_network(network.config, seed=2)
        config = MirrorDescent(learning_rate=1e-3, hold=hold, problems_a_step=1)
        learner = Learner(copy, tokenizer, config)
        learner.learn(by_problem(attempts), held)
        now = learner.log_probs([learner.read.answered(answer) for answer in answers])
        drifts.append(float((now.detach() - began).abs().mean()))
    assert drifts[1] < 0.8 * drifts[0]


def test_an_iteration_leaves_a_checkpoint_that_can_be_tried_again(
    network: KimiVL,
    tokenizer: Tokenizer,
    ranks: dict[bytes, int],
    page_picture: Path,
    tmp_path: Path,
) -> None:
    network.save_pretrained(tmp_path / "init")
    write_ranks(ranks, tmp_path / "init" / "tiktoken.model")
    attempts = tried(network, tokenizer, page_picture, 16)
    told = reinforce(tmp_path / "init", attempts, MirrorDescent(), tmp_path / "one" / "last")
    assert told["problems"] == told["telling"] == 1
    chat = ChatModel.from_pretrained(tmp_path / "one" / "last", dtype=torch.float32)
    moved = chat.network.language_model.lm_head.weight
    assert not torch.equal(moved, network.language_model.lm_head.weight)


def test_attempts_that_are_all_alike_teach_nothing(
    network: KimiVL, tokenizer: Tokenizer, page_picture: Path
) -> None:
    alike = [replace(a, reward=1.0) for a in tried(network, tokenizer, page_picture, 4)]
    with pytest.raises(ValueError, match="equally good"):
        Learner(network, tokenizer, MirrorDescent()).learn(by_problem(alike))


def test_an_answer_to_another_prompt_is_refused(
    network: KimiVL, tokenizer: Tokenizer, page_picture: Path
) -> None:
    [attempt] = tried(network, tokenizer, page_picture, 1)
    wrong = replace(attempt.answers[0], prompt="Where is the button?")
    with pytest.raises(ValueError, match="drawn after"):
        Learner(network, tokenizer, MirrorDescent()).read.answered(wrong)
