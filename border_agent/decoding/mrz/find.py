"""Where a zone may lie: long, thin, parallel lines of dark marks.

Works on a small grey picture in which the lines run from left to right (a little turned or bent they may be); whoever
calls turns the picture for the other directions. What is found here is a guess by shape alone: reading decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]

MAX_ZONES: Final = 3
"""Guesses for one way of bridging gaps."""
_MAX_PIECES: Final = 48
"""Longest pieces of lines that are looked at: bounds the time a page full of text takes."""
_BRIDGES: Final = ((17, 0.42), (9, 0.42), (33, 0.42), (17, 0.58))
"""Pixels between two characters that are bridged, and how dark a mark is, against the darkest near it: one attempt
each."""
_SHORTEST: Final = 0.16
"""Of the picture's width: a line."""
_LEANEST: Final = 9.0
"""A line is so many times as long as it is thick (30 characters are about 28 times); half a line still is this."""


class Track(NamedTuple):
    """One line's middle: y = c0 + c1 x + c2 x² from x = `start` to `stop`, and the height of its characters."""

    start: float
    stop: float
    curve: tuple[float, float, float]
    thickness: float

    @property
    def length(self) -> float:
        return self.stop - self.start

    @property
    def middle(self) -> float:
        return (self.start + self.stop) / 2

    def y(self, x: float) -> float:
        """The line's middle at x."""
        c0, c1, c2 = self.curve
        return c0 + (c1 + c2 * x) * x

    def slope(self, x: float) -> float:
        """How steep the line is at x."""
        return self.curve[1] + 2 * self.curve[2] * x


class Zone(NamedTuple):
    """Two or three lines, from the top."""

    tracks: tuple[Track, ...]
    score: float


def find_zones(picture: Grey) -> Iterator[Zone]:
    """Guesses, at most MAX_ZONES for each way of bridging the gaps, the likelier first. Lazy: stop when content."""
    ink, peak = _ink(picture)
    given: list[Zone] = []
    for gap, share in _BRIDGES:
        zones = sorted(_zones(_joined(_pieces(_marks(ink, peak, share), gap))), key=lambda zone: -zone.score)
        fresh = [zone for zone in zones[: 2 * MAX_ZONES] if not any(_same(zone, other) for other in given)]
        for zone in fresh[:MAX_ZONES]:
            given.append(zone)
            yield zone


def _same(one: Zone, other: Zone) -> bool:
    """Both have the same lines, within a third of a line's height."""
    if len(one.tracks) != len(other.tracks):
        return False
    return all(
        abs(a.y(b.middle) - b.y(b.middle)) < 0.33 * b.thickness
        and abs(a.start - b.start) < b.thickness
        and abs(a.stop - b.stop) < b.thickness
        for a, b in zip(one.tracks, other.tracks, strict=True)
    )


def _ink(picture: Grey) -> tuple[Grey, Grey]:
    """How much darker than what is around it each pixel is (only what is narrow counts), and the most near by."""
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    ink = cv2.morphologyEx(soft, cv2.MORPH_BLACKHAT, np.ones((13, 13), np.uint8))
    peak = cv2.boxFilter(cv2.dilate(ink, np.ones((45, 45), np.uint8)), -1, (21, 21))
    return np.asarray(ink, np.uint8), np.asarray(peak, np.uint8)


def _marks(ink: Grey, peak: Grey, share: float) -> Grey:
    """Dark marks narrower than a thick stroke, 0 or 255.

    Against the darkest mark near by: security print behind the lines, and the desk beside them, fall away.
    """
    near = cv2.boxFilter(ink, cv2.CV_32F, (41, 41))
    least = max(5.0, 0.10 * float(np.percentile(ink[::4, ::4], 99)))
    return np.asarray((ink > np.maximum(np.maximum(share * peak, 1.2 * near), least)) * np.uint8(255), np.uint8)


