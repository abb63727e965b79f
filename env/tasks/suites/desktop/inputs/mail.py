"""A Thunderbird profile with letters in it: one account that asks no server, and local folders."""

import json
import random
from email.message import EmailMessage

from env.tasks.suites.desktop.inputs.files import made, text

_INSTALLATION = "FDC34C9F024745EB"
"""What Debian's Thunderbird calls itself, by its folder; it looks up its profile by that."""

_PROFILE = "t5q2a5hp.default-release"
"""As in OSWorld's profile."""

_LETTERS = (
    ("Bertram Holm", "Lunch on Friday", "Shall we meet at noon by the harbour?"),
    ("Clara Voss", "Quarterly report", "The figures are below. Revenue was 48213 euros."),
    ("Dora Lind", "Invoice 2041", "Please pay 310 euros until the end of the month."),
    ("Emil Krag", "Keys to the boat house", "They hang behind the pantry door."),
    ("Win big", "You have won a prize", "Click here at once to claim your money."),
)

_PREFS: dict[str, str | bool | int] = {
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.identities": "id1",
    "mail.account.account1.server": "server1",
    "mail.account.account2.server": "server2",
    "mail.identity.id1.fullName": "Ada Moon",
    "mail.identity.id1.useremail": "ada@example.org",
    "mail.identity.id1.valid": True,
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.compose_html": False,
    "mail.server.server1.type": "pop3",
    "mail.server.server1.hostname": "example.org",
    "mail.server.server1.userName": "ada",
    "mail.server.server1.name": "ada@example.org",
    "mail.server.server1.directory-rel": "[ProfD]Mail/example.org",
    "mail.server.server1.login_at_startup": False,
    "mail.server.server1.check_new_mail": False,
    "mail.server.server1.download_on_biff": False,
    "mail.server.server2.type": "none",
    "mail.server.server2.hostname": "Local Folders",
    "mail.server.server2.userName": "nobody",
    "mail.server.server2.name": "Local Folders",
    "mail.server.server2.directory-rel": "[ProfD]Mail/Local Folders",
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.hostname": "example.org",
    "mail.smtpserver.smtp1.username": "ada",
    # Nothing asks, offers, counts or looks for news at a first start.
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "mail.inappnotifications.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
    "services.settings.server": "",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "mailnews.database.global.indexer.enabled": False,
    # Accessibility, whatever else runs.
    "accessibility.force_disabled": -1,
}

text(
    "mail/profiles.ini",
    f"[General]\nStartWithLastProfile=1\nVersion=2\n\n[Profile0]\nName=default-release\n"
    f"IsRelative=1\nPath={_PROFILE}\nDefault=1\n\n"
    f"[Install{_INSTALLATION}]\nDefault={_PROFILE}\nLocked=1\n",
)
text(
    "mail/prefs.js",
    "".join(
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFS.items()
    ),
)


@made("mail/Inbox")
def inbox(rng: random.Random) -> bytes:
    return b"".join(_letter(number, *letter) for number, letter in enumerate(_LETTERS))


def _letter(number: int, sender: str, subject: str, words: str) -> bytes:
    letter = EmailMessage()
    address = sender.lower().replace(" ", ".") + "@example.org"
    letter["From"] = f"{sender} <{address}>"
    letter["To"] = "Ada Moon <ada@example.org>"
    letter["Subject"] = subject
    letter["Date"] = f"Mon, 05 Jan 2026 1{number}:00:00 +0000"
    letter["Message-ID"] = f"<letter{number}@example.org>"
    letter.set_content(f"Dear Ada,\n\n{words}\n\n{sender}\n")
    opening = f"From - Mon Jan  5 1{number}:00:00 2026\nX-Mozilla-Status: 0000\n"
    return opening.encode() + b"X-Mozilla-Status2: 00000000\n" + letter.as_bytes() + b"\n"
