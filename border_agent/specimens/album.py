"""Every picture of the cast in one folder, made once: portraits, live frames, data pages, and per run the codes.

A manifest names the version of the drawing code, the day the pages are dated for and the SHA-256 of every file.
Faces are drawn again only when the code changes, pages also when the day does; codes belong to one run's keys and are
made by `build_codes`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

import cv2
import msgspec
import numpy as np

from border_agent.errors import BorneError
from border_agent.specimens.canvas import Pixels
from border_agent.specimens.cast import Shown, Traveller, cast, copied
from border_agent.specimens.codes import code_frames
from border_agent.specimens.pages import data_page, page_frame
from border_agent.specimens.portraits import faces, live_frames, portrait
from border_agent.specimens.signing import SpecimenSigners, sign_visa

LIVE_FRAMES = 6
PAGE_FRAMES = 2
_MANIFEST = "manifest.json"


class AlbumDamaged(BorneError):
    """A folder of specimens without a manifest that can be read, or with files that are not as written."""

    code = "specimens.album_damaged"


class Manifest(msgspec.Struct, frozen=True):
    """What a folder holds."""

    version: str
    """SHA-256 over the drawing code."""
    today: date
    files: dict[str, str]
    """SHA-256 by path relative to the folder."""


@dataclass(frozen=True)
class Album:
    """A folder of pictures that is complete."""

    folder: Path
    today: date

    @property
    def travellers(self) -> tuple[Traveller, ...]:
        """The cast as of the album's day."""
        return cast(self.today)

    @property
    def copied(self) -> Traveller:
        """The traveller with a copied chip, who comes only where chips are read."""
        return copied(self.today)

    @property
    def everybody(self) -> tuple[Traveller, ...]:
        """All of whom there are pictures."""
        return (*self.travellers, self.copied)

    def portrait_file(self, face: str) -> Path:
        """The portrait of a face, JPEG 420 x 540."""
        return self.folder / f"faces/{face}.jpg"

    def portraits(self) -> dict[str, bytes]:
        """The JPEG of every face, as the centre's visa list carries it (under 64 KiB each)."""
        return {face: self.portrait_file(face).read_bytes() for face in faces()}

    def page_file(self, number: int) -> Path:
        """The data page of a traveller's passport, JPEG 1280 x 901."""
        return self.folder / f"pages/{number:02d}.jpg"

    def page_frames(self, number: int) -> tuple[Path, ...]:
        """What a document camera sees of the page, JPEG 1280 x 720."""
        return tuple(self.folder / f"pages/{number:02d}-camera-{i}.jpg" for i in range(PAGE_FRAMES))

    def live_frames(self, number: int) -> tuple[Path, ...]:
        """What the face camera sees of the traveller, JPEG 640 x 480."""
        return tuple(self.folder / f"live/{number:02d}-{i}.jpg" for i in range(LIVE_FRAMES))


@dataclass(frozen=True)
class CodeSpecimen:
    """The code a traveller shows: its exact payload, and its camera frames (none for the hand-held scanner)."""

    number: int
    shown: Shown
    payload: bytes
    frames: tuple[Path, ...]


def build_all(folder: Path, today: date) -> Album:
    """Portraits, live frames and pages of the cast in `folder`; what is there and still right is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    album = Album(folder, today)
    version = drawing_version()
    known = _kept(folder, version)
    if known is not None and known.today == today:
        return album
    files = {} if known is None else {name: sha for name, sha in known.files.items() if not name.startswith("pages/")}
    (folder / _MANIFEST).unlink(missing_ok=True)
    if known is None:
        for file, picture in _faces(album):
            # Portraits travel in the visa list: as small as does not hurt.
            quality = 85 if file.parent.name == "faces" else 90
            files[str(file.relative_to(folder))] = _write(file, picture, quality)
    for file, picture in _pages(album):
        files[str(file.relative_to(folder))] = _write(file, picture)
    manifest = Manifest(version, today, files)
    _replace(folder / _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return album


def build_codes(album: Album, folder: Path, signers: SpecimenSigners) -> dict[int, CodeSpecimen]:
    """The signed code of every traveller who has a visa, under one run's keys, by traveller's number."""
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {face: hashlib.sha256(jpeg).digest() for face, jpeg in album.portraits().items()}
    payloads: dict[str, str] = {}
    out: dict[int, CodeSpecimen] = {}
    for traveller in album.travellers:
        visa = traveller.visa
        if visa is None:
            continue
        # One visa, one code, however often it is shown: signatures differ each time they are made.
        if visa.visa_id not in payloads:
            payloads[visa.visa_id] = sign_visa(visa, signers, hashes.get(visa.portrait))
        payload = payloads[visa.visa_id]
        frames = []
        for i, picture in enumerate(code_frames(visa, payload, traveller.shown, traveller.number)):
            frames.append(folder / f"code-{traveller.number:02d}-{i}.jpg")
            _write(frames[-1], picture)
        out[traveller.number] = CodeSpecimen(
            traveller.number, traveller.shown, payload.encode("ascii"), tuple(frames)
        )
    return out


def read_manifest(folder: Path) -> Manifest:
    """The folder's manifest; raises `AlbumDamaged`."""
    try:
        return msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise AlbumDamaged(str(folder / _MANIFEST), str(error)) from error


def drawing_version() -> str:
    """SHA-256 over the source of this package and the versions of what draws: a change draws anew."""
    digest = hashlib.sha256(f"{cv2.__version__} {np.__version__}".encode())
    for file in sorted(resources.files(__package__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _kept(folder: Path, version: str) -> Manifest | None:
    """The manifest of a folder whose files are all as they were written by this version."""
    try:
        manifest = read_manifest(folder)
    except AlbumDamaged:
        return None
    if manifest.version != version:
        return None
    for name, sha in manifest.files.items():
        file = folder / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha:
            return None
    return manifest


def _faces(album: Album) -> Iterator[tuple[Path, Pixels]]:
    for face in faces():
        yield album.portrait_file(face), portrait(face)
        for traveller in album.everybody:
            if traveller.live_face == face:
                frames = live_frames(face, 900 + traveller.number, LIVE_FRAMES)
                yield from zip(album.live_frames(traveller.number), frames, strict=True)


def _pages(album: Album) -> Iterator[tuple[Path, Pixels]]:
    for traveller in album.everybody:
        picture = cv2.imread(str(album.portrait_file(traveller.face)))
        if picture is None:
            raise AlbumDamaged(str(album.portrait_file(traveller.face)), "not a picture")
        page = data_page(traveller.passport, np.asarray(picture, np.uint8))
        yield album.page_file(traveller.number), page
        for i, file in enumerate(album.page_frames(traveller.number)):
            yield file, page_frame(page, traveller.number * 11 + i)


def _write(file: Path, picture: Pixels, quality: int = 90) -> str:
    good, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise AlbumDamaged(str(file), "cannot be encoded")
    data = jpeg.tobytes()
    file.parent.mkdir(exist_ok=True)
    _replace(file, data)
    return hashlib.sha256(data).hexdigest()


def _replace(file: Path, data: bytes) -> None:
    """Whole or not at all, also when two runs draw into one folder."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(file)
