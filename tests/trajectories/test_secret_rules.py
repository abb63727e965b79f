import random
import string

import pytest

from trajectories.secret_rules import SecretRules

RULES = SecretRules()
UPPER_DIGITS = string.ascii_uppercase + string.digits
LETTERS_DIGITS = string.ascii_letters + string.digits


def some(alphabet: str, length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


def planted(seed: int) -> dict[str, str]:
    """A secret of every kind; none is anybody's."""
    long = some(LETTERS_DIGITS, 80, seed)
    digits = some(string.digits, 12, seed)
    return {
        "AWS key": f"AKIA{some(UPPER_DIGITS, 16, seed)}",
        "GitHub token": f"ghp_{some(LETTERS_DIGITS, 36, seed)}",
        "GitLab token": f"glpat-{some(LETTERS_DIGITS, 20, seed)}",
        "Slack token": f"xoxb-{digits}-{digits}-{long[:24]}",
        "Stripe key": f"sk_live_{long[:24]}",
        "OpenAI key": f"sk-{long[:20]}T3BlbkFJ{long[20:40]}",
        "SendGrid key": f"SG.{long[:22]}.{long[22:65]}",
        "npm token": f"//registry.npmjs.org/:_authToken=npm_{long[:36]}",
        "Twilio key": f"SK{some('0123456789abcdef', 32, seed)}",
        "JSON Web Token": (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
            f"{some(LETTERS_DIGITS, 43, seed)}"
        ),
        "login in an address": f"postgres://ada:{long[:12]}@db.example/x",
        "private key": "-----BEGIN RSA PRIVATE KEY-----",
        "payment card": card(seed),
        "account number": iban(seed),
        "social security number": f"{digits[:3]}-{digits[3:5]}-{digits[5:9]}",
        "written down password": f"password: {long[:10]}",
        "long random word": f"{long[:14]}{digits[:6]}{long[14:24]}",
    }


def card(seed: int) -> str:
    digits = [4, *(int(digit) for digit in some(string.digits, 14, seed))]
    total = sum(digits[-2::-2]) + sum(sum(divmod(2 * d, 10)) for d in digits[::-2])
    digits.append(-total % 10)
    text = "".join(map(str, digits))
    return " ".join(text[place : place + 4] for place in range(0, 16, 4))


def iban(seed: int) -> str:
    account = some(string.digits, 18, seed)
    number = int(account + "131400")
    return f"DE{98 - number % 97:02}{account}"


CLEAN = [
    "Dear Ms. Lovelace, thank you for your letter of 12 May 2026.",
    "Call me at 030 1234567 tomorrow",
    "SELECT name FROM people WHERE age > 40;",
    "https://example.org/a/page?with=a&few=parameters",
    "The quick brown fox jumps over the lazy dog",
    "4111 1111 1111 1112",
    "Meeting 10:30-11:15, room 3.14, 25 people",
    "pip install torch==2.13.0",
    "internationalization-of-everything",
    "Grüße aus Köln, 日本語, Привет",
    "def f(x): return x + 1",
    "=SUM(A1:A20)",
    "",
]


@pytest.mark.parametrize("kind", planted(0))
def test_every_kind_of_secret_is_known_for_one(kind: str) -> None:
    for seed in range(30):
        secret = planted(seed)[kind]
        assert RULES.is_secret(secret), secret
        assert RULES.is_secret(f"it is {secret} as I said"), secret


@pytest.mark.parametrize("text", CLEAN)
def test_what_people_type_all_day_is_none(text: str) -> None:
    assert not RULES.is_secret(text)


def test_private_windows_are_known_by_title_or_class() -> None:
    assert RULES.is_private("Passwords.kdbx - KeePassXC", "keepassxc.KeePassXC")
    assert RULES.is_private("New Tab - Google Chrome (Incognito)", "google-chrome.Google-chrome")
    assert not RULES.is_private("Letter - LibreOffice Writer", "soffice.Soffice")
    mine = SecretRules(patterns=["Project Swan"], windows=["payroll"])
    assert mine.is_private("Payroll 2026", "x.X")
    assert mine.is_secret("about Project Swan")


def test_a_rule_that_is_no_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        SecretRules(patterns=["("])
