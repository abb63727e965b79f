import json
from pathlib import Path

from model.train.samples import Label, labels_from, read_pages


def test_pages_of_every_index_are_read(tmp_path: Path) -> None:
    for name in ("0", "500"):
        row = {"picture": f"{name}.png", "characters": [["a", 0, 1, 2, 3.5]], "widgets": []}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "900.partial").write_text("half a li")
    pages = read_pages(tmp_path)
    assert [page.picture.name for page in pages] == ["0.png", "500.png"]
    assert labels_from(pages[0].labels) == {
        "characters": (Label("a", 0.0, 1.0, 2.0, 3.5),),
        "widgets": (),
    }


def test_the_centre_of_a_label_is_between_its_edges() -> None:
    assert Label("a", 10, 20, 20, 25).center == (15, 22.5)
