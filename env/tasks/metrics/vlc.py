"""VLC: what it plays, and its settings (`vlcrc`)."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

from env.tasks.errors import TaskRefused
from env.tasks.metrics.markup import parsed_file

Rules = Mapping[str, Any]

_FILE_FIELDS = ("filename", "title", "uri", "location", "name")
_URL_FIELDS = ("url", "URI", "location", "title", "filename")
_STREAM_FIELDS = ("Codec", "Type", "Language")
_FIRST_SLIDER = "153;210;153;20;210;20;255;199;15;245;39;29"
_BLACKISH = 100


def is_vlc_playing(result: str | None, rules: Rules, *, exact: bool = False) -> float:
    """The file or address that VLC's status says is playing."""
    if result is None and not exact:
        return 0.0
    status = parsed_file(str(result))
    if status.findtext("state") != "playing":
        return 0.0
    match rules["type"]:
        case "file_name":
            told = _told(status, [("meta", field) for field in _FILE_FIELDS])
            name = rules["file_name"]
            return float(told is not None and told.endswith(name))
        case "url":
            streams = [("Stream 0", field) for field in _STREAM_FIELDS]
            told = _told(status, [*(("meta", field) for field in _URL_FIELDS), *streams])
            return float(told is not None and _is_url(told, rules["url"]))
    return 0.0


def _told(status: Any, fields: list[tuple[str, str]]) -> str | None:
    """The first of the fields that says something."""
    for category, field in fields:
        text = status.findtext(f"information/category[@name='{category}']/info[@name='{field}']")
        if text:
            return str(text)
    return None


def _is_url(told: str, wanted: str) -> bool:
    """Of a stream VLC shows the last part of its address; of a redirected one, another."""
    if wanted in told:
        return True
    expected = urlparse(wanted)
    if told == PurePosixPath(expected.path).name:
        return True
    seen = urlparse(told)
    return "://" in told and expected.netloc == seen.netloc and expected.path in seen.path


def is_vlc_fullscreen(window: Rules | None, screen: Rules | None) -> float:
    if window is None or screen is None:
        return 0.0
    return float(all(window[side] == screen[side] for side in ("width", "height")))


def is_vlc_recordings_folder(result: str, rules: Rules, *, exact: bool = False) -> float:
    for name, value in _settings(result):
        if "input-record-path" in name if exact else name == "input-record-path":
            return float(value == rules["recording_file_path"])
    return 0.0


def check_qt_bgcone(result: str, rules: Rules, *, exact: bool = False) -> float:
    return _is(result, "qt-bgcone", "1", rules["expected_qt_bgcone"], exact)


def check_qt_max_volume(result: str, rules: Rules, *, exact: bool = False) -> float:
    return _is(result, "qt-max-volume", "125", rules["expected_qt_max_volume"], exact)


def check_qt_minimal_view(result: str, rules: Rules, *, exact: bool = False) -> float:
    return _is(result, "qt-minimal-view", "0", rules["expected_qt_minimal_view"], exact)


def check_play_and_exit(result: str, rules: Rules, *, exact: bool = False) -> float:
    return _is(result, "play-and-exit", "0", rules["expected_play_and_exit"], exact)


def check_one_instance_when_started_from_file(
    result: str, rules: Rules, *, exact: bool = False
) -> float:
    name = "one-instance-when-started-from-file"
    expected = rules["expected_one_instance_when_started_from_file"]
    return _is(result, name, "1", expected, exact)


def check_global_key_play_pause(result: str, rules: Rules, *, exact: bool = False) -> float:
    """Whether a key that works everywhere is set: "1" or "0"."""
    key = _value(result, "global-key-play-pause", "", exact)
    return float(("1" if key else "0") == _text(rules["expected_global_key_play_pause"]))


def check_qt_slider_colours(result: str, rules: Rules, *, exact: bool = False) -> float:
    """The colours of the volume slider are these, or all nearly black."""
    colours = _value(result, "qt-slider-colours", _FIRST_SLIDER, exact)
    match rules["type"]:
        case "match":
            return float(colours == rules["expected_qt_slider_colours"])
        case "blackish":
            try:
                parts = [int(part) for part in colours.split(";")]
            except ValueError:
                return 0.0
            # An incomplete last colour is none.
            whole = parts[: len(parts) // 3 * 3]
            return float(all(part < _BLACKISH for part in whole))
    raise TaskRefused(f"no rule of colours is called {rules['type']!r}")


def _is(path: str, name: str, first: str, expected: Any, exact: bool) -> float:
    return float(_value(path, name, first, exact) == _text(expected))


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _value(path: str, name: str, first: str, exact: bool) -> str:
    """A setting as it is last set; `first`, which VLC starts with, if it is not.

    Args:
        exact: OSWorld takes what is commented out for a setting, and any whose name ends so.
    """
    found = first
    for setting, value in _settings(path, comments=exact):
        if setting == name or (exact and setting.endswith(name)):
            found = value
    return found


def _settings(path: str, *, comments: bool = False) -> Iterator[tuple[str, str]]:
    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        if "=" in line and (comments or not line.startswith("#")):
            yield line.partition("=")[0].strip(), line.rpartition("=")[2].strip()
