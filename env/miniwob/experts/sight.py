"""What an expert sees of a page's elements: text, box, a point that really hits, what scrolls them.

Points and boxes are pixels of the page, which on a MiniWoB++ screen are pixels of the
screen. Looking changes nothing.
"""

from dataclasses import dataclass
from typing import Any

from env.actions import Point
from env.miniwob.experts.registry import ExpertLost
from env.miniwob.page import TASK_SIZE, MiniWobPage
from env.screen import Box

# A point is taken only where `elementFromPoint` finds the element or a part of it:
# buttons overlap, menus cover, and half of a list row is under the edge of its box.
# Candidates go from the middle outwards, in one fixed order.
_SEE = """
([selector, width, height]) => {
  const clean = s => (s || '').replace(/\\s+/g, ' ').trim();
  const scroller = e => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      const y = getComputedStyle(p).overflowY;
      if ((y === 'scroll' || y === 'auto') && p.scrollHeight > p.clientHeight + 1) return p;
    }
    return null;
  };
  const box = r => [r.left, r.top, r.right, r.bottom].map(Math.round);
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height;
  const spots = [[.5, .5], [.5, .35], [.5, .65], [.3, .5], [.7, .5], [.5, .2], [.5, .8],
    [.15, .5], [.85, .5], [.25, .25], [.75, .25], [.25, .75], [.75, .75],
    [.1, .1], [.9, .1], [.1, .9], [.9, .9]];
  const hit = e => {
    for (const [fx, fy] of spots) for (const r of e.getClientRects()) {
      const x = Math.floor(r.left + r.width * fx), y = Math.floor(r.top + r.height * fy);
      if (!inside(x, y)) continue;
      const found = document.elementFromPoint(x, y);
      if (found === e || e.contains(found)) return [x, y];
    }
    return null;
  };
  return [...document.querySelectorAll(selector)].map(e => {
    const r = e.getBoundingClientRect(), s = scroller(e);
    let whole = false;
    if (document.activeElement === e && typeof e.value === 'string' && e.value) {
      // A number field does not tell its selection, the window does.
      whole = e.selectionStart === null || e.selectionStart === undefined
        ? String(getSelection()) === e.value
        : e.selectionStart === 0 && e.selectionEnd === e.value.length;
    }
    const data = {};
    for (const a of e.attributes) data[a.name] = a.value;
    return {
      text: clean(e.textContent),
      shown: e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden',
      box: box(r), at: hit(e), value: typeof e.value === 'string' ? e.value : null,
      label: clean([...(e.labels || [])].map(l => l.textContent).join(' ')),
      checked: !!e.checked, focused: document.activeElement === e, whole,
      disabled: !!e.disabled, classes: [...e.classList], data,
      scroller: s && [...box(s.getBoundingClientRect()), s.scrollTop,
        s.scrollHeight - s.clientHeight - s.scrollTop],
      above: s ? r.top < s.getBoundingClientRect().top : r.top < 0,
    };
  });
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scroller:
    box: Box
    room_above: float
    """Pixels that can still be scrolled up."""
    room_below: float

    @property
    def at(self) -> Point:
        """Where to turn the wheel: the middle of what is on the screen."""
        left, top, right, bottom = self.box
        width, height = TASK_SIZE
        return Point(
            (max(left, 0) + min(right, width)) // 2, (max(top, 0) + min(bottom, height)) // 2
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    text: str
    """All text in it, blanks collapsed, also what is scrolled out of sight."""
    shown: bool
    """It is drawn somewhere, perhaps out of sight."""
    box: Box
    at: Point | None
    """Where a click really lands on it; None where it is covered or out of sight."""
    value: str | None
    label: str
    """Text of the <label> elements that name it; "" without one."""
    checked: bool
    focused: bool
    selected_whole: bool
    """Focused with all its text selected: typing replaces it."""
    disabled: bool
    classes: frozenset[str]
    attributes: dict[str, str]
    scroller: Scroller | None
    """The nearest box around it that can scroll."""
    is_above: bool
    """Its top lies above what its scroller, or the screen, shows."""

    @property
    def box_in_sight(self) -> Box:
        """The part of the box that its scroller and the screen show; empty if none."""
        view = Box(0, 0, *TASK_SIZE)
        if self.scroller is not None:
            view = _common(view, self.scroller.box)
        return _common(view, self.box)


def find_all(page: MiniWobPage, selector: str) -> tuple[Element, ...]:
    """Every element the CSS selector names, in the order of the document, drawn or not."""
    return tuple(
        _element(seen)
        for seen in page.evaluate(_SEE, [selector, TASK_SIZE.width, TASK_SIZE.height])
    )


def find_shown(page: MiniWobPage, selector: str) -> tuple[Element, ...]:
    """Those of them that are drawn, perhaps scrolled out of sight."""
    return tuple(element for element in find_all(page, selector) if element.shown)


def find(page: MiniWobPage, selector: str, *, text: str | None = None) -> Element:
    """The first drawn element of the selector, and of exactly this text if one is given.

    Raises:
        ExpertLost: there is none.
    """
    for element in find_shown(page, selector):
        if text is None or element.text == text:
            return element
    raise ExpertLost(f"nothing drawn matches {selector!r} with the text {text!r}")


def _element(seen: dict[str, Any]) -> Element:
    return Element(
        text=seen["text"],
        shown=seen["shown"],
        box=Box(*seen["box"]),
        at=None if seen["at"] is None else Point(*seen["at"]),
        value=seen["value"],
        label=seen["label"],
        checked=seen["checked"],
        focused=seen["focused"],
        selected_whole=seen["whole"],
        disabled=seen["disabled"],
        classes=frozenset(seen["classes"]),
        attributes=seen["data"],
        scroller=_scroller(seen["scroller"]),
        is_above=seen["above"],
    )


def _common(one: Box, other: Box) -> Box:
    left, top = max(one.left, other.left), max(one.top, other.top)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    return Box(left, top, max(left, right), max(top, bottom))


def _scroller(seen: list[float] | None) -> Scroller | None:
    if seen is None:
        return None
    left, top, right, bottom, above, below = seen
    return Scroller(
        box=Box(int(left), int(top), int(right), int(bottom)), room_above=above, room_below=below
    )
