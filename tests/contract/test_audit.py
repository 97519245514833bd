"""An auditor with nothing but files and keys finds what was done to a journal, and where."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from audit_kit import BEGIN, MINUTE, Centre, Lines, Scribe, at, audit, export, found, tampered

from mqtt_schemas import chain
from mqtt_schemas.audit import FaultKind, NoteKind, StreamMark, read_keys, write_keys
from mqtt_schemas.audit.keys import AuditKeys
from mqtt_schemas.entries import EpochReason
from mqtt_schemas.errors import Malformed, TooLarge, UnknownVersion
from mqtt_schemas.journal_file import LONGEST_LINE, FileKind
from mqtt_schemas.keys import public_bytes

GOLDEN = Path(__file__).parent / "golden" / "1.5"
SCRIBE = Scribe().many(12)
CENTRE = Centre()
KEYS = CENTRE.keys(SCRIBE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    witness = ("centre", CENTRE.acknowledge(SCRIBE, 9))
    return export(tmp_path / "journal", SCRIBE, witnesses=[witness])


def test_a_whole_journal_proves_and_says_how_far_others_vouch(file: Path) -> None:
    report = audit(KEYS, file)
    assert (report.ok, report.complete, report.faults) == (True, True, ())
    (stream,) = report.streams
    assert (stream.first, stream.last, stream.proven_upto) == (1, 12, 12)
    assert (stream.witnessed_upto, stream.witnessed_by, stream.unwitnessed) == (9, "centre", 3)
    assert stream.witnessed_at == BEGIN + 9 * MINUTE
    assert (stream.opened, stream.recorded_from) == ("first_start", BEGIN)
    assert [note.kind for note in report.notes] == [NoteKind.EPOCH]


def test_a_range_from_the_middle_proves_too(tmp_path: Path) -> None:
    part = export(
        tmp_path / "part", SCRIBE, first=5, last=8, to="8", witnesses=[("centre", CENTRE.acknowledge(SCRIBE, 9))]
    )
    report = audit(KEYS, part)
    assert report.ok
    assert (report.streams[0].proven_upto, report.streams[0].witnessed_upto) == (8, 0)


# The seven, by somebody who has the file and no key.


def test_an_edited_entry(file: Path) -> None:
    def change(lines: Lines) -> None:
        entry = lines[at(lines, 6)]
        entry["text"] = entry["text"].replace("happened", "happenef")

    report = audit(KEYS, tampered(file, change))
    assert found(report) == {(FaultKind.EDITED, 6)}
    assert report.streams[0].proven_upto == 5
    assert not report.complete
    assert {fault.line for fault in report.faults if fault.sequence == 6} == {2 + 6}


def test_an_edited_entry_with_the_head_computed_anew(file: Path) -> None:
    def change(lines: Lines) -> None:
        entry = lines[at(lines, 6)]
        entry["text"] = entry["text"].replace("happened", "happenef")
        body, salt = entry["text"].encode(), SCRIBE.entries[5].salt
        head = chain.link(SCRIBE.entries[4].head, 6, chain.digest(salt, body))
        entry["head"] = msgspec.json.decode(msgspec.json.encode(head))

    assert found(audit(KEYS, tampered(file, change))) == {(FaultKind.SIGNATURE, 6)}


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_deleted_entries(file: Path, renumbered: bool, count: int) -> None:
    def change(lines: Lines) -> None:
        del lines[at(lines, 6) : at(lines, 6) + count]
        for line in lines:
            if renumbered and line["line"] == "entry" and line["n"] > 6:
                line["n"] -= count

    report = audit(KEYS, tampered(file, change))
    assert found(report) == {(FaultKind.MISSING, 6)}
    (missing,) = [fault for fault in report.faults if fault.kind is FaultKind.MISSING]
    assert missing.upto == 5 + count
    assert report.streams[0].proven_upto == 5


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_inserted_entries(file: Path, renumbered: bool, copied: bool, count: int) -> None:
    other = Scribe().many(12).entries[6]

    def change(lines: Lines) -> None:
        place = at(lines, 6)
        foreign = dict(lines[place])
        if not copied:
            foreign |= {"n": 7, "head": _base64(other.head), "signature": _base64(other.signature)}
        for line in lines[place + 1 :]:
            if renumbered and line["line"] == "entry":
                line["n"] += count
        lines[place + 1 : place + 1] = [
            foreign | {"n": foreign["n"] + number * renumbered} for number in range(count)
        ]

    report = audit(KEYS, tampered(file, change))
    assert {kind for kind, _ in found(report)} == {FaultKind.INSERTED}
    assert report.fault_count == count + 1, "one a line, and the seal"
    assert report.streams[0].last == 12, "the true entries are recognised behind them"


@pytest.mark.parametrize("renumbered", [False, True])
def test_reordered_entries(file: Path, renumbered: bool) -> None:
    def change(lines: Lines) -> None:
        one, other = at(lines, 6), at(lines, 7)
        lines[one], lines[other] = lines[other], lines[one]
        if renumbered:
            lines[one]["n"], lines[other]["n"] = 6, 7

    report = audit(KEYS, tampered(file, change))
    assert found(report) == {(FaultKind.REORDERED, 6)}


def test_contents_exchanged_between_two_entries(file: Path) -> None:
    def change(lines: Lines) -> None:
        one, other = lines[at(lines, 6)], lines[at(lines, 8)]
        one["text"], other["text"] = other["text"], one["text"]
        one["salt"], other["salt"] = other["salt"], one["salt"]

    assert found(audit(KEYS, tampered(file, change))) == {(FaultKind.EDITED, 6), (FaultKind.EDITED, 8)}


@pytest.mark.parametrize("with_end", [False, True])
def test_a_truncated_file(file: Path, with_end: bool) -> None:
    def change(lines: Lines) -> None:
        end = lines[-1]
        del lines[at(lines, 11) :]
        lines.extend([end] if with_end else [])

    report = audit(KEYS, tampered(file, change))
    assert (FaultKind.TRUNCATED, 11) in found(report)
    assert not report.files[0].sealed


def test_a_file_cut_in_the_middle_of_a_line(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])
    assert {kind for kind, _ in found(audit(KEYS, file))} >= {FaultKind.UNREADABLE, FaultKind.TRUNCATED}


def test_a_forged_signature(file: Path) -> None:
    def change(lines: Lines) -> None:
        entry = lines[at(lines, 6)]
        entry["signature"] = lines[at(lines, 7)]["signature"]

    assert found(audit(KEYS, tampered(file, change))) == {(FaultKind.SIGNATURE, 6)}


def test_a_whole_journal_by_another_key(tmp_path: Path) -> None:
    stranger = Scribe().many(5)
    report = audit(KEYS, export(tmp_path / "x", stranger))
    assert {kind for kind, _ in found(report)} == {FaultKind.UNKNOWN_KEY}
    assert report.streams[0].proven_upto == 0
    unknown = Scribe(device="uto-post-9").many(5)
    report = audit(KEYS, export(tmp_path / "y", unknown))
    assert {kind for kind, _ in found(report)} == {FaultKind.UNKNOWN_KEY}


def test_a_journal_older_than_the_devices_present_key(tmp_path: Path) -> None:
    """The file names the key the device has now; its older entries are signed by the one before."""
    now = Scribe()
    keys = AuditKeys({SCRIBE.device: (now.public, SCRIBE.public)})

    def change(lines: Lines) -> None:
        lines[1]["key"] = _base64(now.public)

    report = audit(keys, tampered(export(tmp_path / "x", SCRIBE), change))
    assert found(report) == set()
    assert report.streams[0].proven_upto == 12


# By somebody who has the device's keys.


def test_a_clock_that_was_turned_back(tmp_path: Path) -> None:
    scribe = Scribe(key=SCRIBE.key).many(5)
    scribe.now -= timedelta(hours=3)
    scribe.event("decided")
    scribe.event("decided")
    report = audit(KEYS, export(tmp_path / "x", scribe))
    assert found(report) == {(FaultKind.CLOCK_BACK, 6)}
    assert "2027-03-01T05:05:00+00:00" in report.faults[0].detail
    assert report.streams[0].proven_upto == 7, "the device did write that"


@pytest.mark.parametrize("between", [0, 3])
def test_a_clock_that_was_set_back_and_says_so_is_no_fault(tmp_path: Path, between: int) -> None:
    scribe = Scribe(key=SCRIBE.key).many(5)
    scribe.now -= timedelta(hours=3)
    for _ in range(between):
        scribe.event("decided")
    scribe.event("clock_set", version=str(-3 * 3600))
    report = audit(KEYS, export(tmp_path / "x", scribe))
    assert report.ok
    assert [note.sequence for note in report.notes if note.kind is NoteKind.CLOCK_SET] == [6]


def test_a_clock_set_forward_explains_no_fall(tmp_path: Path) -> None:
    scribe = Scribe(key=SCRIBE.key).many(5)
    scribe.now -= timedelta(hours=3)
    scribe.event("clock_set", version="10800")
    assert found(audit(KEYS, export(tmp_path / "x", scribe))) == {(FaultKind.CLOCK_BACK, 6)}


def test_half_a_minute_is_no_fall(tmp_path: Path) -> None:
    scribe = Scribe(key=SCRIBE.key).many(5)
    scribe.now -= MINUTE + timedelta(seconds=29)
    scribe.event("decided")
    assert audit(KEYS, export(tmp_path / "x", scribe)).ok


def test_a_cloned_device_shows_between_two_files(tmp_path: Path) -> None:
    twin = SCRIBE.twin()
    one, other = SCRIBE.twin(), twin
    for number in range(4):
        one.event(f"here_{number}")
        other.event(f"there_{number}")
    files = export(tmp_path / "one", one), export(tmp_path / "other", other)
    assert audit(KEYS, files[0]).ok
    assert audit(KEYS, files[1]).ok, "each by itself is good"
    report = audit(KEYS, *files)
    assert found(report) == {(FaultKind.CLONED, 13)}
    assert report.faults[0].file == 1
    assert [stream.proven_upto for stream in report.streams] == [12, 12], "up to where they part"


def test_a_journal_written_anew_contradicts_what_the_centre_saw(tmp_path: Path) -> None:
    ack = CENTRE.acknowledge(SCRIBE, 9)
    forged = Scribe(key=SCRIBE.key, epoch=SCRIBE.epoch, secret=SCRIBE.secret, entries=SCRIBE.entries[:6], now=BEGIN)
    forged.now += 6 * MINUTE
    for number in range(6):
        forged.event(f"rather_{number}")
    report = audit(KEYS, export(tmp_path / "x", forged, witnesses=[("centre", ack)]))
    assert found(report) == {(FaultKind.CLONED, 9)}
    assert report.streams[0].proven_upto == 0, "from where on it was written anew, nobody knows"
    acks = [("centre", CENTRE.acknowledge(SCRIBE, 4)), ("centre", ack)]
    assert audit(KEYS, export(tmp_path / "y", forged, witnesses=acks)).streams[0].proven_upto == 4


def test_a_journal_whose_end_was_taken_away_before_the_export(tmp_path: Path) -> None:
    short = SCRIBE.twin()
    del short.entries[8:]
    ack = CENTRE.acknowledge(SCRIBE, 11)
    report = audit(KEYS, export(tmp_path / "x", short, witnesses=[("centre", ack)]))
    assert found(report) == {(FaultKind.TRUNCATED, 9)}
    assert report.faults[0].upto == 11
    mark = StreamMark(
        device=SCRIBE.device, epoch=SCRIBE.epoch.hex(), sequence=11, head=SCRIBE.entries[10].head.hex(),
        at=BEGIN + 11 * MINUTE,
    )  # fmt: skip
    without = export(tmp_path / "y", short)
    assert audit(KEYS, without).ok, "the device's word alone"
    assert found(audit(CENTRE.keys(SCRIBE, marks=[mark]), without)) == {(FaultKind.TRUNCATED, 9)}
    later = msgspec.structs.replace(mark, at=BEGIN + timedelta(days=9))
    report = audit(CENTRE.keys(SCRIBE, marks=[later]), without)
    assert report.ok, "written since the file was made"
    assert [(note.sequence, note.upto) for note in report.notes if note.kind is NoteKind.LONGER] == [(9, 11)]


# Witnesses.


def test_another_device_of_the_post_is_a_witness(tmp_path: Path) -> None:
    kiosk = Scribe(device="uto-kiosk-1").many(6)
    keys = CENTRE.keys(SCRIBE, kiosk)
    files = (
        export(tmp_path / "kiosk", kiosk),
        export(tmp_path / "post", SCRIBE, witnesses=[(kiosk.device, kiosk.state(4))]),
    )
    report = audit(keys, *files)
    assert report.ok
    assert (report.streams[0].witnessed_upto, report.streams[0].witnessed_by) == (4, SCRIBE.device)
    rewritten = kiosk.twin()
    del rewritten.entries[2:]
    for number in range(4):
        rewritten.event(f"rather_{number}")
    report = audit(keys, export(tmp_path / "again", rewritten), files[1])
    assert found(report) == {(FaultKind.CLONED, 4)}


def test_witnesses_that_nobody_signed(tmp_path: Path) -> None:
    forged = Centre().acknowledge(SCRIBE, 9)
    own = SCRIBE.state(4)
    report = audit(KEYS, export(tmp_path / "x", SCRIBE, witnesses=[("centre", forged), (SCRIBE.device, own)]))
    assert [fault.kind for fault in report.faults] == [FaultKind.WITNESS, FaultKind.WITNESS]
    assert report.streams[0].witnessed_upto == 0


def test_witnesses_that_the_keys_cannot_check_are_only_noted(tmp_path: Path) -> None:
    witnesses = [("centre", CENTRE.acknowledge(SCRIBE, 9)), ("uto-kiosk-1", Scribe("uto-kiosk-1").many(2).state(2))]
    file = export(tmp_path / "x", SCRIBE, witnesses=witnesses)
    report = audit(AuditKeys({SCRIBE.device: (SCRIBE.public,)}), file)
    assert report.ok
    assert report.streams[0].witnessed_upto == 0
    assert [note.kind for note in report.notes].count(NoteKind.UNCHECKED) == 2


# Epochs.


def test_a_new_epoch_goes_on_from_the_old_one_and_carries_entries(tmp_path: Path) -> None:
    old = SCRIBE
    new = Scribe(key=old.key, now=old.now + 60 * MINUTE)
    new.open(
        EpochReason.RESTORED, previous_epoch=old.epoch, previous_sequence=9,
        previous_head=old.entries[8].head, carried=3,
    )  # fmt: skip
    for entry in old.entries[9:]:
        new.write(entry.body)
    new.event("started")
    report = audit(KEYS, export(tmp_path / "x", old, new))
    assert report.ok, report.faults
    assert [note.kind for note in report.notes] == [NoteKind.EPOCH, NoteKind.EPOCH, NoteKind.CARRIED]
    assert report.streams[1].opened == "restored"


def test_two_machines_with_one_devices_keys_in_two_epochs(tmp_path: Path) -> None:
    """A copy that was put back into service opened an epoch of its own; the original went on all the same."""
    old, new = SCRIBE.twin(), Scribe(key=SCRIBE.key, now=SCRIBE.now)
    new.open(EpochReason.RESTORED, previous_epoch=old.epoch, previous_sequence=12, previous_head=old.head)
    assert NoteKind.PARALLEL not in {note.kind for note in audit(KEYS, export(tmp_path / "x", old, new)).notes}
    for _ in range(5):
        old.event("decided")
    report = audit(KEYS, export(tmp_path / "x", old), export(tmp_path / "y", new))
    assert [(note.file, note.epoch) for note in report.notes if note.kind is NoteKind.PARALLEL] == [
        (1, new.epoch.hex())
    ]


def test_an_epoch_that_goes_on_from_nowhere(tmp_path: Path) -> None:
    new = Scribe(key=SCRIBE.key, now=SCRIBE.now)
    new.open(EpochReason.RESTORED, previous_epoch=SCRIBE.epoch, previous_sequence=9, previous_head=b"x" * 32)
    headless = Scribe(key=SCRIBE.key)
    headless.event("started")
    report = audit(KEYS, export(tmp_path / "x", SCRIBE, new, headless))
    assert [(fault.kind, fault.epoch) for fault in report.faults] == [
        (FaultKind.OPENING, new.epoch.hex()),
        (FaultKind.OPENING, headless.epoch.hex()),
    ]


def test_a_journal_that_begins_with_another_devices_genesis(tmp_path: Path) -> None:
    def change(lines: Lines) -> None:
        lines[1]["previous"] = _base64(chain.genesis("other", SCRIBE.epoch))

    report = audit(KEYS, tampered(export(tmp_path / "x", SCRIBE), change))
    assert (FaultKind.OPENING, 0) in found(report)


# Bodies that are gone, and heads that were signed only now and then.


def test_digests_without_bodies_prove_the_same(file: Path) -> None:
    def change(lines: Lines) -> None:
        for sequence in range(1, 5):
            entry = lines[at(lines, sequence)]
            body, salt = entry.pop("text").encode(), SCRIBE.entries[sequence - 1].salt
            entry["digest"] = _base64(chain.digest(salt, body))
            del entry["salt"]

    report = audit(KEYS, tampered(file, change))
    assert found(report) == set()
    assert (report.streams[0].without_body, report.streams[0].proven_upto) == (4, 12)


def test_entries_between_signatures_are_vouched_for_by_the_next(tmp_path: Path) -> None:
    file = export(tmp_path / "x", SCRIBE, signed_every=5)
    assert (audit(KEYS, file).ok, audit(KEYS, file).streams[0].proven_upto) == (True, 12)

    def edit(lines: Lines) -> None:
        lines[at(lines, 7)]["text"] += " "

    def cut(lines: Lines) -> None:
        del lines[at(lines, 12) : -1]

    report = audit(KEYS, tampered(file, edit))
    assert found(report) == {(FaultKind.EDITED, 7)}
    assert report.streams[0].proven_upto == 5
    report = audit(KEYS, tampered(file, cut))
    assert report.streams[0].proven_upto == 10, "an entry that no signature follows is not proven"


def test_entries_put_in_where_nobody_signs(tmp_path: Path) -> None:
    file = export(tmp_path / "x", SCRIBE, signed_every=5)

    def far(lines: Lines) -> None:
        place = at(lines, 7)
        lines.insert(place, dict(lines[place]) | {"n": 10**9})

    report = audit(KEYS, tampered(file, far))
    assert FaultKind.INSERTED in {kind for kind, _ in found(report)}
    assert (report.streams[0].last, report.streams[0].proven_upto) == (12, 5)


def test_a_proof_of_chosen_entries(tmp_path: Path) -> None:
    file = export(tmp_path / "x", SCRIBE, first=4, last=6, kind=FileKind.PROOF)
    report = audit(KEYS, file)
    assert (report.ok, report.complete, report.files[0].kind) == (True, False, "proof")

    def claim(lines: Lines) -> None:
        lines[0]["kind"] = "export"

    assert FaultKind.SEAL in {fault.kind for fault in audit(KEYS, tampered(file, claim)).faults}


# Keys and files that are none.


def test_keys_go_through_their_file() -> None:
    mark = StreamMark(device="uto-post-1", epoch="ab" * 16, sequence=3, head="cd" * 32, at=BEGIN)
    written = write_keys(
        made_at=BEGIN, root=public_bytes(CENTRE.root), devices={"uto-post-1": [SCRIBE.public, b"x" * 32]},
        documents=[CENTRE.document()], marks=[mark],
    )  # fmt: skip
    keys = read_keys(written)
    assert (keys.of("uto-post-1"), keys.of("other"), keys.marks) == ((SCRIBE.public, b"x" * 32), (), (mark,))
    assert keys.knows_centre
    wrong = read_keys(written.replace(public_bytes(CENTRE.root).hex().encode(), b"ab" * 32))
    assert (wrong.knows_centre, wrong.documents_refused) == (False, 1)


def test_one_public_key_serves_whichever_device_the_file_names(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = SCRIBE.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for keys in (pem, SCRIBE.public.hex().encode() + b"\n"):
        assert audit(read_keys(keys), export(tmp_path / "x", SCRIBE)).ok


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", Malformed),
        (b"zz" * 32, Malformed),
        (b"{}", Malformed),
        (b'{"v":"2.0","made_at":"2027-01-01T00:00:00Z","root":"' + b"ab" * 32 + b'","devices":{}}', Malformed),
        (b"-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----\n", Malformed),
        (b"{" + b" " * (64 * 1024 * 1024), TooLarge),
    ],
)
def test_keys_that_are_none(payload: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_keys(payload)


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", Malformed),
        (b"hello\n", Malformed),
        (b'{"line":"end","segments":0,"entries":0,"witnesses":0,"sha256":"' + b"A" * 43 + b'="}\n', Malformed),
        (
            b'{"line":"journal","v":"2.0","kind":"export","made_at":"2027-01-01T00:00:00Z"}\n',
            (Malformed, UnknownVersion),
        ),
        (b"x" * (LONGEST_LINE + 1), TooLarge),
    ],
)
def test_files_that_are_no_journal(tmp_path: Path, payload: bytes, error: type[Exception]) -> None:
    (tmp_path / "x").write_bytes(payload)
    with pytest.raises(error):
        audit(KEYS, tmp_path / "x")


def test_a_file_of_1_5_is_read_as_ever_and_reported_in_the_same_words() -> None:
    """Whoever reads the report by its names goes on reading it: fields are only added."""
    keys = read_keys((GOLDEN / "journal-keys.json").read_bytes())
    report = msgspec.to_builtins(audit(keys, GOLDEN / "journal.jsonl"))
    golden = msgspec.json.decode((GOLDEN / "journal-report.json").read_bytes())
    assert _within(golden, report)
    assert report["ok"] and report["complete"]


def _within(golden: Any, found: Any) -> bool:
    """Whether everything is still there, under its name and with its value."""
    if isinstance(golden, dict):
        return all(name in found and _within(value, found[name]) for name, value in golden.items())
    if isinstance(golden, list):
        return len(golden) == len(found) and all(map(_within, golden, found))
    return bool(golden == found)


def test_the_contract_package_alone_is_enough(file: Path, tmp_path: Path) -> None:
    """An outsider runs it without any agent or centre; exit codes as the command line's."""
    key = tmp_path / "key"
    key.write_text(SCRIBE.public.hex(), "ascii")
    program = (
        "import sys; from mqtt_schemas.audit.__main__ import main; code = main(sys.argv[1:]);"
        "foreign = [name for name in sys.modules if name.startswith(('border_agent', 'mqtt_schemas.centre'))];"
        "sys.exit(9 if foreign else code)"
    )

    def ran(*words: object) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", program, "--keys", key, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout

    code, said = ran(file)
    assert (code, msgspec.json.decode(said)["streams"][0]["proven_upto"]) == (0, 12)
    assert ran(tampered(file, lambda lines: lines.pop(5)))[0] == 1
    assert ran(key)[0] == ran(tmp_path / "nothing")[0] == 2


def _base64(value: bytes) -> str:
    return msgspec.json.decode(msgspec.json.encode(value), type=str)
