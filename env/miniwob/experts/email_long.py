"""An inbox: find a mail by its sender, then delete it, star it, answer it or forward it."""

import re
from dataclasses import dataclass

from env.miniwob.experts.gestures import click, fill
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all, find_shown
from env.miniwob.page import MiniWobPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    kind: str
    """"delete", "star", "reply" or "forward"."""
    sender: str
    text: str = ""
    """What to answer, or whom to forward to."""


_ERRANDS = (
    ("reply", r'by (?P<sender>\S+) and reply to them with the text "(?P<text>.*)"'),
    ("forward", r"by (?P<sender>\S+) and forward that email to (?P<text>\S+)\."),
    ("delete", r"by (?P<sender>\S+) and click the trash icon"),
    ("star", r"by (?P<sender>\S+) and click the star icon"),
)

_ICONS = {"delete": ("trash", "the trash icon"), "star": ("star", "the star icon")}


@expert(
    "email-inbox",
    "email-inbox-forward",
    "email-inbox-forward-nl",
    "email-inbox-forward-nl-turk",
    "email-inbox-nl-turk",
    "email-inbox-noscroll",
    "email-inbox-reply",
    "email-inbox-star-reply",
)
def email_errand(page: MiniWobPage) -> Move:
    errand = _errand(page)
    if find_shown(page, "#search"):
        return click(find(page, "#search-cancel"), "the back arrow", "This is the search page.")
    if find_shown(page, "#reply"):
        return _reply(page, errand)
    if find_shown(page, "#forward"):
        return _forward(page, errand)
    if find_shown(page, "#email"):
        return _in_the_mail(page, errand)
    return _in_the_list(page, errand)


def _errand(page: MiniWobPage) -> Errand:
    fields = page.fields
    if fields:
        kind = fields.get("task", "forward")
        text = fields.get("to") or fields.get("message") or ""
        return Errand(kind=kind, sender=fields["by"], text=text)
    for kind, pattern in _ERRANDS:
        match = re.search(pattern, page.instruction)
        if match is not None:
            return Errand(kind=kind, **match.groupdict())
    raise ExpertLost(f"no errand in {page.instruction!r}")


def _in_the_list(page: MiniWobPage, errand: Errand) -> Move:
    senders = find_all(page, "#main .email-thread .email-sender")
    names = [sender.text for sender in senders]
    if errand.sender not in names:
        raise ExpertLost(f"no mail by {errand.sender} among {names}")
    index = names.index(errand.sender)
    if errand.kind in _ICONS:
        selector, name = _ICONS[errand.kind]
        icon = find_all(page, f"#main .email-thread .{selector}")[index]
        return click(icon, f"{name} of {errand.sender}", f"The mail by {errand.sender} is here.")
    return click(senders[index], f"the mail by {errand.sender}", "Open this mail.")


def _in_the_mail(page: MiniWobPage, errand: Errand) -> Move:
    sender = find(page, "#email .email-sender").text
    if sender != errand.sender:
        return click(
            find(page, "#close-email"), "the back arrow", f"This mail is not by {errand.sender}."
        )
    if errand.kind in _ICONS:
        selector, name = _ICONS[errand.kind]
        return click(find(page, f"#email .{selector}"), name, "This is the mail.")
    name = errand.kind.capitalize()
    return click(find(page, f"#email .email-{errand.kind}"), f'"{name}"', "This is the mail.")


def _reply(page: MiniWobPage, errand: Errand) -> Move:
    if errand.kind != "reply" or find(page, ".reply-sender").text != errand.sender:
        return click(find(page, "#close-reply"), "the back arrow", "This is not what is asked.")
    move = fill(find(page, "#reply-text"), errand.text, "the reply field")
    return move or click(find(page, "#send-reply"), "the send icon", "All is done; send.")


def _forward(page: MiniWobPage, errand: Errand) -> Move:
    if errand.kind != "forward":
        return click(find(page, "#close-forward"), "the back arrow", "This is not what is asked.")
    move = fill(find(page, ".forward-sender"), errand.text, "the to field")
    return move or click(find(page, "#send-forward"), "the send icon", "All is done; send.")
