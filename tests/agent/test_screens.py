"""A text editor on a virtual desktop, looked at, clicked and labelled."""

import random
from pathlib import Path
from shutil import which

import pytest
from PIL import Image

from agent.screens import SIZE, label_screens, labels_of
from env.accessible_tree import Node
from env.screen import Box, ScreenSize
from model.train.samples import labels_from, read_pages
from model.train.sources import PageSource

EDITOR_SEED = next(seed for seed in range(99) if random.Random(seed).choice((0, 1)) == 0)


@pytest.mark.skipif(which("mousepad") is None, reason="comes with scripts/setup.sh --apps")
def test_screens_of_a_real_program_can_be_asked_about(tmp_path: Path) -> None:
    assert len(list(label_screens(EDITOR_SEED, 2, tmp_path))) == 2
    pages = read_pages(tmp_path)
    assert len(pages) == 2
    with Image.open(pages[0].picture) as picture:
        assert picture.size == SIZE
    widgets = {label.text: label for label in labels_from(pages[0].labels)["widgets"]}
    assert 'menu "File"' in widgets
    assert widgets['menu "File"'].top < widgets['menu "File"'].bottom < SIZE.height / 2
    conversation, glyphs = PageSource(pages, num_questions=4)(random.Random(0))
    assert glyphs is None, "nobody knows where its letters are"
    assert len(conversation.turns) > 1


def test_what_is_off_the_screen_or_nameless_is_no_label() -> None:
    def node(role: str, name: str, box: Box | None) -> Node:
        return Node(role, name, box, frozenset(), "app", ("a", "b"), ())

    inside = Box(1, 1, 9, 9)
    nodes = [
        node("push button", "Save", inside),
        node("push button", "  ", inside),
        node("push button", "Far", Box(90, 1, 120, 9)),
        node("push button", "Nowhere", None),
        node("frame", "Window", inside),
        node("label", "x" * 99, inside),
    ]
    assert labels_of(nodes, ScreenSize(100, 50)) == [['button "Save"', 1, 1, 9, 9]]
