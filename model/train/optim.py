"""How the weights move: Muon for the matrices inside, AdamW for the rest, in float32.

The network computes in bfloat16; the optimizer keeps float32 masters, because a step of
a thousandth of a weight is lost in 8 bits of mantissa. Muon's update is scaled to the
size of an AdamW update ("Muon is scalable", arXiv 2502.16982), so both share one
learning rate. Orthogonalising every matrix is a large part of a small network's step,
so replicas share that work: each moves its own matrices and tells the others.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from model.moe import Router, Routes
from model.train.replicas import Replicas

MATRICES_INSIDE = (
    "wqkv.weight",
    "wo.weight",
    "fc0.weight",
    "fc1.weight",
    "linear_1.weight",
    "linear_2.weight",
    "_proj.weight",
    "kv_a_proj_with_mqa.weight",
)
"""Ends of the names of what Muon moves; embeddings, head, router, patches and norms are AdamW's."""


MOMENTUM = "momentum_buffer"
"""What `torch.optim.Muon` calls its only state."""


class MasterOptimizer:
    """Steps float32 copies of the trainable parameters and writes them back."""

    def __init__(
        self, network: nn.Module, *, weight_decay: float, replicas: Replicas | None = None
    ) -> None:
        self._replicas = replicas or Replicas(0, 1)
        self.live = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.masters = {
            name: parameter.detach().float().clone().requires_grad_()
            for name, parameter in self.live.items()
        }
        self._matrices = {
            name: master
            for name, master in self.masters.items()
            if master.ndim == 2 and name.endswith(MATRICES_INSIDE)
        }
        self._own = self._share_of(self._matrices)
        others = [m for name, m in self.masters.items() if name not in self._matrices]
        # Adapters are AdamW's, so that there may be no matrix for Muon: a group may be empty.
        self._muon = torch.optim.Muon(
            [{"params": list(self._own.values())}],
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adamw = torch.optim.AdamW(
            [
                {"params": [m for m in others if m.ndim > 1], "weight_decay": weight_decay},
                {"params": [m for m in others if m.ndim <= 1], "weight_decay": 0.0},
            ],
            betas=(0.9, 0.95),
        )

    def step(self, learning_rate: float, *, max_norm: float = 1.0) -> float:
        """Use and clear the gradients; returns their norm before clipping."""
        for name, parameter in self.live.items():
            grad = parameter.grad
            self.masters[name].grad = None if grad is None else grad.float()
            parameter.grad = None
        norm = nn.utils.clip_grad_norm_(self.masters.values(), max_norm)
        for optimizer in (self._muon, self._adamw):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
        self._tell_others(self._matrices)
        with torch.no_grad():
            for name, parameter in self.live.items():
                parameter.copy_(self.masters[name])
        return float(norm)

    def _share_of(self, matrices: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """This replica's: the largest first, each to whoever has least to do."""
        loads = [0] * self._replicas.size
        own = {}
        for name, master in sorted(matrices.items(), key=lambda item: -item[1].numel()):
            owner = loads.index(min(loads))
            loads[owner] += master.numel()
            if owner == self._replicas.rank:
                own[name] = master
        return own

    @torch.no_grad()
    def _tell_others(self, tensors: Mapping[str, Tensor]) -> None:
        """Overwrite what is not this replica's with what its owner holds."""
        if self._replicas.size == 1:
            return
        flat = torch.cat(
            [
                tensor.flatten() if name in self._own else tensor.new_zeros(tensor.numel())
                for name, tensor in tensors.items()
            ]
        )
        self._replicas.add_up(flat)
        parts = flat.split([tensor.numel() for tensor in tensors.values()])
        for (name, tensor), part in zip(tensors.items(), parts, strict=True):
            if name not in self._own:
                tensor.copy_(part.view_as(tensor))

    def state(self) -> dict[str, Tensor]:
        """Every number the next step depends on, as flat names; all replicas ask together."""
        return dict(self._tensors())

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Continue where `state()` was taken, to the same bits."""
        self.load_momenta(state)
        with torch.no_grad():
            for name, master in self.masters.items():
                master.copy_(state[f"{name}/master"])
                self.live[name].copy_(master)

    def load_momenta(self, state: dict[str, Tensor]) -> None:
        """What the optimizers remember of the weights that are here too; not the weights."""
        names = {id(master): name for name, master in self.masters.items()}
        for optimizer in (self._muon, self._adamw):
            for group in optimizer.param_groups:
                for master in group["params"]:
                    prefix = f"{names[id(master)]}/"
                    kept = {
                        key.removeprefix(prefix): value
                        for key, value in state.items()
                        if key.startswith(prefix) and not key.endswith("/master")
                    }
                    # As the optimizers keep them: beside the weights, only the counts at hand.
                    optimizer.state[master] = {
                        key: value.clone() if key == "step" else value.to(master, copy=True)
                        for key, value in kept.items()
                    }

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        momenta = {
            name: self._muon.state.get(master, {}).get(MOMENTUM, torch.zeros_like(master))
            for name, master in self._matrices.items()
        }
        self._tell_others(momenta)
        for name, master in self.masters.items():
            yield f"{name}/master", master.detach()
            if name in momenta:
                yield f"{name}/{MOMENTUM}", momenta[name]
            for key, value in self._adamw.state.get(master, {}).items():
                yield f"{name}/{key}", value


class ExpertBalance:
    """Moves each router's bias toward the experts that got fewer tokens than their share.

    Counted is the work that is done: what the conversations of a pack begin with alike counts once,
    and in the last layer only what something is learned after.
    """

    def __init__(self, network: nn.Module, rate: float, replicas: Replicas | None = None) -> None:
        self.replicas = replicas or Replicas(0, 1)
        self.rate = rate
        self._routers = [module for module in network.modules() if isinstance(module, Router)]
        self._counts = {
            router: torch.zeros(len(router.weight), device=router.weight.device)
            for router in self._routers
        }
        for router in self._routers:
            router.register_forward_hook(self._count)

    def _count(self, router: Router, _inputs: tuple[Tensor, ...], routes: Routes) -> None:
        counts = self._counts[router]
        counts += routes.experts_TK.flatten().bincount(minlength=len(counts))

    def step(self) -> float:
        """Nudge and forget the counts; returns the largest share over the fair share."""
        worst = 1.0
        for router, counts in self._counts.items():
            self.replicas.add_up(counts)
            total = counts.sum()
            if total > 0:
                fair = total / len(counts)
                nudge = (fair - counts).sign()
                router.e_score_correction_bias += self.rate * (nudge - nudge.mean())
                worst = max(worst, float(counts.max() / fair))
            counts.zero_()
        return worst
