import torch

from model.config import KimiVLConfig
from model.train.initial import random_network


def test_the_seed_decides_every_weight_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    one = random_network(KimiVLConfig.tiny(), seed=1).state_dict()
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))
    again = random_network(KimiVLConfig.tiny(), seed=1).state_dict()
    other = random_network(KimiVLConfig.tiny(), seed=2).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in one.items())
    head = "language_model.lm_head.weight"
    assert not torch.equal(other[head], one[head])


def test_norms_begin_at_one_and_biases_at_nought() -> None:
    state = random_network(KimiVLConfig.tiny(), seed=1).state_dict()
    for name, tensor in state.items():
        if tensor.ndim == 1:
            is_scale = "norm" in name and name.endswith("weight")
            assert (tensor == (1.0 if is_scale else 0.0)).all(), name
        else:
            assert 0.001 < float(tensor.std()) < 0.03, name
