"""Batches by columns at the centre: small ones lean on entries stored before, or just before in one group."""

from __future__ import annotations

import secrets

import msgspec
import pytest
from centre_device import MEMORY, Office, PaperDevice, open_office

from mqtt_schemas import chain, codec
from mqtt_schemas.centre.folder import StoreSettings
from mqtt_schemas.messages import Encoding, JournalBatch, Problem, encode
from mqtt_schemas.topics import Channel
from tests.traffic.post_day import PostDay

DAY = 30


class Sparing(PaperDevice):
    """Sends its journal by columns."""

    def batch(self, first: int, last: int) -> JournalBatch:
        return codec.build_batch(
            self.name,
            self.epoch,
            first,
            self.heads[first - 1],
            self.bodies[first - 1 : last],
            self.heads[last],
            chain.sign_head(self.key, self.name, self.epoch, last, self.heads[last]),
            self.secrets.between(first, last),
            encoding=Encoding.COLUMNS_ZSTD,
            before=self.bodies[: first - 1],
        )


@pytest.fixture
def office(store: StoreSettings) -> Office:
    return open_office(MEMORY, url=store.url)


@pytest.fixture
def device(office: Office) -> Sparing:
    made = Sparing()
    for body in PostDay(device=made.name).bodies(DAY):
        made.add(body)
    office.enrol(made)
    office.desk.handle([made.greets()])
    return made


def leans(device: Sparing, first: int, last: int) -> int:
    batch = device.batch(first, last)
    assert batch.encoding == Encoding.COLUMNS_ZSTD.value
    return batch.rows[1]


def stored(office: Office) -> list[bytes]:
    return [bytes(body) for _, _, body in office.bodies()]


def test_the_centre_says_that_it_reads_columns(office: Office, device: Sparing) -> None:
    (ack,) = office.acks(device.greets())
    assert ack.reads == codec.READS == (Encoding.COLUMNS_ZSTD.value,)


def test_entries_one_by_one_are_stored_as_they_were_written(office: Office, device: Sparing) -> None:
    for sequence in range(1, DAY + 2):
        (ack,) = office.acks(device.sent(sequence, sequence))
        assert (ack.upto, ack.problem) == (sequence, Problem.NONE)
    assert leans(device, DAY, DAY) == codec.leaning(1)
    assert stored(office) == device.bodies
    assert office.codes() == []


def test_batches_of_one_group_lean_on_each_other(office: Office, device: Sparing) -> None:
    (ack,) = office.acks(*(device.sent(first, min(first + 3, DAY + 1)) for first in range(1, DAY + 2, 4)))
    assert (ack.upto, ack.problem) == (DAY + 1, Problem.NONE)
    assert stored(office) == device.bodies


def test_what_is_sent_again_after_a_cut_leans_on_what_it_leant_on(office: Office, device: Sparing) -> None:
    office.acks(device.sent(1, 20))
    assert leans(device, 18, 24) > 0
    for first, last in ((18, 24), (18, 24), (5, 8), (10, DAY + 1)):
        (ack,) = office.acks(device.sent(first, last))
        assert ack.problem is Problem.NONE
    assert stored(office) == device.bodies
    assert office.codes() == []


def test_a_batch_that_leans_on_what_is_not_there_is_asked_for_from_before(office: Office, device: Sparing) -> None:
    office.acks(device.sent(1, 5))
    (ack,) = office.acks(device.sent(8, 9))
    assert (ack.problem, ack.want) == (Problem.GAP, 6)
    assert office.codes() == []


def test_a_clone_that_leans_on_its_own_history_is_a_fork(office: Office, device: Sparing) -> None:
    office.acks(device.sent(1, 10))
    clone = Sparing(device.name, device.key)
    clone.epoch = device.epoch
    clone.bodies, clone.heads = device.bodies[:8], device.heads[:9]
    clone.secrets.add(device.secrets.between(1, 8))
    for body in PostDay(seed=9, device=device.name).bodies(6):
        clone.add(body)
    (ack,) = office.acks(clone.sent(11, 11))
    assert (ack.problem, ack.upto) == (Problem.FORK, 10)
    (ack,) = office.acks(clone.sent(9, 12))
    assert (ack.problem, ack.upto) == (Problem.FORK, 10)
    assert office.codes() == ["fork", "clone"]
    assert stored(office) == device.bodies[:10]


def test_columns_that_are_spoiled_are_kept_aside(office: Office, device: Sparing) -> None:
    office.acks(device.sent(1, 10))
    batch = device.batch(11, 12)
    spoilt = msgspec.structs.replace(batch, rows=batch.rows[:-9] + secrets.token_bytes(9))
    (ack,) = office.acks(device.raw(Channel.JOURNAL, encode(spoilt)))
    assert (ack.problem, ack.upto) == (Problem.CHAIN, 10)
    assert [reason for reason, _ in office.quarantined()] == ["chain"]
    (ack,) = office.acks(device.sent(11, DAY + 1))
    assert (ack.problem, ack.upto) == (Problem.NONE, DAY + 1)
    assert stored(office) == device.bodies
