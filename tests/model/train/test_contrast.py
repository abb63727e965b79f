import torch
import torch.nn.functional as F

from model.moonvit import Grid
from model.train.contrast import WordContrast
from model.train.samples import Label


def word(text: str, left: int, top: int) -> list[Label]:
    return [
        Label(letter, left + 6 * place, top, left + 6 * place + 6, top + 10)
        for place, letter in enumerate(text)
    ]


def test_every_word_is_held_against_every_place_and_equal_words_agree() -> None:
    torch.manual_seed(0)
    contrast = WordContrast(8, 14)
    grids = [Grid(4, 4), Grid(2, 4)]
    labels = [word("on", 2, 2) + word("off", 2, 30), word("on", 30, 2)]
    patches_NC = torch.randn(24, 8)
    places = [[0, 1], [8, 9], [18, 19]]
    looked = torch.stack([contrast.look(patches_NC[place].mean(0)) for place in places])
    spelt = torch.stack(
        [
            contrast.spell(
                torch.stack(
                    [contrast.letters.weight[256 * at + ord(c)] for at, c in enumerate(text)]
                ).mean(0)
            )
            for text in ("on", "off", "on")
        ]
    )
    scores = F.normalize(looked, dim=-1) @ F.normalize(spelt, dim=-1).T
    scores = scores * contrast.scale.exp() + contrast.bias
    signs = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, 1.0]])
    wanted = -F.logsigmoid(signs * scores).sum() / 3
    torch.testing.assert_close(contrast(patches_NC, grids, labels), wanted)


def test_pictures_without_words_cost_nothing() -> None:
    assert WordContrast(8, 14)(torch.randn(4, 8), [Grid(2, 2)], [[]]) == 0.0
