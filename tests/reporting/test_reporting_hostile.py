"""What is forged, replayed, rolled back or malformed is refused, counted and survived."""

from __future__ import annotations

import logging
import secrets
import time
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs
from reporting_kit import DEVICE, Post, Puppet, TrueCentre, event, wait_for

from border_agent.clock import Clock
from border_agent.store import Lists
from border_agent.store.epochs import mend
from mqtt_schemas.chunks import refused_chunk
from mqtt_schemas.codec import build_chunk
from mqtt_schemas.entries import EpochOpened, EpochReason, read_entry
from mqtt_schemas.feeds import delete, put
from mqtt_schemas.keys import KEYS_FEED
from mqtt_schemas.messages import Problem
from mqtt_schemas.records import VisaRecord
from mqtt_schemas.topics import Channel, device_topic, feed_head_topic
from tests.traffic.travellers import Travellers

ACKS = device_topic(DEVICE, Channel.ACK)
CHUNKS = device_topic(DEVICE, Channel.CHUNK)


def visas(count: int) -> list[bytes]:
    return [
        put(
            f"{n:016x}",
            VisaRecord(
                visa_id=f"{n:016x}",
                issuer="UTO",
                document_issuer="UTO",
                document_number=f"D{n}",
                valid_from=date(2027, 1, 1),
                valid_until=date(2027, 12, 31),
                entries=1,
            ),
        )
        for n in range(count)
    ]


def still_alive(post: Post, puppet: Puppet) -> None:
    """A fresh entry still arrives and is acknowledged."""
    puppet.answer = True
    puppet.acknowledge(post.journal.position().epoch)
    receipt = post.journal.commit([event()])
    wait_for(lambda: post.service.status().acknowledged >= receipt.sequence)


def test_entries_are_acknowledged_and_proved(post: Post, puppet: Puppet) -> None:
    with post:
        wait_for(post.drained)
        post.journal.commit([event(), event()])
        wait_for(post.drained)
        for batch in puppet.batches:
            puppet.prove(batch, post.key)
        assert puppet.states[-1].epoch == post.journal.position().epoch
    wait_for(lambda: not puppet.states[-1].online)


def test_only_the_centre_moves_the_mark(post: Post, puppet: Puppet) -> None:
    """The broker takes the batch and says so; the mark stays."""
    with post:
        wait_for(post.drained)
        puppet.answer = False
        receipt = post.journal.commit([event()])
        wait_for(lambda: puppet.batches[-1].first == receipt.sequence)
        assert post.service.status().unacknowledged == 1
        puppet.send_ack(receipt.epoch, receipt.sequence, receipt.head)
        wait_for(post.drained)


def test_columns_go_only_to_a_centre_that_says_it_reads_them(post: Post, puppet: Puppet) -> None:
    travellers = Travellers(1, device=DEVICE)
    entries = [travellers.movement(datetime.now(UTC)) for _ in range(12)]
    with post:
        wait_for(post.drained)
        post.journal.commit(entries[:6])
        wait_for(post.drained)
        assert {batch.encoding for batch in puppet.batches} == {"rows+zstd"}
        puppet.reads = ("columns+zstd",)
    # A session later it says so, and in the one after that it does not any more: a centre that was put back.
    puppet.batches.clear()
    with post:
        wait_for(lambda: puppet.states[-1].online)
        wait_for(post.drained)
        post.journal.commit(entries[6:])
        wait_for(post.drained)
        assert puppet.batches[-1].encoding == "columns+zstd"
        assert puppet.batches[-1].count == 6
        puppet.reads = ()
    puppet.batches.clear()
    with post:
        wait_for(post.drained)
        post.journal.commit([travellers.movement(datetime.now(UTC))])
        wait_for(post.drained)
        assert {batch.encoding for batch in puppet.batches} == {"rows+zstd"}


