"""What VLC, GIMP, Impress and others have written, or say when asked."""

import csv
import zipfile
from collections import Counter
from collections.abc import Mapping
from io import StringIO
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

from env.tasks.errors import Unscored
from env.tasks.getters.files import fetched
from env.tasks.machine import Bench

Parameters = Mapping[str, Any]

_GIMP = ".config/GIMP/2.10"
_VLC = ".config/vlc/vlcrc"
_VLC_PORT = 8080
_VLC_PASSWORD = "password"
"""What task files set VLC's page up with."""

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"

_VIDEO_TYPES = (
    "3gp 3gpp 3gpp2 avi divx dv fli flv mp2t mp4 mp4v-es mpeg mpeg-system msvideo ogg quicktime"
    " vnd.divx vnd.mpegurl vnd.rn-realvideo webm x-anim x-avi x-flc x-fli x-flv x-m4v x-matroska"
    " x-mpeg x-mpeg-system x-mpeg2 x-ms-asf x-ms-asf-plugin x-ms-asx x-ms-wm x-ms-wmv x-ms-wmx"
    " x-ms-wvx x-msvideo x-nsv x-ogm x-ogm+ogg x-theora x-theora+ogg"
)


def vlc_config(bench: Bench, parameters: Parameters) -> str:
    """Raises `FileNotFoundError`: VLC has not written any."""
    return _of_home(bench, _VLC, parameters["dest"])


def gimp_config_file(bench: Bench, parameters: Parameters) -> str | None:
    path = f"{bench.machine.home}/{_GIMP}/{parameters['file_name']}"
    return fetched(bench, path, parameters["dest"])


def vlc_playing_info(bench: Bench, parameters: Parameters) -> str | None:
    """VLC's status page; None: VLC does not answer."""
    import httpx2

    url = f"http://{bench.machine.address_of(_VLC_PORT)}/requests/status.xml"
    try:
        reply = httpx2.get(url, auth=("", _VLC_PASSWORD), timeout=10.0)
    except httpx2.HTTPError:
        return None
    if reply.status_code != 200:
        return None
    path = bench.file(parameters["dest"])
    path.write_bytes(reply.content)
    return str(path)


def default_video_player(bench: Bench, parameters: Parameters) -> str:
    """What most kinds of film are opened with."""
    script = 'for kind in $1; do xdg-mime query default "video/$kind"; done'
    ran = bench.machine.run(("sh", "-c", script, "sh", _VIDEO_TYPES))
    answers = Counter(f"{line}\n" for line in ran.output.splitlines() if line)
    return answers.most_common(1)[0][0] if answers else "unknown"


def vscode_config(bench: Bench, parameters: Parameters) -> Any:
    """Raises `Unscored`, always: it is an extension of OSWorld's that would answer."""
    raise Unscored("needs VS Code with OSWorld's extension")


def conference_city_in_order(bench: Bench, parameters: Parameters) -> list[str]:
    """The third column of a table, without its heading."""
    text = bench.machine.get_file(parameters["csv_path"]).decode("utf-8", "replace")
    return [row[2] for row in list(csv.reader(StringIO(text)))[1:]]


def background_image_in_slide(bench: Bench, parameters: Parameters) -> str | None:
    """The picture behind a slide; None: it has none."""
    from env.tasks.metrics.markup import parsed

    with _presentation(bench, parameters) as book:
        try:
            slide = parsed(book.read(f"ppt/slides/slide{_number(parameters)}.xml"))
        except KeyError:
            return None
        images = slide.iterfind(f".//{_P}bgPr//{_A}blip")
        wanted = next((image.get(f"{_R}embed") for image in images), None)
        return _related(bench, parameters, book, "image", wanted) if wanted else None


def audio_in_slide(bench: Bench, parameters: Parameters) -> str | None:
    """The first sound of a slide; None: it has none."""
    with _presentation(bench, parameters) as book:
        return _related(bench, parameters, book, "audio", None)


def _presentation(bench: Bench, parameters: Parameters) -> zipfile.ZipFile:
    """Raises `FileNotFoundError`: it is not there."""
    path = parameters["ppt_file_path"]
    found = fetched(bench, path, PurePosixPath(path).name)
    if found is None:
        raise FileNotFoundError(path)
    return zipfile.ZipFile(found)


def _number(parameters: Parameters) -> int:
    return int(parameters["slide_index"]) + 1


def _related(
    bench: Bench, parameters: Parameters, book: zipfile.ZipFile, kind: str, wanted: str | None
) -> str | None:
    """What a slide refers to, kept here: from within the file, or from the machine.

    Args:
        wanted: the reference's name; None: the first of its kind.
    """
    from env.tasks.metrics.markup import parsed

    try:
        relations = parsed(book.read(f"ppt/slides/_rels/slide{_number(parameters)}.xml.rels"))
    except KeyError:
        return None
    for relation in relations.iterfind(f"{_RELATIONS}Relationship"):
        if kind not in relation.get("Type") or wanted not in (None, relation.get("Id")):
            continue
        target = relation.get("Target")
        if target.startswith("file://"):
            return fetched(bench, unquote(target[len("file://") :]), parameters["dest"])
        path = bench.file(parameters["dest"])
        path.write_bytes(book.read(normpath(f"ppt/slides/{target}").lstrip("/")))
        return str(path)
    return None


def _of_home(bench: Bench, path: str, name: str) -> str:
    found = fetched(bench, f"{bench.machine.home}/{path}", name)
    if found is None:
        raise FileNotFoundError(path)
    return found
