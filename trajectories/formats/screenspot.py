"""Grounding sets in the formats of ScreenSpot, ScreenSpot-v2 and ScreenSpot-Pro, in and out.

ScreenSpot (https://arxiv.org/abs/2401.10935) and its v2: a list a platform,
`screenspot_desktop.json` or `screenspot_web_v2.json`; boxes are left, top,
width, height.

    {"img_filename": "pc_ede36f9b.png", "bbox": [1200, 31, 20, 18],
     "instruction": "close this window", "data_type": "icon", "data_source": "windows"}

ScreenSpot-Pro (https://arxiv.org/abs/2504.07981): a list an application under
`annotations/`; boxes are left, top, right, bottom.

    {"img_filename": "gimp_linux/1.png", "bbox": [1774, 1586, 2113, 1618], "id": "gimp_linux_0",
     "instruction": "...", "application": "gimp", "platform": "linux", "img_size": [3840, 2160],
     "ui_type": "icon", "group": "Creative"}
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from trajectories.errors import FormatError

Kind = Literal["text", "icon"]
KINDS = ("text", "icon")
PLATFORMS = ("desktop", "mobile", "web")
"""Of ScreenSpot, by the name of the file."""

_ANNOTATION_FOLDERS = ("annotations", ".")
_IMAGE_FOLDERS = ("images", "screenspot_imgs", "screenspotv2_image", ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingSample:
    """A target to be pointed at."""

    id: str
    image: Path
    instruction: str
    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels of the picture; a point on an edge is inside."""
    size: tuple[int, int]
    """Of the picture: width, height."""
    kind: Kind
    platform: str
    """ScreenSpot: desktop, mobile, web; ScreenSpot-Pro: linux, macos, windows."""
    application: str
    """ScreenSpot: its data_source ("windows", "gitlab"); ScreenSpot-Pro: the application."""
    group: str = ""
    """ScreenSpot-Pro: Dev, Creative, CAD, Scientific, Office, OS."""

    def hit_by(self, x: float, y: float) -> bool:
        """
        Args:
            x, y: fractions of the picture.
        """
        left, top, right, bottom = self.box
        width, height = self.size
        return left <= x * width <= right and top <= y * height <= bottom


def read_screenspot(folder: Path) -> list[GroundingSample]:
    """Every sample of a folder, file by file.

    Raises:
        FormatError: naming the file, the entry and the field that is not as it should be.
    """
    files = _annotation_files(folder)
    if not files:
        raise FormatError(f"no annotations in {folder}; expected *.json in it or in annotations/")
    sizes: dict[Path, tuple[int, int]] = {}
    samples = [sample for file in files for sample in _of_file(file, folder, sizes)]
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise FormatError(f"{folder}: two samples are called {sample.id!r}")
        seen.add(sample.id)
    return samples


def write_screenspot_pro(samples: Sequence[GroundingSample], folder: Path, *, name: str) -> Path:
    """Write `folder/annotations/<name>.json`; the pictures lie below `folder/images` already."""
    entries = [
        {
            "img_filename": str(sample.image.relative_to(folder / "images")),
            "bbox": list(sample.box),
            "instruction": sample.instruction,
            "id": sample.id,
            "application": sample.application,
            "platform": sample.platform,
            "img_size": list(sample.size),
            "ui_type": sample.kind,
            "group": sample.group,
        }
        for sample in samples
    ]
    path = folder / "annotations" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def _annotation_files(folder: Path) -> list[Path]:
    for name in _ANNOTATION_FOLDERS:
        if found := sorted((folder / name).glob("*.json")):
            return found
    return []


