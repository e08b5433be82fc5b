#!/usr/bin/env python3
"""Compose the pictures of this folder: cut-out photographs on backgrounds drawn here.

    make.py STAMPS CAT OUT

STAMPS  the folder "stamps" of Tux Paint (Debian package tuxpaint-stamps-default,
        /usr/share/tuxpaint/stamps)
CAT     chelsea.png of scikit-image (skimage/data)
OUT     where the pictures go

Needs NumPy and Pillow. Everything random has a fixed seed: equal inputs and library versions give
equal files. README.md says whose photographs they are.
"""
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


# ---- noise and colour: arrays (height, width[, 3]) of floats in [0, 1] ----

def smooth(rng, width, height, columns, rows):
    """One octave: a random grid, resized."""
    grid = Image.fromarray(rng.random((max(rows, 2), max(columns, 2))).astype(np.float32))
    return np.asarray(grid.resize((width, height), Image.BICUBIC))


def fractal(rng, width, height, columns, rows, octaves=5, keep=0.55):
    """Octaves of noise, each twice as fine and keep times as strong, stretched to [0, 1]."""
    total = np.zeros((height, width), np.float32)
    for i in range(octaves):
        c, r = min(columns << i, width), min(rows << i, height)
        total += keep ** i * smooth(rng, width, height, c, r)
    low, high = total.min(), total.max()
    return (total - low) / (high - low)


def ramp(stops, t):
    """Colour of t in [0, 1]: stops are (position, (r, g, b))."""
    at = [s[0] for s in stops]
    return np.stack([np.interp(t, at, [s[1][k] / 255 for s in stops]) for k in range(3)], -1)


def blend(a, b, mask):
    return a + (b - a) * mask[..., None]


def rows_of(width, height):
    return np.repeat(np.linspace(0, 1, height)[:, None], width, 1)


