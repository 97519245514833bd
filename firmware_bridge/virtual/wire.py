"""What a bad cable does to bytes, as a pure function: loss, noise, one byte at a time, delay.

A twin sends everything through a `Wire`; the default one is perfect. The same seed does the same damage.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

# What a glitching line delivers: breaks (00) and octets with the high bit set, no line ends.
_GLITCHES = bytes([0x00, *range(0x80, 0x100)])


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Faults of a one-way wire."""

    loss: float = 0.0
    """Chance that a byte is lost, 0 to 1."""
    noise: int = 0
    """Octets of rubbish before an emission and after it, each with an even chance."""
    chunk: int = 0
    """Bytes sent at once; 0: as many as there are."""
    gap: float = 0.0
    """Seconds between chunks."""
    seed: int = 0

    def pieces(self, data: bytes, pace: float | None, rng: random.Random) -> Iterator[tuple[float, bytes]]:
        """The emission as (pause before it in seconds, bytes), in order. `pace`: bytes per second, None at once."""
        if self.noise:
            before, after = (bytes(rng.choices(_GLITCHES, k=rng.choice((0, self.noise)))) for _ in range(2))
            data = before + data + after
        if self.loss:
            data = bytes(octet for octet in data if rng.random() >= self.loss)
        # With a pace but no chunk size, about a millisecond's worth at a time: one byte up to 2000 bytes/s.
        chunk = self.chunk or (max(1, int(pace / 1000)) if pace else max(1, len(data)))
        pause = self.gap + (chunk / pace if pace else 0.0)
        for start in range(0, len(data), chunk):
            yield (pause if start else 0.0), data[start : start + chunk]
