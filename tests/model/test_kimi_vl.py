"""Against the public implementation, number by number, and against the public checkpoint's list."""

import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from model.config import KimiVLConfig, TextConfig, VisionConfig
from model.errors import ImageRefused
from model.images import ImageProcessor
from model.kimi_vl import KimiVL

CLOSE = 1e-5


def largest_difference(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one.detach() - other).abs().max())


def test_pictures_are_cut_as_the_public_processor_cuts_them(
    golden_folder: Path, golden: dict[str, Tensor]
) -> None:
    pictures = [Image.open(golden_folder / "tiny-a" / f"image_{n}.png") for n in range(2)]
    patches = ImageProcessor(4096)(pictures)
    assert torch.equal(patches.pixel_values, golden["pixel_values"])
    assert torch.equal(patches.image_grid_hws, golden["image_grid_hws"])


def test_features_of_every_picture_agree(golden_network: KimiVL, golden: dict[str, Tensor]) -> None:
    grids = golden_network.grids(golden["image_grid_hws"], len(golden["pixel_values"]))
    patches = golden_network.vision_tower(golden["pixel_values"], grids)
    merged = golden_network.vision_tower.merged(patches, grids)
    expected = torch.cat([golden["vision_features_0"], golden["vision_features_1"]])
    assert largest_difference(merged, expected) < CLOSE
    projected = golden_network.encode_images(golden["pixel_values"], golden["image_grid_hws"])
    assert largest_difference(projected, golden["projected"]) < CLOSE


def test_every_layer_and_the_logits_agree(
    golden_network: KimiVL, golden: dict[str, Tensor]
) -> None:
    transformer = golden_network.language_model.model
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
        for layer in transformer.layers
    ]
    hooks.append(transformer.norm.register_forward_hook(lambda _m, _i, out: seen.append(out)))
    with torch.inference_mode():
        logits = golden_network(
            golden["input_ids"], golden["pixel_values"], golden["image_grid_hws"]
        )
    for hook in hooks:
        hook.remove()
    for number, hidden in enumerate(seen):
        assert largest_difference(hidden, golden[f"hidden_{number}"]) < CLOSE, number
    assert len(seen) == len(transformer.layers) + 1
    assert logits.dtype == torch.float32
    assert largest_difference(logits, golden["logits"]) < CLOSE


def test_gradients_or_none_the_numbers_are_the_same(
    golden_network: KimiVL, golden: dict[str, Tensor]
) -> None:
    # Attention is written twice, for training and for use.
    logits = golden_network(golden["input_ids"], golden["pixel_values"], golden["image_grid_hws"])
    assert logits.requires_grad
    assert largest_difference(logits, golden["logits"]) < CLOSE


def test_greedy_answers_are_the_public_ones(
    golden_network: KimiVL, golden: dict[str, Tensor]
) -> None:
    ids = golden_network.generate(
        golden["input_ids"], golden["pixel_values"], golden["image_grid_hws"], max_new_tokens=24
    )
    assert ids.tolist() == golden["greedy"].reshape(1, -1).tolist()


def test_the_full_size_has_the_public_parameters_name_by_name(golden_folder: Path) -> None:
    with torch.device("meta"):
        network = KimiVL(KimiVLConfig(vision=VisionConfig(), text=TextConfig()))
    found: dict[tuple[str, str], int] = {}
    for name, tensor in network.state_dict().items():
        key = (re.sub(r"\.\d+(?=\.)", ".{}", name), str(list(tensor.shape)))
        found[key] = found.get(key, 0) + 1
    lines = (golden_folder / "a3b_parameters.tsv").read_text().splitlines()
    expected = {(name, shape): int(n) for name, shape, n in (line.split("\t") for line in lines)}
    assert found == expected
    assert len(network.state_dict()) == 5652
    assert sum(tensor.numel() for tensor in network.state_dict().values()) == 16_407_656_048


@pytest.mark.parametrize("num_placeholders", [0, 5, 7])
def test_placeholders_and_picture_tokens_must_be_as_many(
    golden_network: KimiVL, num_placeholders: int
) -> None:
    patches = ImageProcessor()([Image.new("RGB", (84, 56))])
    ids = torch.tensor([[1, *[500] * num_placeholders, 3]])
    with pytest.raises(ImageRefused, match=f"{num_placeholders} picture placeholders"):
        golden_network(ids, *patches)


def test_placeholders_without_a_picture_are_refused(golden_network: KimiVL) -> None:
    with pytest.raises(ImageRefused, match="1 picture placeholders"):
        golden_network(torch.tensor([[1, 500, 3]]))


@pytest.mark.parametrize(
    ("grid", "num_patches"), [((3, 2), 6), ((0, 2), 0), ((2, 512), 1024), ((2, 2), 5)]
)
def test_a_grid_that_cannot_be_is_refused(
    golden_network: KimiVL, grid: tuple[int, int], num_patches: int
) -> None:
    with pytest.raises(ImageRefused):
        golden_network.encode_images(torch.zeros(num_patches, 3, 14, 14), torch.tensor([grid]))


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_of_a_batch_has_the_logits_it_has_alone(
    golden_network: KimiVL, golden: dict[str, Tensor], side: str
) -> None:
    whole = golden["input_ids"]
    short = torch.tensor([[5, 6, 7, 8]])
    padding = torch.zeros(1, whole.shape[1] - 4, dtype=torch.int64)
    parts = [padding, short] if side == "left" else [short, padding]
    mask = torch.cat(
        [torch.zeros_like(padding), torch.ones_like(short)][:: 1 if side == "left" else -1], 1
    )
    logits = golden_network(
        torch.cat([whole, torch.cat(parts, dim=1)]),
        golden["pixel_values"],
        golden["image_grid_hws"],
        attention_mask=torch.cat([torch.ones_like(whole), mask]),
    )
    assert largest_difference(logits[:1], golden["logits"]) < CLOSE
    assert largest_difference(logits[1][mask[0].bool()], golden_network(short)[0].detach()) < CLOSE


def test_in_half_precision_the_logits_point_the_same_way(
    golden_folder: Path, golden: dict[str, Tensor]
) -> None:
    network = KimiVL.from_pretrained(golden_folder / "tiny-a", dtype=torch.bfloat16)
    with torch.inference_mode():
        logits = network(golden["input_ids"], golden["pixel_values"], golden["image_grid_hws"])
    cosine = torch.nn.functional.cosine_similarity(logits.flatten(), golden["logits"].flatten(), 0)
    assert float(cosine) >= 0.999
