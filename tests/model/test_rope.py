import torch

from model.rope import patch_angles, rotate, text_angles


def test_patches_turn_with_the_column_first_and_the_row_second() -> None:
    angles = patch_angles(2, 3, dim=8)
    assert angles.shape == (6, 4)
    below, beside = angles[3], angles[1]
    assert torch.allclose(beside, torch.tensor([1.0, 0.0, 0.01, 0.0]))
    assert torch.allclose(below, torch.tensor([0.0, 1.0, 0.0, 0.01]))
    assert torch.equal(angles[4], below + beside), "row-major: the fifth is (row 1, column 1)"


def test_angles_stay_exact_where_bfloat16_would_not() -> None:
    angles = text_angles(torch.tensor([131071]), dim=64, theta=800000.0)
    assert angles.dtype == torch.float32
    assert angles[0, 0] == 131071.0


def test_a_rotation_keeps_lengths_and_turns_by_the_angle() -> None:
    x = torch.tensor([[[1.0, 0.0, 0.0, 2.0]]])
    quarter = torch.full((1, 2), torch.pi / 2)
    turned = rotate(x, quarter.cos(), quarter.sin())
    assert torch.allclose(turned, torch.tensor([[[0.0, 1.0, -2.0, 0.0]]]), atol=1e-6)


def test_products_depend_on_the_distance_only() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(1, 1, 8), torch.randn(1, 1, 8)

    def product(at: int, other: int) -> float:
        angles = text_angles(torch.tensor([at, other]), 8, 100.0)
        cos, sin = angles.cos(), angles.sin()
        return float((rotate(query, cos[:1], sin[:1]) * rotate(key, cos[1:], sin[1:])).sum())

    assert abs(product(7, 3) - product(104, 100)) < 1e-4


def test_the_result_has_the_dtype_that_came_in() -> None:
    angles = text_angles(torch.arange(3), 4, 100.0)
    x = torch.ones(3, 2, 4, dtype=torch.bfloat16)
    assert rotate(x, angles.cos(), angles.sin()).dtype == torch.bfloat16
