"""Picture in, zone out. Runs in the worker only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from border_agent.decoding.mrz import grid
from border_agent.decoding.mrz.find import Track, Zone, find_zones
from border_agent.decoding.mrz.glyphs import CLASSES, NOTHING, Floats, Network
from border_agent.decoding.mrz.grid import Grey, Line, Numbers
from border_agent.decoding.mrz.places import belonging, dated, formats_of, likely
from border_agent.decoding.pictures import Pixels
from border_agent.decoding.values import MRZ_ALPHABET, FoundMrz

_ATTEMPTS: Final = ((640, 0), (640, 90), (1280, 0), (1280, 90), (640, 45), (640, 135))
"""One after the other: the longer side, in pixels, of the picture in which lines are looked for, and by how many
degrees it is turned. Lines are found up to 25 degrees off, either way up, so four directions are all there are."""
_LARGEST: Final = 2560
"""Longer side of the picture that is worked on; a larger one is made smaller at once."""
_LINE: Final = 1000
"""Pixels of a line's length in which it is read; a larger picture is made smaller first."""
_MOVES: Final = np.linspace(-0.3, 0.3, 7)
_ENDS: Final = np.linspace(-0.3, 0.3, 13)
"""Of a pitch: how far a character may stand from its place in the grid; and its ends, more finely."""
_BEYOND: Final = 2
"""Places looked at on either side of a line: the grid may be so many characters off."""
_DOUBT: Final = 0.02
"""No single place says more than this about where the line lies: a speck may look like a character."""
_BARE: Final = 0.4
"""A place with so little contrast, against the line's, holds nothing."""
_SENSE: Final = 120.0
"""What makes sense where it stands weighs so much in this, against places that hold something or nothing."""

_SURE: Final = 0.92
"""A reading as good as this is taken at once, without looking for a better one."""
_LEAST: Final = 0.80
"""What is worse than this is no zone."""


class Reading(NamedTuple):
    """What was read of one guess. `score`, 0 to 1: how much like a zone it is."""

    score: float
    format: str
    probabilities: Floats
    corners: Numbers


