"""Sounds, films, pictures by how alike they are, and what an MP3 says of itself."""

import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from env.tasks.metrics.rules import follows

_LEAST_ABOVE_BASE = 0.01


def compare_images(result: str | None, expected: str | None, **options: Any) -> float:
    """Structural similarity in grey; above `reference_base_result`, if that is given."""
    from skimage.metrics import structural_similarity

    if not result or not expected:
        return 0.0
    grey = [Image.open(path).convert("L") for path in (result, expected)]
    size = min(image.size for image in grey)
    pixels = (np.array(image.resize(size, Image.Resampling.LANCZOS)) for image in grey)
    alike = float(structural_similarity(*pixels))
    base = options.get("reference_base_result")
    if base is None:
        return alike
    return (alike - base) / (1 - base) if alike >= base + _LEAST_ABOVE_BASE else 0.0


def compare_audios(result: str | None, expected: str | None, *, exact: bool = False) -> float:
    """How alike two sounds are, from 0 to 1, whatever their tempo.

    Args:
        exact: two files that cannot be read are the same, as OSWorld has it.
    """
    if not result or not expected:
        return 0.0
    ours, theirs = _sound(result), _sound(expected)
    if ours is None or theirs is None:
        return float(exact and ours is None and theirs is None)
    from scipy.spatial.distance import cosine

    from env.tasks.metrics.warping import fast_dtw

    length, way = fast_dtw(ours, theirs, cosine)
    return math.exp(-length / len(way)) if way else 0.0


def _sound(path: str) -> Any:
    """Its features over time, as rows; None: nothing to be heard in it."""
    with warnings.catch_warnings():
        # It brings a decoder that imports what Python is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        import librosa

        try:
            samples, rate = librosa.load(path)
        except Exception:
            # Two decoders and what lies under them; an agent's file may be anything.
            return None
    if not len(samples):
        return None
    return librosa.util.normalize(librosa.feature.mfcc(y=samples, sr=rate), axis=1).T.astype(float)


def compare_videos(
    result: str | None,
    expected: str | None,
    max_frames_to_check: int = 100,
    threshold: int = 5,
    *,
    exact: bool = False,
) -> float:
    """The first frames look the same, and neither ends before the other among them.

    Args:
        exact: two files without a frame are the same, as OSWorld has it.
    """
    import imagehash

    ours, theirs = _frames(result), _frames(expected)
    different = 0
    for count in range(max_frames_to_check):
        one, other = next(ours, None), next(theirs, None)
        if one is None or other is None:
            return float(one is None and other is None and (exact or count > 0))
        if imagehash.phash(one) - imagehash.phash(other) > threshold:
            different += 1
            if different > threshold:
                return 0.0
    return 1.0


def _frames(path: str | None) -> Iterator[Image.Image]:
    import av

    if not path or not Path(path).is_file():
        return
    try:
        with av.open(path) as film:
            for frame in film.decode(video=0):
                yield frame.to_image()
    except (av.FFmpegError, IndexError):
        return


def check_mp3_meta(result: str | None, meta: Mapping[str, Mapping[str, Any]]) -> float:
    """Each tag follows its rule; several values of one are a text with commas."""
    from mutagen.easyid3 import EasyID3

    if result is None:
        return 0.0
    tags = EasyID3(result)
    return float(all(follows(",".join(tags.get(name, ())), rule) for name, rule in meta.items()))
