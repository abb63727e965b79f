import torch

from model.moonvit import Grid
from model.train.glyphs import NOTHING, NUM_KINDS, OTHER, SLOTS, GlyphHead, glyph_labels
from model.train.samples import Label

GRID = Grid(2, 4)


def glyph(text: str, left: float, top: float) -> Label:
    return Label(text, left, top, left + 4, top + 6)


def kinds(*labels: Label) -> list[list[int]]:
    return glyph_labels(labels, GRID, 14).tolist()


def kind(text: str) -> int:
    return kinds(glyph(text, 0, 0))[0][0]


def test_a_glyph_belongs_to_the_patch_that_holds_its_centre() -> None:
    labels = kinds(glyph("a", 13, 0), glyph("b", 27.5, 20))
    assert labels[1] == [kind("a"), NOTHING, NOTHING, NOTHING]
    assert labels[4 + 2] == [kind("b"), NOTHING, NOTHING, NOTHING]
    assert sum(row != [NOTHING] * SLOTS for row in labels) == 2


def test_a_patch_is_read_line_by_line_from_the_left() -> None:
    out_of_order = (glyph("d", 1, 7.5), glyph("b", 7, 0.4), glyph("a", 1, 0), glyph("e", 6, 7))
    assert kinds(*out_of_order)[0] == [kind(text) for text in "abde"]


def test_what_does_not_fit_in_the_slots_is_left_out() -> None:
    narrow = [Label(text, 2 * n, 0, 2 * n + 2, 6) for n, text in enumerate("ilfjt")]
    assert kinds(*narrow)[0] == [kind(text) for text in "ilfj"]


def test_letters_of_other_scripts_are_seen_as_other() -> None:
    assert kind("é") == kind("→") == OTHER
    assert kind("a") not in (NOTHING, OTHER)
    assert len({kind(text) for text in "aAbB09.,~"}) == 9


def test_glyphs_off_the_picture_are_nobodys() -> None:
    labels = kinds(glyph("a", -10, 0), glyph("b", 0, -10), glyph("c", 60, 0), glyph("d", 0, 30))
    assert all(row == [NOTHING] * SLOTS for row in labels)


def test_the_score_counts_written_slots_only() -> None:
    head = GlyphHead(8)
    with torch.no_grad():
        head.read.weight.zero_()
        head.read.bias.zero_()
        head.read.bias.view(SLOTS, NUM_KINDS)[:, 5] = 20.0
    labels = torch.tensor([[5, 5, 7, NOTHING]])
    score = head(torch.zeros(1, 8), labels)
    assert (score.hits, score.tried) == (2, 3)
    assert score.loss > 0.0


def test_a_page_without_letters_has_a_score() -> None:
    score = GlyphHead(8)(torch.zeros(2, 8), torch.zeros(2, SLOTS, dtype=torch.int64))
    assert (score.hits, score.tried) == (0, 0)
    assert torch.isfinite(score.loss)
