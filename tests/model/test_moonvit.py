import torch
from torch import Tensor

from model.kimi_vl import KimiVL
from model.moonvit import Grid, LearnedPositions


def pixels(grid: Grid, seed: int) -> Tensor:
    return torch.randn(grid.num_patches, 3, 14, 14, generator=torch.Generator().manual_seed(seed))


def test_what_a_picture_shows_does_not_depend_on_its_neighbours(golden_network: KimiVL) -> None:
    # Two of one size share a product, the third does not.
    grids = [Grid(4, 6), Grid(4, 6), Grid(2, 8)]
    pictures = [pixels(grid, seed) for seed, grid in enumerate(grids)]
    tower = golden_network.vision_tower
    with torch.inference_mode():
        together = tower(torch.cat(pictures), grids).split([grid.num_patches for grid in grids])
        for picture, grid, features in zip(pictures, grids, together, strict=True):
            assert torch.allclose(tower(picture, [grid]), features, atol=1e-5)


def test_grids_of_as_many_patches_but_another_shape_are_kept_apart(golden_network: KimiVL) -> None:
    grids = [Grid(2, 6), Grid(6, 2)]
    pictures = [pixels(grid, seed) for seed, grid in enumerate(grids)]
    tower = golden_network.vision_tower
    with torch.inference_mode():
        together = tower(torch.cat(pictures), grids).split(12)
        for picture, grid, features in zip(pictures, grids, together, strict=True):
            assert torch.allclose(tower(picture, [grid]), features, atol=1e-5)


def test_groups_are_two_by_two_read_like_text(golden_network: KimiVL) -> None:
    numbers = torch.arange(4 * 6.0).reshape(24, 1)
    groups = golden_network.vision_tower.merged(numbers, [Grid(4, 6)])
    assert groups.shape == (6, 4, 1)
    assert groups[0].flatten().tolist() == [0, 1, 6, 7]
    assert groups[1].flatten().tolist() == [2, 3, 8, 9]
    assert groups[3].flatten().tolist() == [12, 13, 18, 19]


def test_at_the_tables_own_size_positions_are_the_table() -> None:
    table = LearnedPositions(4, 6, 5)
    torch.nn.init.normal_(table.weight)
    assert torch.equal(table([Grid(4, 6)]), table.weight.flatten(0, 1))


def test_a_patch_moved_to_another_place_looks_different(golden_network: KimiVL) -> None:
    grid = Grid(2, 2)
    same = pixels(Grid(1, 1), 0).expand(4, -1, -1, -1)
    with torch.inference_mode():
        features = golden_network.vision_tower(same, [grid])
    assert not torch.allclose(features[0], features[1], atol=1e-3)
    assert not torch.allclose(features[1], features[2], atol=1e-3)
