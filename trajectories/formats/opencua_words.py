"""AgentNetTool's actions in words, which its converter reads again. See `opencua_reduce`."""

from trajectories.formats.opencua_action import Reduced, distance, is_typing, type_on, wrapped

DRAG_PIXELS = 6
LONG_PRESS_SECONDS = 1
_ARROWS = {
    (0, 1): "⬆️",
    (0, -1): "⬇️",
    (1, 0): "⬅️",
    (-1, 0): "➡️",
    (1, 1): "↖",
    (-1, 1): "↗",
    (1, -1): "↙",
    (-1, -1): "↘",
}


def described(actions: list[Reduced]) -> list[Reduced]:
    """Stage 3: typing joined, everything told in words."""
    index = 0
    while index < len(actions):
        action = actions[index]
        if not action.complete:
            actions.pop(index)
            continue
        after = actions[index + 1] if index + 1 < len(actions) else None
        if action.action == "type" and after is not None:
            joined = after if after.action == "type" else None
            if after.action == "press" and is_typing(after):
                assert after.children is not None
                joined = after.children[0]
            if joined is not None:
                type_on(action, joined.own["key_names"], joined.own["time_trace"])
                actions.pop(index + 1)
                describe(action)
                continue
        if action.action != "type" or after is not None:
            describe(action)
        index += 1
    if actions:
        describe(actions[-1])
    for action in actions:
        _finish(action)
    return actions


def describe(action: Reduced) -> None:
    if action.action == "press" and action.exception:
        action.description = f"⌨️ Press: {wrapped(action.own['key_name'])}"
        return
    action.transformed = True
    match action.action:
        case "move":
            trace = action.own["trace"]
            first, last = tuple(trace[0]), tuple(trace[-1])
            action.description = f"Mouse move from {first} to {last}"
        case "type":
            action.description = "⌨️ Type: " + "".join(map(wrapped, action.own["key_names"]))
        case "scroll":
            action.description = _scroll_in_words(action)
        case "press" | "long_press":
            _describe_press(action)
        case _:
            _describe_click(action)


def _scroll_in_words(action: Reduced) -> str:
    counts: dict[str, int] = {}
    for tick in action.own["trace"]:
        arrow = _ARROWS[_sign(tick["dx"]), _sign(tick["dy"])]
        counts[arrow] = counts.get(arrow, 0) + 1
    return "Scroll " + "".join(f"{arrow}×{count}  " for arrow, count in counts.items())


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _describe_press(action: Reduced) -> None:
    if not action.own["pressed"]:
        return
    name = wrapped(action.own["key_name"])
    children = action.children
    if not children:
        action.description = f"⌨️ Press: {name}"
        return
    _nest(children)
    for child in children:
        if not child.transformed:
            describe(child)
    only = children[0] if len(children) == 1 else None
    if only is not None and only.action == "type":
        keys = "".join(map(wrapped, only.own["key_names"]))
        action.description = f"⌨️ Press: {name} + {keys}"
        only.vis = False
    elif only is not None and only.action == "press":
        # They strip a set of characters, not a prefix.
        rest = (only.description or "").lstrip("⌨️ Press: ")  # noqa: B005
        action.description = f"⌨️ Press: {name} + {rest}"
    else:
        action.action = "long_press"
        action.description = f"⌨️ Long Press: {name}"


def _nest(children: list[Reduced]) -> None:
    """A child that lies within the one before it becomes that one's child."""
    for index in range(len(children) - 1, 0, -1):
        outer, inner = children[index - 1], children[index]
        if (
            outer.end_time
            and inner.end_time
            and outer.start_time < inner.start_time
            and outer.end_time > inner.end_time
        ):
            outer.add_child(children.pop(index))


def _describe_click(action: Reduced) -> None:
    own = action.own
    if not own["pressed"]:
        action.description = ""
        return
    for child in action.children or []:
        if not child.transformed:
            describe(child)
    times = {1: "Single", 2: "Double", 3: "Triple"}[own["click_type"]]
    action.description = f"{times} {own['button']} Click"
    children = action.children or []
    if len(children) == 1 and children[0].pre_move is not None:
        end = children[0]
        if distance(action, end) > DRAG_PIXELS:
            action.action = "drag"
            action.children = [children[0].pre_move]
            here, there = own["coordinate"], end.own["coordinate"]
            action.description = (
                f"Drag from ({here['x']}, {here['y']}) to ({there['x']}, {there['y']})"
            )
            return
    if children and not (len(children) == 1 and children[0].action == "click"):
        assert action.end_time is not None
        if action.end_time - action.start_time > LONG_PRESS_SECONDS:
            action.action = "mouse_press"
            action.description = f"Mouse long press {own['button']} button:\n" + "".join(
                f"{child.description}\n" for child in children if child.description
            )


def _finish(action: Reduced) -> None:
    children = action.children or []
    drags = [action] if action.action == "drag" else [c for c in children if c.action == "drag"]
    for drag in drags:
        assert drag.children is not None
        drag.own["drag_trace"] = drag.children[0].own["trace"]
        drag.own["drag_time_trace"] = drag.children[0].own["time_trace"]
    if action.action != "long_press" or not children:
        return
    if wrapped(action.own["key_name"]) not in ("$ctrl$", "$command$", "$cmd$"):
        return
    assert action.description is not None
    last = children[-1]
    if last.action == "type" and len(last.own["key_names"]) == 1:
        name = last.own["key_names"][0]
        if name.lower() in ("c", "v", "x") and f"+ {name}" not in action.description:
            action.description += f" + {name}"
    if len(children) == 1 and last.action == "drag":
        action.description += " + drag"
        return
    num_clicks = 0
    for child in children:
        if child.action != "click":
            break
        num_clicks += 1
    if num_clicks:
        action.description += f" + {num_clicks} Clicks"
