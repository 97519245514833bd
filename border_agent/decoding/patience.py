"""How many times longer than usual the decoders' children may take.

1 on a true machine. An emulated one, on which a device's whole life is rehearsed, runs ten times slower and more: its
unit sets `BORNE_PATIENCE`, and what holds there by a start or an answer holds here by the same code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

MOST: Final = 60.0
VARIABLE: Final = "BORNE_PATIENCE"


def patience(environment: Mapping[str, str]) -> float:
    """The factor; what is no number, or makes things shorter, counts as 1."""
    try:
        factor = float(environment.get(VARIABLE, ""))
    except ValueError:
        return 1.0
    return min(factor, MOST) if factor >= 1.0 else 1.0


PATIENCE: Final = patience(os.environ)
