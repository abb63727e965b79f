"""Experts of the tasks outside Pix2Act's 59, and the pieces they share."""

import pytest

from env.actions import Click, Keys, Point, Scroll, TypeText
from env.browser import BrowserDesktop
from env.desktop import wait_until_settled
from env.miniwob.check import MAX_STEPS, run_expert
from env.miniwob.experts.memory import copied_text, note, recall
from env.miniwob.experts.registry import ExpertLost, Move, expert_for, expert_tasks
from env.miniwob.experts.sight import Element, find, find_all, find_shown
from env.miniwob.page import PIX2ACT_59, MiniWobPage

SAMPLE = (
    *("enter-password", "multi-layouts", "email-inbox", "email-inbox-forward-nl-turk"),
    *("social-media-some", "click-menu", "choose-list", "click-scroll-list", "form-sequence-3"),
    *("scroll-text", "read-table-2", "search-engine", "find-greatest", "highlight-text-2"),
    *("copy-paste", "drag-shapes-2", "draw-line", "terminal", "text-editor", "daily-calendar"),
)


def finish(desktop: BrowserDesktop, page: MiniWobPage) -> float:
    """Let the expert go on from the state the page is in; the raw reward."""
    for _ in range(MAX_STEPS):
        if page.is_over():
            break
        desktop.perform(next_move(page).action)
    return page.outcome().raw_reward


def next_move(page: MiniWobPage) -> Move:
    assert page.task is not None
    return expert_for(page.task)(page)


def point_on(element: Element) -> Point:
    assert element.at is not None
    return element.at


def test_most_of_the_other_tasks_have_an_expert() -> None:
    assert len(set(expert_tasks()) - set(PIX2ACT_59)) >= 60


@pytest.mark.parametrize("task", SAMPLE)
def test_an_expert_solves_its_task(task: str, desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open(task)
    episodes = [run_expert(desktop, page, seed) for seed in (201, 202)]
    assert [(episode.note, episode.reward > 0.8) for episode in episodes] == [("", True)] * 2


def test_a_flight_is_booked(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("book-flight-nodelay")
    assert run_expert(desktop, page, 203).reward == 1


def test_a_wrong_choice_in_a_list_is_dropped(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("click-scroll-list")
    page.reset(3)
    options = find_all(page, "#options option")
    wrong = next(option for option in options if option.text not in page.instruction)
    desktop.perform(Click(point_on(wrong)))
    assert finish(desktop, page) == 1


def test_a_mail_of_someone_else_is_left(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("email-inbox-reply")
    page.reset(5)
    senders = find_all(page, "#main .email-sender")
    wrong = next(sender for sender in senders if sender.text not in page.instruction)
    desktop.perform(Click(point_on(wrong)))
    desktop.perform(Click(point_on(find(page, "#email .email-reply"))))
    # The mail slides away; on a busy machine it is still on its way.
    wait_until_settled(desktop)
    assert next_move(page).words == "Click the back arrow."
    assert finish(desktop, page) == 1


def test_a_wrong_mark_is_taken_back(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("social-media-all")
    page.reset(4)
    like = find(page, ".media .retweet, .media .like")
    desktop.perform(Click(point_on(like)))
    assert finish(desktop, page) == 1


def test_what_was_typed_into_the_terminal_is_deleted(
    desktop: BrowserDesktop, page: MiniWobPage
) -> None:
    page.open("terminal")
    page.reset(6)
    desktop.perform(Click(point_on(find(page, "#terminal"))))
    desktop.perform(TypeText("dir"))
    assert next_move(page).action == Keys(("backspace",), presses=3)
    assert finish(desktop, page) == 1


def test_a_wrong_text_is_pasted_over(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("copy-paste-2")
    page.reset(7)
    desktop.perform(Click(point_on(find(page, "#answer-input"))))
    desktop.perform(TypeText("wrong"))
    assert finish(desktop, page) == 1


def test_asking_twice_gives_the_same_move(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("find-greatest")
    page.reset(8)
    desktop.perform(next_move(page).action)
    assert next_move(page) == next_move(page)


def test_what_is_out_of_sight_is_scrolled_to(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("order-food")
    page.reset(9)
    button = find(page, "#submit-order button")
    assert button.at is None
    assert button.scroller is not None
    assert not button.is_above
    desktop.perform(Scroll(button.scroller.at, -10))
    assert find(page, "#submit-order button").at is not None
    assert find(page, "h2").is_above


def test_what_is_covered_has_no_point(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("form-sequence-3")
    page.reset(10)
    desktop.perform(Click(point_on(find(page, ".selectric"))))
    maybe = find(page, "#maybe")
    assert maybe.shown
    assert [element.text for element in find_shown(page, ".selectric-items li")][1] == "5ft 9in"
    with pytest.raises(ExpertLost, match="nothing drawn"):
        find(page, "#nowhere")


def test_memory_ends_with_the_episode(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("copy-paste")
    page.reset(11)
    assert copied_text(page) is None
    note(page, "card 1", 7)
    for _ in range(3):
        desktop.perform(next_move(page).action)
    assert copied_text(page) == find(page, "#to-copy").value
    assert recall(page)["card 1"] == 7
    page.reset(12)
    assert recall(page) == {}
