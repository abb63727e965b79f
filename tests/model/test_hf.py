"""Through transformers' own doors, without running anything a folder brings along."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

import model.hf  # noqa: F401 (it makes the Auto classes know Kimi-VL)
from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.messages import ImagePart, user
from model.train.initial import random_network
from model.train.vocabulary import write_ranks

CLOSE = 1e-5


@pytest.fixture
def tiny_a(golden_folder: Path) -> Path:
    return golden_folder / "tiny-a"


def difference(one: Tensor, other: Tensor) -> float:
    return float((one.detach() - other.detach()).abs().max())


def test_a_public_folder_is_loaded_and_agrees(tiny_a: Path, golden: dict[str, Tensor]) -> None:
    assert AutoConfig.from_pretrained(tiny_a).sizes == KimiVLConfig.from_folder(tiny_a)
    network = AutoModelForImageTextToText.from_pretrained(tiny_a).eval()
    inputs = {name: golden[name] for name in ("input_ids", "pixel_values", "image_grid_hws")}
    with torch.inference_mode():
        assert difference(network(**inputs).logits, golden["logits"]) < CLOSE


@pytest.mark.parametrize("use_cache", [True, False])
def test_it_generates_the_golden_answer(
    tiny_a: Path, golden: dict[str, Tensor], use_cache: bool
) -> None:
    network = AutoModelForImageTextToText.from_pretrained(tiny_a).eval()
    made = network.generate(
        input_ids=golden["input_ids"],
        attention_mask=torch.ones_like(golden["input_ids"]),
        pixel_values=golden["pixel_values"],
        image_grid_hws=golden["image_grid_hws"],
        max_new_tokens=24,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
        use_cache=use_cache,
    )
    assert made[0, golden["input_ids"].shape[1] :].tolist() == golden["greedy"].flatten().tolist()


def test_a_padded_batch_is_answered_as_its_rows_are_alone(tiny_a: Path) -> None:
    network = AutoModelForImageTextToText.from_pretrained(tiny_a).eval()
    rows = [[5, 6, 7, 8, 9], [11, 12]]
    ids = torch.tensor([rows[0], [0, 0, 0, *rows[1]]])
    mask = torch.tensor([[1] * 5, [0, 0, 0, 1, 1]])
    settings = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    made = network.generate(input_ids=ids, attention_mask=mask, **settings)
    for row, answer in zip(rows, made[:, 5:].tolist(), strict=True):
        alone = network.generate(input_ids=torch.tensor([row]), **settings)
        assert answer == alone[0, len(row) :].tolist()


def test_what_it_saves_is_the_public_layout_to_the_bit(tiny_a: Path, tmp_path: Path) -> None:
    network = AutoModelForImageTextToText.from_pretrained(tiny_a)
    network.save_pretrained(tmp_path)
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_a, tmp_path))
    before = {name: tensor for name, tensor in before.items() if "inv_freq" not in name}
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor), name
    ours = KimiVL.from_pretrained(tmp_path, dtype=torch.float32)
    assert ours.config == KimiVLConfig.from_folder(tiny_a)


def test_half_precision_keeps_the_balance_of_the_experts(tiny_a: Path) -> None:
    network = AutoModelForImageTextToText.from_pretrained(tiny_a, dtype=torch.bfloat16)
    state = network.state_dict()
    assert state["language_model.lm_head.weight"].dtype == torch.bfloat16
    name = "language_model.model.layers.1.mlp.gate.e_score_correction_bias"
    assert torch.equal(state[name], load_file(tiny_a / "model.safetensors")[name].float())


def test_lora_learns_an_answer_and_can_be_merged(tiny_a: Path) -> None:
    torch.manual_seed(0)
    network = AutoModelForImageTextToText.from_pretrained(tiny_a)
    names = [name for name, _ in network.named_parameters()]
    assert len(names) == len(set(names))
    tuned = get_peft_model(
        network, LoraConfig(r=4, target_modules=["q_proj", "kv_b_proj", "o_proj", "lm_head"])
    )
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])
    learner = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=0.1)
    losses = []
    for _ in range(40):
        loss = tuned(input_ids=ids, labels=ids).loss
        loss.backward()
        learner.step()
        learner.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2
    with torch.inference_mode():
        apart = tuned.eval()(input_ids=ids).logits
        merged = tuned.merge_and_unload()(input_ids=ids).logits
    assert difference(apart, merged) < 1e-4


def test_a_processor_makes_what_our_own_does(
    small_config: KimiVLConfig, ranks: dict[bytes, int], tmp_path: Path
) -> None:
    random_network(small_config, seed=0).save_pretrained(tmp_path)
    write_ranks(ranks, tmp_path / "tiktoken.model")
    processor = AutoProcessor.from_pretrained(tmp_path)
    picture = Image.new("RGB", (30, 40), "teal")
    parts = [{"type": "image", "image": picture}, {"type": "text", "text": "Why? <|im_end|>"}]
    one, other = [{"role": "user", "content": parts}], [{"role": "user", "content": "No."}]
    batch = processor.apply_chat_template([one, other])
    ours = processor.inner([user(ImagePart(picture), "Why? <|im_end|>")])
    assert torch.equal(batch["input_ids"][:1], ours.input_ids)
    assert torch.equal(batch["pixel_values"], ours.pixel_values)
    assert batch["attention_mask"][1].tolist() == sorted(batch["attention_mask"][1].tolist())
    network = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    made = network.generate(**batch, max_new_tokens=3, do_sample=False)
    assert len(processor.batch_decode(made)) == 2


def test_a_part_that_is_neither_is_refused(
    small_config: KimiVLConfig, ranks: dict[bytes, int], tmp_path: Path
) -> None:
    random_network(small_config, seed=0).save_pretrained(tmp_path)
    write_ranks(ranks, tmp_path / "tiktoken.model")
    processor = AutoProcessor.from_pretrained(tmp_path)
    asked = [{"role": "user", "content": [{"type": "image", "image": "http://a/b.png"}]}]
    with pytest.raises(ValueError, match="expected a text or a PIL image"):
        processor.apply_chat_template(asked)
