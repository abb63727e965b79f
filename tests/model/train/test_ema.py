import torch

from model.train.ema import RunningMean


def test_the_mean_trails_the_weights_and_leaves_them_alone() -> None:
    weight = torch.zeros(1)
    mean = RunningMean({"w": weight}, decay=0.9)
    for _ in range(50):
        weight += 1
        mean.add({"w": weight})
    with mean.in_place_of({"w": weight}):
        assert 30 < weight.item() < 48
    assert weight.item() == 50


def test_a_mean_read_back_goes_on_to_the_same_bits() -> None:
    weight = torch.randn(4)
    first = RunningMean({"w": weight}, decay=0.5)
    first.add({"w": weight * 2})
    second = RunningMean({"w": torch.zeros(4)}, decay=0.5)
    second.load_state(first.state(), {"w": torch.zeros(4)})
    for mean in (first, second):
        mean.add({"w": weight * 3})
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state().values(), second.state().values(), strict=True)
    )


def test_without_a_decay_nothing_is_kept() -> None:
    mean = RunningMean({"w": torch.ones(1)}, decay=0.0)
    mean.add({"w": torch.ones(1)})
    assert mean.state() == {}