def blur(picture, radius):
    return np.asarray(to_image(picture).filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def to_image(picture):
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


# ---- backgrounds ----

def sky(rng, width, height, cover=0.45, top=(58, 110, 190), bottom=(182, 210, 235)):
    y = rows_of(width, height)
    base = ramp([(0, top), (1, bottom)], y)
    cloud = fractal(rng, width, height, 3, 4, 6)
    mask = np.clip((cloud - (1 - cover)) * 3.2, 0, 1) ** 1.2
    shade = ramp([(0, (214, 220, 228)), (1, (252, 252, 252))], fractal(rng, width, height, 4, 5, 4))
    return blend(base, shade, 0.92 * mask)


def grass(rng, width, height, dark=(52, 78, 24), light=(136, 160, 66)):
    """Seen at a low angle: finer and paler towards the top."""
    y = rows_of(width, height)
    fine = fractal(rng, width, height, width // 3, height // 10, 3, 0.8)
    near = fractal(rng, width, height, width // 10, height // 24, 4, 0.7)
    patches = fractal(rng, width, height, 5, 9, 4)
    t = np.clip((1 - y) * fine + y * near, 0, 1) * 0.75 + 0.35 * patches - 0.05
    return blend(ramp([(0, dark), (1, light)], t), np.full((height, width, 3), (0.60, 0.66, 0.42)),
                 0.35 * (1 - y))


def trees(rng, width, height, dark=(20, 34, 16), light=(104, 128, 62), radius=7):
    """Out of focus."""
    leaves = fractal(rng, width, height, 7, 6, 6, 0.7)
    shade = fractal(rng, width, height, 3, 3, 3)
    picture = ramp([(0, dark), (0.55, light), (1, (176, 190, 128))], 0.72 * leaves + 0.34 * shade - 0.08)
    return blur(picture, radius)


def water(rng, width, height, deep=(32, 66, 92), light=(128, 162, 186)):
    """Waves: much wider than high, smaller towards the horizon."""
    far = fractal(rng, width, height, 24, height // 2, 3, 0.8)
    near = fractal(rng, width, height, 9, height // 9, 5, 0.7)
    y = rows_of(width, height)
    t = (1 - y) * far + y * near
    return ramp([(0, deep), (0.75, light), (1, (206, 222, 232))], 0.9 * t ** 1.3 + 0.18 * (1 - y))


def asphalt(rng, width, height, grey=(112, 112, 114)):
    grain = rng.random((height, width)).astype(np.float32)
    stains = fractal(rng, width, height, 4, 14, 5)
    t = 0.5 + 0.22 * (grain - 0.5) + 0.5 * (stains - 0.5)
    return ramp([(0, tuple(v * 0.55 for v in grey)), (1, tuple(min(v * 1.35, 255) for v in grey))], t)


def soil(rng, width, height):
    t = fractal(rng, width, height, 12, 18, 6, 0.75)
    return ramp([(0, (58, 44, 30)), (0.6, (132, 112, 84)), (1, (186, 170, 138))], t)


def moss(rng, width, height):
    t = fractal(rng, width, height, 26, 22, 5, 0.8)
    shade = fractal(rng, width, height, 3, 3, 3)
    return ramp([(0, (30, 36, 18)), (0.5, (86, 96, 46)), (1, (150, 150, 92))], 0.75 * t + 0.35 * shade - 0.1)


def stack(*parts):
    """(picture, soft edge in pixels) from top to bottom, joined."""
    out = np.concatenate([p for p, _ in parts], 0)
    soft, y = out.copy(), 0
    for picture, edge in parts[:-1]:
        y += picture.shape[0]
        band = slice(max(y - 2 * edge, 0), y + 2 * edge)
        soft[band] = blur(out, edge)[band]
    return soft


# ---- subjects ----

def cut_out(path, width, mirror=False, sharpen=60):
    image = Image.open(path).convert("RGBA")
    image = image.crop(image.getchannel("A").point(lambda v: 255 * (v > 20)).getbbox())
    if mirror:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    height = round(image.height * width / image.width)
    # Premultiplied while it is resized, or what lies under transparent pixels bleeds into the edge.
    image = Image.fromarray(premultiply(np.asarray(image, np.float32))).resize((width, height), Image.LANCZOS)
    image = Image.fromarray(unpremultiply(np.asarray(image, np.float32)))
    colour = image.convert("RGB").filter(ImageFilter.UnsharpMask(2, sharpen, 0))
    colour.putalpha(image.getchannel("A").filter(ImageFilter.GaussianBlur(0.8)))
    return colour


def premultiply(rgba):
    return np.concatenate([rgba[..., :3] * rgba[..., 3:] / 255, rgba[..., 3:]], -1).astype(np.uint8)


def unpremultiply(rgba):
    colour = rgba[..., :3] * 255 / np.maximum(rgba[..., 3:], 1)
    return np.concatenate([np.clip(colour, 0, 255), rgba[..., 3:]], -1).astype(np.uint8)


def place(picture, subject, x, y, shadow=0.0, lift=0.0):
    """subject with its top left corner at (x, y); shadow: how dark it lies on the ground,
    lift: how much further up, in shares of its own height."""
    image = to_image(picture)
    if shadow:
        flat = subject.getchannel("A").resize((subject.width, max(subject.height // 6, 1)))
        mask = Image.new("L", image.size)
        mask.paste(flat, (x, y + subject.height - round(flat.height * (0.62 + lift))))
        mask = mask.filter(ImageFilter.GaussianBlur(subject.width / 60)).point(lambda v: int(v * shadow))
        image.paste((12, 14, 10), mask=mask)
    image.paste(subject, (x, y), subject)
    return np.asarray(image, np.float32) / 255


def finish(rng, picture, grain=0.018, vignette=0.16):
    """What a camera adds: a little blur, light falling off to the corners, grain."""
    height, width = picture.shape[:2]
    picture = blur(picture, 0.6)
    y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
    picture = picture * (1 - vignette * np.clip((x * x + y * y) / 2, 0, 1))[..., None]
    noise = rng.normal(0, grain, (height, width, 1)) + rng.normal(0, grain / 3, (height, width, 3))
    return to_image(picture + noise)


# ---- a cargo ship, drawn: no stamp is a photograph of one ----

SCALE = 3   # drawn this much larger, then reduced


def polygon(image, points, colour):
    ImageDraw.Draw(image).polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)


def box(image, x, y, w, h, colour):
    polygon(image, [(x, y), (x + w, y), (x + w, y + h), (x, y + h)], colour + (255,))
    shade = tuple(int(v * 0.78) for v in colour)
    polygon(image, [(x + w * 0.93, y), (x + w, y), (x + w, y + h), (x + w * 0.93, y + h)], shade + (255,))


def containers(image, rng, left, right, bottom):
    paint = [(150, 52, 40), (42, 86, 132), (62, 112, 74), (188, 178, 158), (186, 112, 44), (96, 100, 108)]
    for i, x in enumerate(np.arange(left, right, 27)):
        for level in range(2 + (0 < i < 9) + (2 < i < 8)):
            box(image, x, bottom - 15 * (level + 1), 25.5, 14, paint[rng.integers(len(paint))])


def draw_ship(rng, width, height):
    image = Image.new("RGBA", (width * SCALE, height * SCALE))
    containers(image, rng, 165, 455, 196)
    box(image, 62, 92, 76, 110, (232, 232, 226))
    box(image, 54, 84, 92, 12, (240, 240, 236))
    box(image, 76, 52, 30, 34, (196, 92, 36))
    box(image, 118, 50, 4, 36, (120, 120, 120))
    for level in range(5):
        for window in range(8):
            box(image, 68 + window * 8.4, 102 + level * 18, 4.4, 6, (44, 58, 72))
    box(image, 474, 128, 4, 66, (214, 210, 200))
    hull = [(14, 186), (40, 196), (466, 196), (500, 176), (532, 172), (500, 262), (36, 262), (20, 232)]
    polygon(image, hull, (34, 44, 62, 255))
    polygon(image, [(22, 236), (509, 236), (500, 262), (36, 262)], (132, 40, 34, 255))
    polygon(image, [(19, 231), (511, 231), (509, 236), (22, 236)], (222, 220, 214, 255))
    image = image.resize((width, height), Image.LANCZOS)
    # Light from above left, dirt, rust.
    dirt = fractal(rng, width, height, 60, 6, 4, 0.8)[..., None]
    light = np.linspace(1.12, 0.84, width)[None, :, None]
    pixels = np.asarray(image, np.float32)
    colour = np.clip(pixels[..., :3] * light * (0.84 + 0.3 * dirt), 0, 255)
    return Image.fromarray(np.concatenate([colour, pixels[..., 3:]], -1).astype(np.uint8))


def ship(rng, _):
    picture = stack((sky(rng, 800, 300, 0.6, (110, 146, 186), (206, 218, 226)), 2), (water(rng, 800, 300), 0))
    vessel = draw_ship(rng, 560, 280)
    vessel = vessel.resize((728, 364), Image.LANCZOS)
    picture = place(picture, vessel, 36, 70)
    # The sea in front of the hull: waves cover the water line, and the reflection darkens it.
    front = water(rng, 800, 200, (22, 46, 66), (98, 130, 150))
    edge = 398 + 5 * fractal(rng, 800, 1, 90, 1, 3)[0]
    y = np.arange(400, 600)[:, None] - 1
    mask = np.clip((y - edge[None, :]) / 4, 0, 1) * np.clip((560 - y) / 160, 0, 1)
    picture[400:] = blend(picture[400:], front, mask)
    foam = np.clip(fractal(rng, 800, 26, 60, 3, 4, 0.8) * 2 - 0.9, 0, 1) * np.hanning(26)[:, None]
    foam[:, :40] = foam[:, 772:] = 0
    picture[390:416] = blend(picture[390:416], np.ones((26, 800, 3)), 0.75 * foam)
    return finish(rng, picture)


# ---- the pictures ----

def airplane_747(rng, stamps):
    picture = sky(rng, 800, 600, 0.42)
    plane = cut_out(stamps / "vehicles/flight/planes/747.png", 760).rotate(4, Image.BICUBIC, True)
    return finish(rng, place(picture, plane, (800 - plane.width) // 2, (600 - plane.height) // 2))


def airplane_f22(rng, stamps):
    picture = sky(rng, 800, 600, 0.25, (44, 92, 168), (140, 180, 222))
    plane = cut_out(stamps / "military/vehicles/f22_raptor.png", 720)
    return finish(rng, place(picture, plane, 40, 80))


def automobile(rng, stamps, name, width, y):
    picture = stack((trees(rng, 640, 190), 3), (grass(rng, 640, 50), 1), (asphalt(rng, 640, 240), 0))
    car = cut_out(stamps / "vehicles/auto" / name, width)
    return finish(rng, place(picture, car, (640 - width) // 2, y, 0.9, 0.2))


def bird_lark(rng, stamps):
    picture = stack((trees(rng, 640, 250, (86, 84, 58), (152, 148, 112), 14), 16), (soil(rng, 640, 230), 0))
    bird = cut_out(stamps / "animals/birds/lark.png", 560)
    return finish(rng, place(picture, bird, 44, 42, 0.6))


def bird_pigeon(rng, stamps):
    picture = stack((trees(rng, 640, 170, (70, 76, 84), (150, 156, 160), 16), 14),
                    (asphalt(rng, 640, 310, (146, 142, 136)), 0))
    bird = cut_out(stamps / "animals/birds/pigeon.png", 560, mirror=True)
    return finish(rng, place(picture, bird, 40, 40, 0.6))


def cat(rng, photograph):
    return finish(rng, np.asarray(Image.open(photograph).convert("RGB").resize((722, 480), Image.LANCZOS),
                                  np.float32) / 255, 0.008, 0)


def deer_fawn(rng, stamps):
    picture = stack((trees(rng, 600, 330), 8), (grass(rng, 600, 310), 0))
    deer = cut_out(stamps / "animals/mammals/deer/doe.png", 500)
    return finish(rng, place(picture, deer, 40, 46, 0.55, 0.1))


def deer_elk(rng, stamps):
    picture = stack((trees(rng, 640, 250, (28, 36, 20), (124, 128, 70)), 8),
                    (grass(rng, 640, 270, (86, 84, 36), (176, 164, 92)), 0))
    deer = cut_out(stamps / "animals/mammals/deer/wapiti.png", 570)
    return finish(rng, place(picture, deer, 36, 12, 0.5, 0.1))


def dog_husky(rng, stamps):
    picture = stack((trees(rng, 600, 300, (40, 52, 30), (128, 146, 84)), 9), (grass(rng, 600, 340), 0))
    dog = cut_out(stamps / "animals/mammals/dogs/dog.png", 516)
    return finish(rng, place(picture, dog, 40, 30, 0.55, 0.1))


def frog_green(rng, stamps):
    picture = moss(rng, 640, 480)
    frog = cut_out(stamps / "animals/amphibians/frog.png", 590)
    return finish(rng, place(picture, frog, 24, 36, 0.7, 0.15))


def frog_brown(rng, stamps):
    picture = soil(rng, 600, 600)
    frog = cut_out(stamps / "animals/amphibians/frog-1.png", 430)
    return finish(rng, place(picture, frog, 84, 46, 0.6, 0.2))


def horse_bay(rng, stamps):
    picture = stack((sky(rng, 640, 130, 0.4), 2), (trees(rng, 640, 130), 5), (grass(rng, 640, 220), 0))
    horse = cut_out(stamps / "animals/mammals/equines/horse.png", 590)
    return finish(rng, place(picture, horse, 24, 32, 0.55, 0.05))


def truck_fire(rng, stamps):
    picture = stack((sky(rng, 800, 190, 0.5), 2), (trees(rng, 800, 130), 3), (asphalt(rng, 800, 280), 0))
    truck = cut_out(stamps / "vehicles/emergency/firetruck.png", 760, sharpen=20)
    return finish(rng, place(picture, truck, 20, 160, 0.9, 0.25))


def truck_garbage(rng, stamps):
    picture = stack((sky(rng, 720, 150, 0.7, (150, 170, 190), (214, 222, 228)), 2),
                    (trees(rng, 720, 140, (60, 50, 42), (150, 132, 112), 8), 3), (asphalt(rng, 720, 250), 0))
    truck = cut_out(stamps / "vehicles/garbagetruck.png", 680, sharpen=30)
    return finish(rng, place(picture, truck, 20, 116, 0.9, 0.2))


PICTURES = {
    "airplane-747": airplane_747,
    "airplane-f22": airplane_f22,
    "automobile-sedan": lambda rng, stamps: automobile(rng, stamps, "sedan.png", 600, 190),
    "automobile-sports": lambda rng, stamps: automobile(rng, stamps, "sportscar2.png", 600, 180),
    "bird-lark": bird_lark,
    "bird-pigeon": bird_pigeon,
    "cat-chelsea": cat,
    "deer-elk": deer_elk,
    "deer-fawn": deer_fawn,
    "dog-husky": dog_husky,
    "frog-brown": frog_brown,
    "frog-green": frog_green,
    "horse-bay": horse_bay,
    "ship-cargo": ship,
    "truck-fire": truck_fire,
    "truck-garbage": truck_garbage,
}


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    stamps, photograph, out = map(Path, sys.argv[1:])
    for i, (name, compose) in enumerate(PICTURES.items()):
        image = compose(np.random.default_rng(i), photograph if compose is cat else stamps)
        image.save(out / f"{name}.jpg", quality=86, optimize=True)


if __name__ == "__main__":
    main()
