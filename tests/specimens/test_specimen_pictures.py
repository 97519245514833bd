"""The pictures: pages say what the data says, codes are read back, faces are found and keep their distance."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from border_agent.decoding.faces import FaceEngine
from border_agent.decoding.values import EmbeddingMode, FoundFace
from border_agent.documents.lds import read_dg2
from border_agent.specimens import album as album_module
from border_agent.specimens.album import Album, AlbumDamaged, CodeSpecimen, build_all, build_codes, read_manifest
from border_agent.specimens.cast import VISITOR, Passport, Shown
from border_agent.specimens.chip.booklet import load_booklet
from border_agent.specimens.chip.booklets import build_booklets, make_pki
from border_agent.specimens.contact import contact_sheet
from border_agent.specimens.lettering import machine_lines
from border_agent.specimens.pages import HEIGHT, PITCH, WIDTH
from border_agent.specimens.people import LOOKS
from border_agent.specimens.portraits import faces
from border_agent.specimens.signing import make_signers
from mqtt_schemas.records import VisaRecord

TODAY = date(2026, 11, 23)
MOST = 60
"""Pictures looked at for a face; `--whole` looks at every one."""
MATCH, DOUBT = 0.437, 0.60
"""The product's thresholds. What is measured here on rendered faces proves wiring, never accuracy."""
COMPARED = ("-0", "-2", "-4")
"""Ends of the names of the frames that are compared; every other frame must only hold a face."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    return build_all(tmp_path_factory.mktemp("specimens"), TODAY)


@pytest.fixture(scope="module")
def codes(album: Album) -> dict[int, CodeSpecimen]:
    return build_codes(album, album.folder / "codes", make_signers(TODAY))


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine()


def load(file: Path) -> Pixels:
    picture = cv2.imread(str(file))
    assert picture is not None, file
    return np.asarray(picture, np.uint8)


@cache
def found(engine: FaceEngine, file: Path, mode: EmbeddingMode) -> list[FoundFace]:
    return engine.find(load(file), upsample=0, embedding=mode, most=3)


def mean(engine: FaceEngine, files: Sequence[Path]) -> NDArray[np.float64]:
    return np.asarray(np.mean([embedding(engine, file) for file in files], axis=0))


def embedding(engine: FaceEngine, file: Path) -> tuple[float, ...]:
    return found(engine, file, EmbeddingMode.mirrored)[0].embedding


def compared(files: Sequence[Path]) -> list[Path]:
    return [file for file in files if file.stem.endswith(COMPARED)]


# --- pages -----------------------------------------------------------------------------------------------------


def read_zone(page: Pixels) -> tuple[str, ...]:
    """Both machine readable lines, cell by cell: the glyph that correlates best."""
    top, left = HEIGHT - 178 + 72, round((WIDTH - 44 * PITCH) / 2)
    grey = 255.0 - cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    glyphs = np.stack([normalised(cell(255.0 - glyph_page(letter), 0, 40, 60)) for letter in ALPHABET])

    def letter(column: int, base: int) -> str:
        return ALPHABET[int(np.argmax(glyphs @ normalised(cell(grey, column, left, base))))]

    return tuple("".join(letter(column, top + row * 65) for column in range(44)) for row in range(2))


def normalised(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = picture.ravel() - picture.mean()
    return np.asarray(flat / np.linalg.norm(flat))


def cell(grey: NDArray[np.float64], column: int, left: int, base: int) -> NDArray[np.float64]:
    x = round(left + column * PITCH)
    return np.asarray(grey[base - 36 : base + 6, x : x + 26], np.float64)


def glyph_page(letter: str) -> NDArray[np.float64]:
    page = np.full((80, 100, 3), 255, np.uint8)
    machine_lines(page, [letter], (40, 60), PITCH, 65, (0, 0, 0))
    return np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.float64)


def test_printed_machine_lines_are_those_of_the_data(album: Album) -> None:
    for traveller in album.everybody:
        page = load(album.page_file(traveller.number))
        assert page.shape == (HEIGHT, WIDTH, 3)
        assert read_zone(page) == traveller.passport.lines, traveller.number


# --- codes -----------------------------------------------------------------------------------------------------


def test_every_code_is_read_back_exactly(codes: dict[int, CodeSpecimen]) -> None:
    assert sorted(codes) == list(range(1, 13))
    for specimen in codes.values():
        assert (specimen.frames == ()) is (specimen.shown is Shown.SCANNER)
        for file in specimen.frames:
            frame = load(file)
            assert frame.shape == (720, 1280, 3)
            read = zxingcpp.read_barcodes(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
            assert [bytes(code.bytes) for code in read] == [specimen.payload], file.name


def test_dark_phones_show_light_codes(codes: dict[int, CodeSpecimen]) -> None:
    (dark,) = [c for c in codes.values() if c.shown is Shown.PHONE_DARK]
    grey = cv2.cvtColor(load(dark.frames[0]), cv2.COLOR_BGR2GRAY)
    plain = zxingcpp.read_barcodes(grey, try_invert=False)
    assert plain == []
    assert len(zxingcpp.read_barcodes(grey)) == 1


def test_traveller_six_shows_the_very_code_of_traveller_one(codes: dict[int, CodeSpecimen]) -> None:
    assert codes[1].payload == codes[6].payload


# --- faces -----------------------------------------------------------------------------------------------------


def test_every_portrait_page_and_live_frame_has_one_face(
    album: Album, engine: FaceEngine, sample: Callable[[Iterable[Path], int], Sequence[Path]]
) -> None:
    files = [album.portrait_file(face) for face in faces()]
    for traveller in album.everybody:
        files += [*album.live_frames(traveller.number), *album.page_frames(traveller.number)]
    scores = []
    for file in sample(files, MOST):
        full = file.parent.name == "faces" or file.stem.endswith(COMPARED)
        seen = found(engine, file, EmbeddingMode.mirrored if full else EmbeddingMode.none)
        assert len(seen) == 1, file.name
        assert seen[0].score > 0.3, file.name
        scores.append(seen[0].score)
    print(f"\n{len(scores)} pictures, detector score {min(scores):.2f} to {max(scores):.2f}")


def test_faces_match_themselves_and_the_impostor_does_not(album: Album, engine: FaceEngine) -> None:
    lines = []
    for traveller in album.everybody:
        stored = mean(engine, [album.portrait_file(traveller.face)])
        printed = mean(engine, compared(album.page_frames(traveller.number)))
        live = mean(engine, compared(album.live_frames(traveller.number)))
        distance, on_page = float(np.linalg.norm(stored - live)), float(np.linalg.norm(printed - live))
        lines.append(f"{traveller.number:2d} {traveller.face:11s} stored {distance:.3f} printed {on_page:.3f}")
        if traveller.number == 7:
            assert min(distance, on_page) > DOUBT, lines[-1]
        else:
            assert distance <= 0.35, lines[-1]
            assert on_page <= 0.40, lines[-1]
    print("\n" + "\n".join(lines))


def test_chips_hold_the_faces_of_their_holders(album: Album, engine: FaceEngine, tmp_path: Path) -> None:
    for number, file in build_booklets(album, tmp_path, make_pki(TODAY)).items():
        (traveller,) = [one for one in album.everybody if one.number == number]
        (image,) = read_dg2(load_booklet(file).files["DG2"]).faces
        picture = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
        (face,) = engine.find(np.asarray(picture, np.uint8), upsample=0, embedding=EmbeddingMode.mirrored, most=3)
        distance = np.linalg.norm(np.asarray(face.embedding) - mean(engine, [album.portrait_file(traveller.face)]))
        assert distance < 0.2, traveller.number
        assert image.width == 413
        assert 10_000 < len(image.data) <= 15_000


def test_the_rendered_people_stand_apart(album: Album, engine: FaceEngine) -> None:
    stored = {face: mean(engine, [album.portrait_file(face)]) for face in faces()}
    pairs = {(a, b): float(np.linalg.norm(stored[a] - stored[b])) for a in stored for b in stored if a < b}
    (near, distance) = min(pairs.items(), key=lambda pair: pair[1])
    print(f"\nnearest pair {near} at {distance:.3f}")
    assert distance > MATCH


def test_the_visitor_is_the_only_photograph(album: Album) -> None:
    assert set(faces()) - set(LOOKS) == {VISITOR}
    assert [t.number for t in album.travellers if t.face == VISITOR] == [9]


# --- the folder ------------------------------------------------------------------------------------------------


def test_a_complete_folder_is_left_alone(album: Album) -> None:
    before = {file: file.stat().st_mtime_ns for file in album.folder.rglob("*.jpg")}
    assert build_all(album.folder, TODAY) == album
    assert {file: file.stat().st_mtime_ns for file in album.folder.rglob("*.jpg")} == before


def test_another_day_draws_the_pages_only(album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(album.folder, tmp_path / "copy")

    def blank(passport: Passport, portrait: Pixels) -> Pixels:
        return np.full((9, 9, 3), passport.expiry.toordinal() % 251, np.uint8)

    monkeypatch.setattr(album_module, "portrait", None)
    monkeypatch.setattr(album_module, "data_page", blank)
    monkeypatch.setattr(album_module, "page_frame", lambda page, seed: page)
    other = build_all(tmp_path / "copy", TODAY + timedelta(1))
    old, new = read_manifest(album.folder).files, read_manifest(other.folder).files
    assert set(old) == set(new)
    changed = {name.split("/")[0] for name in old if old[name] != new[name]}
    assert changed == {"pages"}


def test_a_damaged_file_or_an_older_version_is_drawn_again(
    album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(album.folder, copy)

    class DrawnAgain(Exception):
        pass

    def draw(face: str) -> Pixels:
        raise DrawnAgain(face)

    monkeypatch.setattr(album_module, "portrait", draw)
    build_all(copy, TODAY)
    album_of_copy = Album(copy, TODAY)
    good = album_of_copy.live_frames(4)[2].read_bytes()
    album_of_copy.live_frames(4)[2].write_bytes(good[:-20])
    with pytest.raises(DrawnAgain):
        build_all(copy, TODAY)
    album_of_copy.live_frames(4)[2].write_bytes(good)
    older = msgspec.structs.replace(read_manifest(album.folder), version="older")
    (copy / "manifest.json").write_bytes(msgspec.json.encode(older))
    with pytest.raises(DrawnAgain):
        build_all(copy, TODAY)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"version": 3}'])
def test_a_broken_manifest_is_a_typed_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(AlbumDamaged):
        read_manifest(tmp_path)


def test_portraits_fit_a_visa_record_and_carry_no_metadata(album: Album) -> None:
    for jpeg in album.portraits().values():
        assert b"Exif" not in jpeg
        record = VisaRecord(
            visa_id="0" * 16,
            issuer="UTO",
            document_issuer="UTO",
            document_number="X1",
            valid_from=TODAY,
            valid_until=TODAY,
            entries=1,
            portrait=jpeg,
        )
        assert msgspec.convert(msgspec.to_builtins(record), VisaRecord).portrait == jpeg


def test_contact_sheet_shows_everybody(album: Album, codes: dict[int, CodeSpecimen]) -> None:
    sheet = load(contact_sheet(album.folder))
    assert sheet.shape[0] == 15 * 210
    row_with_code = sheet[210:420, 1180:]
    row_without = sheet[12 * 210 : 13 * 210, 1180:]
    assert row_with_code.std() > 20
    assert row_without.std() < 5
    assert codes
