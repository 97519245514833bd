"""What an image of the device's store must hold: all that was told before the cut, and nothing by halves."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from powercut_device import DEVICE, FEED, FEED_KEYS, feed_head, path_of
from powercut_pages import pages
from powercut_task import Task, Told

from border_agent.clock import Clock
from border_agent.store import EvidenceStore, Journal, Staging, Store, StoreError, verify_journal
from border_agent.store.evidence_keys import day_of
from border_agent.store.sqlcipher import Connection
from mqtt_schemas.entries import ClockQuality, DeviceEvent, Movement, read_entry


def judge(task: Task, told: Iterable[Told]) -> str:
    """Open the image in the task's folder as a device does at its start, and look. Empty where all is well; else the
    kind of loss and what was found, as "kind: detail"."""
    told = list(told)
    if day := _residue(task, told):
        return f"residue: the key of {day}, which is destroyed, is still in a file"
    try:
        with Store(path_of(task.folder), task.key, reserve_bytes=0) as store:
            return next(_faults(task, store, told), "")
    except StoreError as error:
        return f"unreadable: {error}"


def _residue(task: Task, told: list[Told]) -> str:
    """A day whose key is still in the files as the cut left them, though it was told that they are clean of it."""
    path = path_of(task.folder)
    keys = {bytes.fromhex(key): day for one in told if one["told"] == "clean" for day, key in one["keys"].items()}
    if not keys or not path.exists():
        return ""
    content = b"".join(pages(path, task.key))
    return next((day for key, day in keys.items() if key in content), "")


def _faults(task: Task, store: Store, told: list[Told]) -> Iterator[str]:
    key = Ed25519PrivateKey.from_private_bytes(task.journal_key)
    opened = [bytes.fromhex(one["epoch"]) for one in told if one["told"] == "opened"]
    if store.created and opened:
        yield "lost: there is no database"
    with store.reading() as connection:
        before = [bytes(epoch) for (epoch,) in connection.execute("SELECT epoch FROM stream ORDER BY id")]
    if missing := set(opened) - set(before):
        yield f"lost: {len(missing)} epochs"
    yield from _pages(store)
    journal = Journal(store, DEVICE, key, Clock(), software="powercut")
    if before and journal.position().epoch != before[-1] and not _put_back(told):
        yield "false alarm: a new epoch was begun"
    report = verify_journal(store, key.public_key())
    if not report.ok:
        yield f"chain: {report.faults[0].kind} at {report.faults[0].sequence}"
    with store.reading() as connection:
        yield from _decisions(connection, told)
        yield from _whole(connection, told)
        yield from _mark(connection, told)
    yield from _pictures(store, told)
    yield from _list(store, told)
    at = journal.position().sequence
    if journal.commit([_entry()]).sequence != at + 1:
        yield "chain: it does not go on"


def _put_back(told: list[Told]) -> bool:
    """Whether an older copy was put back, and the journal was not opened since: then a new epoch is right."""
    kinds = [one["told"] for one in told if one["told"] in ("put back", "opened")]
    return kinds[-1:] == ["put back"]


def _pages(store: Store) -> Iterator[str]:
    """Every page is what its tag says, and the tables agree with their indexes."""
    with store.opened() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if found := connection.execute("PRAGMA cipher_integrity_check").fetchall():
            yield f"damaged: {found[0][0]}"
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            yield f"damaged: {found}"
        if found := connection.execute("PRAGMA foreign_key_check").fetchall():
            yield f"damaged: {found[0]}"


def _decisions(connection: Connection, told: list[Told]) -> Iterator[str]:
    there = {
        (bytes(epoch), sequence): bytes(head)
        for epoch, sequence, head in connection.execute(
            "SELECT s.epoch, j.sequence, j.head FROM journal j JOIN stream s ON s.id = j.stream"
        )
    }
    decisions = [one for one in told if one["told"] == "decision"]
    lost = [
        one["sequence"]
        for one in decisions
        if there.get((bytes.fromhex(one["epoch"]), one["sequence"])) != bytes.fromhex(one["head"])
    ]
    if lost:
        yield f"lost: {len(lost)} of {len(decisions)} decisions, the first is entry {lost[0]}"


def _whole(connection: Connection, told: list[Told]) -> Iterator[str]:
    """Told or not: an entry has all that was committed with it, and nothing is there without its entry."""
    movements: dict[str, Movement] = {}
    may_be_gone: set[bytes] = set()
    emptied: set[tuple[int, int]] = set()
    before = _erased_before(told)
    for stream, sequence, body, acknowledged in connection.execute(
        # The centre has it: from this stream, or from the next one, into which it was carried.
        "SELECT j.stream, j.sequence, j.body, j.sequence <= s.acknowledged OR EXISTS (SELECT 1 FROM carried c"
        " JOIN stream n ON n.id = c.stream AND n.acknowledged >= c.upto"
        " WHERE c.source = j.stream AND c.sequence >= j.sequence) FROM journal j JOIN stream s ON s.id = j.stream"
    ):
        if not body:
            emptied.add((stream, sequence))
            if not acknowledged:
                yield f"lost: the text of entry {sequence}, which nobody else has"
            continue
        entry = read_entry(bytes(body))
        if isinstance(entry, Movement):
            assert entry.visa is not None and entry.evidence
            movements[entry.id] = entry
            if acknowledged and day_of(entry.recorded_at) < before:
                may_be_gone.add(entry.evidence)
    if len(emptied) < sum(one["entries"] for one in told if one["told"] == "pruned"):
        yield f"lost: the text of {len(emptied)} entries is gone, of more it was told"
    # What an emptied entry said is not known any more; what it brought about stays.
    passages = {
        entry: (stream, sequence) in emptied
        for entry, stream, sequence in connection.execute("SELECT entry, stream, sequence FROM passage")
    }
    if {entry for entry, old in passages.items() if not old} - set(movements) or set(movements) - set(passages):
        yield f"halved: {len(movements)} movements, {len(passages)} passages"
    uses = dict(connection.execute("SELECT movement, visa FROM visa_use").fetchall())
    said = {name: one.visa.visa_id for name, one in movements.items() if one.visa is not None}
    if set(uses) != set(passages) or {name: uses[name] for name in said} != said:
        yield f"halved: {len(passages)} passages, {len(uses)} uses of visas"
    records = {one.evidence for name, one in movements.items() if not passages[name]}
    evidence = {
        bytes(name)
        for name, stream, sequence in connection.execute(
            "SELECT e.sha256, s.stream, s.sequence FROM evidence e LEFT JOIN evidence_state s USING (sha256)"
        )
        if (stream, sequence) not in emptied
    }
    if not records - may_be_gone <= evidence <= records:
        yield f"halved: {len(records)} records, of which {len(may_be_gone)} may be gone; {len(evidence)} are here"
    lost = connection.execute(
        "SELECT count(*) FROM evidence e WHERE NOT EXISTS (SELECT 1 FROM evidence_state s WHERE s.sha256 = e.sha256)"
        " UNION ALL SELECT count(*) FROM evidence_blob b WHERE NOT EXISTS"
        " (SELECT 1 FROM journal j WHERE j.stream = b.stream AND j.sequence = b.sequence)"
    ).fetchall()
    if any(count for (count,) in lost):
        yield "halved: evidence without its entry"


def _pictures(store: Store, told: list[Told]) -> Iterator[str]:
    """A decision's picture is there and opens, unless it is old enough to be gone; a key that is gone stays so."""
    before, evidence = _erased_before(told), EvidenceStore(store)
    for one in told:
        if one["told"] == "decision" and "picture" in one:
            name = bytes.fromhex(one["picture"])
            picture = evidence.get(name)
            if picture is None and one["day"] >= before:
                yield f"lost: the picture of entry {one['sequence']}"
            if picture is not None and sha256(picture).digest() != name:
                yield f"damaged: the picture of entry {one['sequence']}"
    destroyed = {day for one in told if one["told"] == "erased" for day in one["days"]}
    held = {bytes.fromhex(name) for one in told if one["told"] == "held" for name in one["names"]}
    with store.reading() as connection:
        days = {day for (day,) in connection.execute("SELECT day FROM evidence_key")}
        (keyless,) = connection.execute(
            "SELECT count(*) FROM evidence_blob WHERE day NOT IN (SELECT day FROM evidence_key)"
        ).fetchone()
        waiting = connection.execute(
            "SELECT sha256 FROM evidence_state WHERE whole_at IS NULL"
            " UNION SELECT sha256 FROM evidence_blob WHERE whole_at IS NULL"
        ).fetchall()
    if back := destroyed & days:
        yield f"lost: {len(back)} keys of days are back"
    if keyless:
        yield f"halved: {keyless} pictures without a key"
    if forgotten := held & {bytes(name) for (name,) in waiting}:
        yield f"lost: {len(forgotten)} pieces that the centre holds wait again"


