"""The whole way, over a true broker with TLS to the true centre, through kills and outages: each entry once."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import msgspec
import pytest
from reporting_kit import DEVICE, Post, TrueCentre, event, wait_for

from border_agent.config import MqttVersion
from border_agent.reporting import ReportingEvent
from border_agent.reporting.errors import LineDown
from border_agent.store import Lists, verify_journal
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.entries import read_entry
from mqtt_schemas.feeds import Feed
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.messages import encode
from mqtt_schemas.records import VisaRecord


def same_at_both_ends(device: Post, centre: TrueCentre) -> None:
    journal = device.journal
    stored = centre.entries()
    segment = journal.entries_after(0, 10**6, 2**31)
    assert segment is not None
    assert [body for _, _, body in stored] == list(segment.bodies)
    assert [sequence for sequence, _, _ in stored] == list(range(1, len(stored) + 1))
    assert stored[-1][1] == journal.position().head
    assert verify_journal(device.store, device.key.public_key()).ok


def test_a_backlog_arrives_once_and_in_order(device: Post, centre: TrueCentre) -> None:
    device.open()
    for _ in range(40):
        device.journal.commit([event(900) for _ in range(50)])
    device.service.start()
    wait_for(device.drained)
    same_at_both_ends(device, centre)
    assert device.journal.mark().sequence == 2001
    device.close()


@pytest.mark.parametrize("version", list(MqttVersion))
def test_both_versions_of_mqtt(device: Post, centre: TrueCentre, version: MqttVersion) -> None:
    device.more = {"mqtt": version}
    with device:
        wait_for(device.drained)
        device.journal.commit([event()])
        wait_for(device.drained)
        same_at_both_ends(device, centre)


def test_through_outages_of_broker_and_centre(device: Post, centre: TrueCentre, broker: LabBroker) -> None:
    """The broker is killed and comes back, the centre stops and comes back; decisions go on all the while."""
    seen: list[ReportingEvent] = []
    device.open().service.on_event(seen.append)
    device.service.start()
    wait_for(device.drained)
    broker.kill()
    for _ in range(20):
        device.journal.commit([event()])
    wait_for(lambda: not device.service.status().online)
    status = device.service.status()
    assert (status.unacknowledged, status.answered) == (20, False)
    time.sleep(0.3)
    broker.start()
    wait_for(device.drained)
    centre.stop()
    for _ in range(20):
        device.journal.commit([event()])
    time.sleep(0.2)
    assert device.service.status().unacknowledged == 20
    centre.start()
    wait_for(device.drained)
    same_at_both_ends(device, centre)
    device.close()
    kinds = [event.kind for event in seen]
    assert kinds.count("line_up") == 2
    assert kinds.count("line_down") == 1


def test_killed_in_the_middle_of_everything(device: Post, centre: TrueCentre, broker: LabBroker) -> None:
    """kill -9 of the agent, the broker, and a centre that restarts: what was told is there, once."""
    chance = random.Random(14)
    told: list[tuple[int, bytes, str]] = []
    life = _Life(device, broker)
    try:
        for turn in range(9):
            time.sleep(chance.uniform(0.25, 0.6))
            wait_for(lambda life=life: len(life.lines()) > 20)
            match turn % 3:
                case 0:
                    told += life.kill()
                    life = _Life(device, broker)
                case 1:
                    broker.kill()
                    time.sleep(chance.uniform(0.05, 0.2))
                    broker.start()
                case _:
                    centre.stop()
                    centre.start()
    finally:
        told += life.kill()
    with device:
        wait_for(device.drained)
        same_at_both_ends(device, centre)
        stored = {sequence: (head, read_entry(body).id) for sequence, head, body in centre.entries()}
        for sequence, head, entry in told:
            assert stored[sequence] == (head, entry)
        identities = [identity for _, identity in stored.values()]
        assert len(set(identities)) == len(identities)
    assert len(told) > 60


class _Life:
    """An agent's process, from its start to its kill, and what it told meanwhile."""

    def __init__(self, device: Post, broker: LabBroker) -> None:
        self._output = device.folder / "told"
        arguments = [
            str(Path(__file__).with_name("agent_loop.py")),
            str(device.folder),
            str(device.authority.client(DEVICE).certificate.parent),
            f"mqtts://localhost:{broker.port}",
            device.root.hex(),
            device.key.private_bytes_raw().hex(),
        ]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen([sys.executable, *arguments], stdout=output)

    def lines(self) -> list[list[str]]:
        """The lines that were written whole."""
        written = self._output.read_text(encoding="ascii").splitlines(keepends=True)
        return [line.split() for line in written if line.endswith("\n")]

    def kill(self) -> list[tuple[int, bytes, str]]:
        self._process.kill()
        self._process.wait()
        return [(int(sequence), bytes.fromhex(head), entry) for sequence, head, entry in self.lines()]


