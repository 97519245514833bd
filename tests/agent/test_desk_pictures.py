"""Pictures for the officer: JPEGs of the camera's own pixels, small, bounded, and never an inspection's trouble."""

from __future__ import annotations

from datetime import date
from typing import Any

import cv2
import numpy as np
import pytest
from msgspec import structs

from border_agent.agent import collecting
from border_agent.agent.album import WIDEST, Album, jpeg_of
from border_agent.agent.eyes import Seen
from border_agent.config import CameraRole
from border_agent.decoding import EncodedPicture, FoundFace, Picture
from border_agent.inspection import Step, VisaEvidence
from border_agent.seals import SealedVisa, SealFormat
from border_agent.store import Answer
from firmware_bridge.virtual.launch import CameraTwin
from mqtt_schemas.entries import Decision
from mqtt_schemas.post import LARGEST_PICTURE, PictureKind
from mqtt_schemas.records import VisaRecord
from tests.agent.conftest import Start
from tests.agent.desk_kit import adopted, in_force, lines, mrz, of_kiosk, proposal
from tests.agent.face_kit import CAMERA, live_frames
from tests.agent.test_local_api import READER
from tests.agent.test_promises import Sight, face, lay_down, look, until


def raw(grey: int, width: int = 640, height: int = 480) -> Picture:
    """A frame of one grey, with an edge to see."""
    pixels = np.full((height, width, 3), grey, np.uint8)
    pixels[:, : width // 4] = 0
    return Picture(width, height, pixels.tobytes())


def noise(width: int = 640, height: int = 480) -> Picture:
    """What compresses worst."""
    pixels = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    return Picture(width, height, pixels.tobytes())


def decoded(jpeg: bytes) -> Any:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


class Frames(Sight):
    """Eyes whose face camera shows a blurred frame, a sharp one, and a middling one."""

    def __init__(self) -> None:
        super().__init__(lambda _: ())
        self.looks = 0

    def look(self, role: CameraRole) -> Seen:
        if role is CameraRole.DOCUMENT:
            return Seen(raw(90), (face(),))
        self.looks += 1
        grey, sharpness = [(120, 0.05), (200, 0.09), (160, 0.06)][(self.looks - 1) % 3]
        good = FoundFace((220, 140, 420, 340), 1.5, (0.12,) * 128, 90.0, sharpness, 120.0)
        return Seen(raw(grey), (good,))


def test_the_page_and_the_sharpest_live_frame_are_kept(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start(READER)
    in_force(agent, monkeypatch)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.PAGE, Step.FACE))
    agent.desk._eyes = Frames()  # type: ignore[assignment]
    agent.desk._times = structs.replace(agent.desk._times, page=10.0, face=20.0)
    case = client.start()
    lay_down(agent, "\r".join(lines()).encode())
    assert proposal(agent, case["id"]).pictures == (PictureKind.PAGE, PictureKind.LIVE)
    pictures = agent.desk.pictures(case["id"])
    page, live = decoded(pictures[PictureKind.PAGE]), decoded(pictures[PictureKind.LIVE])
    assert page.shape == live.shape == (480, 640, 3)
    assert abs(int(page[240, 400].mean()) - 90) < 4
    assert abs(int(live[240, 400].mean()) - 200) < 4, "the sharpest of the good frames"
    assert client.inspection(case["id"])["pictures"] == ["page", "live"]


def test_a_real_cameras_best_frame_is_what_the_officer_sees(start: Start) -> None:
    with CameraTwin() as twin:
        agent, client = start(CAMERA.format(role="face", url=twin.url))
        until(lambda: (can := client.capabilities())["ready"] and can["devices"][0]["state"] == "ready")
        frames = live_frames()
        twin.show(frames)
        case = client.start()
        assert proposal(agent, case["id"]).pictures == (PictureKind.LIVE,)
    live = decoded(agent.desk.pictures(case["id"])[PictureKind.LIVE])
    shown = [cv2.imread(str(frame)) for frame in frames]
    differences = [float(cv2.absdiff(live, frame).mean()) for frame in shown if frame is not None]
    assert min(differences) < 6, "one of the frames, but for the compression"


