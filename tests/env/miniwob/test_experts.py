import pytest

from env.actions import Action, Click, Drag, Keys, Point, TypeText
from env.browser import BrowserDesktop
from env.desktop import wait_until_settled
from env.errors import UnknownTask
from env.miniwob.check import MAX_STEPS, run_expert
from env.miniwob.experts.registry import Move, expert_for, expert_tasks
from env.miniwob.experts.sight import find, find_all
from env.miniwob.page import PIX2ACT_59, TASKS, MiniWobPage

SAMPLE = (
    *("click-link", "click-checkboxes-soft", "click-tab-2-hard", "click-shape", "count-sides"),
    *("enter-text-2", "simple-algebra", "enter-time", "use-slider", "right-angle"),
    *("drag-items-grid", "resize-textarea", "navigate-tree", "email-inbox-delete"),
)


def finish(desktop: BrowserDesktop, page: MiniWobPage) -> float:
    """Let the expert go on from the state the page is in; the raw reward."""
    assert page.task is not None
    expert = expert_for(page.task)
    for _ in range(MAX_STEPS):
        if page.is_over():
            break
        desktop.perform(expert(page).action)
    return page.outcome().raw_reward


def next_move(page: MiniWobPage) -> Move:
    assert page.task is not None
    return expert_for(page.task)(page)


def test_every_task_of_the_evaluation_set_has_an_expert() -> None:
    assert set(PIX2ACT_59) <= set(expert_tasks()) <= set(TASKS)


def test_a_task_without_an_expert_is_answered_with_near_names() -> None:
    with pytest.raises(UnknownTask, match="click-button"):
        expert_for("click-buton")


@pytest.mark.parametrize("task", SAMPLE)
def test_an_expert_solves_its_task(task: str, desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open(task)
    episodes = [run_expert(desktop, page, seed) for seed in (101, 102, 103)]
    assert [episode.note for episode in episodes] == [""] * 3
    assert all(episode.reward > 0.8 for episode in episodes)


def test_a_move_says_what_it_does_and_where(page: MiniWobPage) -> None:
    page.open("click-test-2")
    page.reset(7)
    move = next_move(page)
    assert move.words == 'Click the "ONE" button.'
    assert isinstance(move.action, Click)
    assert move.target is not None
    assert move.target.left <= move.action.at.x < move.target.right
    assert move.target.top <= move.action.at.y < move.target.bottom


def test_asking_twice_gives_the_same_move(page: MiniWobPage) -> None:
    page.open("click-shades")
    page.reset(7)
    assert next_move(page) == next_move(page)


def test_a_wrong_checkbox_is_unchecked(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("click-checkboxes-transfer")
    page.reset(11)
    wanted = page.instruction.removeprefix("Select ").removesuffix(" and click Submit.").split(", ")
    labels = find_all(page, "#area label")
    wrong = next(n for n, label in enumerate(labels) if label.text not in wanted)
    at = find_all(page, "#area input[type=checkbox]")[wrong].at
    assert at is not None
    desktop.perform(Click(at))
    assert finish(desktop, page) == 1


def test_a_wrong_text_is_replaced(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("enter-text-2")
    page.reset(11)
    mistakes: tuple[Action, ...] = (Click(at_of(page, "#tt")), TypeText("wrong"))
    for mistake in mistakes:
        desktop.perform(mistake)
    assert next_move(page).action == Keys(("ctrl", "a"))
    assert finish(desktop, page) == 1


def test_a_date_begun_in_the_wrong_part_is_begun_again(
    desktop: BrowserDesktop, page: MiniWobPage
) -> None:
    page.open("enter-date")
    page.reset(11)
    desktop.perform(Click(Point(45, 73)))  # the day
    desktop.perform(TypeText("0305"))
    assert finish(desktop, page) == 1


def test_a_wrong_day_is_chosen_anew(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("choose-date-nodelay")
    page.reset(12)
    desktop.perform(Click(at_of(page, "#datepicker")))
    desktop.perform(Click(at_of(page, ".ui-datepicker-calendar td a")))
    assert find(page, "#datepicker").value
    assert finish(desktop, page) == 1


def test_a_slider_past_its_mark_comes_back(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("use-slider")
    page.reset(13)
    desktop.perform(Click(at_of(page, ".ui-slider-handle")))
    desktop.perform(Keys(("right",), presses=9))
    assert finish(desktop, page) == 1


def test_a_box_dropped_short_is_dragged_on(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("drag-box")
    page.reset(14)
    small = at_of(page, "#draggableSmall")
    desktop.perform(Drag(small, Point(12, 70)))
    assert finish(desktop, page) == 1


def test_a_wrong_email_is_closed(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("email-inbox-important")
    page.reset(15)
    senders = find_all(page, "#main .email-sender")
    wrong = next(sender for sender in senders if sender.text not in page.instruction)
    assert wrong.at is not None
    desktop.perform(Click(wrong.at))
    # The mail slides in; on a busy machine it is still on its way.
    wait_until_settled(desktop)
    assert next_move(page).words == "Click the back arrow."
    assert finish(desktop, page) == 1


def at_of(page: MiniWobPage, selector: str) -> Point:
    at = find(page, selector).at
    assert at is not None
    return at