def _of_file(
    file: Path, folder: Path, sizes: dict[Path, tuple[int, int]]
) -> Iterator[GroundingSample]:
    try:
        entries = json.loads(file.read_bytes())
    except ValueError as error:
        raise FormatError(f"{file}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise FormatError(f"{file}: expected a list, not {type(entries).__name__}")
    for number, entry in enumerate(entries):
        yield _Entry(entry, number, file, folder, sizes).sample()


class _Entry:
    """One entry while it is read; knows how to say where it is."""

    def __init__(
        self,
        entry: Any,
        number: int,
        file: Path,
        folder: Path,
        sizes: dict[Path, tuple[int, int]],
    ) -> None:
        self._where = f"{file}[{number}]"
        if not isinstance(entry, dict):
            raise FormatError(f"{self._where}: expected an object, not {type(entry).__name__}")
        self._entry = entry
        self._number = number
        self._file = file
        self._folder = folder
        self._sizes = sizes

    def sample(self) -> GroundingSample:
        image = self._image()
        size = self._size(image)
        if "ui_type" in self._entry:
            return self._pro(image, size)
        left, top, width, height = self._four("bbox")
        return GroundingSample(
            id=f"{self._file.stem}-{self._number}",
            image=image,
            instruction=self._text("instruction"),
            box=self._box((left, top, left + width, top + height), size),
            size=size,
            kind=self._kind("data_type"),
            platform=self._platform(),
            application=self._text("data_source"),
        )

    def _pro(self, image: Path, size: tuple[int, int]) -> GroundingSample:
        told = self._entry.get("img_size")
        if told != list(size):
            raise self._refuse("img_size", f"the picture is {list(size)}, not {told!r:.40}")
        return GroundingSample(
            id=self._text("id"),
            image=image,
            instruction=self._text("instruction"),
            box=self._box(self._four("bbox"), size),
            size=size,
            kind=self._kind("ui_type"),
            platform=self._text("platform"),
            application=self._text("application"),
            group=self._text("group"),
        )

    def _text(self, key: str) -> str:
        value = self._entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._refuse(key, f"expected text, not {value!r:.80}")
        return value

    def _kind(self, key: str) -> Kind:
        value = self._text(key)
        if value not in KINDS:
            raise self._refuse(key, f"expected text or icon, not {value!r:.40}")
        return "text" if value == "text" else "icon"

    def _platform(self) -> str:
        for platform in PLATFORMS:
            if platform in self._file.stem:
                return platform
        raise FormatError(
            f"{self._file}: expected one of {', '.join(PLATFORMS)} in the name of the file"
        )

    def _four(self, key: str) -> tuple[float, float, float, float]:
        value = self._entry.get(key)
        numbers = value if isinstance(value, list) else []
        good = [n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)]
        if len(numbers) != 4 or len(good) != 4:
            raise self._refuse(key, f"expected four numbers, not {value!r:.80}")
        first, second, third, fourth = map(float, good)
        return first, second, third, fourth

    def _box(
        self, box: tuple[float, float, float, float], size: tuple[int, int]
    ) -> tuple[float, float, float, float]:
        left, top, right, bottom = box
        if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
            raise self._refuse(
                "bbox", f"[{left:g}, {top:g}] to [{right:g}, {bottom:g}] is no part of {list(size)}"
            )
        return box

    def _image(self) -> Path:
        name = self._text("img_filename")
        for place in _IMAGE_FOLDERS:
            root = (self._folder / place).resolve()
            path = (root / name).resolve()
            # Annotations are other people's, and a name must not lead to other files.
            if path.is_relative_to(root) and path.is_file():
                return path
        raise self._refuse("img_filename", f"no picture {name!r:.120} in {self._folder}")

    def _size(self, image: Path) -> tuple[int, int]:
        if image not in self._sizes:
            try:
                with Image.open(image) as picture:
                    self._sizes[image] = picture.size
            except (UnidentifiedImageError, OSError) as error:
                raise self._refuse("img_filename", f"{image.name} is no picture") from error
        return self._sizes[image]

    def _refuse(self, key: str, why: str) -> FormatError:
        return FormatError(f"{self._where}.{key}: {why}")