def test_a_picture_that_cannot_be_made_is_nobodys_trouble(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start(READER)
    in_force(agent, monkeypatch)
    look(agent, lambda _: (face(),), (Step.DOCUMENT, Step.PAGE))  # its frames have no pixels at all
    case = client.start()
    lay_down(agent, "\r".join(lines()).encode())
    proposed = proposal(agent, case["id"])
    assert proposed.pictures == () and proposed.inspection.evidence.page is not None


def test_a_kiosks_pictures_come_along_where_they_are_jpegs(start: Start) -> None:
    agent, _ = start()
    page, visa = jpeg_of(raw(50)), jpeg_of(raw(100))
    kiosks = {PictureKind.PAGE: page, PictureKind.VISA: visa, PictureKind.LIVE: b"<svg onload=alert(1)>"}
    case = adopted(agent, of_kiosk(agent), pictures=kiosks)
    assert case.pictures == (PictureKind.PAGE, PictureKind.VISA), "what is no JPEG is not shown"
    assert agent.desk.pictures(case.id) == {PictureKind.PAGE: page, PictureKind.VISA: visa}
    assert agent.desk.pictures("0" * 32) == {}


def test_the_portrait_of_the_own_visa_list_counts(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    theirs, ours = jpeg_of(raw(100)), jpeg_of(raw(150))
    visa = SealedVisa(
        format=SealFormat.IDB,
        issuer="UTO",
        certificate_ref="",
        issued=None,
        mrz_lines=("", ""),
        mrv=None,
        passport_number="P1234567",
        visa_id="00112233445566aa",
    )
    listed = VisaRecord(
        visa_id="00112233445566aa",
        issuer="UTO",
        document_issuer="BFA",
        document_number="P1234567",
        valid_from=date(2026, 1, 1),
        valid_until=date(2036, 1, 1),
        entries=1,
        portrait=ours,
    )
    known = Answer(records=(listed,), version=7, head=bytes(32))
    monkeypatch.setattr(agent.desk._answers._lists, "visa", lambda _: known)
    evidence = of_kiosk(agent, visa=VisaEvidence(visa=visa))
    case = adopted(agent, evidence, pictures={PictureKind.VISA: theirs})
    assert agent.desk.pictures(case.id) == {PictureKind.VISA: ours}
    assert case.inspection.evidence.visa is not None and case.inspection.evidence.visa.record_version == 7


def test_pictures_go_when_so_many_inspections_have_come_since(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    agent.desk._album = Album(3)
    first = adopted(agent, of_kiosk(agent), pictures={PictureKind.PAGE: jpeg_of(raw(50))})
    for _ in range(2):
        adopted(agent, of_kiosk(agent))
    assert agent.desk.pictures(first.id)
    adopted(agent, of_kiosk(agent))
    assert agent.desk.pictures(first.id) == {}
    assert agent.desk.case(first.id).phase == "proposed", "only its pictures are gone"
    assert collecting.MOST_KEPT == 200


def test_a_large_frame_becomes_a_small_file() -> None:
    for picture in (noise(), noise(1920, 1080), noise(4000, 3000)):
        jpeg = jpeg_of(picture)
        assert 0 < len(jpeg) <= LARGEST_PICTURE
        height, width, _ = decoded(jpeg).shape
        assert width == min(picture.width, WIDEST)
        assert abs(height - picture.height * width / picture.width) <= 1
    tall = jpeg_of(raw(99, 16, 20))
    assert decoded(tall).shape == (20, 16, 3), "small ones are left as they are"


@pytest.mark.parametrize(
    "broken",
    [
        Picture(0, 0, b""),
        Picture(640, 480, b"\0" * 100),
        Picture(-1, -1, b"\0\0\0"),
        Picture(70000, 1, b"\0" * 210000),
    ],
)
def test_pixels_that_are_no_picture_give_none(broken: Picture) -> None:
    assert len(jpeg_of(broken)) <= LARGEST_PICTURE


def test_the_albums_memory_is_bounded() -> None:
    jpeg = jpeg_of(raw(80))
    album = Album(1000, most_bytes=10 * len(jpeg))
    for number in range(50):
        album.begin(str(number))
        album.keep(str(number), PictureKind.PAGE, EncodedPicture(jpeg))
        album.keep(str(number), PictureKind.PAGE, EncodedPicture(jpeg))
    kept = [number for number in range(50) if album.of(str(number))]
    assert kept == list(range(40, 50))
    album.keep("never begun", PictureKind.PAGE, EncodedPicture(jpeg))
    assert album.of("never begun") == {}
    album.keep("49", PictureKind.LIVE, EncodedPicture(b"\xff\xd8\xff" + bytes(LARGEST_PICTURE)))
    assert album.kinds("49") == (PictureKind.PAGE,), "too large for the post's network, too large for us"


def test_no_pixel_reaches_the_journal(start: Start) -> None:
    agent, _ = start()
    evidence = of_kiosk(agent, visa=VisaEvidence(error="seal.malformed"))
    case = adopted(agent, evidence, pictures={PictureKind.PAGE: jpeg_of(raw(77))})
    agent.desk.decide(case.id, Decision.REFUSE, "4711", "no visa")
    with agent._store.reading() as connection:
        (body,) = connection.execute("SELECT body FROM journal ORDER BY sequence DESC LIMIT 1").fetchone()
        stored = [bytes(row[0]) for row in connection.execute("SELECT data FROM evidence")]
    assert b"\xff\xd8\xff" not in bytes(body) + b"".join(stored)
    assert mrz().number.encode() in bytes(body)
    until(lambda: not agent.desk.cases())
