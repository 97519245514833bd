"""A rendered person in front of the camera: all that light and a small turn leave alone, and the lit person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from border_agent.specimens import body, eyes, hair, skin
from border_agent.specimens.canvas import Canvas, Colours, Plane, lay
from border_agent.specimens.head import Surface, head
from border_agent.specimens.light import Layer, Light, shade, turn
from border_agent.specimens.looks import Hair, Look

WIDTH, HEIGHT = 540, 540
"""What a sitting shows, px: more to either side than a portrait, since live frames are wider."""
EYES = (270.0, 250.0)
"""Where the middle between the eyes is, px; the pupils are 98 px apart."""
_UNIT = 49.0


@dataclass(frozen=True)
class Sitting:
    """A person in front of the camera, before light: head, shoulders, what hangs behind."""

    canvas: Canvas
    surface: Surface
    front: Layer
    torso: Layer
    back: Layer | None


def sit(look: Look) -> Sitting:
    """Everything of a person that light and a small turn leave alone (about 0.15 s)."""
    canvas = Canvas(WIDTH, HEIGHT, _UNIT, EYES)
    surface = head(look, canvas)
    return Sitting(
        canvas=canvas,
        surface=surface,
        front=_front(look, canvas, surface),
        torso=body.torso(look, canvas),
        back=hair.behind(look, canvas),
    )


def lit(sitting: Sitting, light: Light, *, yaw: float = 0.0, pitch: float = 0.0) -> tuple[Colours, Plane]:
    """The lit person (linear) and how far the person covers the canvas."""
    canvas = sitting.canvas
    front = turn(sitting.front, canvas, yaw, pitch)
    shadow = 0.62 * body.under_chin(canvas, sitting.surface, light.direction[0])
    torso = shade(sitting.torso, canvas, light) * (1 - shadow[..., None])
    colour, cover = torso, sitting.torso.cover
    if sitting.back is not None:
        behind = shade(sitting.back, canvas, light)
        colour, cover = lay(behind, sitting.back.cover, torso, cover)
    return lay(colour, cover, shade(front, canvas, light), front.cover)


def _front(look: Look, canvas: Canvas, surface: Surface) -> Layer:
    colour = eyes.paint(look, canvas, skin.face(look, canvas, surface))
    colour, bearded = hair.beard(look, canvas, surface, colour)
    gloss = skin.gloss(look, canvas) * (1 - 0.85 * bearded)
    z = surface.z + 0.05 * bearded
    cover = surface.cover
    if look.hair is not Hair.SCARF:
        ear = body.ears(look, canvas)
        colour, cover = lay(ear.colour, ear.cover, colour, surface.cover)
        z = np.where(surface.cover > 0.5, z, ear.z)
        gloss = ear.gloss + (gloss - ear.gloss) * surface.cover
    for sheet in hair.on_head(look, canvas, surface):
        z = z + (sheet.z - z) * sheet.cover
        gloss = gloss * (1 - 0.8 * sheet.cover)
        colour, cover = lay(colour, cover, sheet.colour, sheet.cover)
    return Layer(colour=colour, z=z, cover=cover, gloss=gloss)
