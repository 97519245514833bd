"""What a traveller is told while a step is open: at every step, quickly, and never a reason."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from border_agent.agent import face_search
from border_agent.agent.eyes import Eyes, Seen
from border_agent.agent.face_search import FaceSearch
from border_agent.agent.guidance import Guidance, Statements, face_guidance
from border_agent.agent.runtime import Agent
from border_agent.api.client import AgentClient
from border_agent.api.views import traveller_view
from border_agent.config import CameraRole
from border_agent.decoding import DecodedCode, DecoderCrashed, FoundFace, Picture
from border_agent.inspection.evidence import Step
from firmware_bridge.roles import Reading
from firmware_bridge.virtual.launch import CameraTwin
from tests.agent.conftest import Start
from tests.agent.face_kit import CAMERA, SPOILT, live_frames, spoilt
from tests.agent.kiosk_kit import kiosk_socket
from tests.agent.test_local_api import READER
from tests.agent.test_promises import face, lay_down, look, passport, until

PICTURE = Picture(640, 480, b"")
GOOD = structs.replace(face(), box=(220, 140, 420, 340))


@pytest.fixture(scope="module")
def frames() -> list[Path]:
    return live_frames()


@pytest.fixture
def twin() -> Iterator[CameraTwin]:
    with CameraTwin() as camera:
        yield camera


def collecting(stream: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The stream until there is a proposal."""
    return itertools.takewhile(lambda now: now["phase"] == "collecting", stream)


def at_the_face_step(start: Start, twin: CameraTwin) -> tuple[Agent, AgentClient]:
    """An agent that can do nothing but look at faces, decoders and camera ready."""
    agent, client = start(CAMERA.format(role="face", url=twin.url))
    until(lambda: (can := client.capabilities())["ready"] and can["devices"][0]["state"] == "ready")
    return agent, client


# --- the look ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        ((), Guidance.FACE_NONE),
        ((GOOD, structs.replace(GOOD, score=1.0)), Guidance.FACE_SEVERAL),
        ((structs.replace(GOOD, eye_distance=20.0),), Guidance.FACE_CLOSER),
        ((structs.replace(GOOD, eye_distance=20.0, box=(0, 0, 60, 60)),), Guidance.FACE_CLOSER),
        ((structs.replace(GOOD, brightness=20.0),), Guidance.FACE_TOO_DARK),
        ((structs.replace(GOOD, brightness=220.0),), Guidance.FACE_TOO_BRIGHT),
        ((structs.replace(GOOD, sharpness=0.001),), Guidance.FACE_HOLD_STILL),
        ((structs.replace(GOOD, sharpness=0.001, box=(0, 140, 200, 340)),), Guidance.FACE_CENTRE),
        ((GOOD,), Guidance.FACE_GOOD),
    ],
)
def test_first_where_to_stand_then_the_light_then_to_keep_still(faces: tuple[FoundFace, ...], code: Guidance) -> None:
    assert face_guidance(Seen(PICTURE, faces)) is code


@pytest.mark.parametrize(
    ("centre", "inside"),
    [
        ((320, 240), True), ((128, 240), True), ((512, 384), True), ((320, 96), True),
        ((127, 240), False), ((513, 240), False), ((320, 95), False), ((320, 385), False), ((-5, 900), False),
    ],
)  # fmt: skip
def test_a_face_is_centred_in_the_middle_of_either_side(centre: tuple[int, int], inside: bool) -> None:
    x, y = centre
    seen = Seen(PICTURE, (structs.replace(GOOD, box=(x - 50, y - 50, x + 50, y + 50)),))
    assert (face_guidance(seen) is Guidance.FACE_GOOD) is inside
    assert inside or face_guidance(seen) is Guidance.FACE_CENTRE


def test_a_statement_is_made_again_only_where_it_happened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Statements()
    assert told.make(Step.FACE, Guidance.FACE_NONE)
    assert not told.make(Step.FACE, Guidance.FACE_NONE)
    assert told.make(Step.FACE, Guidance.FACE_GOOD, 1, 3) and told.make(Step.FACE, Guidance.FACE_GOOD, 2, 3)
    assert told.make(Step.DOCUMENT, Guidance.DOCUMENT_AGAIN, anew=True)
    assert told.make(Step.DOCUMENT, Guidance.DOCUMENT_AGAIN, anew=True)
    last = told.last(Step.DOCUMENT)
    assert last is not None and last.count == 5
    assert told.last(Step.FACE) is None and told.last(None) is None
    assert told.bad_code(b"a") and not told.bad_code(b"a") and told.bad_code(b"b")
    monkeypatch.setattr("border_agent.agent.guidance.SAME_CODE_SECONDS", 0.0)
    time.sleep(0.001)
    assert told.bad_code(b"b")


