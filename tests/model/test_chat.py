from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from PIL import Image

from model.chat import ChatModel
from model.config import KimiVLConfig
from model.errors import CheckpointError
from model.gpu.fuse import fused
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.messages import Completion, ImagePart, Sampling, user
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.initial import random_network
from model.train.vocabulary import write_ranks


def parrot(config: KimiVLConfig, tokenizer: Tokenizer, ids: list[int]) -> ChatModel:
    """Answers with these ids, whatever it is asked: each token (once only) calls the next.

    Nothing but the embedding reaches the head, and the head turns one into the next.
    """
    network = random_network(config, seed=0).eval()
    start = tokenizer.special["<|im_middle|>"]
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight", "embed_tokens.weight")):
                parameter.zero_()
        network.language_model.lm_head.weight.zero_()
        for place, (token_id, successor) in enumerate(pairwise([start, *ids])):
            network.language_model.model.embed_tokens.weight[token_id, place] = 1.0
            network.language_model.lm_head.weight[successor, place] = 1.0
    return ChatModel(network, Processor(tokenizer, ImageProcessor()))


def answer(model: ChatModel, count: int = 40) -> tuple[Completion, list[str]]:
    pieces: list[str] = []
    asked = [user(ImagePart(Image.new("RGB", (28, 28))), "Say it.")]
    sampling = Sampling(max_new_tokens=count)
    return model.complete(asked, sampling=sampling, on_text=pieces.append), pieces


def test_the_answer_is_the_text_without_its_end_token(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    end = tokenizer.special["<|im_end|>"]
    ids = [*tokenizer.encode("Where to?"), end]
    completion, pieces = answer(parrot(small_config, tokenizer, ids))
    assert completion.text == "Where to?"
    assert completion.token_ids == tuple(ids)
    assert len(completion.log_probs) == len(ids)
    assert completion.finished
    assert "".join(pieces) == "Where to?"
    assert completion.num_prompt_tokens > 10
    assert completion.seconds.keys() == {"vision", "prefill", "decode"}


def test_an_answer_cut_off_is_not_finished(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    ids = tokenizer.encode("Where to?")
    completion, _ = answer(parrot(small_config, tokenizer, ids), count=1)
    assert completion.text == tokenizer.decode(ids[:1])
    assert not completion.finished


def test_half_a_character_is_never_told(small_config: KimiVLConfig, tokenizer: Tokenizer) -> None:
    ids = [*"é→😀".encode(), tokenizer.special["<|im_end|>"]]
    assert len(set(ids)) == len(ids), "the parrot says each token once"
    completion, pieces = answer(parrot(small_config, tokenizer, ids))
    assert pieces == ["é", "→", "😀"]
    assert completion.text == "é→😀"


def test_bytes_that_are_no_character_are_told_as_such(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    ids = [0xFF, ord("a"), tokenizer.special["[EOS]"]]
    completion, pieces = answer(parrot(small_config, tokenizer, ids))
    assert pieces == ["�", "a"]
    assert completion.text == "�a"


def test_a_picture_seen_before_is_neither_cut_nor_looked_at_again(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    seen: list[int] = []
    network = random_network(small_config, seed=0).eval()
    network.vision_tower.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    model = ChatModel(network, Processor(tokenizer, ImageProcessor()))
    screen, other = (Image.new("RGB", size, "navy") for size in ((56, 28), (28, 28)))
    sampling = Sampling(max_new_tokens=1)
    model.complete([user("What?", ImagePart(screen))], sampling=sampling)
    # Where it stands now nothing of the old prompt is left but the picture.
    asked = [user(ImagePart(other), ImagePart(screen.copy()), "And now?")]
    again = model.complete(asked, sampling=sampling)
    assert seen == [8, 4]
    fresh = ChatModel(network, model.processor).complete(asked, sampling=sampling)
    assert again.token_ids == fresh.token_ids
    assert again.log_probs == pytest.approx(fresh.log_probs, abs=1e-5)


def test_the_form_for_a_card_is_asked_in_its_own_way_and_answers_alike(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    network = random_network(small_config, seed=0).eval()
    processor = Processor(tokenizer, ImageProcessor())
    plain = answer(ChatModel(network, processor), count=12)[0]
    on_card = fused(deepcopy(network), torch.device("cpu"), 16)
    again = answer(ChatModel(on_card, processor), count=12)[0]
    assert again.token_ids == plain.token_ids
    assert again.log_probs == pytest.approx(plain.log_probs, abs=1e-4)


def test_what_was_prepared_is_told_with_the_next_answer(
    small_config: KimiVLConfig, tokenizer: Tokenizer
) -> None:
    model = parrot(small_config, tokenizer, tokenizer.encode("ab"))
    opening = [user(ImagePart(Image.new("RGB", (28, 28))), "An opening.")]
    model.prepare(opening)
    first = model.complete([*opening, user("Go.")], sampling=Sampling(max_new_tokens=1))
    assert first.num_reused_tokens == first.num_prepared_tokens > 10
    assert first.seconds["ahead"] > 0
    second = model.complete([*opening, user("On.")], sampling=Sampling(max_new_tokens=1))
    assert second.num_prepared_tokens == 0
    assert "ahead" not in second.seconds


def test_a_folder_is_opened_with_its_tokenizer_and_picture_limit(
    small_config: KimiVLConfig, ranks: dict[bytes, int], tmp_path: Path
) -> None:
    config = replace(small_config, in_token_limit=16)
    random_network(config, seed=0).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no tokenizer"):
        ChatModel.from_pretrained(tmp_path)
    write_ranks(ranks, tmp_path / "tiktoken.model")
    model = ChatModel.from_pretrained(tmp_path)
    assert isinstance(model.network, KimiVL)
    assert model.processor.images.in_token_limit == 16
    assert model.processor.tokenizer.vocab_size == config.text.vocab_size
    completion, _ = answer(model, count=2)
    assert len(completion.token_ids) <= 2
