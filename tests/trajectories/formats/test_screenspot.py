import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trajectories.errors import FormatError
from trajectories.formats.screenspot import read_screenspot, write_screenspot_pro

PLAIN = {
    "img_filename": "pc_1.png",
    "bbox": [10, 20, 30, 40],
    "instruction": "close this window",
    "data_type": "icon",
    "data_source": "windows",
}
PRO = {
    "img_filename": "gimp_linux/1.png",
    "bbox": [10, 20, 40, 60],
    "instruction": "choose the brush",
    "instruction_cn": "选择画笔",
    "id": "gimp_linux_0",
    "application": "gimp",
    "platform": "linux",
    "img_size": [100, 80],
    "ui_type": "icon",
    "group": "Creative",
}


def plain_set(folder: Path, *entries: Any, name: str = "screenspot_desktop_v2") -> Path:
    images = folder / "screenspotv2_image"
    images.mkdir(parents=True)
    Image.new("RGB", (100, 80)).save(images / "pc_1.png")
    (folder / f"{name}.json").write_text(json.dumps(list(entries)))
    return folder


def pro_set(folder: Path, *entries: Any) -> Path:
    (folder / "images" / "gimp_linux").mkdir(parents=True)
    Image.new("RGB", (100, 80)).save(folder / "images" / "gimp_linux" / "1.png")
    (folder / "annotations").mkdir()
    (folder / "annotations" / "gimp_linux.json").write_text(json.dumps(list(entries)))
    return folder


def test_screenspots_boxes_are_corner_and_sides(tmp_path: Path) -> None:
    (sample,) = read_screenspot(plain_set(tmp_path, PLAIN))
    assert sample.box == (10, 20, 40, 60)
    assert (sample.platform, sample.application, sample.kind) == ("desktop", "windows", "icon")
    assert sample.id == "screenspot_desktop_v2-0"


def test_screenspot_pros_boxes_are_two_corners(tmp_path: Path) -> None:
    (sample,) = read_screenspot(pro_set(tmp_path, PRO))
    assert sample.box == (10, 20, 40, 60)
    assert (sample.platform, sample.application, sample.group) == ("linux", "gimp", "Creative")


@pytest.mark.parametrize(
    ("x", "y", "hit"),
    [
        (0.25, 0.5, True),
        (0.1, 0.25, True),
        (0.4, 0.75, True),
        (0.41, 0.5, False),
        (0.25, 0.2, False),
    ],
)
def test_a_point_in_the_box_or_on_its_edge_is_a_hit(
    x: float, y: float, hit: bool, tmp_path: Path
) -> None:
    (sample,) = read_screenspot(pro_set(tmp_path, PRO))
    assert sample.hit_by(x, y) is hit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [10, 20, 30]}, r"v2.json\[0\].bbox: expected four numbers"),
        ({"bbox": [10, 20, 30, "40"]}, "bbox: expected four numbers"),
        ({"bbox": [10, 20, 0, 40]}, "bbox: .* is no part of"),
        ({"bbox": [10, 20, 300, 40]}, "bbox: .* is no part of"),
        ({"bbox": [10, 20, float("nan"), 40]}, "bbox: .* is no part of"),
        ({"instruction": " "}, "instruction: expected text"),
        ({"data_type": "image"}, "data_type: expected text or icon"),
        ({"data_source": None}, "data_source: expected text"),
        ({"img_filename": "pc_2.png"}, "img_filename: no picture"),
        ({"img_filename": "../secret.png"}, "img_filename: no picture"),
    ],
)
def test_a_bad_entry_is_refused_by_its_field(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = plain_set(tmp_path / "set", PLAIN | change)
    Image.new("RGB", (100, 80)).save(tmp_path / "secret.png")
    with pytest.raises(FormatError, match=message):
        read_screenspot(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"img_size": [100, 81]}, "img_size: the picture is"),
        ({"ui_type": "button"}, "ui_type: expected text or icon"),
        ({"id": ""}, "id: expected text"),
        ({"platform": 3}, "platform: expected text"),
        ({"group": None}, "group: expected text"),
    ],
)
def test_a_bad_entry_of_pro_is_too(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        read_screenspot(pro_set(tmp_path, PRO | change))


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no annotations in"):
        read_screenspot(tmp_path)
    with pytest.raises(FormatError, match="two samples are called 'gimp_linux_0'"):
        read_screenspot(pro_set(tmp_path / "twice", PRO, PRO))
    with pytest.raises(FormatError, match="expected one of desktop, mobile, web in the name"):
        read_screenspot(plain_set(tmp_path / "name", PLAIN, name="screens"))
    with pytest.raises(FormatError, match=r"\[0\]: expected an object"):
        read_screenspot(plain_set(tmp_path / "entry", "text"))
    folder = plain_set(tmp_path / "image", PLAIN)
    (folder / "screenspotv2_image" / "pc_1.png").write_text("no picture")
    with pytest.raises(FormatError, match=r"pc_1.png is no picture"):
        read_screenspot(folder)
    (folder / "screenspot_desktop_v2.json").write_text("{")
    with pytest.raises(FormatError, match="not JSON"):
        read_screenspot(folder)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    samples = read_screenspot(pro_set(tmp_path, PRO))
    (tmp_path / "annotations" / "gimp_linux.json").unlink()
    write_screenspot_pro(samples, tmp_path, name="again")
    assert read_screenspot(tmp_path) == samples
