"""One grid for all lines of a zone: how many characters they have, and where each of them stands.

The lines of a zone have the same number of characters, one under the other. So pitch, ends and the stretch of a
perspective are looked for in all lines together, by the ink in each column: much of it where a character's middle
should be, little where two meet. A line may then move by a little of its own.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from border_agent.decoding.mrz.find import Track
from border_agent.decoding.mrz.glyphs import HEIGHT, PITCH, WIDTH

Grey = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]

_WIDTHS: Final = {2: (44, 36), 3: (30,)}
"""Characters of a line, by the number of lines."""

_COLUMNS: Final = 900
"""Samples along a line, from end to end."""
_ROWS: Final = 21
_STRETCHES: Final = np.linspace(-0.10, 0.10, 11)
_STEP: Final = 0.125
"""Of a pitch: how finely the ends are looked for."""


class Line(NamedTuple):
    """One line's places: x of every character's middle, on the track; `down` moves it off the track's middle."""

    track: Track
    middles: Numbers
    down: float

    @property
    def pitch(self) -> float:
        """Mean distance of two characters, in pixels along x."""
        return float(self.middles[-1] - self.middles[0]) / (len(self.middles) - 1)


class _Strip(NamedTuple):
    """Ink along one line: `ink` (0 to 1) in columns at x = `start` + k `step`."""

    ink: Numbers
    start: float
    step: float

    def at(self, x: Numbers) -> Numbers:
        place = np.clip(np.rint((x - self.start) / self.step), 0, len(self.ink) - 1).astype(np.intp)
        return self.ink[place]


def fit(picture: Grey, tracks: tuple[Track, ...]) -> list[tuple[float, list[Line]]]:
    """The grids that may be, with a figure for how well each fits (more is better), best first."""
    tilt = _tilt(tracks)
    strips = [_strip(picture, track) for track in tracks]
    found = []
    for width in _WIDTHS[len(tracks)]:
        score, lines = _fit_width(tracks, strips, width, tilt)
        found.append((score, lines))
    return sorted(found, key=lambda item: -item[0])


def _tilt(tracks: tuple[Track, ...]) -> float:
    """Pixels by which a line lies further left than the one above it, for every pixel further down: zones turn."""
    return float(np.mean([track.slope(track.middle) for track in tracks]))


def _strip(picture: Grey, track: Track) -> _Strip:
    """The ink of each column of the line, from 2 heights before it to 2 behind it."""
    margin = 2.0 * track.thickness
    step = track.length / _COLUMNS
    x = np.arange(track.start - margin, track.stop + margin, step)
    rows = np.linspace(-0.75, 0.75, _ROWS) * track.thickness
    levels = sample(picture, track, x, rows)
    span = max(3, round(1.6 * track.thickness / step)) | 1
    ink = cv2.morphologyEx(levels, cv2.MORPH_BLACKHAT, np.ones((_ROWS, span), np.uint8)).astype(np.float64)
    top = float(np.percentile(ink, 97)) + 1e-6
    columns = np.clip(ink / top, 0.0, 1.0)[2:-2].mean(axis=0)
    smooth = max(1, round(0.12 * track.thickness / step))
    columns = np.convolve(columns, np.ones(smooth) / smooth, "same")
    return _Strip(columns, float(x[0]), step)


