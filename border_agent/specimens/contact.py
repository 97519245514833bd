"""Everything at a glance: one picture of all specimens, for people who look before they trust."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from border_agent.specimens.album import Album, AlbumDamaged, read_manifest
from border_agent.specimens.canvas import Pixels
from border_agent.specimens.cast import Traveller
from border_agent.specimens.lettering import Weight, text

_ROW = 210
_WIDTH = 1480


def contact_sheet(folder: Path) -> Path:
    """One row a traveller: portrait, data page, page under the camera, two live frames, and the code if one is there.

    The codes of a run are shown if they were built into the same folder's `codes`. Returns the picture's path.
    Raises `AlbumDamaged`.
    """
    album = Album(folder, read_manifest(folder).today)
    sheet = np.vstack([_row(album, traveller) for traveller in album.everybody])
    out = folder / "contact-sheet.jpg"
    if not cv2.imwrite(str(out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85]):
        raise AlbumDamaged(str(out), "cannot be written")
    return out


def _row(album: Album, traveller: Traveller) -> Pixels:
    row = np.full((_ROW, _WIDTH, 3), 250, np.uint8)
    title = f"{traveller.number}  {traveller.name}  ({traveller.passport.nationality})"
    text(row, title, (10, 24), (40, 30, 20), 20, Weight.BOLD)
    text(row, f"{traveller.expected}  {traveller.because}", (620, 24), (60, 60, 120), 20)
    files = [
        album.portrait_file(traveller.face),
        album.page_file(traveller.number),
        album.page_frames(traveller.number)[0],
        *album.live_frames(traveller.number)[:: len(album.live_frames(traveller.number)) - 1],
        album.folder / "codes" / f"code-{traveller.number:02d}-0.jpg",
    ]
    left = 10
    for file in files:
        picture = cv2.imread(str(file)) if file.is_file() else None
        if picture is None:
            continue
        height = _ROW - 42
        width = round(picture.shape[1] * height / picture.shape[0])
        row[34 : 34 + height, left : left + width] = cv2.resize(
            picture, (width, height), interpolation=cv2.INTER_AREA
        )
        left += width + 8
    return row