class MrzReader:
    """The reader, its network loaded."""

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or Network()

    def warm_up(self) -> None:
        """Run once, on nothing."""
        self.find(np.full((96, 96, 3), 127, np.uint8))

    def find(self, pixels: Pixels) -> FoundMrz | None:
        """The zone in a picture (blue, green, red); None where there is none."""
        grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        shrink = min(1.0, _LARGEST / max(grey.shape))
        if shrink < 1.0:
            size = (max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink)))
            grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
        best: Reading | None = None
        for side, angle in _ATTEMPTS:
            for reading in self._readings(grey, side, angle):
                if best is None or reading.score > best.score:
                    best = reading
                if reading.score >= _SURE:
                    return _found(reading, shrink)
        return _found(best, shrink) if best and best.score >= _LEAST else None

    def _readings(self, grey: Grey, side: int, angle: int) -> Iterator[Reading]:
        """What is read of lines that run from left to right once the picture is turned; corners as in `grey`."""
        picture, matrix = _turned(grey, angle)
        scale = side / max(picture.shape)
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        for zone in find_zones(np.asarray(small, np.uint8)):
            reading = self._read(picture, zone, scale)
            if reading is not None:
                yield reading._replace(corners=(reading.corners - matrix[:, 2]) @ matrix[:, :2])

    def _read(self, picture: Grey, zone: Zone, scale: float) -> Reading | None:
        """Read one guess, whose tracks are in a picture `scale` times as large."""
        part, tracks, place = _cropped(picture, zone, scale)
        best: Reading | None = None
        for contrast, lines in grid.fit(part, tracks):
            if contrast < 0.02:
                continue
            reading = self._read_grid(part, lines)
            if best is None or reading.score > best.score:
                best = reading
            if best.score >= _SURE:
                break
        if best is None:
            return None
        return best._replace(corners=best.corners / place[0] + place[1:])

    def _read_grid(self, picture: Grey, lines: list[Line]) -> Reading:
        """Read the characters of one grid, from both sides, and say how much like a zone they are."""
        lines, flipped = self._settled(picture, [line._replace(down=_down(picture, line)) for line in lines])
        probabilities = np.exp(np.stack([self._moved(picture, line, flipped) for line in lines]))
        corners = _corners(lines)
        if flipped:
            probabilities, corners = probabilities[::-1, ::-1], corners[[2, 3, 0, 1]]
        names = formats_of(*probabilities.shape[:2])
        scores = {name: belonging(name, probabilities) if dated(name, probabilities) else 0.0 for name in names}
        name = max(names, key=lambda name: scores[name])
        return Reading(scores[name], name, probabilities, corners)

    def _settled(self, picture: Grey, lines: list[Line]) -> tuple[list[Line], bool]:
        """The lines moved by whole characters where that fits better, and whether they stand upside down.

        All lines move together: beyond one end of the right place there is nothing, in every line.
        """
        width = len(lines[0].middles)
        reaches = [_reach(line) for line in lines]
        cut = np.stack(
            [
                grid.windows(picture, line, reach, np.full(len(reach), line.down))
                for line, reach in zip(lines, reaches, strict=True)
            ]
        )
        upright = self._logs(cut)
        some = slice(_BEYOND, -_BEYOND, 3)
        turned = _ink(self._logs(cut[:, some, ::-1, ::-1])).sum() > _ink(upright[:, some]).sum()
        logs = self._logs(cut[..., ::-1, ::-1]) if turned else upright
        nothing = logs[..., NOTHING]
        # Bare paper is grey with a little noise, in which the network may see anything.
        contrast = cut.reshape(*cut.shape[:2], -1).std(axis=2)
        nothing = np.where(contrast < _BARE * np.median(contrast), 0.0, nothing)
        something = np.log(np.maximum(1.0 - np.exp(nothing), _DOUBT))
        nothing = np.maximum(nothing, np.log(_DOUBT))
        gain = (something - nothing).sum(axis=0)
        # Where the lines begin is said by their ends, and by what stands where: dates are not where names are.
        seen = np.exp(logs)
        totals = [
            gain[start : start + width].sum()
            + _SENSE * _belonging(seen[:, start : start + width], turned)
            - 0.5 * abs(start - _BEYOND)
            for start in range(2 * _BEYOND + 1)
        ]
        start = int(np.argmax(totals))
        moved = [
            line._replace(middles=reach[start : start + width]) for line, reach in zip(lines, reaches, strict=True)
        ]
        return moved, bool(turned)

    def _moved(self, picture: Grey, line: Line, flipped: bool) -> Floats:
        """The network's answers where it sees characters best: the grid moved and stretched a little.

        Logarithms, characters x CLASSES, from the left of the picture.
        """
        width = len(line.middles)
        some = np.arange(1, width, 3)
        places = line.middles[some] + _MOVES[:, None] * line.pitch
        quality = _ink(self._logs(_cut(picture, line, places, flipped)))
        # A straight line through the moves: every character's own best place would follow noise.
        left, right = (axis.ravel() for axis in np.meshgrid(_ENDS, _ENDS, indexing="ij"))
        wanted = _between(left, right, some / (width - 1))
        low = np.clip((wanted - _MOVES[0]) / (_MOVES[1] - _MOVES[0]), 0, len(_MOVES) - 1.001)
        before = low.astype(np.intp)
        columns = np.arange(len(some))
        value = quality[before, columns] + (quality[before + 1, columns] - quality[before, columns]) * (low - before)
        best = int(np.argmax(value.sum(axis=1) - 0.3 * (np.abs(left) + np.abs(right))))
        moved = line.middles + _between(left[best], right[best], np.arange(width) / (width - 1)) * line.pitch
        # Twice, from a little to the left and to the right: what holds for both is no chance.
        cut = _cut(picture, line, moved + np.array([[-0.06], [0.06]]) * line.pitch, flipped)
        logs = self._logs(cut).mean(axis=0)
        result: Floats = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        return result

    def _logs(self, cut: Grey) -> Floats:
        """The network's logarithms for windows in any arrangement."""
        return self._network.log_probabilities(cut.reshape(-1, *cut.shape[-2:])).reshape(*cut.shape[:-2], CLASSES)


def _cut(picture: Grey, line: Line, places: Numbers, flipped: bool) -> Grey:
    """The windows of characters at `places` (n x m) of a line: n x m x HEIGHT x WIDTH."""
    cut = grid.windows(picture, line, places.ravel(), np.full(places.size, line.down))
    return (cut[:, ::-1, ::-1] if flipped else cut).reshape(*places.shape, *cut.shape[1:])


def _between(left: Any, right: Any, share: Numbers) -> Any:
    """Values on a straight line from `left` to `right`."""
    return np.multiply.outer(left, 1 - share) + np.multiply.outer(right, share)


def _turned(grey: Grey, angle: int) -> tuple[Grey, Numbers]:
    """The picture turned anticlockwise, and how: its pixel p is now at `matrix[:, :2] @ p + matrix[:, 2]`."""
    if angle == 0:
        return grey, np.eye(2, 3)
    height, width = grey.shape
    if angle == 90:
        turned = cv2.rotate(grey, cv2.ROTATE_90_COUNTERCLOCKWISE)
        return np.asarray(turned, np.uint8), np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, width - 1.0]])
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    size = (int(abs(width * cos) + abs(height * sin)) + 1, int(abs(width * sin) + abs(height * cos)) + 1)
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = (np.array(size) - 1) / 2 - turn @ (np.array([width, height]) - 1) / 2
    matrix = np.column_stack([turn, shift])
    turned = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), matrix


def _reach(line: Line) -> Numbers:
    """The line's places and some more on either side, which should hold nothing."""
    beyond = np.arange(1, _BEYOND + 1) * line.pitch
    return np.concatenate([line.middles[0] - beyond[::-1], line.middles, line.middles[-1] + beyond])