def test_lists_come_down_and_change(device: Post, centre: TrueCentre, tmp_path: Path) -> None:
    _import_visas(centre, tmp_path, 400)
    with device:
        wait_for(lambda: device.installed("visas") == 400)
        lists = Lists(device.store)
        assert all(lists.visa(f"{n:016x}").records for n in range(400))
        _import_visas(centre, tmp_path, 300)
        wait_for(lambda: device.installed("visas") == 500)
        assert lists.visa(f"{399:016x}").records == ()
    with device:
        wait_for(device.drained)
        assert device.count("sent.pulls") == 0
        assert device.installed("visas") == 500


def _import_visas(centre: TrueCentre, folder: Path, count: int) -> None:
    file = folder / "visas.jsonl"
    records = (
        VisaRecord(
            visa_id=f"{n:016x}",
            issuer="UTO",
            document_issuer="UTO",
            document_number=f"D{n}",
            valid_from=date(2027, 1, 1),
            valid_until=date(2027, 12, 31),
            entries=1,
            portrait_sha256=random.Random(n).randbytes(32),
        )
        for n in range(count)
    )
    file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    import_feed(centre.folder, Feed.VISAS, file)


def test_a_full_disk_during_a_list_is_a_problem_that_passes(
    device: Post, centre: TrueCentre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("border_agent.reporting.feeds.HOLD", 0.3)
    monkeypatch.setattr("border_agent.reporting.feeds.FeedPuller.hold.__defaults__", (0.3,))
    device.open()
    with device.store.writing() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 12}")
    _import_visas(centre, tmp_path, 400)
    device.service.start()
    wait_for(lambda: "store" in device.problems())
    assert device.installed("visas") == 0
    assert Lists(device.store).visa("0" * 16).records == ()
    with device.store.writing() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    receipt = device.journal.commit([event()])
    wait_for(lambda: device.installed("visas") == 400)
    wait_for(lambda: device.service.status().acknowledged >= receipt.sequence)
    wait_for(lambda: not device.problems())
    device.close()


def test_a_fault_of_our_own_closes_the_line_and_begins_anew(
    device: Post, centre: TrueCentre, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with device, caplog.at_level(logging.CRITICAL):
        wait_for(device.drained)
        with monkeypatch.context() as patch:
            patch.setattr(device.journal, "entries_after", lambda *_: 1 // 0)
            receipt = device.journal.commit([event()])
            wait_for(lambda: "internal" in device.problems())
        wait_for(lambda: device.service.status().acknowledged >= receipt.sequence)
        wait_for(lambda: not device.problems())


def test_listeners_that_stumble_do_not_stop_reporting(device: Post, centre: TrueCentre) -> None:
    def stumble(_: ReportingEvent) -> None:
        raise RuntimeError("listener")

    device.open().service.on_event(stumble)
    device.service.start()
    wait_for(device.drained)
    assert device.count("listener") > 0
    device.close()


def test_the_status_is_a_value_that_can_be_sent(device: Post) -> None:
    with device:
        wait_for(device.drained)
        assert encode(device.service.status())


def test_after_all_brokers_comes_a_pause_that_doubles_and_is_never_the_same(device: Post) -> None:
    """Many devices whose centre was lost must not come back in the same second."""
    device.brokers = tuple(f"mqtts://localhost:{port}" for port in (1, 2, 3))
    device.more = {"retry_first": 1.0, "retry_most": 8.0}
    device.open()
    try:
        service, pauses = device.service, []
        for _ in range(7):
            tried = []
            for _ in device.brokers:
                service._tried = service._brokers[service._broker]
                tried.append(service._tried.port)
                began = time.monotonic()
                service._line_lost(LineDown("broker", "gone"))
                pauses.append(max(0.0, service._retry_at - began))
            assert tried == [1, 2, 3]
        assert pauses[0::3] == pauses[1::3] == [0.0] * 7, "the next one at once"
        for pause, most in zip(pauses[2::3], (1, 2, 4, 8, 8, 8, 8), strict=True):
            assert 0.5 * most <= pause <= most + 0.1
        assert len({round(pause, 3) for pause in pauses[11::3]}) > 1, "not all at the same moment"
    finally:
        device.service._link.dispose()
        device.store.close()
