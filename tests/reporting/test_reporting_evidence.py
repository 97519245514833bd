"""Evidence up: after the entries, resumed after cuts, believed only on the centre's own word, erased after that."""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reporting_kit import DEVICE, Post, Puppet, TrueCentre, event, wait_for

from border_agent.store import EvidenceKept, EvidenceStore
from border_agent.store.erasure import erase
from border_agent.store.evidence import PictureKept
from border_agent.store.evidence_places import NOWHERE
from border_agent.store.evidence_waiting import EvidenceWaiting
from mqtt_schemas.centre.evidence import EvidenceBook
from mqtt_schemas.entries import ClockQuality, Decision, Direction, Movement
from mqtt_schemas.keys import feed_role


def pictures(number: int, size: int = 30_000) -> list[PictureKept]:
    return [PictureKept(kind, random.Random(f"{kind} {number}").randbytes(size)) for kind in ("live", "page")]


def inspected(post: Post, number: int, size: int = 30_000) -> list[EvidenceKept | PictureKept]:
    """Record a movement with its evidence, as the agent does."""
    kept = pictures(number, size)
    named = ", ".join(f'"{one.kind}": "{one.digest.hex()}"' for one in kept)
    record = EvidenceKept(f'{{"inspection_id": "{number:032x}", "pictures": {{{named}}}}}'.encode())
    now = datetime.now(UTC)
    entry = Movement(
        id=secrets.token_hex(16),
        occurred_at=now,
        recorded_at=now,
        clock=ClockQuality.UNKNOWN,
        inspection_id=secrets.token_hex(16),
        direction=Direction.ENTRY,
        proposal=Decision.ADMIT,
        decision=Decision.ADMIT,
        officer="",
        evidence=record.digest,
    )
    pieces: list[EvidenceKept | PictureKept] = [record, *kept]
    post.journal.commit([entry], pieces)
    return pieces


def held(centre: TrueCentre, pieces: list[EvidenceKept | PictureKept]) -> bool:
    with centre.database() as database:
        book = EvidenceBook(database)
        return all(book.get(piece.digest) == piece.data for piece in pieces)


def waiting(post: Post) -> int:
    return EvidenceWaiting(post.store).count().pieces


def test_records_and_pictures_come_whole_and_are_then_erased(device: Post, centre: TrueCentre) -> None:
    with device:
        pieces = [piece for number in range(3) for piece in inspected(device, number)]
        wait_for(lambda: waiting(device) == 0)
        assert held(centre, pieces)
        with centre.database() as database:
            items = list(EvidenceBook(database).items(device=DEVICE))
            assert list(EvidenceBook(database).items(missing=True)) == []
        assert [item.kind for item in items[:3]] == ["record", "live", "page"]
        assert {item.sequence for item in items} == {2, 3, 4}
        assert all(item.inspection for item in items)
        later = datetime.now(UTC) + timedelta(days=2)
        assert erase(device.store, 0, later).pictures == 6
        assert EvidenceStore(device.store).size() == 0
        inspected(device, 99)
        wait_for(lambda: waiting(device) == 0 and device.drained())


def test_entries_come_first_and_evidence_waits_for_them(post: Post, puppet: Puppet) -> None:
    with post:
        wait_for(lambda: puppet.states)
        pieces = inspected(post, 1)
        wait_for(lambda: any(piece.sha256 == pieces[0].digest for piece in puppet.pieces))
        puppet.answer = False
        post.journal.commit([event()])
        wait_for(lambda: puppet.batches[-1].first == 3)
        time.sleep(0.2)
        before = len(puppet.pieces)
        puppet.hold(pieces[0].digest, len(pieces[0].data), whole=True)
        time.sleep(0.5)
        assert len(puppet.pieces) == before  # the record is held, its pictures wait: an entry is not acknowledged
        batch = puppet.batches[-1]
        puppet.send_ack(batch.epoch, 3, batch.head)
        wait_for(lambda: puppet.pieces[-1].sha256 == pieces[1].digest)
        assert puppet.pieces[-1].sequence == 2
        assert puppet.pieces[-1].epoch == batch.epoch


