from PIL import Image

from model.images import ImageProcessor
from model.messages import ImagePart, user
from model.processor import Processor
from model.tokenizer import Tokenizer


def test_each_placeholder_becomes_as_many_as_its_picture_has_tokens(tokenizer: Tokenizer) -> None:
    one, other = (ImagePart(Image.new("RGB", size)) for size in ((84, 56), (28, 28)))
    made = Processor(tokenizer, ImageProcessor())([user(one, "a", other)])
    pad, end = tokenizer.special["<|media_pad|>"], tokenizer.special["<|media_end|>"]
    ids = made.input_ids[0].tolist()
    first = ids.index(pad)
    assert ids[first : first + 7] == [pad] * 6 + [end]
    assert ids.count(pad) == 6 + 1
    assert made.pixel_values is not None
    assert made.image_grid_hws is not None
    assert made.pixel_values.shape[0] == 4 * 7
    assert made.image_grid_hws.tolist() == [[4, 6], [2, 2]]
    later = Processor(tokenizer, ImageProcessor()).prompt([user(one, "a", other)])
    assert later.input_ids.tolist() == made.input_ids.tolist()
    assert [picture.grid_hw for picture in later.pictures] == [(4, 6), (2, 2)]


def test_a_chat_without_pictures_has_no_patches(tokenizer: Tokenizer) -> None:
    made = Processor(tokenizer, ImageProcessor())([user("Hello")])
    assert made.pixel_values is None
    assert made.image_grid_hws is None
    assert made.input_ids.tolist() == [tokenizer.encode_chat([user("Hello")])]
