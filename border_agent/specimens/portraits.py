"""Portraits and live frames of the cast.

The rendered people are our own work, made of a handful of numbers each; nobody is depicted. They are found by face
detectors and stay near themselves over light and small turns, so they prove that the parts are wired rightly. They
prove **nothing about accuracy**: a rendered set says neither how often strangers are confused nor how often a person
is not recognised. One traveller has the public-domain portrait that scikit-image ships (see `astronaut`).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from border_agent.specimens import astronaut
from border_agent.specimens.canvas import Colours, Pixels, Plane, linear
from border_agent.specimens.cast import VISITOR
from border_agent.specimens.light import STUDIO, Light, compose, expose
from border_agent.specimens.live import burst
from border_agent.specimens.people import LOOKS
from border_agent.specimens.sitting import HEIGHT, WIDTH, Sitting, lit, sit

PORTRAIT_WIDTH, PORTRAIT_HEIGHT = 420, 540
"""A portrait's size, px: 35 x 45 mm at 305 dpi."""

_COUNTER = (
    (Light(direction=(0.45, -0.6, 0.9), key=0.78, ambient=0.5, warmth=0.35, hardness=0.5), 0.07, 0.03),
    (Light(direction=(-0.15, -0.8, 0.9), key=0.8, ambient=0.5, warmth=0.2, hardness=0.5), -0.09, -0.02),
)


"""Light, yaw and pitch (radians) at the counter: another light than the studio's, the head not quite straight."""


def faces() -> tuple[str, ...]:
    """Every face of the cast, the impostor's included."""
    return (*LOOKS, VISITOR)


def portrait(face: str) -> Pixels:
    """The photograph for passport and visa: even light, plain background, 540 x 420 x 3 BGR."""
    person, cover = astronaut.person() if face == VISITOR else lit(_sitting(face), STUDIO)
    rows = np.linspace(1.03, 0.9, HEIGHT, dtype=np.float32)[:, None, None]
    wall = np.asarray(linear(212, 217, 222), np.float32) * rows * np.ones_like(person)
    side = (WIDTH - PORTRAIT_WIDTH) // 2
    gain = 1.0 if face == VISITOR else 1.15
    picture = expose(compose([(person, cover)], wall)[:, side:-side], gain)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.5), np.uint8)


def live_frames(face: str, seed: int, count: int = 6) -> list[Pixels]:
    """What the counter's camera sees: `count` frames of one burst, 480 x 640 x 3 BGR.

    Two lit and turned renders serve all frames, which differ by where the person stands, gain and noise.
    """
    people: list[tuple[Colours, Plane]]
    if face == VISITOR:
        people = [astronaut.person(side) for side in (0.2, -0.16)]
    else:
        people = [lit(_sitting(face), light, yaw=yaw, pitch=pitch) for light, yaw, pitch in _COUNTER]
    return burst(people, seed, count)


@lru_cache(maxsize=2)
def _sitting(face: str) -> Sitting:
    return sit(LOOKS[face])
