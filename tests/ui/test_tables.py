import io

from rich.console import Console

from model.messages import Completion
from ui.tables import SHOWN_FROM_BYTES, completion_line, loading


def shown(num_bytes: int) -> str:
    screen = io.StringIO()
    with loading(Console(file=screen, force_terminal=True, width=100)) as tell:
        tell(num_bytes // 2, num_bytes)
        tell(num_bytes, num_bytes)
    return screen.getvalue()


def test_large_weights_have_a_bar_and_small_ones_none() -> None:
    assert "weights" in shown(2 * SHOWN_FROM_BYTES)
    assert "weights" not in shown(SHOWN_FROM_BYTES - 1)


def test_what_an_answer_cost_is_told_in_rates() -> None:
    completion = Completion(
        text="",
        token_ids=tuple(range(20)),
        num_prompt_tokens=300,
        num_reused_tokens=100,
        seconds={"vision": 0.25, "prefill": 0.5, "decode": 2.0},
    )
    line = completion_line(completion)
    assert "300 prompt tokens at 400/s, 20 new ones at 10/s, 0.25 s of looking" in line


def test_what_a_server_does_not_tell_is_not_made_up() -> None:
    assert "? " in completion_line(Completion(text="")).replace("?/s", "? /s")
