"""What is showing, read whole from a real browser in its sandbox."""

import time
from collections.abc import Iterator

import pytest

from env.accessible_tree import AccessibleTree, Node
from env.actions import Click, Point, TypeText
from env.screen import ScreenSize
from env.virtual import VirtualDesktop

PAGE = """<!doctype html><meta charset=utf-8><title>Order</title>
<label>Name <input></label><button>Send</button><button hidden>Never</button>"""


@pytest.fixture(scope="module")
def desktop() -> Iterator[VirtualDesktop]:
    with VirtualDesktop(ScreenSize(800, 600), accessible=True) as opened:
        (opened.home / "order.html").write_text(PAGE)
        flags = ["--no-sandbox", "--test-type", "--no-first-run", "--force-renderer-accessibility"]
        opened.launch(["chromium", *flags, f"file://{opened.home_inside}/order.html"])
        yield opened


@pytest.fixture(scope="module")
def tree(desktop: VirtualDesktop) -> Iterator[AccessibleTree]:
    assert desktop.session_bus is not None
    opened = AccessibleTree(desktop.session_bus)
    yield opened
    opened.close()


def found(tree: AccessibleTree, role: str, name: str) -> Node:
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        for node in tree.nodes("chromium"):
            if node.role == role and node.name == name and node.box:
                return node
        time.sleep(0.1)
    raise AssertionError(f"no {role} {name}: {[(n.role, n.name) for n in tree.nodes()]}")


def test_a_field_is_where_a_click_reaches_it(desktop: VirtualDesktop, tree: AccessibleTree) -> None:
    box = found(tree, "entry", "Name").box
    assert box is not None
    desktop.perform(Click(Point((box.left + box.right) // 2, (box.top + box.bottom) // 2)))
    desktop.perform(TypeText("Ada"))
    until = time.monotonic() + 20.0
    while tree.text_of(found(tree, "entry", "Name")) != "Ada" and time.monotonic() < until:
        time.sleep(0.1)
    entry = found(tree, "entry", "Name")
    assert tree.text_of(entry) == "Ada"
    assert entry.has("focused", "editable")


def test_what_is_in_a_page_knows_it(tree: AccessibleTree) -> None:
    button = found(tree, "push button", "Send")
    assert button.is_in(found(tree, "document web", "Order"))


def test_what_is_hidden_is_left_out(tree: AccessibleTree) -> None:
    found(tree, "push button", "Send")
    assert not [node for node in tree.nodes() if node.name == "Never"]


def test_only_the_applications_asked_for_are_read(tree: AccessibleTree) -> None:
    assert tree.nodes("no such application") == []
