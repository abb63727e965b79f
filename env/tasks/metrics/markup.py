"""Reading XML and HTML of strangers: no entity is followed, nothing is fetched."""

from pathlib import Path
from typing import Any

from lxml import etree

UBUNTU = {
    "st": "https://accessibility.ubuntu.example.org/ns/state",
    "attr": "https://accessibility.ubuntu.example.org/ns/attributes",
    "cp": "https://accessibility.ubuntu.example.org/ns/component",
    "doc": "https://accessibility.ubuntu.example.org/ns/document",
    "docattr": "https://accessibility.ubuntu.example.org/ns/document/attributes",
    "txt": "https://accessibility.ubuntu.example.org/ns/text",
    "val": "https://accessibility.ubuntu.example.org/ns/value",
    "act": "https://accessibility.ubuntu.example.org/ns/action",
}
"""What OSWorld's accessibility tree is written in."""


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def parsed(text: str | bytes) -> Any:
    """The root of an XML text. Raises `etree.XMLSyntaxError`."""
    content = text.encode() if isinstance(text, str) else text
    return etree.fromstring(content, _parser())


def parsed_file(path: str | Path) -> Any:
    """The root of an XML file."""
    return parsed(Path(path).read_bytes())
