"""What a rendered person looks like: one value, every measure in face units or as a factor of the usual."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Tone = tuple[int, int, int]
"""A colour as on a screen (sRGB)."""


class Hair(StrEnum):
    """How the hair is worn."""

    SHAVED = "shaved"
    CROPPED = "cropped"
    ROUND = "round"
    PUFFS = "puffs"
    BRAIDS = "braids"
    LONG = "long"
    RECEDING = "receding"
    SCARF = "scarf"
    VEIL = "veil"


class Beard(StrEnum):
    """Where the beard grows."""

    NONE = "none"
    MOUSTACHE = "moustache"
    GOATEE = "goatee"
    FULL = "full"


class Clothes(StrEnum):
    """What shows at the shoulders."""

    SHIRT = "shirt"
    JACKET = "jacket"
    BOUBOU = "boubou"
    PRINT = "print"
    ROUND_NECK = "round_neck"


@dataclass(frozen=True, kw_only=True)
class Look:
    """One person. The seed draws what is left to chance: grain of the skin, single hairs, small asymmetries."""

    seed: int
    age: int = 32
    skin: Tone = (112, 74, 54)
    lips: Tone = (112, 62, 56)
    hair: Hair = Hair.CROPPED
    hair_colour: Tone = (22, 18, 17)
    beard: Beard = Beard.NONE
    beard_colour: Tone | None = None
    clothes: Clothes = Clothes.SHIRT
    cloth: Tone = (60, 84, 120)
    trim: Tone = (226, 222, 210)
    earrings: bool = False

    width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    length: float = 1.0
    forehead: float = 1.0
    cheekbones: float = 1.0
    fullness: float = 0.0
    brow_ridge: float = 0.4

    eye_width: float = 0.50
    eye_open: float = 0.175
    eye_tilt: float = 0.02
    eye_depth: float = 1.0
    lid: float = 1.0
    iris: Tone = (46, 28, 20)

    brow_height: float = 0.66
    brow_arch: float = 0.12
    brow_weight: float = 1.0
    brow_tilt: float = 0.0

    nose_width: float = 0.62
    nose_length: float = 1.0
    nose_height: float = 1.0
    nose_tip: float = 1.0

    mouth_y: float = 2.28
    mouth_width: float = 0.86
    upper_lip: float = 0.22
    lower_lip: float = 0.30
    smile: float = 0.075

    neck: float = 1.0
    shoulders: float = 1.0
    hairline: float = 2.15

    @property
    def wear(self) -> float:
        """How far wrinkles show, 0 (child) to 1."""
        return min(1.0, max(0.0, (self.age - 22) / 45))