# --- the search ----------------------------------------------------------------------------------------------


class Album:
    """Eyes that see one face a look, and count what they are asked for."""

    def __init__(self, *faces: FoundFace, broken: bool = False) -> None:
        self._faces = iter(faces)
        self.broken = broken
        self.embeddings: list[bytes] = []

    def look(self, role: CameraRole) -> Seen | None:
        found = next(self._faces, None)
        return None if found is None else Seen(Picture(640, 480, str(found.sharpness).encode()), (found,))

    def embedded(self, picture: Picture, face: FoundFace) -> FoundFace:
        if self.broken:
            raise DecoderCrashed("decoder", "gone")
        self.embeddings.append(picture.pixels)
        return face


def search(album: Album) -> FaceSearch:
    eyes: Any = album
    return FaceSearch(eyes, 3)


def test_only_frames_that_pass_are_embedded_before_patience_is_used_up() -> None:
    album = Album(structs.replace(GOOD, brightness=1.0), GOOD, structs.replace(GOOD, eye_distance=1.0), GOOD, GOOD)
    one = search(album)
    told = [one.look() for _ in range(5)]
    assert told == ["face.too_dark", "face.good", "face.closer", "face.good", "face.good"]
    assert (one.captured, one.enough, len(album.embeddings)) == (3, True, 3)
    assert one.best() == [GOOD] * 3
    assert one.look() is None, "no frame, nothing to say"


def test_poor_frames_are_compared_rather_than_none_and_only_the_sharpest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_search, "PATIENCE_SECONDS", 0.05)
    poor = [structs.replace(GOOD, sharpness=0.001 * n) for n in (1, 5, 2, 4, 3)]
    album = Album(*poor, GOOD)
    one = search(album)
    for _ in poor:
        assert not one.enough
        one.look()
        time.sleep(0.004)
    one.look()
    assert one.captured == 1
    assert len(one._poor) == 3, "no more pictures than could be compared are held"
    assert [found.sharpness for found in one.best()] == [GOOD.sharpness, 0.004, 0.005]
    late = search(Album(*poor * 20))
    deadline = time.monotonic() + 10.0
    while not late.enough and time.monotonic() < deadline:
        late.look()
        time.sleep(0.002)
    assert late.enough and late.captured == 0 and len(late.best()) == 3


def test_a_traveller_who_goes_away_for_a_while_uses_up_no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_search, "PATIENCE_SECONDS", 0.1)
    nobody = structs.replace(GOOD, score=-1.0)

    class Empty(Album):
        def look(self, role: CameraRole) -> Seen | None:
            return Seen(PICTURE, ())

    eyes: Any = Empty(nobody)
    one = FaceSearch(eyes, 3)
    for _ in range(5):
        assert one.look() is Guidance.FACE_NONE
        time.sleep(0.04)
    assert not one.enough and one.best() == []


# --- the whole agent, with a true camera's twin --------------------------------------------------------------


@pytest.mark.parametrize("code", SPOILT)
def test_the_camera_s_frames_lead_to_the_code_that_helps(
    start: Start, twin: CameraTwin, frames: list[Path], tmp_path: Path, code: str
) -> None:
    twin.show(spoilt(code, tmp_path, frames))
    _, client = at_the_face_step(start, twin)
    case = client.start()
    stream = client.events(case["id"])
    now = next(now for now in stream if now["guidance"] is not None and now["guidance"]["code"] == code)
    assert now["step"] == "face"
    assert (now["guidance"]["captured"], now["guidance"]["wanted"]) == (0, 3)
    twin.show(frames)  # the traveller does as told
    told = [now["guidance"] for now in collecting(stream) if now["guidance"] is not None]
    captured = [one["captured"] for one in told if one["code"] == "face.good"]
    assert captured and captured == sorted(set(captured)) and captured[-1] in (2, 3)  # the last is over at once
    assert "face" in client.inspection(case["id"])["answered"]
    counts = [one["count"] for one in told]
    assert counts == sorted(set(counts))


