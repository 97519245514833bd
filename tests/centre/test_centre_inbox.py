"""The queue between the network and the worker."""

from __future__ import annotations

import threading
import time

from mqtt_schemas.centre.desk import Incoming
from mqtt_schemas.centre.inbox import EVIDENCE_AT_ONCE, Inbox


def message(size: int = 0, name: str = "t") -> Incoming:
    return Incoming(name, b"x" * size)


def test_messages_keep_their_order() -> None:
    inbox = Inbox()
    for number in range(5):
        assert inbox.put(message(name=str(number)))
    assert [one.topic for one in inbox.take(3, 0)] == ["0", "1", "2"]
    assert [one.topic for one in inbox.take(3, 0)] == ["3", "4"]
    assert inbox.take(3, 0) == []


def test_it_is_bounded_and_never_waits() -> None:
    inbox = Inbox(largest=10_000)
    assert inbox.put(message(9000))
    assert not inbox.put(message(2000))
    small = 0
    while inbox.put(message()):
        small += 1
    assert 0 < small < 10
    inbox.take(1, 0)
    assert inbox.put(message(2000))


def test_evidence_waits_until_nothing_else_does_and_has_a_bound_of_its_own() -> None:
    inbox = Inbox(largest_evidence=10_000)
    for number in range(20):
        inbox.put(message(name=f"borne/v1/d{number}/up/evidence"))
    inbox.put(message(name="borne/v1/a/up/journal"))
    inbox.put(message(name="borne/v1/a/up/state"))
    assert [one.topic[-7:] for one in inbox.take(32, 0)] == ["journal", "p/state"]
    assert [one.topic for one in inbox.take(32, 0)] == [f"borne/v1/d{n}/up/evidence" for n in range(EVIDENCE_AT_ONCE)]
    assert len(inbox.take(4, 0)) == 4
    assert inbox.put(message(4_000, "borne/v1/a/up/evidence"))
    assert not inbox.put(message(9_000, "borne/v1/a/up/evidence"))
    assert inbox.put(message(9_000, "borne/v1/a/up/journal"))
    assert [one.topic[-7:] for one in inbox.take(32, 0)] == ["journal"]


def test_waiting_ends_with_a_message_or_a_call() -> None:
    inbox = Inbox()
    for act in (lambda: inbox.put(message()), inbox.wake):
        timer = threading.Timer(0.05, act)
        before = time.monotonic()
        timer.start()
        inbox.take(1, 10)
        assert time.monotonic() - before < 9  # of the ten
        timer.join()
    before = time.monotonic()
    assert inbox.take(1, 0.05) == []
    assert time.monotonic() - before >= 0.045
