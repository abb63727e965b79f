"""A timeline of posts: press icons or a menu's item under the posts of one user."""

import re

from env.miniwob.experts.gestures import click
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all
from env.miniwob.page import MiniWobPage

_ICONS = {"Reply": "reply", "Retweet": "retweet", "Like": "like", "Share": "share"}


@expert("social-media")
def press_for_user(page: MiniWobPage) -> Move:
    asked = re.search(r'user (\S+), click on the "(.*)" button', page.instruction)
    if asked is None:
        raise ExpertLost(f"no user and button in {page.instruction!r}")
    user, action = asked.groups()
    post = _posts_by(page, user)[0]
    if action in _ICONS:
        icon = find_all(page, f".media .{_ICONS[action]}")[post]
        return click(icon, f"the {_ICONS[action]} icon", f"This post is by {user}.")
    items = [
        item
        for item in find_all(page, f".media:nth-child({post + 1}) .controls li")
        if item.shown and item.text.startswith(action)
    ]
    if items:
        return click(items[0], f'"{items[0].text}"', "The menu is open.")
    more = find_all(page, ".media .more")[post]
    return click(more, "the more icon", f"This post is by {user}; open its menu.")


@expert("social-media-all", "social-media-some")
def mark_posts(page: MiniWobPage) -> Move:
    """From the top: the first posts of the user get the mark, no other post has any."""
    asked = re.search(
        r'"(\w+)" button on (all posts|\d+ posts?) by (\S+) and then', page.instruction
    )
    if asked is None:
        raise ExpertLost(f"no button, number and user in {page.instruction!r}")
    action, number, user = asked.groups()
    posts = _posts_by(page, user)
    wanted = posts if number == "all posts" else _some(page, posts, action, int(number.split()[0]))
    icons = {name: find_all(page, f".media .{icon}") for name, icon in _ICONS.items()}
    for post in range(len(icons[action])):
        for name, row in icons.items():
            is_wanted = name == action and post in wanted
            if ("active" in row[post].classes) != is_wanted:
                thought = f"This post is by {user}." if is_wanted else "This mark is wrong."
                return click(row[post], f"the {_ICONS[name]} icon", thought)
    button = find(page, "#submitRow button")
    return click(button, f'the "{button.text}" button', "All is done; submit.")


def _posts_by(page: MiniWobPage, user: str) -> list[int]:
    names = find_all(page, ".media .username")
    posts = [index for index, name in enumerate(names) if name.text == user]
    if not posts:
        raise ExpertLost(f"no post by {user} among {[name.text for name in names]}")
    return posts


def _some(page: MiniWobPage, posts: list[int], action: str, number: int) -> list[int]:
    """As many as asked: those already marked first, then from the top."""
    icons: tuple[Element, ...] = find_all(page, f".media .{_ICONS[action]}")
    marked = [post for post in posts if "active" in icons[post].classes]
    others = [post for post in posts if post not in marked]
    return sorted((marked + others)[:number])
