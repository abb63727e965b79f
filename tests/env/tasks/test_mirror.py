from pathlib import Path

import pytest

from env.tasks.errors import MissingFile, Unscored
from env.tasks.mirror import Mirror, cache_name

URL = (
    "https://huggingface.co/datasets/xlangai/ubuntu_osworld_file_cache/resolve/main/"
    "libreoffice_calc/t1/Sales%20Data.xlsx?download=true"
)


@pytest.mark.parametrize(
    "place",
    [
        "libreoffice_calc/t1/Sales Data.xlsx",
        "t1/" + cache_name(URL, "in.xlsx"),
        "cache/t1/" + cache_name(URL, "in.xlsx"),
    ],
)
def test_a_file_is_found_in_the_hubs_tree_and_in_osworlds_cache(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text("here")
    assert Mirror(tmp_path).find(URL, "t1", "/home/user/in.xlsx").read_text() == "here"


def test_what_is_compared_with_lies_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "t1").mkdir()
    (tmp_path / "t1/gold.xlsx").write_text("gold")
    assert Mirror(tmp_path).find(URL, "t1", "gold.xlsx").read_text() == "gold"


def test_a_missing_file_leaves_the_task_unscored_and_is_named(tmp_path: Path) -> None:
    for mirror in (Mirror(), Mirror(tmp_path)):
        with pytest.raises(MissingFile, match=r"libreoffice_calc/t1/Sales Data.xlsx") as missing:
            mirror.find(URL, "t1", "in.xlsx")
        assert isinstance(missing.value, Unscored)


def test_a_name_does_not_lead_out_of_the_mirror(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "mirror/t1").mkdir(parents=True)
    with pytest.raises(MissingFile):
        Mirror(tmp_path / "mirror").find("https://h/../secret", "t1", "../../secret")


def test_a_mirror_may_be_made_of_links(tmp_path: Path) -> None:
    (tmp_path / "blob").write_text("here")
    place = tmp_path / "mirror/libreoffice_calc/t1/Sales Data.xlsx"
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "blob")
    assert Mirror(tmp_path / "mirror").find(URL, "t1", "in.xlsx").read_text() == "here"