def sample(picture: Grey, track: Track, x: Numbers, rows: Numbers) -> Grey:
    """Grey levels at x along the line and `rows` pixels below it: len(rows) x len(x)."""
    c0, c1, c2 = track.curve
    slope = c1 + 2 * c2 * x
    norm = np.sqrt(1.0 + slope * slope)
    y = c0 + (c1 + c2 * x) * x
    map_x = x[None, :] - rows[:, None] * (slope / norm)[None, :]
    map_y = y[None, :] + rows[:, None] / norm[None, :]
    return np.asarray(
        cv2.remap(
            picture,
            map_x.astype(np.float32),
            map_y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _fit_width(tracks: tuple[Track, ...], strips: list[_Strip], width: int, tilt: float) -> tuple[float, list[Line]]:
    """The best grid of this many characters a line."""
    pitch = max(track.length for track in tracks) / (width - 0.25)
    centre = float(np.mean([track.y(track.middle) for track in tracks]))
    shifts = [-tilt * (track.y(track.middle) - centre) for track in tracks]
    starts = [track.start - shift for track, shift in zip(tracks, shifts, strict=True)]
    stops = [track.stop - shift for track, shift in zip(tracks, shifts, strict=True)]
    firsts = _range(min(starts) + 0.1 * pitch, max(starts) + 0.9 * pitch, pitch)
    lasts = _range(min(stops) - 0.9 * pitch, max(stops) - 0.1 * pitch, pitch)
    first, last, stretch = (axis.ravel() for axis in np.meshgrid(firsts, lasts, _STRETCHES, indexing="ij"))
    middles, borders = _places(first, last, stretch, width)
    total = np.zeros(len(first))
    for strip, shift in zip(strips, shifts, strict=True):
        total += _contrast(strip, middles + shift, borders + shift)
    best = int(np.argmax(total - 0.6 * np.abs(stretch)))
    lines, score = [], 0.0
    for track, strip, shift in zip(tracks, strips, shifts, strict=True):
        own_score, own = _own(strip, first[best] + shift, last[best] + shift, float(stretch[best]), width)
        score += own_score
        lines.append(Line(track, own, 0.0))
    return score / len(tracks), lines


def _range(low: float, high: float, pitch: float) -> Numbers:
    """Places to try; the two ends of a ragged line are far apart, and no more than so many are tried."""
    return np.linspace(low, high, int(min(24, max(3, round((high - low) / (_STEP * pitch)) + 1))))


def _places(first: Numbers, last: Numbers, stretch: Numbers, width: int) -> tuple[Numbers, Numbers]:
    """Middles (n x width) and borders (n x width + 1) of every grid: even, but for a perspective's stretch."""
    inside = np.arange(width) / (width - 1)
    around = (np.arange(width + 1) - 0.5) / (width - 1)

    def laid(share: Numbers) -> Numbers:
        bent = share[None, :] + stretch[:, None] * (share * (share - 1.0))[None, :]
        laid_out: Numbers = first[:, None] + (last - first)[:, None] * bent
        return laid_out

    return laid(inside), laid(around)


def _contrast(strip: _Strip, middles: Numbers, borders: Numbers) -> Numbers:
    """Ink in the middles over ink at the borders, for every grid."""
    reach = 0.2 * (middles[:, 1:2] - middles[:, :1])
    centres = (strip.at(middles) + strip.at(middles - reach) + strip.at(middles + reach)) / 3
    # A cell without any ink is worse than one with little: no MRZ has blanks.
    empty = (centres < 0.04).mean(axis=1)
    result: Numbers = centres.mean(axis=1) - 1.3 * strip.at(borders).mean(axis=1) - 0.8 * empty
    return result


def _own(strip: _Strip, first: float, last: float, stretch: float, width: int) -> tuple[float, Numbers]:
    """One line's own grid, near the shared one."""
    pitch = (last - first) / (width - 1)
    moves = np.linspace(-0.24, 0.24, 9) * pitch
    left, right = (axis.ravel() for axis in np.meshgrid(moves, moves, indexing="ij"))
    middles, borders = _places(first + left, last + right, np.full(len(left), stretch), width)
    contrast = _contrast(strip, middles, borders)
    best = int(np.argmax(contrast - 0.08 * (np.abs(left) + np.abs(right)) / pitch))
    return float(contrast[best]), middles[best]


def windows(picture: Grey, line: Line, middles: Numbers, down: Numbers) -> Grey:
    """The network's windows of characters at `middles` (x), `down` pixels below the track: n x HEIGHT x WIDTH."""
    c0, c1, c2 = line.track.curve
    slope = c1 + 2 * c2 * middles
    norm = np.sqrt(1.0 + slope * slope)
    local = np.interp(middles, line.middles, np.gradient(line.middles)) * norm / PITCH
    along = (np.arange(WIDTH) - (WIDTH - 1) / 2)[None, None, :] * local[:, None, None]
    below = (np.arange(HEIGHT) - (HEIGHT - 1) / 2)[None, :, None] * local[:, None, None] + down[:, None, None]
    cos, sin = (1.0 / norm)[:, None, None], (slope / norm)[:, None, None]
    y = (c0 + (c1 + c2 * middles) * middles)[:, None, None]
    map_x = middles[:, None, None] + along * cos - below * sin
    map_y = y + along * sin + below * cos
    flat = cv2.remap(
        picture,
        map_x.reshape(-1, WIDTH).astype(np.float32),
        map_y.reshape(-1, WIDTH).astype(np.float32),
        cv2.INTER_CUBIC if local.mean() < 1.0 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(flat, np.uint8).reshape(len(middles), HEIGHT, WIDTH)