def _pieces(marks: Grey, gap: int) -> list[Track]:
    """Marks bridged along the lines; those bridges that are long and thin."""
    bridged = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    # Single bars and dots between the lines go.
    bridged = cv2.morphologyEx(bridged, cv2.MORPH_OPEN, np.ones((3, gap // 2 + 1), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bridged, connectivity=4)
    width = marks.shape[1]
    wide = [
        number
        for number in range(1, count)
        if stats[number, cv2.CC_STAT_WIDTH] >= _SHORTEST * width / 2
        and stats[number, cv2.CC_STAT_WIDTH] >= 2 * stats[number, cv2.CC_STAT_HEIGHT]
    ]
    wide.sort(key=lambda number: -stats[number, cv2.CC_STAT_WIDTH])
    tracks = [_track(labels, stats[number], number, marks) for number in wide[:_MAX_PIECES]]
    return [track for track in tracks if track is not None]


def _track(labels: npt.NDArray[np.int32], stat: npt.NDArray[np.int32], number: int, marks: Grey) -> Track | None:
    """The middle of one bridge; None where it is no even band."""
    left, top, width, height = (int(stat[place]) for place in range(4))
    inside = labels[top : top + height, left : left + width] == number
    columns = inside.sum(axis=0)
    filled = np.flatnonzero(columns)
    if len(filled) < 8:
        return None
    upper = inside.argmax(axis=0)[filled]
    lower = height - 1 - inside[::-1].argmax(axis=0)[filled]
    thickness = float(np.median(lower - upper + 1))
    x = filled + left
    y = (upper + lower) / 2 + top
    usual = np.abs(lower - upper + 1 - thickness) < 0.35 * thickness + 1.5
    if usual.sum() < 0.4 * len(filled) or width < 4 * thickness:
        return None
    curve = _fitted(x[usual].astype(np.float64), y[usual].astype(np.float64), 2 if width > 14 * thickness else 1)
    track = Track(float(left), float(left + width), curve, thickness)
    bend = abs(track.curve[2]) * (width / 2) ** 2
    return track if bend < 1.2 * thickness and abs(track.slope(track.middle)) < 0.6 else None


def _fitted(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], degree: int) -> tuple[float, float, float]:
    """A line or parabola through most of the points."""
    centre = x.mean()
    for _ in range(2):
        fit = np.polyfit(x - centre, y, degree)
        off = np.abs(np.polyval(fit, x - centre) - y)
        keep = off <= 2.0 * np.median(off) + 0.5
        if keep.sum() < 6:
            break
        x, y = x[keep], y[keep]
    c2, c1, c0 = np.concatenate([np.zeros(2 - degree), fit])
    return float(c0 - c1 * centre + c2 * centre**2), float(c1 - 2 * c2 * centre), float(c2)


def _joined(pieces: list[Track]) -> list[Track]:
    """Pieces that continue each other are one line."""
    pieces = sorted(pieces, key=lambda piece: piece.start)
    lines: list[Track] = []
    for piece in pieces:
        for place, line in enumerate(lines):
            if _continues(line, piece):
                lines[place] = _together(line, piece)
                break
        else:
            lines.append(piece)
    return [line for line in lines if line.length > _LEANEST * line.thickness]


def _continues(line: Track, piece: Track) -> bool:
    height = max(line.thickness, piece.thickness)
    gap = piece.start - line.stop
    if not -0.5 * height < gap < 5 * height or min(line.thickness, piece.thickness) < 0.6 * height:
        return False
    # The longer one says where the line goes.
    longer, shorter = (line, piece) if line.length > piece.length else (piece, line)
    slope = longer.slope(line.stop if longer is line else piece.start)
    at = shorter.middle
    near = line.stop if longer is line else piece.start
    expected = longer.y(near) + slope * (at - near)
    return abs(expected - shorter.y(at)) < 0.45 * height


def _together(line: Track, piece: Track) -> Track:
    x = np.concatenate([np.linspace(part.start, part.stop, 40) for part in (line, piece)])
    y = np.concatenate([[part.y(at) for at in np.linspace(part.start, part.stop, 40)] for part in (line, piece)])
    weight = np.repeat([line.length, piece.length], 40)
    centre = x.mean()
    c2, c1, c0 = np.polyfit(x - centre, y, 2, w=np.sqrt(weight))
    curve = (float(c0 - c1 * centre + c2 * centre**2), float(c1 - 2 * c2 * centre), float(c2))
    thickness = (line.thickness * line.length + piece.thickness * piece.length) / (line.length + piece.length)
    return Track(line.start, piece.stop, curve, thickness)


def _zones(lines: list[Track]) -> list[Zone]:
    """Pairs and triples of lines that run together."""
    lines = sorted(lines, key=lambda line: -line.length)[:24]
    lines.sort(key=lambda line: line.y(line.middle))
    zones = []
    below: dict[int, list[int]] = {
        above: [under for under in range(len(lines)) if under != above and _under(lines[above], lines[under])]
        for above in range(len(lines))
    }
    for first, seconds in below.items():
        for second in seconds:
            zones.append(_zone(lines[first], lines[second]))
            zones += [
                _zone(lines[first], lines[second], lines[third])
                for third in below[second]
                if _even(lines[first], lines[second], lines[third])
            ]
    return zones


def _under(above: Track, under: Track) -> bool:
    """`under` is the next line of the same zone."""
    longest = max(above.length, under.length)
    shared = min(above.stop, under.stop) - max(above.start, under.start)
    height = (above.thickness + under.thickness) / 2
    at = (above.middle + under.middle) / 2
    step = under.y(at) - above.y(at)
    return (
        shared > 0.75 * longest
        and 1.15 * height < step < 4.2 * height
        and abs(above.slope(at) - under.slope(at)) < 0.08
        and max(above.thickness, under.thickness) < 2.0 * min(above.thickness, under.thickness)
    )


def _even(first: Track, second: Track, third: Track) -> bool:
    at = second.middle
    one, two = second.y(at) - first.y(at), third.y(at) - second.y(at)
    return max(one, two) < 1.3 * min(one, two)


def _zone(*tracks: Track) -> Zone:
    """The guess with its score: long lines, alike in their ends, as thin as 30 to 44 characters are."""
    longest = max(track.length for track in tracks)
    ragged = sum(abs(a.start - b.start) + abs(a.stop - b.stop) for a, b in pairwise(tracks)) / (len(tracks) - 1)
    height = float(np.mean([track.thickness for track in tracks]))
    leanness = longest / height
    fit = 1.0 if 20 <= leanness <= 60 else 0.5
    return Zone(tracks, longest * fit * (1.0 + 0.15 * (len(tracks) == 3)) - 1.5 * ragged)
