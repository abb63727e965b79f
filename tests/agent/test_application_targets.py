"""Menus of a real text editor, pointed at."""

from pathlib import Path
from shutil import which

import pytest
from PIL import Image

from agent.application_targets import make_application_set
from trajectories.formats.screenspot import read_screenspot


@pytest.mark.skipif(which("mousepad") is None, reason="comes with scripts/setup.sh --apps")
def test_a_program_is_asked_about_as_it_begins_and_with_menus_open(tmp_path: Path) -> None:
    path = make_application_set(tmp_path, seed=1, oracles=["mousepad.sort_lines"])
    assert path == tmp_path / "annotations" / "desktop.json"
    samples = read_screenspot(tmp_path)
    by_words = {sample.instruction: sample for sample in samples}
    file = by_words['Open the "File" menu.']
    assert (file.application, file.group, file.platform, file.kind) == (
        *("mousepad", "Dev", "linux", "text"),
    )
    assert file.box[3] < by_words['Open the "Help" menu.'].box[3] + 1
    items = [sample for sample in samples if sample.instruction.endswith("in the menu.")]
    assert items
    for item in items:
        # The menu is open on its picture: paper, and letters on it.
        with Image.open(item.image) as picture:
            colours = picture.convert("L").crop(item.box).getcolors(256)
        assert colours is not None
        assert len(colours) > 5
    assert len({sample.image for sample in samples}) > 1
