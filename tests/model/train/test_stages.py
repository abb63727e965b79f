from typing import Any

import pytest

from model.train.stages import Gate, Stage

STAGE: dict[str, Any] = {
    "name": "s",
    "steps": 10,
    "learning_rate": 1.0,
    "warmup_steps": 2,
    "mixture": {"a": 1.0},
}


def rates(start: float = 0.0, **changed: Any) -> list[float]:
    stage = Stage(**STAGE | changed)
    return [round(stage.rate_at(step, start), 4) for step in range(stage.num_steps)]


def test_the_rate_warms_up_stays_and_cools_down() -> None:
    assert rates(cooldown_steps=4) == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]


def test_a_linear_rate_ends_where_it_should() -> None:
    found = rates(schedule="linear", final_rate=0.2)
    assert found[:3] == [0.5, 1.0, 0.9]
    assert found[-1] == 0.2


def test_a_cosine_is_half_way_in_the_middle() -> None:
    found = rates(schedule="cosine", final_rate=0.1, warmup_steps=0)
    assert found[4] == 0.55
    assert found[-1] == 0.1
    assert found == sorted(found, reverse=True)


def test_a_stage_that_continues_rises_from_where_the_last_one_ended() -> None:
    assert rates(0.6, continues=True, steps=3) == [0.8, 1.0, 1.0]
    assert rates(0.6, steps=3) == [0.5, 1.0, 1.0]


def test_a_budget_of_tokens_is_a_number_of_steps() -> None:
    stage = Stage(**STAGE | {"steps": 0, "tokens": 1000, "sequence_length": 64, "batch_size": 4})
    assert stage.num_steps == 4


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 5, "tokens": 100, "sequence_length": 8},
        {"steps": 0, "tokens": 100},
        {"steps": -1},
        {"window": -2},
        {"schedule": "random"},
        {"trains": "head"},
        {"ema_decay": 1.0},
        {"contrast_weight": 1.0},
        {"sharded": True},
        {"sharded": True, "sequence_length": 64, "adapter_rank": 4},
        {"four_bits": True},
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|contrast|see sequence_length"):
        Stage(**STAGE | change)


@pytest.mark.parametrize(
    "gate",
    [
        {"measure": "luck", "at_least": 0.5, "source": "a"},
        {"measure": "exact", "at_least": 1.5, "source": "a"},
        {"measure": "exact", "at_least": 0.5, "source": "a", "rows": 0},
    ],
)
def test_a_gate_that_cannot_be_is_refused(gate: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Gate(**gate)
