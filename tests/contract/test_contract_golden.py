"""Bytes written by version 1.0, kept for ever: a later minor version must read them and find the same in them.

A new minor version adds a folder beside `1.0` with fixtures of what it adds; none here may change.
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

from mqtt_schemas import codec, feeds, keys, messages, publish, records

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
    for form in ("full", "least"):
        assert (GOLDEN / "1.0" / name.replace(".json", f".{form}.json")).is_file()


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


def test_wire_bytes_of_this_version_are_still_those_of_old() -> None:
    """Writers of the same minor version write the same bytes: field names, order and encoding included."""
    wire = golden("wire.json", messages.VERSION)
    kinds = {"state": messages.State, "pull": messages.Pull, "journal_batch": messages.JournalBatch}
    kinds |= {"feed_chunk": messages.FeedChunk, "keys": messages.Signed, "feed_head": messages.Signed}
    for name, kind in kinds.items():
        payload = bytes.fromhex(wire[name])
        assert messages.encode(messages.decode(kind, payload)) == payload