def _erased_before(told: list[Told]) -> str:
    """What is of an earlier day than this may have been erased."""
    return max((one["before"] for one in told if one["told"] == "erasing"), default="")


def _mark(connection: Connection, told: list[Told]) -> Iterator[str]:
    marks = dict(connection.execute("SELECT epoch, acknowledged FROM stream").fetchall())
    witnessed = dict(connection.execute("SELECT epoch, max(sequence) FROM witness GROUP BY epoch").fetchall())
    for one in told:
        if one["told"] == "acknowledged":
            epoch = bytes.fromhex(one["epoch"])
            if marks.get(epoch, 0) < one["sequence"]:
                yield f"lost: the mark at {one['sequence']}"
            if witnessed.get(epoch, 0) < one["sequence"]:
                yield f"lost: the witness of entry {one['sequence']}"


def _list(store: Store, told: list[Told]) -> Iterator[str]:
    position = Staging(store).position(FEED)
    for kind, here in (("staged", position.staged_version), ("installed", position.version)):
        want = max((one["version"] for one in told if one["told"] == kind), default=0)
        if here < want:
            yield f"lost: the list is {kind} up to {here}, told {want}"
    if position.staged_head != feed_head(position.staged_version) or position.head != feed_head(position.version):
        yield "damaged: the list's head"
    with store.reading() as connection:
        newest = connection.execute(
            "SELECT max(version) FROM feed_row WHERE feed = ? AND version <= ? GROUP BY key", (FEED, position.version)
        ).fetchall()
    if {version for (version,) in newest} != set(
        range(max(1, position.version - FEED_KEYS + 1), position.version + 1)
    ):
        yield "halved: the list's records"


def _entry() -> DeviceEvent:
    now = Clock().now()
    return DeviceEvent(
        id=secrets.token_hex(16), occurred_at=now, recorded_at=now, clock=ClockQuality.UNKNOWN, event="started"
    )
