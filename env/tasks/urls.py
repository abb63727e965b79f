"""When two addresses are the same page, as OSWorld has it."""

import re
from functools import cache
from urllib.parse import ParseResult, urlparse, urlunparse

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+\-.]*://")


def same_url(one: str | None, other: str | None, *, full: bool = True) -> bool:
    """`www.` and what a registry sells under (`.com`, `.com.sg`) do not matter, nor does a lone
    slash at the end; the scheme does, and one that is missing is http.

    Args:
        full: parameters, query and fragment count too.
    """
    if one is None or other is None:
        return one is other
    return _normal(one, full) == _normal(other, full)


def _normal(url: str, full: bool) -> str:
    parsed = urlparse(url if _SCHEME.match(url) else f"http://{url}")
    named = _domains()(parsed.netloc.lower())
    subdomain = "" if named.subdomain == "www" else named.subdomain
    rest = (parsed.params, parsed.query, parsed.fragment) if full else ("", "", "")
    host = f"{subdomain}.{named.domain}" if subdomain else named.domain
    path = "" if parsed.path == "/" else parsed.path
    return urlunparse(ParseResult(parsed.scheme.lower(), host, path, *rest))


@cache
def _domains():  # type: ignore[no-untyped-def]
    import tldextract

    # With the list that it ships: nothing is fetched, nothing is written.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
