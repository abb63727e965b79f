"""Which parts of a network are kept in how many bits, as `config.json` of a folder records it.

What is not named here (norms, the router and its balance, embeddings, the expansion of the
latents, the projector) stays as the source has it, in bfloat16 or float32: together they are read
little, and an error there moves every token.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from model.errors import CheckpointError
from model.quantized.grid import GROUP, ROWS, SPAN

METHOD = "moonhand"
FORMAT = 1
RECORD = "quantization_config"
"""Key in `config.json`, where other programs too look for how weights are stored."""

REPORT = "quantization.json"
"""Of a folder that is made: what is done, what of, and how far each part is from its source."""

AS_IT_IS = 16

LAYOUT = (
    "X (uint8) and X_rows (float32) are one matrix, or a stack of them along the first dimension."
    f" Rows in blocks of {ROWS}, inputs in spans of {SPAN}, both padded with zeros; a block's spans"
    " follow each other, and each is its codes, then 32 bytes s and 32 bytes m (of its first"
    f" {GROUP} inputs the {ROWS} rows, then of its last). 4 bits: 8 vectors of 64 bytes, in vector"
    " j bytes 4r..4r+3 are row r, low halves inputs 8j..8j+3, high halves 8j+4..8j+7. 8 bits: 16"
    " vectors, bytes 4r..4r+3 are inputs 4j..4j+3 of row r. X_rows has a block's 16 steps, then its"
    " 16 lows: weight = step * s * code - low * m. mlp.gate_up has 16 rows of the gate, 16 of up,"
    " and so on, of an expert; the shared experts are the last of the stack."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Bits a weight: 4 or 8; for `vision` also 16, which is as the source has it."""

    experts: int = 4
    """Also the dense layers that come first."""
    attention: int = 4
    """To queries, to latents, and out of the heads."""
    head: int = 4
    vision: int = 16
    """Of MoonViT's layers."""

    def __post_init__(self) -> None:
        for field in fields(self):
            bits, known = (
                getattr(self, field.name),
                (4, 8, AS_IT_IS) if field.name == "vision" else (4, 8),
            )
            if type(bits) is not int or bits not in known:
                raise CheckpointError(f"{field.name} in {bits!r} bits; expected one of {known}")

    def record(self) -> dict[str, Any]:
        return {
            "quant_method": METHOD,
            "format": FORMAT,
            "bits": self.experts,
            "group": GROUP,
            "bits_of": asdict(self),
            "layout": LAYOUT,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self | None:
        """Of a `config.json`; None: the folder is not quantized.

        Raises:
            CheckpointError: quantized by another method, or in a format of another version.
        """
        record = config.get(RECORD)
        if record is None:
            return None
        expected = {"quant_method": METHOD, "format": FORMAT, "group": GROUP}
        for name, value in expected.items():
            found = record.get(name) if isinstance(record, dict) else record
            if found != value:
                raise CheckpointError(
                    f"{RECORD}.{name} is {str(found)[:80]!r}; expected {value!r}, as"
                    " `main.py quantize` writes it"
                )
        bits_of = record.get("bits_of")
        names = {field.name for field in fields(cls)}
        if not isinstance(bits_of, dict) or bits_of.keys() != names:
            raise CheckpointError(f"{RECORD}.bits_of has no usable bits of {sorted(names)}")
        return cls(**bits_of)
