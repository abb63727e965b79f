from importlib.util import find_spec
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from model.attention import Stretch, attend, attend_packed, attend_stretches, flash_attention


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


def flash_stand_in(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
) -> Tensor:
    """What flash-attn's kernel for packs promises, by its own signature, with plain products."""
    assert cu_seqlens_q.dtype == cu_seqlens_k.dtype == torch.int32
    assert dropout_p == 0.0
    assert not causal
    assert softmax_scale is not None
    bounds = cu_seqlens_q.tolist()
    assert max_seqlen_q == max_seqlen_k == max(b - a for a, b in pairwise(bounds))
    packs = []
    for start, end in pairwise(bounds):
        scores = torch.einsum("qhd,khd->hqk", q[start:end], k[start:end]) * softmax_scale
        packs.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), v[start:end]))
    return torch.cat(packs)


@pytest.mark.parametrize("sizes", [[5], [4, 4, 4], [7, 3, 3, 9]])
def test_packed_pictures_are_mixed_alike_with_and_without_a_kernel_for_packs(
    sizes: list[int],
) -> None:
    query, key, value = torch.randn(3, sum(sizes), 2, 8, generator=torch.manual_seed(0))
    one_by_one = attend_packed(query, key, value, sizes, scale=0.3)
    packed = attend_packed(query, key, value, sizes, scale=0.3, kernel=flash_stand_in)
    assert torch.allclose(one_by_one, packed, atol=1e-6)


def test_nothing_crosses_from_one_picture_to_the_next() -> None:
    query, key, value = torch.randn(3, 10, 2, 8, generator=torch.manual_seed(0))
    before = attend_packed(query, key, value, [4, 6], scale=0.3)
    value[:4] += 100
    after = attend_packed(query, key, value, [4, 6], scale=0.3)
    assert torch.equal(before[4:], after[4:])
    assert not torch.equal(before[:4], after[:4])


@pytest.mark.skipif(find_spec("flash_attn") is not None, reason="flash-attn is installed")
def test_without_flash_attn_there_is_no_kernel() -> None:
    assert flash_attention() is None


def test_a_stretch_sees_its_past_and_itself_in_every_way_of_computing_it() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 2, 308, 8, requires_grad=True) for _ in range(3))
    whole = (query, key, value)
    # Longer than a block; and the last goes on from tokens of both.
    stretches = (Stretch(300), Stretch(5), Stretch(3, ((0, 270), (1, 2))))

    def mixed(most_kept: int) -> Tensor:
        return attend_stretches(query, key, value, stretches, scale=0.3, most_kept=most_kept)

    kept, again = mixed(10**6), mixed(2)
    assert torch.equal(kept, again)
    with torch.inference_mode():
        assert torch.allclose(mixed(2), kept, atol=1e-6)
    found = [torch.autograd.grad(each.square().sum(), whole) for each in (kept, again)]
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    for seen in (range(300), range(300, 305), [*range(270), 300, 301, 305, 306, 307]):
        places = list(seen)
        visible = torch.ones(len(places), len(places), dtype=torch.bool).tril()
        parts = (part[:, :, places] for part in whole)
        alone = attend(*parts, scale=0.3, visible_QK=visible)
        assert torch.allclose(kept[:, :, places[-3:]], alone[:, :, -3:], atol=1e-6)