def _belonging(seen: Floats, turned: bool) -> float:
    """As `belonging`, in the likeliest format of this shape; `turned`: the lines are seen upside down."""
    probabilities = seen[::-1, ::-1] if turned else seen
    return max(belonging(name, probabilities) for name in formats_of(*probabilities.shape[:2]))


def _ink(logs: Floats) -> Floats:
    """For each window, the best character's logarithm."""
    best: Floats = logs[..., :NOTHING].max(axis=-1)
    return best


def _cropped(picture: Grey, zone: Zone, scale: float) -> tuple[Grey, tuple[Track, ...], Numbers]:
    """The zone and a margin, no larger than reading needs; its tracks there; and size and place of the part.

    A pixel of the picture is pixel (p - place[1:]) * place[0] of the part.
    """
    height = max(track.thickness for track in zone.tracks) / scale
    left = min(track.start for track in zone.tracks) / scale - 3 * height
    right = max(track.stop for track in zone.tracks) / scale + 3 * height
    ys = [track.y(x) / scale for track in zone.tracks for x in (track.start, track.middle, track.stop)]
    top, bottom = min(ys) - 2 * height, max(ys) + 2 * height
    x0, y0 = max(0, int(left)), max(0, int(top))
    part = picture[y0 : max(y0 + 1, int(bottom) + 1), x0 : max(x0 + 1, int(right) + 1)]
    length = max(track.length for track in zone.tracks) / scale
    shrink = min(1.0, _LINE / length)
    if shrink < 1.0:
        part = cv2.resize(part, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    tracks = tuple(_laid(track, scale, x0, y0, shrink) for track in zone.tracks)
    return np.ascontiguousarray(part, np.uint8), tracks, np.array([shrink, x0, y0])


def _laid(track: Track, scale: float, x0: int, y0: int, shrink: float) -> Track:
    """The track in the part's pixels: X = (x / scale - x0) shrink, the same for y."""
    factor = shrink / scale
    c0, c1, c2 = track.curve
    offset = x0 * scale  # x = X / factor + offset
    moved = (c0 + c1 * offset + c2 * offset**2, c1 + 2 * c2 * offset, c2)
    curve = (moved[0] * factor - y0 * shrink, moved[1], moved[2] / factor)
    start, stop = ((x / scale - x0) * shrink for x in (track.start, track.stop))
    return Track(start, stop, curve, track.thickness * factor)


def _down(picture: Grey, line: Line) -> float:
    """How far below the track the characters' middle lies, in pixels: the band of one height that has the ink."""
    pitch = line.pitch
    rows = np.arange(-0.9, 0.901, 0.05) * pitch
    x = np.linspace(line.middles[0] - pitch / 2, line.middles[-1] + pitch / 2, 12 * len(line.middles))
    levels = grid.sample(picture, line.track, x, rows)
    ink = cv2.morphologyEx(levels, cv2.MORPH_BLACKHAT, np.ones((1, 25), np.uint8)).astype(np.float64)
    ink = np.clip(ink / (float(np.percentile(ink, 97)) + 1e-6), 0, 1)
    profile = ink.mean(axis=1)
    profile = np.maximum(profile - np.percentile(profile, 15), 0.0)
    band = np.convolve(profile, np.ones(21), "same")
    good = np.flatnonzero(band >= 0.985 * band.max())
    inside = good[np.abs(rows[good]) < 0.45 * pitch]
    return float(rows[inside].mean()) if len(inside) else 0.0


def _corners(lines: list[Line]) -> Numbers:
    """Upper left, upper right, lower right, lower left of the zone in pixels."""

    def corner(line: Line, x: float, above: float) -> tuple[float, float]:
        slope = line.track.slope(x)
        return x - above * slope, line.track.y(x) + line.down + above

    first, last = lines[0], lines[-1]
    half = first.pitch / 2
    ends = [
        corner(first, float(first.middles[0]) - half, -1.3 * half),
        corner(first, float(first.middles[-1]) + half, -1.3 * half),
        corner(last, float(last.middles[-1]) + half, 1.3 * half),
        corner(last, float(last.middles[0]) - half, 1.3 * half),
    ]
    return np.array(ends)


def _found(reading: Reading, shrink: float) -> FoundMrz:
    """The characters, each with its confidence and its rival; corners in the picture before it was made smaller."""
    shares = likely(reading.format, reading.probabilities)
    order = np.argsort(shares, axis=-1)
    best, second = order[..., -1], order[..., -2]
    confidence = np.take_along_axis(shares, best[..., None], axis=-1)[..., 0]
    return FoundMrz(
        format=reading.format,
        lines=_text(best),
        confidence=tuple(tuple(float(share) for share in line) for line in confidence),
        runner_up=_text(second),
        corners=tuple((float(x), float(y)) for x, y in reading.corners / shrink),
    )


def _text(classes: npt.NDArray[Any]) -> tuple[str, ...]:
    return tuple("".join(MRZ_ALPHABET[place] for place in line) for line in classes)
