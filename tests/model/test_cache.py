import pytest
import torch

from model.cache import LatentCache, causal_mask


def entries(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1)


def test_each_layer_remembers_its_own_tokens_in_order() -> None:
    cache = LatentCache(2)
    cache.append(0, entries(1.0, 2.0))
    cache.append(1, entries(5.0))
    assert cache.append(0, entries(3.0)).flatten().tolist() == [1.0, 2.0, 3.0]
    assert cache.append(1, entries(6.0)).flatten().tolist() == [5.0, 6.0]
    assert cache.length == 3


def test_it_grows_past_the_room_it_made() -> None:
    cache = LatentCache(1)
    for number in range(200):
        held = cache.append(0, entries(float(number)))
    assert held.flatten().tolist() == [float(number) for number in range(200)]


def test_after_a_rewind_the_prefix_is_kept_and_the_rest_replaced() -> None:
    cache = LatentCache(1)
    cache.append(0, entries(1.0, 2.0, 3.0))
    cache.rewind(1)
    assert cache.length == 1
    assert cache.append(0, entries(9.0)).flatten().tolist() == [1.0, 9.0]


@pytest.mark.parametrize("length", [-1, 4])
def test_it_cannot_be_rewound_to_what_it_does_not_hold(length: int) -> None:
    cache = LatentCache(1)
    cache.append(0, entries(1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match="holds 3 tokens"):
        cache.rewind(length)


def test_new_tokens_see_the_past_and_themselves() -> None:
    mask = causal_mask(2, 1, torch.device("cpu"))
    assert mask.tolist() == [[True, True, False], [True, True, True]]
