"""Texts that must not be kept: what looks like a secret, by rules and not by guessing.

Known forms of keys and tokens come from the detectors of `detect-secrets`;
card numbers, accounts and long random words are added. A filter misses some:
the only sure redaction is not to record.
"""

import re
from collections.abc import Sequence

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings

PRIVATE_WINDOWS = (
    r"keepass|bitwarden|1password|lastpass|enpass|pass ?word ?safe|seahorse|gnome-keyring|kwallet"
    r"|pinentry|polkit|kdesu|gksu|private browsing|incognito|inprivate"
)
"""Titles or classes of windows that are never recorded; case does not matter."""
_DETECTORS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Z0-9])")
_SOCIAL_SECURITY = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=.-]{20,}")
_WRITTEN_DOWN = re.compile(
    r"(?i)\b(?:pass ?word|passwd|passphrase|pin|secret|token)\b\s*[:=]\s*\S+"
)


class SecretRules:
    """What is kept out of recordings."""

    def __init__(self, patterns: Sequence[str] = (), windows: Sequence[str] = ()) -> None:
        """
        Args:
            patterns: more of typed text, as regular expressions.
            windows: more of titles and classes.

        Raises:
            ValueError: one is no regular expression.
        """
        try:
            self._patterns = [re.compile(pattern) for pattern in patterns]
            self._windows = [re.compile(p, re.IGNORECASE) for p in (PRIVATE_WINDOWS, *windows)]
        except re.error as error:
            raise ValueError(f"{error.pattern!r} is no regular expression: {error}") from error

    def is_secret(self, text: str) -> bool:
        """Does a typed text hold one, anywhere in it?"""
        if any(pattern.search(text) for pattern in (*self._patterns, _SOCIAL_SECURITY)):
            return True
        return (
            _WRITTEN_DOWN.search(text) is not None
            or _has_card(text)
            or _has_account(text)
            or _has_random_word(text)
            or _is_known_form(text)
        )

    def is_private(self, title: str, window_class: str) -> bool:
        return any(rule.search(f"{title}\n{window_class}") for rule in self._windows)

    def scrubbed(self, text: str) -> str:
        """A title or name, or a remark that it was withheld."""
        return "(withheld)" if self.is_secret(text) else text


def _is_known_form(text: str) -> bool:
    settings = {"plugins_used": [{"name": name} for name in _DETECTORS]}
    with transient_settings(settings):
        return any(True for line in text.splitlines() for _ in scan_line(line))


def _has_card(text: str) -> bool:
    """A number whose digits pass Luhn's check, as all payment cards' do."""
    for match in _CARD.finditer(text):
        digits = [int(digit) for digit in match.group() if digit.isdigit()]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
        if sum(digits[-1::-2]) + sum(doubled) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False


def _has_account(text: str) -> bool:
    """An IBAN: letters counted from 10, the first four at the end, 1 modulo 97 (ISO 13616)."""
    for match in _IBAN.finditer(text):
        code = match.group().replace(" ", "")
        number = "".join(str(int(char, 36)) for char in code[4:] + code[:4])
        if int(number) % 97 == 1:
            return True
    return False


def _has_random_word(text: str) -> bool:
    """Twenty characters and more without a space, of letters and at least four digits."""
    return any(
        sum(char.isdigit() for char in word) >= 4 and any(char.isalpha() for char in word)
        for word in _LONG_WORD.findall(text)
    )
