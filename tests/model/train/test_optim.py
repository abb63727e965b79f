import multiprocessing
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import nn

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.moe import Router
from model.train.initial import random_network
from model.train.optim import ExpertBalance, MasterOptimizer
from model.train.replicas import Replicas


def named(optimizer: MasterOptimizer, which: torch.optim.Optimizer) -> set[str]:
    names = {id(master): name for name, master in optimizer.masters.items()}
    return {names[id(master)] for group in which.param_groups for master in group["params"]}


def test_muon_moves_the_matrices_inside_and_adamw_the_rest() -> None:
    network = random_network(KimiVLConfig.tiny(), seed=0)
    optimizer = MasterOptimizer(network, weight_decay=0.1)
    muon, adamw = named(optimizer, optimizer._muon), named(optimizer, optimizer._adamw)
    assert muon | adamw == {name for name, _ in network.named_parameters()}
    assert not muon & adamw
    layer = "language_model.model.layers.1."
    assert muon >= {
        "vision_tower.encoder.blocks.0.wqkv.weight",
        "vision_tower.encoder.blocks.0.mlp.fc1.weight",
        "multi_modal_projector.linear_1.weight",
        layer + "self_attn.kv_a_proj_with_mqa.weight",
        layer + "self_attn.o_proj.weight",
        layer + "mlp.experts.0.gate_proj.weight",
        layer + "mlp.shared_experts.down_proj.weight",
    }
    assert adamw >= {
        "language_model.lm_head.weight",
        "language_model.model.embed_tokens.weight",
        "vision_tower.patch_embed.proj.weight",
        "vision_tower.patch_embed.pos_emb.weight",
        "vision_tower.encoder.blocks.0.wqkv.bias",
        layer + "mlp.gate.weight",
        layer + "input_layernorm.weight",
    }


class Two(nn.Module):
    """One matrix for each optimizer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up_proj = nn.Linear(4, 6, dtype=torch.bfloat16)
        self.head = nn.Linear(6, 3, dtype=torch.bfloat16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.up_proj(x))


def descend(network: Two, optimizer: MasterOptimizer, steps: range, rate: float = 0.01) -> None:
    for step in steps:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step)).bfloat16()
        network(x).square().mean().backward()
        optimizer.step(rate)


def test_a_state_read_back_goes_on_to_the_same_bits() -> None:
    straight = Two()
    descend(straight, MasterOptimizer(straight, weight_decay=0.1), range(8))

    first = Two()
    optimizer = MasterOptimizer(first, weight_decay=0.1)
    descend(first, optimizer, range(5))
    state = {name: tensor.clone() for name, tensor in optimizer.state().items()}

    second = Two()
    resumed = MasterOptimizer(second, weight_decay=0.1)
    resumed.load_state(state)
    descend(second, resumed, range(5, 8))
    for name, tensor in straight.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor), name


def _one_of_two(rank: int, folder: Path) -> None:
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    network = random_network(KimiVLConfig.tiny(), seed=0)
    optimizer = MasterOptimizer(network, weight_decay=0.1, replicas=Replicas(rank, 2))
    _move(network, optimizer)
    save_file(optimizer.state(), folder / f"{rank}.safetensors")
    dist.destroy_process_group()


def _move(network: nn.Module, optimizer: MasterOptimizer) -> None:
    for seed in range(2):
        noise = torch.Generator().manual_seed(seed)
        for parameter in network.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=noise)
        optimizer.step(0.01)


def test_two_replicas_that_share_the_matrices_move_them_as_one_would(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_one_of_two, args=(rank, tmp_path)) for rank in range(2)]
    for process in processes:
        process.start()
    network = random_network(KimiVLConfig.tiny(), seed=0)
    alone = MasterOptimizer(network, weight_decay=0.1)
    _move(network, alone)
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    for rank in range(2):
        shared = load_file(tmp_path / f"{rank}.safetensors")
        assert shared.keys() == alone.state().keys()
        for name, tensor in alone.state().items():
            assert torch.equal(shared[name], tensor), name


def test_steps_too_small_for_bfloat16_add_up() -> None:
    network = Two()
    before = network.head.weight.detach().clone()
    optimizer = MasterOptimizer(network, weight_decay=0.0)
    descend(network, optimizer, range(1), rate=1e-5)
    few = int((network.head.weight != before).sum())
    descend(network, optimizer, range(1, 200), rate=1e-5)
    assert few < 6
    assert int((network.head.weight != before).sum()) > 12


def test_what_is_frozen_does_not_move() -> None:
    network = Two()
    network.head.requires_grad_(False)
    before = network.head.weight.detach().clone()
    descend(network, MasterOptimizer(network, weight_decay=0.5), range(3))
    assert torch.equal(network.head.weight, before)


def test_gradients_are_cut_to_the_norm_and_cleared() -> None:
    network = Two()
    optimizer = MasterOptimizer(network, weight_decay=0.0)
    (network(torch.full((1, 4), 1000.0).bfloat16()).sum() * 1000).backward()
    assert optimizer.step(0.0) > 1000.0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_bias_moves_toward_experts_that_starve() -> None:
    router = Router(4, num_experts=4, top_k=1, scale=1.0)
    with torch.no_grad():
        router.weight.zero_()
        router.weight[2] = 5.0
    balance = ExpertBalance(router, rate=0.1)
    router(torch.ones(12, 4))
    assert balance.step() == 4.0
    bias = router.e_score_correction_bias
    assert bias[2] < 0 < bias[0]
    assert torch.allclose(bias.sum(), torch.zeros(()), atol=1e-6)
    before = bias.clone()
    assert balance.step() == 1.0, "nothing was routed since"
    assert torch.equal(bias, before)


def test_starving_experts_are_chosen_in_the_end() -> None:
    router = Router(4, num_experts=4, top_k=1, scale=1.0)
    with torch.no_grad():
        router.weight.normal_(std=0.02)
        router.weight[2] += 0.5
    balance = ExpertBalance(router, rate=0.02)
    x = torch.randn(256, 4, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.5
    busiest = []
    for _ in range(60):
        router(x)
        busiest.append(balance.step())
    assert busiest[0] > 3.5
    assert min(busiest[30:]) < 2.5


def test_every_router_of_a_network_is_balanced() -> None:
    network = KimiVL(KimiVLConfig.tiny())
    balance = ExpertBalance(network, rate=0.01)
    assert len(balance._routers) == 2


def test_momenta_lie_where_the_weights_do_and_counts_at_hand() -> None:
    """A stage that goes on where another ended reads its momenta from a file, onto a card too."""
    network = Two()
    optimizer = MasterOptimizer(network, weight_decay=0.1)
    descend(network, optimizer, range(1))
    elsewhere = MasterOptimizer(Two().to("meta"), weight_decay=0.1)
    elsewhere.load_momenta(optimizer.state())
    for kind in (elsewhere._muon, elsewhere._adamw):
        for state in kind.state.values():
            assert {key: value.device.type for key, value in state.items()} == {
                key: "cpu" if key == "step" else "meta" for key in state
            }
