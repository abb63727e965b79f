import torch

from model.attention import attend


def test_both_ways_of_attending_agree() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 8) for _ in range(3))
    visible = torch.ones(5, 5, dtype=torch.bool).tril()
    with torch.inference_mode():
        fused = attend(query, key, value, scale=0.4, visible_QK=visible)
    by_hand = attend(query.requires_grad_(), key, value, scale=0.4, visible_QK=visible)
    assert by_hand.requires_grad
    assert torch.allclose(fused, by_hand, atol=1e-6)


def test_what_is_not_visible_does_not_count() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 1, 2, 4) for _ in range(3))
    visible = torch.tensor([[True, False], [True, True]])
    mixed = attend(query, key, value, scale=1.0, visible_QK=visible)
    assert torch.allclose(mixed[0, 0, 0], value[0, 0, 0])
