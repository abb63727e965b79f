import torch

from model.config import KimiVLConfig
from model.moe import MixtureOfExperts, Router


def router(num_experts: int = 8, top_k: int = 3) -> Router:
    torch.manual_seed(0)
    made = Router(16, num_experts, top_k, scale=2.446)
    torch.nn.init.normal_(made.weight)
    return made


def test_the_weights_of_a_token_sum_to_the_scale() -> None:
    routes = router()(torch.randn(50, 16))
    assert torch.allclose(routes.weights_TK.sum(-1), torch.full((50,), 2.446))


def test_the_bias_moves_the_choice_but_not_the_weights() -> None:
    # With all experts chosen, the choice cannot move.
    made, x = router(num_experts=4, top_k=4), torch.randn(20, 16)

    def by_expert() -> torch.Tensor:
        routes = made(x)
        return torch.zeros(20, 4).scatter(1, routes.experts_TK, routes.weights_TK)

    before = by_expert()
    made.e_score_correction_bias += torch.randn(4)
    assert torch.allclose(by_expert(), before)


def test_the_bias_decides_who_is_chosen() -> None:
    made, x = router(), torch.randn(20, 16)
    made.e_score_correction_bias[5] = 10.0
    assert (made(x).experts_TK == 5).any(-1).all()


def test_scores_are_float32_whatever_the_network_computes_in() -> None:
    made, x = router().to(torch.bfloat16), torch.randn(4, 16, dtype=torch.bfloat16)
    assert made(x).weights_TK.dtype == torch.float32


def experts() -> MixtureOfExperts:
    torch.manual_seed(2)
    made = MixtureOfExperts(KimiVLConfig.tiny().text)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made


def test_each_token_is_the_weighted_sum_of_its_own_experts() -> None:
    made, x = experts(), torch.randn(1, 12, 64)
    routes = made.gate(x[0])
    for token in range(12):
        expected = made.shared_experts(x[0, token])
        for weight, expert in zip(
            routes.weights_TK[token], routes.experts_TK[token].tolist(), strict=True
        ):
            expected = expected + weight * made.experts[expert](x[0, token])
        assert torch.allclose(made(x)[0, token], expected, atol=1e-5)


def test_a_token_alone_is_computed_as_among_others() -> None:
    made, x = experts(), torch.randn(1, 12, 64)
    with torch.inference_mode():
        together = made(x)
        alone = torch.cat([made(x[:, i : i + 1]) for i in range(12)], dim=1)
    assert torch.allclose(alone, together, atol=1e-5)


def test_the_dtype_that_came_in_goes_out() -> None:
    made = experts().to(torch.bfloat16)
    for length in (1, 5):
        x = torch.randn(1, length, 64, dtype=torch.bfloat16)
        assert made(x).dtype == torch.bfloat16
