"""Bytes written by version 1.0, kept for ever: a later minor version must read them and find the same in them.

A new minor version adds a folder beside `1.0` with fixtures of what it adds; none of an older one may change.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from contract_values import GOLDEN, PUBLISHED, golden, read
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mqtt_schemas import (
    activation,
    certificates,
    codec,
    enrolment,
    entries,
    feeds,
    keys,
    messages,
    post,
    publish,
    records,
    sealing,
)

SINCE_1_2 = {
    "entry-late-entry.json",
    "entry-correction.json",
    "entry-officer-act.json",
    "record-officer.json",
    "record-device.json",
    "message-activation-secret.json",
    *(name for name in PUBLISHED if name.startswith("post-")),
}
"""Kinds that 1.2 added."""
SINCE_1_3 = {name for name in PUBLISHED if name.startswith("message-enrolment-")}
"""Kinds that 1.3 added."""
SINCE_1_4 = {"record-csca.json"}
"""Kinds that 1.4 added."""
SINCE_1_5 = {"message-evidence-piece.json", "message-evidence-ack.json", "record-stay.json"}
"""Kinds that 1.5 added; every other one is of 1.0."""

FIXTURES = sorted(path for path in GOLDEN.glob("*/*.json") if path.name.split(".")[0] + ".json" in PUBLISHED)


def _kept(old: Any, now: Any, where: str = "$") -> None:
    """Everything the old value says is said by the new one; the new one may say more."""
    if isinstance(old, dict):
        for name, value in old.items():
            assert name in now, f"{where}.{name} is gone"
            _kept(value, now[name], f"{where}.{name}")
    elif isinstance(old, list):
        assert len(old) == len(now), where
        for index, value in enumerate(old):
            _kept(value, now[index], f"{where}[{index}]")
    else:
        assert old == now, where


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_old_bytes_are_read_and_mean_the_same(path: Path) -> None:
    raw = path.read_bytes()
    name = path.name.split(".")[0] + ".json"
    message = read(PUBLISHED[name], raw)
    _kept(json.loads(raw), json.loads(msgspec.json.encode(message)))
    schema = json.loads((publish.FOLDER / name).read_text(encoding="utf-8"))
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(json.loads(raw))


def test_a_policy_of_1_0_asks_nothing_and_one_of_1_1_does() -> None:
    old = msgspec.json.decode((GOLDEN / "1.0" / "record-policy.full.json").read_bytes(), type=records.Policy)
    new = msgspec.json.decode((GOLDEN / "1.1" / "record-policy.full.json").read_bytes(), type=records.Policy)
    assert old.questions == ()
    assert [(question.key.value, question.choices) for question in new.questions] == [
        ("purpose", ("tourism", "business", "family")),
        ("address", ()),
    ]
    assert msgspec.structs.replace(new, questions=()) == old


def test_a_question_of_a_newer_minor_is_read_as_unknown() -> None:
    raw = (GOLDEN / "1.1" / "record-policy.full.json").read_bytes().replace(b'"address"', b'"shoe_size"')
    policy = feeds.read_record(records.Policy, raw)
    assert [question.key for question in policy.questions] == [
        records.QuestionKey.PURPOSE,
        records.QuestionKey.UNKNOWN,
    ]


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_kind_has_its_fixtures(name: str) -> None:
    later = {"1.5": SINCE_1_5, "1.4": SINCE_1_4, "1.3": SINCE_1_3, "1.2": SINCE_1_2}
    since = next((version for version, names in later.items() if name in names), "1.0")
    for form in ("full", "least"):
        assert (GOLDEN / since / name.replace(".json", f".{form}.json")).is_file()


def test_what_1_2_added_is_least_where_older_bytes_do_not_say_it() -> None:
    movement = entries.read_entry((GOLDEN / "1.0" / "entry-movement.full.json").read_bytes())
    assert isinstance(movement, entries.Movement)
    assert (movement.second_officer, movement.origin, movement.grounds, movement.overstay_days) == ("", "", (), 0)
    newer = entries.read_entry((GOLDEN / "1.2" / "entry-movement.full.json").read_bytes())
    assert isinstance(newer, entries.Movement)
    assert (newer.second_officer, newer.origin, newer.overstay_days) == ("0388", "kiosk-07", 12)
    assert newer.grounds == ("visa_not_valid", "stay_used_up")
    policy = feeds.read_record(records.Policy, (GOLDEN / "1.1" / "record-policy.full.json").read_bytes())
    assert (policy.second_officer, policy.credential_days, policy.notice) == ((), 45, {})
    assert (policy.idle_lock_minutes, policy.session_hours) == (5, 12)


def test_a_policy_before_1_4_wants_chips_where_they_can_be_had_and_requires_none() -> None:
    old = feeds.read_record(records.Policy, (GOLDEN / "1.2" / "record-policy.full.json").read_bytes())
    assert old.chip == records.ChipPolicy(
        wanted=records.ChipWish.WHEN_POSSIBLE, required_for=(), bac_after_failed_pace=False, extra_files=()
    )
    new = feeds.read_record(records.Policy, (GOLDEN / "1.4" / "record-policy.full.json").read_bytes())
    assert new.chip == records.ChipPolicy(
        wanted=records.ChipWish.ALWAYS,
        required_for=("UTO", "D"),
        bac_after_failed_pace=True,
        extra_files=("DG11", "DG12"),
    )
    assert msgspec.structs.replace(new, chip=old.chip) == old


def test_a_wish_of_a_newer_minor_is_read_as_unknown() -> None:
    raw = (GOLDEN / "1.4" / "record-policy.full.json").read_bytes().replace(b'"always"', b'"on_tuesdays"')
    assert feeds.read_record(records.Policy, raw).chip.wanted is records.ChipWish.UNKNOWN


def test_entries_before_1_4_say_nothing_of_a_chip() -> None:
    for kind in (entries.Movement, entries.Inspection):
        name = f"entry-{publish.words(kind)}.full.json"
        old = entries.read_entry((GOLDEN / "1.2" / name).read_bytes())
        new = entries.read_entry((GOLDEN / "1.4" / name).read_bytes())
        assert isinstance(old, kind)
        assert isinstance(new, kind)
        assert old.chip is None
        assert old.document is not None
        assert old.document.source == ""
        assert new.chip is not None
        assert (new.chip.outcome, new.chip.passive, new.chip.agrees) == ("read", "trusted", True)
        assert new.document is not None
        assert new.document.source == "camera"


def test_what_1_5_added_is_least_where_older_bytes_do_not_say_it() -> None:
    old = feeds.read_record(records.VisaRecord, (GOLDEN / "1.0" / "record-visa.full.json").read_bytes())
    assert (old.used, old.template, old.template_scale, old.template_model) == ((), b"", 0.0, "")
    new = feeds.read_record(records.VisaRecord, (GOLDEN / "1.5" / "record-visa.full.json").read_bytes())
    assert [(use.device, use.post) for use in new.used] == [("post-douala-3", "douala-port"), ("kiosk-01", "")]
    assert (len(new.used), len(new.template), new.template_scale) == (new.uses, 128, 0.0021)
    policy = feeds.read_record(records.Policy, (GOLDEN / "1.4" / "record-policy.full.json").read_bytes())
    assert (policy.evidence_days, policy.journal_days) == (None, None)
    opened = entries.read_entry((GOLDEN / "1.0" / "entry-epoch-opened.full.json").read_bytes())
    assert isinstance(opened, entries.EpochOpened)
    assert opened.carried == 0
    ack = messages.decode_body(messages.Ack, (GOLDEN / "1.0" / "message-ack.full.json").read_bytes())
    assert ack.reads == ()
    pull = messages.decode(messages.Pull, (GOLDEN / "1.0" / "message-pull.full.json").read_bytes())
    assert (pull.sealed, pull.window) == (False, 0)
    state = messages.decode_body(post.PostState, (GOLDEN / "1.2" / "post-state.full.json").read_bytes())
    assert (state.journal_epoch, state.journal_sequence, state.journal_head) == (None, 0, None)


def test_a_reason_of_a_newer_minor_is_read_as_unknown() -> None:
    raw = (GOLDEN / "1.5" / "entry-epoch-opened.full.json").read_bytes().replace(b'"damaged"', b'"on_a_whim"')
    opened = entries.read_entry(raw)
    assert isinstance(opened, entries.EpochOpened)
    assert (opened.reason, opened.carried) == (entries.EpochReason.UNKNOWN, 17)


def test_a_second_officers_act_of_a_newer_minor_is_read_as_unknown() -> None:
    raw = (GOLDEN / "1.2" / "record-policy.full.json").read_bytes().replace(b'"late_entry"', b'"exports"')
    policy = feeds.read_record(records.Policy, raw)
    assert policy.second_officer == (records.FourEyes.ADMIT_OVER_REFUSE, records.FourEyes.UNKNOWN)


def test_entries_of_1_2_keep_their_place_with_an_older_reader() -> None:
    """To 1.1 they are of an unknown kind, which has a name all the same."""
    for kind in ("late_entry", "correction", "officer_act"):
        body = (GOLDEN / "1.2" / f"entry-{kind.replace('_', '-')}.full.json").read_bytes()
        assert entries.entry_kind(body) == kind


def test_statements_of_1_2_are_believed() -> None:
    vectors = golden("vectors-post.json", "1.2")
    public = bytes.fromhex(vectors["public"])
    for word, signed in vectors["signed"].items():
        channel = post.PostChannel(vectors["channels"][word])
        message = messages.decode(messages.Signed, bytes.fromhex(signed))
        body = post.open_statement(message, channel, vectors["device"], public)
        _kept(golden(f"post-{word}.full.json", "1.2"), json.loads(messages.encode_body(body)))


def test_a_box_of_1_2_is_opened() -> None:
    vectors = golden("vectors-sealing.json", "1.2")
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["private"]))
    plain = sealing.open_sealed(key, vectors["context"], bytes.fromhex(vectors["box"]))
    assert plain.decode() == vectors["plain"]
    officer = feeds.read_record(records.OfficerRecord, (GOLDEN / "1.2" / "record-officer.full.json").read_bytes())
    secret = activation.open_activation(key, officer, "post-douala-3")
    assert secret == messages.decode_body(activation.ActivationSecret, plain)


def test_an_enrolment_of_1_3_is_believed() -> None:
    vectors = golden("vectors-enrolment.json", "1.3")
    opened = enrolment.open_request(bytes.fromhex(vectors["request"]))
    assert (opened.request.device, opened.code) == (vectors["device"], vectors["code"])
    assert certificates.public_der(opened.tls).hex() == vectors["tls"]
    tls, server = (load_der_public_key(bytes.fromhex(vectors[name])) for name in ("tls", "server"))
    own = enrolment.Own(
        device=vectors["device"],
        post=vectors["post"],
        journal_key=bytes.fromhex(vectors["journal"]),
        sealing_key=bytes.fromhex(vectors["sealing"]),
        tls=tls,  # type: ignore[arg-type]
        server=server,  # type: ignore[arg-type]
        root=bytes.fromhex(vectors["root"]),
        authority=(certificates.load_certificate(bytes.fromhex(vectors["authority"])),),
    )
    answer = enrolment.open_answer(bytes.fromhex(vectors["answer"]))
    believed = enrolment.believe(answer, own, datetime.fromisoformat(vectors["at"]))
    assert (believed.bundle.number, believed.keys_version) == (vectors["answer_number"], vectors["answer_keys"])
    assert believed.bundle.request == opened.digest


def test_old_wire_bytes_are_believed_from_root_to_rows() -> None:
    """A whole exchange recorded under 1.0: keys, a head, a chunk, a batch, an acknowledgement."""
    wire = {name: bytes.fromhex(text) for name, text in golden("wire.json", "1.0").items()}
    vectors = golden("vectors.json", "1.0")
    at = datetime(2026, 3, 14, 12, tzinfo=UTC)

    pinned = bytes.fromhex(vectors["keys"]["root_one"])
    ring = keys.KeyRing.open(messages.decode(messages.Signed, wire["keys"]), pinned, at_least=7)
    assert ring.root.hex() == vectors["keys"]["root_two"]

    head = feeds.open_head(messages.decode(messages.Signed, wire["feed_head"]), "visas", ring, at_least=2)
    chunk = messages.decode(messages.FeedChunk, wire["feed_chunk"])
    rows = codec.open_chunk(chunk)
    assert [row.hex() for row in rows] == [change["change"] for change in vectors["feed"]["changes"]]
    feeds.prove_changes(0, feeds.feed_genesis("visas"), rows, head)

    journal = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vectors["journal_key"]["public"]))
    batch = messages.decode(messages.JournalBatch, wire["journal_batch"])
    assert batch.previous.hex() == vectors["genesis"]
    proved = codec.prove_batch(batch, codec.SecretTable(), journal)
    assert [entry.body.hex() for entry in proved] == [entry["body"] for entry in vectors["entries"]]
    assert [entry.head.hex() for entry in proved] == [entry["head"] for entry in vectors["entries"]]

    table = codec.SecretTable()
    table.add(batch.secrets)
    second = messages.decode(messages.JournalBatch, wire["journal_batch_second"])
    assert codec.prove_batch(second, table, journal)[-1].head == batch.head

    signed = messages.decode(messages.Signed, wire["ack"])
    ack = messages.decode_body(messages.Ack, ring.verify(signed, keys.ACK, at=at))
    assert (ack.upto, ack.head, ack.want, ack.problem) == (5, batch.head, 6, messages.Problem.GAP)

    state = messages.decode(messages.State, wire["state"])
    assert (state.sequence, state.head, state.nonce) == (5, batch.head, ack.nonce)
    assert messages.decode(messages.Pull, wire["pull"]).limit == 4096


def test_wire_bytes_of_1_5_are_believed() -> None:
    """A batch by columns, an acknowledgement that says what is read, a piece of evidence and its acknowledgement."""
    wire = {name: bytes.fromhex(text) for name, text in golden("wire.json", "1.5").items()}
    vectors, keys_1_5 = golden("vectors.json", "1.0"), golden("vectors-columns.json", "1.5")
    batch = messages.decode(messages.JournalBatch, wire["journal_batch"])
    assert (batch.v, batch.encoding) == ("1.5", messages.Encoding.COLUMNS_ZSTD.value)
    journal = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vectors["journal_key"]["public"]))
    proved = codec.prove_batch(batch, codec.SecretTable(), journal)
    assert [entry.head.hex() for entry in proved] == [entry["head"] for entry in vectors["entries"][:3]]

    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys_1_5["ack_key"]))
    for name in ("ack", "evidence_ack"):
        signed = messages.decode(messages.Signed, wire[name])
        public.verify(signed.signature, keys.statement(keys.ACK, signed.body))
    ack = messages.decode_body(messages.Ack, messages.decode(messages.Signed, wire["ack"]).body)
    assert (ack.upto, ack.head, ack.reads) == (3, batch.head, codec.READS)
    piece = messages.decode(messages.EvidencePiece, wire["evidence_piece"])
    held = messages.decode_body(messages.EvidenceAck, messages.decode(messages.Signed, wire["evidence_ack"]).body)
    assert (held.sha256, held.upto, held.whole) == (piece.sha256, piece.offset + len(piece.data), False)
    assert (piece.epoch, piece.sequence, piece.kind) == (batch.epoch, 3, "live")
    pull = messages.decode(messages.Pull, wire["pull"])
    assert (pull.sealed, pull.window) == (True, 4)


def test_wire_bytes_of_this_version_are_still_those_of_old() -> None:
    """Writers of the same minor version write the same bytes: field names, order and encoding included."""
    wire = golden("wire.json", messages.VERSION)
    kinds = {"state": messages.State, "pull": messages.Pull, "journal_batch": messages.JournalBatch}
    kinds |= {"feed_chunk": messages.FeedChunk, "keys": messages.Signed, "feed_head": messages.Signed}
    kinds |= {"evidence_piece": messages.EvidencePiece, "evidence_ack": messages.Signed, "ack": messages.Signed}
    assert wire.keys() == kinds.keys()
    for name, kind in kinds.items():
        payload = bytes.fromhex(wire[name])
        assert messages.encode(messages.decode(kind, payload)) == payload