def test_forged_and_replayed_acknowledgements_move_nothing(post: Post, puppet: Puppet) -> None:
    with post:
        wait_for(post.drained)
        puppet.answer = False
        old_nonce = puppet.nonce
        receipt = post.journal.commit([event()])
        arguments = (receipt.epoch, receipt.sequence, receipt.head)
        stranger = Ed25519PrivateKey.generate()
        signed = puppet.ack(*arguments)
        puppet.send_ack(*arguments, key=stranger)
        puppet.send_ack(*arguments, key=puppet.keys["feed:visas"])
        puppet.send_ack(*arguments, device="uto-other")
        altered = structs.replace(puppet.ack(receipt.epoch, 0, receipt.head), body=signed.body)
        puppet.publish(ACKS, altered)
        puppet.send_ack(*arguments, nonce=secrets.token_bytes(16))
        puppet.send_ack(secrets.token_bytes(16), receipt.sequence, receipt.head)
        wait_for(lambda: post.count("acks.foreign_epoch") == 1)
        assert post.count("wire.contract.bad_signature") == 4
        assert post.count("acks.foreign_nonce") == 1
        assert post.service.status().unacknowledged == 1
        assert not post.problems()
    with post:
        wait_for(lambda: puppet.nonce != old_nonce)
        puppet.publish(ACKS, signed)
        wait_for(lambda: post.count("acks.foreign_nonce") == 1)
        assert post.service.status().unacknowledged == 1
        still_alive(post, puppet)


def test_the_clock_is_set_by_the_current_session_only(post: Post, puppet: Puppet) -> None:
    future = datetime.now(UTC) + timedelta(days=20)
    seen: list[str] = []
    post.open().service.on_event(lambda event: seen.append(event.kind))
    post.service.start()
    try:
        wait_for(post.drained)
        position = post.journal.position()
        arguments = (position.epoch, position.sequence, position.head)
        puppet.send_ack(*arguments, time=future, nonce=secrets.token_bytes(16))
        wait_for(lambda: post.count("acks.foreign_nonce") == 1)
        assert post.clock.now() < future - timedelta(days=19)
        puppet.send_ack(*arguments, time=future)
        wait_for(lambda: post.clock.now() >= future)
        wait_for(lambda: "clock_set" in seen)
    finally:
        post.close()


