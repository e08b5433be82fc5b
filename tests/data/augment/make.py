#!/usr/bin/env python3
"""Write ops.bin: what Pillow makes of a few small pictures, for tests/patch/test_augment_ops.c.

    tests/data/augment/make.py          needs Pillow (9.4 made the committed file) and NumPy

Little endian: "PILOPS1\\n"; u32 number of pictures, each u32 side and its (side, side, 3) bytes; u32 number
of cases, each u32 picture, 16 bytes name of the operation (a key of OPS), f64 value, the resulting bytes.
"""
import os
import struct

import numpy
from PIL import Image, ImageEnhance, ImageOps

GREY = (128, 128, 128)


def affine(*matrix):
    return lambda im: im.transform(im.size, Image.AFFINE, matrix, Image.NEAREST, fillcolor=GREY)


def enhance(kind):
    return lambda v: lambda im: kind(im).enhance(v)


def solarize_add(v):
    return lambda im: im.point([min(255, i + int(v)) if i < 128 else i for i in range(256)] * 3)


OPS = {
    "identity": (lambda v: lambda im: im, [0]),
    "shear-x": (lambda v: affine(1, v, 0, 0, 1, 0), [0.3, -0.26, 0.1, -0.99]),
    "shear-y": (lambda v: affine(1, 0, 0, v, 1, 0), [0.3, -0.26, 0.1, -0.99]),
    "translate-x": (lambda v: affine(1, 0, v, 0, 1, 0), [3, -7, 4.5, -4.5]),
    "translate-y": (lambda v: affine(1, 0, 0, 0, 1, v), [3, -7, 4.5, -4.5]),
    "rotate": (lambda v: lambda im: im.rotate(v, Image.NEAREST, fillcolor=GREY), [30, -20, 6.7, 135, 90, -180]),
    "auto-contrast": (lambda v: ImageOps.autocontrast, [0]),
    "invert": (lambda v: ImageOps.invert, [0]),
    "equalize": (lambda v: ImageOps.equalize, [0]),
    "solarize": (lambda v: lambda im: ImageOps.solarize(im, v), [0, 113.4, 170, 256]),
    "solarize-add": (solarize_add, [44, 110]),
    "posterize": (lambda v: lambda im: ImageOps.posterize(im, int(v)), [0, 1, 5, 8]),
    "contrast": (enhance(ImageEnhance.Contrast), [0, 0.4, 1, 1.9]),
    "color": (enhance(ImageEnhance.Color), [0, 0.1, 1, 1.7]),
    "brightness": (enhance(ImageEnhance.Brightness), [0, 0.3, 1, 1.6]),
    "sharpness": (enhance(ImageEnhance.Sharpness), [0, 0.1, 1, 1.9]),
}


def pictures():
    """A scene with every kind of value, one of low contrast, one of a single colour, noise of odd side."""
    random = numpy.random.RandomState(7)
    y, x = numpy.mgrid[0:32, 0:32]
    scene = numpy.stack([x * 8, y * 8, (x * y) % 256], -1)
    scene[8:20, 10:26] = (200, 40, 90)
    scene = numpy.clip(scene + random.randint(-20, 21, scene.shape), 0, 255)
    small = scene[::2, ::2]
    dull = 90 + scene[::4, ::4] // 8
    flat = numpy.full((4, 4, 3), (17, 130, 250))
    noise = random.randint(0, 256, (13, 13, 3))
    return [a.astype(numpy.uint8) for a in (scene, small, dull, flat, noise)]


def main():
    made = pictures()
    out = b"PILOPS1\n" + struct.pack("<I", len(made))
    for picture in made:
        out += struct.pack("<I", len(picture)) + picture.tobytes()
    cases = []
    for name, (make, values) in OPS.items():
        for number, picture in enumerate(made):
            for value in values[:1] if number == 0 else values:
                result = make(value)(Image.fromarray(picture))
                cases.append(struct.pack("<I16sd", number, name.encode(), value) + result.tobytes())
    out += struct.pack("<I", len(cases)) + b"".join(cases)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.bin")
    with open(path, "wb") as f:
        f.write(out)
    print(path, len(out), "bytes,", len(cases), "cases")


main()