def test_the_search_looks_at_five_frames_a_second_or_more(
    start: Start, twin: CameraTwin, frames: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin.show(spoilt("face.several", tmp_path, frames))
    looked: list[float] = []
    see = Eyes.look

    def noted(eyes: Eyes, role: CameraRole) -> Seen | None:
        looked.append(time.monotonic())
        return see(eyes, role)

    monkeypatch.setattr(Eyes, "look", noted)
    _, client = at_the_face_step(start, twin)
    case = client.start()
    time.sleep(3.0)
    client.cancel(case["id"])
    assert len(looked) >= 15


def test_blurred_frames_are_compared_when_nothing_better_comes(
    start: Start, twin: CameraTwin, frames: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_search, "PATIENCE_SECONDS", 1.0)
    twin.show(spoilt("face.hold_still", tmp_path, frames))
    embedded: list[FoundFace] = []
    embed = Eyes.embedded

    def noted(eyes: Eyes, picture: Picture, face: FoundFace) -> FoundFace:
        embedded.append(embed(eyes, picture, face))
        return embedded[-1]

    monkeypatch.setattr(Eyes, "embedded", noted)
    _, client = at_the_face_step(start, twin)
    case = client.start()
    told = [now["guidance"] for now in collecting(client.events(case["id"])) if now["guidance"]]
    assert {(one["code"], one["captured"]) for one in told} == {("face.hold_still", 0)}
    assert [len(found.embedding) for found in embedded] == [128] * 3
    now = client.inspection(case["id"])
    assert "face" in now["answered"] and now["timed_out"] == []


# --- the other steps -----------------------------------------------------------------------------------------


def guided(client: AgentClient, inspection: str) -> Any:
    return client.inspection(inspection)["guidance"]


def test_every_reading_without_an_mrz_is_a_new_try(start: Start) -> None:
    agent, client = start(READER)
    case = client.start()
    for count in (1, 2):
        lay_down(agent, b"no zone at all")
        until(lambda count=count: (told := guided(client, case["id"])) is not None and told["count"] == count)
        assert guided(client, case["id"]) == {"code": "document.again", "count": count, "captured": 0, "wanted": 0}
    lay_down(agent, passport())
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert now["guidance"] is None and now["answered"] == ["document"]


def test_the_page_is_looked_for_and_said_so_once(start: Start) -> None:
    agent, client = start(READER)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.PAGE))
    case = client.start()
    lay_down(agent, passport())
    told = [now["guidance"] for now in collecting(client.events(case["id"])) if now["guidance"]]
    assert told and {(one["code"], one["count"]) for one in told} == {("page.look", 1)}


def test_a_code_that_is_no_visa_is_said_once_where_it_lies(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start(READER)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.VISA))
    agent.desk._times = structs.replace(agent.desk._times, visa=30.0)
    code = DecodedCode(b"a boarding pass", "qrcode", "zxing")
    agent.desk._eyes.codes = lambda: time.sleep(0.01) or (code,)  # type: ignore[method-assign, func-returns-value]
    monkeypatch.setattr("border_agent.inspection.rules.v1.steps.visa_required", lambda *_: True)
    case = client.start()
    agent.desk.code_read(Reading(raw=b"too early to be asked for", device="codes", at=time.monotonic()))
    lay_down(agent, passport())
    until(lambda: guided(client, case["id"]))
    time.sleep(0.3)
    assert guided(client, case["id"]) == {"code": "visa.again", "count": 1, "captured": 0, "wanted": 0}
    agent.desk.code_read(Reading(raw=b"another try", device="codes", at=time.monotonic()))
    until(lambda: guided(client, case["id"])["count"] >= 2)
    client.cancel(case["id"])
    assert guided(client, case["id"]) is None


# --- what is never said --------------------------------------------------------------------------------------

ALLOWED = {"id", "phase", "step", "open_steps", "answered", "chip", "guidance", "slip", "say"}


def test_a_traveller_s_window_gets_these_keys_and_codes_and_nothing_else(
    start: Start, folder: Path, twin: CameraTwin, frames: list[Path], tmp_path: Path
) -> None:
    twin.show(spoilt("face.several", tmp_path, frames))
    agent, _ = at_the_face_step(start, twin)
    agent.desk._times = structs.replace(agent.desk._times, face=2.0)
    with kiosk_socket(agent, folder) as window:
        case = window.start()
        views = [case, *collecting(window.events(case["id"])), window.inspection(case["id"])]
    for now in views:
        assert set(now) == ALLOWED
        assert set(now["open_steps"]) | set(now["answered"]) | {now["step"]} <= {*Step, None}
        told = now["guidance"]
        assert told is None or set(told) == {"code", "count", "captured", "wanted"}
        assert told is None or (told["code"] in set(Guidance) and told["code"].startswith(f"{now['step']}."))
    assert views[-1]["phase"] == "proposed" and views[-1]["guidance"] is None
    assert any(now["guidance"] for now in views)
    officer = agent.desk.case(case["id"])
    assert officer.inspection.verdict is not None and officer.guidance is None
    assert set(traveller_view(officer)) == ALLOWED


def test_guidance_has_exactly_the_codes_that_were_agreed() -> None:
    assert set(Guidance) == {
        "document.again", "page.look", "visa.again", "face.none", "face.several", "face.closer", "face.too_dark",
        "face.too_bright", "face.hold_still", "face.centre", "face.good", "document.look", "document.hold",
        "chip.put", "chip.reading", "chip.put_back",
    }  # fmt: skip