def test_a_machine_that_wakes_in_1970_connects_and_is_set_right(post: Post, puppet: Puppet) -> None:
    post.clock = Clock(system=lambda: 0.0)
    with post:
        wait_for(post.drained)
        assert abs(post.clock.now() - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_restored_centre_gets_everything_again(post: Post, puppet: Puppet) -> None:
    with post:
        receipt = post.journal.commit([event() for _ in range(5)])
        wait_for(post.drained)
        puppet.marks.clear()
        before = len(puppet.batches)
    with post:
        wait_for(lambda: puppet.marks.get(receipt.epoch, (0, b""))[0] == 6)
        assert puppet.batches[before].first == 1
        wait_for(post.drained)


def test_a_centre_that_contradicts_its_own_word_stops_the_stream_and_nothing_is_deleted(
    post: Post, puppet: Puppet
) -> None:
    with post:
        wait_for(post.drained)
        puppet.answer = False
        position = post.journal.position()
        before = len(puppet.batches)
        puppet.send_ack(position.epoch, position.sequence, secrets.token_bytes(32))
        wait_for(lambda: "fork" in post.problems())
        post.journal.commit([event()])
        assert post.service.status().unacknowledged == 1
        assert len(puppet.batches) == before
        assert post.journal.mark().sequence == position.sequence
        assert post.journal.position().epoch == position.epoch


def test_also_after_a_rewind_a_centre_is_held_to_what_it_signed_before(post: Post, puppet: Puppet) -> None:
    """Restored, it may have less; but not something else where it once had what stands here."""
    with post:
        receipt = post.journal.commit([event() for _ in range(4)])
        wait_for(post.drained)
        puppet.answer = False
        first = post.journal.head_at(receipt.epoch, 1)
        puppet.send_ack(receipt.epoch, 1, first)
        wait_for(lambda: post.journal.mark().sequence == 1)
        puppet.send_ack(receipt.epoch, 3, secrets.token_bytes(32))
        wait_for(lambda: "fork" in post.problems())
        assert post.journal.position().epoch == receipt.epoch


@pytest.mark.parametrize("beyond", [True, False], ids=["beyond our end", "another entry there"])
def test_a_centre_that_knows_a_later_journal_tells_a_store_that_was_put_back(
    post: Post, puppet: Puppet, beyond: bool
) -> None:
    """The whole disk was restored, the file beside the store as well: only the centre can know."""
    told: list[str] = []
    post.open()
    post.service.on_event(lambda event: told.append(event.kind))
    post.service.start()
    try:
        wait_for(post.drained)
        puppet.answer, before = False, len(puppet.batches)
        post.journal.commit([event()])
        # Else the batch comes when the puppet answers again, and the entry is acknowledged, not carried.
        wait_for(lambda: len(puppet.batches) > before)
        written = post.journal.latest(1)
        end, head = post.journal.position(), secrets.token_bytes(32)
        known = end.sequence + (5 if beyond else 0)
        puppet.answer = True
        puppet.send_ack(end.epoch, known, head)
        wait_for(lambda: post.journal.position().epoch != end.epoch)
        wait_for(post.drained)
        bodies = post.journal.latest(9)
        opened = read_entry(bodies[0])
        assert isinstance(opened, EpochOpened)
        assert (opened.reason, opened.carried) == (EpochReason.RESTORED, 1)
        assert (opened.previous_epoch, opened.previous_sequence, opened.previous_head) == (end.epoch, known, head)
        assert bodies[1:] == written
        assert not post.problems()
        assert told.count("restored") == 1
        # Once an hour: a centre that contradicts everything must not fill the disk.
        puppet.answer = False
        again = post.journal.position()
        puppet.send_ack(again.epoch, again.sequence + 5, head)
        wait_for(lambda: "fork" in post.problems())
        assert post.journal.position() == again
    finally:
        post.close()


def test_an_entry_that_no_longer_proves_stops_the_stream_before_it_until_somebody_mends_it(
    device: Post, centre: TrueCentre
) -> None:
    with device:
        wait_for(device.drained)
    device.open()
    try:
        device.journal.commit([event() for _ in range(5)])
        bodies = device.journal.latest(6)
        connection = device.store.open_connection()
        (trigger,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_unaltered'").fetchone()
        connection.execute("DROP TRIGGER journal_unaltered")
        connection.execute("UPDATE journal SET body = CAST(body || ' ' AS BLOB) WHERE sequence = 4")
        connection.execute(trigger)
        connection.close()
        device.service.start()
        wait_for(lambda: "damaged" in device.problems())
        wait_for(lambda: device.journal.mark().sequence == 3)
        sent = device.count("sent.batches")
        device.journal.commit([event()])
        time.sleep(0.5)
        assert device.count("sent.batches") == sent, "and nothing goes round and round"
        mend(device.journal, device.clock, by="4711", reason="disk")
        wait_for(lambda: device.drained() and not device.problems())
        after = [body for _, _, body in centre.entries()]
        carried = device.journal.latest(9)
        assert carried[1:3] == [bodies[4], bodies[5]]
        assert after == [*bodies[:3], *carried]
        assert [type(read_entry(body)).__name__ for body in carried] == [
            "EpochOpened",
            *["DeviceEvent"] * 4,  # two and one carried, and what is left behind
            "OfficerAct",
        ]
    finally:
        device.close()


@pytest.mark.parametrize("problem", [Problem.CHAIN, Problem.SIGNATURE, Problem.DEVICE, Problem.VERSION])
def test_what_the_centre_refuses_is_shown(post: Post, puppet: Puppet, problem: Problem) -> None:
    with post:
        wait_for(post.drained)
        position = post.journal.position()
        puppet.answer = False
        puppet.send_ack(position.epoch, 1, position.head, problem=problem)
        wait_for(lambda: problem.value in post.problems())


def test_rubbish_on_every_topic_is_survived_and_logged_once(
    post: Post, puppet: Puppet, caplog: pytest.LogCaptureFixture
) -> None:
    with post, caplog.at_level(logging.WARNING):
        wait_for(post.drained)
        for _ in range(20):
            for topic in (ACKS, CHUNKS, feed_head_topic("visas"), feed_head_topic(KEYS_FEED)):
                for rubbish in (b"", b"\xff" * 100, b'{"v":"1.0"}', secrets.token_bytes(5000), b"\xc1" * 900_000):
                    puppet.publish(topic, rubbish)
            puppet.publish("borne/v1/all/down/head/BAD", b"x")
            puppet.publish(f"borne/v1/{DEVICE}/down/other", b"x")
        puppet.publish(ACKS, b'{"v":"2.0"}')
        wait_for(lambda: post.count("wire.contract.malformed") > 300)
        still_alive(post, puppet)
        messages = [record for record in caplog.records if "wire.contract.malformed" in record.message]
        assert len(messages) == 1


def test_messages_of_another_major_version_are_named_so(post: Post, puppet: Puppet) -> None:
    with post:
        wait_for(post.drained)
        for topic in (ACKS, CHUNKS, feed_head_topic("visas")):
            puppet.publish(topic, msgspec.msgpack.encode({"v": "2.0", "new": True}))
        wait_for(lambda: post.count("wire.contract.unknown_version") == 3)
        still_alive(post, puppet)


def test_a_list_comes_whole_and_answers(post: Post, puppet: Puppet) -> None:
    rows = visas(30)
    puppet.publish_head("visas", rows)
    with post:
        wait_for(lambda: puppet.pulls)
        pull = puppet.pulls[0]
        assert (pull.feed, pull.after) == ("visas", 0)
        puppet.chunk("visas", 11, rows[10:])
        puppet.chunk("visas", 1, rows[:20])
        wait_for(lambda: post.count("chunks.staged") == 1)
        assert post.installed("visas") == 0
        puppet.chunk("visas", 15, rows[14:])
        wait_for(lambda: post.installed("visas") == 30)
        assert len(Lists(post.store).visas_of("UTO", "D7").records) == 1
        wait_for(lambda: puppet.states[-1].lists.get("visas") == 30)


def test_a_list_goes_on_after_a_restart_where_it_stood(post: Post, puppet: Puppet) -> None:
    rows = visas(9)
    puppet.publish_head("visas", rows)
    with post:
        wait_for(lambda: puppet.pulls)
        puppet.chunk("visas", 1, rows[:5])
        wait_for(lambda: post.count("chunks.staged") == 1)
        # So far it has come, it says, and the rest may follow.
        wait_for(lambda: puppet.pulls[-1].after == 5)
    before = len(puppet.pulls)
    with post:
        wait_for(lambda: len(puppet.pulls) > before)
        assert puppet.pulls[-1].after == 5
        assert Lists(post.store).visas_of("UTO", "D1").records == ()
        puppet.chunk("visas", 6, rows[5:])
        wait_for(lambda: post.installed("visas") == 9)


def test_a_centre_of_an_older_version_is_asked_once(post: Post, puppet: Puppet) -> None:
    """It would take each further ask for a new beginning, and send everything again."""
    rows = visas(9)
    puppet.publish_head("visas", rows)
    with post:
        wait_for(lambda: puppet.pulls)
        for first in range(9):
            chunk = structs.replace(build_chunk("visas", first + 1, rows[first : first + 1]), v="1.4")
            puppet.publish(CHUNKS, chunk)
        wait_for(lambda: post.installed("visas") == 9)
    assert [pull.after for pull in puppet.pulls] == [0]


def test_a_refused_list_is_no_problem_and_asked_for_at_its_next_head(post: Post, puppet: Puppet) -> None:
    rows = visas(9)
    puppet.publish_head("visas", rows[:8])
    with post:
        wait_for(lambda: puppet.pulls)
        puppet.publish(CHUNKS, refused_chunk("visas", 1))
        wait_for(lambda: any(state.refused for state in post.service.status().feeds))
        assert post.problems() == set()
        puppet.publish_head("visas", rows)
        wait_for(lambda: len(puppet.pulls) == 2)
        puppet.chunk("visas", 1, rows)
        wait_for(lambda: post.installed("visas") == 9)
        assert not any(state.refused for state in post.service.status().feeds)


def test_a_rolled_back_list_is_refused_also_after_a_restart(post: Post, puppet: Puppet) -> None:
    rows = visas(5)
    puppet.publish_head("visas", rows)
    with post:
        wait_for(lambda: puppet.pulls)
        puppet.chunk("visas", 1, rows)
        wait_for(lambda: post.installed("visas") == 5)
        puppet.publish_head("visas", rows[:4])
        wait_for(lambda: "feed_rolled_back" in post.problems())
        assert post.installed("visas") == 5
    with post:
        wait_for(lambda: "feed_rolled_back" in post.problems())
        assert post.installed("visas") == 5
        puppet.publish_head("visas", rows)
        wait_for(lambda: not post.problems())


def test_another_history_at_the_installed_version_is_refused(post: Post, puppet: Puppet) -> None:
    rows = visas(5)
    puppet.publish_head("visas", rows)
    with post:
        wait_for(lambda: puppet.pulls)
        puppet.chunk("visas", 1, rows)
        wait_for(lambda: post.installed("visas") == 5)
        puppet.publish_head("visas", [*rows[:4], delete("x")])
        wait_for(lambda: "feed_history" in post.problems())
        assert len(Lists(post.store).visas_of("UTO", "D4").records) == 1


def test_a_forged_list_is_refused(post: Post, puppet: Puppet) -> None:
    """A head by a stranger, or by the key of another list; and changes that do not lead to a good head."""
    rows = visas(5)
    with post:
        wait_for(post.drained)
        puppet.publish_head("visas", rows, key=Ed25519PrivateKey.generate())
        wait_for(lambda: "feed_forged" in post.problems())
        puppet.publish_head("visas", rows, key=puppet.keys["feed:trust"])
        wait_for(lambda: post.count("wire.contract.bad_signature") == 2)
        assert not puppet.pulls
        puppet.publish_head("visas", rows)
        wait_for(lambda: puppet.pulls)
        assert not post.problems()
        puppet.chunk("visas", 1, [*rows[:4], delete("forged")])
        wait_for(lambda: "feed_chain" in post.problems())
        assert post.installed("visas") == 0
        assert Lists(post.store).visas_of("UTO", "D1").records == ()
        still_alive(post, puppet)


def test_forged_and_older_keys_are_refused(post: Post, puppet: Puppet) -> None:
    puppet.publish_keys(version=3)
    with post:
        wait_for(post.drained)
        puppet.publish_keys(version=4, root=Ed25519PrivateKey.generate())
        wait_for(lambda: "feed_forged" in post.problems())
        puppet.publish_keys(version=2)
        wait_for(lambda: "feed_rolled_back" in post.problems())
        assert post.service.status().keys_version == 3
    puppet.publish_keys(version=2)
    with post:
        wait_for(lambda: "feed_rolled_back" in post.problems())
        assert post.service.status().keys_version == 3
        still_alive(post, puppet)


def test_keys_that_come_late_are_enough(post: Post, puppet: Puppet) -> None:
    """The centre's first answer and a head come before the keys they are signed with are known."""
    puppet.publish(feed_head_topic(KEYS_FEED), b"", retain=True)
    puppet.publish_head("visas", visas(2))
    with post:
        wait_for(lambda: post.count("acks.before_keys") >= 1)
        assert post.service.status().unacknowledged == 1
        puppet.publish_keys()
        wait_for(post.drained)
        wait_for(lambda: puppet.pulls)
        puppet.chunk("visas", 1, visas(2))
        wait_for(lambda: post.installed("visas") == 2)