def test_evidence_waits_where_the_centre_says_that_others_have_entries(post: Post, puppet: Puppet) -> None:
    puppet.hold_seconds = 2
    with post:
        wait_for(post.drained)
        acknowledged = time.monotonic()
        pieces = inspected(post, 1)
        wait_for(post.drained)
        assert not puppet.pieces, "the entry goes at once"
        wait_for(lambda: puppet.pieces)
        assert time.monotonic() > acknowledged + 2
        # Asked again, with a few bytes: the answer says the same.
        told = time.monotonic()
        puppet.hold(pieces[0].digest, len(pieces[0].data), whole=True)
        wait_for(lambda: puppet.parts(pieces[1].digest))
        assert time.monotonic() > told + 2


def test_it_goes_on_where_the_centre_says(post: Post, puppet: Puppet) -> None:
    with post:
        pieces = inspected(post, 1)
        record, live = pieces[0], pieces[1]
        wait_for(lambda: puppet.parts(record.digest))
        puppet.hold(record.digest, len(record.data), whole=True)
        wait_for(lambda: puppet.parts(live.digest))
        puppet.hold(live.digest, 20_000)  # of a session before
        wait_for(lambda: 20_000 in puppet.parts(live.digest))
        puppet.hold(live.digest, 12_345)  # and it has lost some since
        wait_for(lambda: 12_345 in puppet.parts(live.digest))
        assert post.store is not None
        assert waiting(post) == 3 - 1


@pytest.mark.parametrize("how", ["nonce", "key", "device", "role"])
def test_a_word_that_is_not_the_centres_erases_nothing(post: Post, puppet: Puppet, how: str) -> None:
    with post:
        record = inspected(post, 1)[0]
        wait_for(lambda: puppet.parts(record.digest))
        more = {
            "nonce": {"nonce": bytes(16)},
            "key": {"key": Ed25519PrivateKey.generate()},
            "device": {"device": "uto-other-1"},
            "role": {"role": feed_role("visas")},
        }[how]
        puppet.hold(record.digest, len(record.data), whole=True, **more)
        wait_for(lambda: post.count("evidence.foreign_nonce") + post.count("wire.contract.bad_signature") > 0)
        time.sleep(1.2)
        assert waiting(post) == 3
        assert post.count("evidence.whole") == 0
        puppet.hold(record.digest, len(record.data), whole=True)
        wait_for(lambda: waiting(post) == 2)


def test_cut_and_killed_it_loses_nothing(device: Post, centre: TrueCentre) -> None:
    rng = random.Random(7)
    pieces: list[EvidenceKept | PictureKept] = []
    device.more |= {"window": 4}
    for round_ in range(4):
        device.open().service.start()
        pieces += inspected(device, round_, 100_000)
        wait_for(lambda: device.count("evidence.sent") > 3)
        time.sleep(rng.random() / 20)
        if round_ % 2:
            centre.stop()
            centre.start()
        device.close()
    with device:
        wait_for(lambda: waiting(device) == 0)
        assert held(centre, pieces)


def test_a_centre_put_back_gets_again_what_it_has_lost(device: Post, centre: TrueCentre) -> None:
    with device:
        first = inspected(device, 1)
        wait_for(lambda: device.drained() and held(centre, [first[0]]) and waiting(device) == 0)
        centre.stop()
        saved = (centre.folder / "centre.db").read_bytes()
        centre.start()
        second = inspected(device, 2)
        wait_for(lambda: waiting(device) == 0)
        centre.stop()
        for suffix in ("-wal", "-shm"):
            (centre.folder / f"centre.db{suffix}").unlink(missing_ok=True)
        (centre.folder / "centre.db").write_bytes(saved)
        centre.start()
        wait_for(lambda: device.count("acks.rewound") > 0)
        wait_for(lambda: held(centre, second) and waiting(device) == 0)
        assert held(centre, first)


def test_a_name_that_stands_in_no_entry_is_refused(device: Post, centre: TrueCentre) -> None:
    with device:
        wait_for(device.drained)
        stray = PictureKept("live", b"not named by anything" * 100)
        device.journal.commit([event()], [stray])
        wait_for(lambda: device.count("evidence.refused") > 0)
        assert [piece.name for piece in EvidenceWaiting(device.store).after(NOWHERE)] == [stray.digest]
        pieces = inspected(device, 5)
        wait_for(lambda: held(centre, pieces))
        assert not held(centre, [stray])
