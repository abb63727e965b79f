"""Pictures to work on in GIMP: a landscape that no mirror leaves as it is."""

import random
from io import BytesIO

from PIL import Image, ImageDraw

from env.tasks.suites.desktop.inputs.files import made

_SIZE = (400, 300)


@made("gimp/landscape.png")
def landscape(rng: random.Random) -> bytes:
    return _png(_landscape(rng))


@made("gimp/mirrored.png", like="gimp/landscape.png")
def mirrored(rng: random.Random) -> bytes:
    return _png(_landscape(rng).transpose(Image.Transpose.FLIP_LEFT_RIGHT))


@made("gimp/turned.png", like="gimp/landscape.png")
def turned(rng: random.Random) -> bytes:
    return _png(_landscape(rng).transpose(Image.Transpose.ROTATE_270))


@made("gimp/half.png", like="gimp/landscape.png")
def half(rng: random.Random) -> bytes:
    return _png(_landscape(rng).resize((200, 150), Image.Resampling.BICUBIC))


@made("gimp/inverted.png", like="gimp/landscape.png")
def inverted(rng: random.Random) -> bytes:
    return _png(_landscape(rng).point(lambda value: 255 - value))


def _landscape(rng: random.Random) -> Image.Image:
    picture = Image.new("RGB", _SIZE, (150, 190, 230))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 190, 400, 300), fill=(90, 140, 70))
    draw.ellipse((300, 20, 360, 80), fill=(250, 220, 80))
    draw.polygon(((20, 190), (110, 60), (200, 190)), fill=(120, 110, 105))
    for _ in range(14):
        x, y = rng.randrange(0, 250), rng.randrange(200, 290)
        draw.rectangle((x, y, x + 8, y + 14), fill=(40, rng.randrange(70, 110), 40))
    return picture


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
