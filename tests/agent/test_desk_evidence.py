"""The pictures of a decided inspection: kept with its entry, named by its record, erased when the policy says so."""

from __future__ import annotations

import logging
from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest
from msgspec import structs

from border_agent.agent.album import Album, jpeg_of
from border_agent.agent.erasing import EVENT, Erasing
from border_agent.agent.runtime import Agent
from border_agent.documents.chip.reading import ChipOutcome
from border_agent.inspection.evidence import ChipEvidence, Evidence
from border_agent.store.evidence_waiting import EvidenceWaiting
from mqtt_schemas.entries import Decision, Inspection, Movement, read_entry
from mqtt_schemas.post import LARGEST_PICTURE, PictureKind
from tests.agent.conftest import Start
from tests.agent.desk_kit import POLICY, adopted, in_force, of_kiosk
from tests.agent.test_desk_pictures import raw

SHOWN = {PictureKind.PAGE: 50, PictureKind.VISA: 99, PictureKind.LIVE: 200}
PICTURES = {kind: jpeg_of(raw(grey)) for kind, grey in SHOWN.items()}
DG2 = b"\x00\x00\x00\x0cjP  a portrait as the chip holds it, which is no JPEG"


def recorded(agent: Agent) -> Evidence:
    """The record that the newest entry names."""
    entry = read_entry(agent.journal.latest(1)[0])
    assert isinstance(entry, Movement | Inspection)
    assert entry.evidence is not None
    data = agent.evidence.get(entry.evidence)
    assert data is not None
    return msgspec.json.decode(data, type=Evidence)


def decided(agent: Agent, monkeypatch: pytest.MonkeyPatch, **facts: object) -> Evidence:
    in_force(agent, monkeypatch)
    case = adopted(agent, of_kiosk(agent, **facts), pictures=PICTURES)
    agent.desk._album.keep_original(case.id, PictureKind.CHIP, DG2)
    agent.desk.decide(case.id, Decision.ADMIT, "4711", "seen")
    return recorded(agent)


def test_a_decisions_pictures_are_kept_in_its_commit(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    chip = ChipEvidence(outcome=ChipOutcome.read, portrait_sha256=sha256(DG2).hexdigest())
    record = decided(agent, monkeypatch, chip=chip)
    kept = {PictureKind.PAGE: PICTURES[PictureKind.PAGE], PictureKind.LIVE: PICTURES[PictureKind.LIVE]}
    kept[PictureKind.CHIP] = DG2
    assert record.pictures == {kind.value: sha256(data).hexdigest() for kind, data in kept.items()}
    for kind, data in kept.items():
        assert agent.evidence.get(bytes.fromhex(record.pictures[kind.value])) == data
    assert EvidenceWaiting(agent._store).count().pieces == 4


def test_a_chips_portrait_is_kept_only_as_the_chip_holds_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    other = ChipEvidence(outcome=ChipOutcome.read, portrait_sha256="ab" * 32)
    assert set(decided(agent, monkeypatch, chip=other).pictures) == {"page", "live"}
    assert set(decided(agent, monkeypatch).pictures) == {"page", "live"}


def test_a_cancelled_inspection_keeps_no_pictures(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    case = adopted(agent, of_kiosk(agent), pictures=PICTURES)
    agent.desk.cancel(case.id)
    assert recorded(agent).pictures == {}


def test_where_room_is_kept_for_decisions_only_the_pictures_are_left_out(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    agent, _ = start()
    agent._store.reserve_bytes = 2**62
    with caplog.at_level(logging.ERROR):
        assert decided(agent, monkeypatch).pictures == {}
    assert "without its pictures" in caplog.text
    assert EvidenceWaiting(agent._store).count().pieces == 1


def test_the_policy_erases_what_the_centre_holds(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    record = decided(agent, monkeypatch)
    names = [bytes.fromhex(name) for name in record.pictures.values()]
    notes: list[tuple[str, dict[str, str]]] = []
    days: list[int | None] = [None]
    erasing = Erasing(
        agent._store,
        lambda: structs.replace(POLICY, evidence_days=days[0]),
        agent._clock,
        lambda event, details: notes.append((event, details)),
    )
    later = agent._clock.now() + timedelta(days=8)
    monkeypatch.setattr(agent._clock, "now", lambda: later)
    EvidenceWaiting(agent._store).whole(names, later)
    erasing.step()  # the country has not decided yet
    assert all(map(agent.evidence.holds, names))
    days[0] = 30
    erasing.step()
    assert all(map(agent.evidence.holds, names))
    days[0] = 7
    erasing.step()
    assert not any(map(agent.evidence.holds, names))
    ((event, details),) = notes
    assert (event, details["pictures"], details["records"]) == (EVENT, "2", "0")
    assert details["days"] == (later - timedelta(days=8)).date().isoformat()
    erasing.step()
    assert len(notes) == 1
    assert agent.verify_journal().ok
    assert recorded(agent).pictures == record.pictures, "the record is not at the centre yet"


def test_an_album_keeps_originals_beside_what_is_shown_and_forgets_both() -> None:
    album = Album(most=1, most_bytes=10_000_000)
    album.keep_original("a", PictureKind.CHIP, DG2)
    assert album.originals("a") == {}
    album.begin("a")
    album.keep("a", PictureKind.LIVE, raw(10))
    album.keep_original("a", PictureKind.CHIP, DG2)
    album.keep_original("a", PictureKind.PAGE, bytes(LARGEST_PICTURE + 1))
    assert set(album.originals("a")) == {PictureKind.LIVE, PictureKind.CHIP}
    assert set(album.of("a")) == {PictureKind.LIVE}
    album.begin("b")
    assert album.originals("a") == {}
    assert album._bytes == 0
