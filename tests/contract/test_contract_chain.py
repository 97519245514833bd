"""The chain: its formulas by fixed vectors and by a second reckoning, and what it finds."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec
import pytest
from contract_signers import DEVICE, EPOCH, JOURNAL, Stream, private, secret
from contract_values import golden
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas import chain, codec, feeds
from mqtt_schemas.errors import BadSignature, ChainBroken, ContractError, Malformed
from mqtt_schemas.messages import JournalBatch

PUBLIC = JOURNAL.public_key()


@pytest.fixture(scope="module")
def vectors() -> Any:
    # Of the first minor version, for ever: none of this may change within the major one.
    return golden("vectors.json", "1.0")


def _secret_of(vectors: Any, sequence: int) -> bytes:
    serving = [item for item in vectors["secrets"] if item["first"] <= sequence][-1]
    return bytes.fromhex(serving["secret"])


@settings(deadline=None)
@given(
    secret=st.binary(min_size=32, max_size=32),
    epoch=st.binary(min_size=16, max_size=16),
    sequences=st.lists(st.integers(1, chain.LAST_SEQUENCE), min_size=1, max_size=5),
)
def test_salts_one_after_the_other_are_those_of_the_formula(
    secret: bytes, epoch: bytes, sequences: list[int]
) -> None:
    salts = chain.Salts(secret, epoch)
    for sequence in sequences:
        said = b"borne/v1/salt\0" + epoch + sequence.to_bytes(8, "big")
        assert salts.of(sequence) == chain.salt(secret, epoch, sequence) == hmac.digest(secret, said, "sha256")


@pytest.mark.parametrize(("secret", "epoch"), [(31, 16), (33, 16), (64, 16), (32, 15), (32, 17)])
def test_salts_of_another_size_are_none(secret: int, epoch: int) -> None:
    with pytest.raises(ValueError, match="bytes instead of"):
        chain.Salts(bytes(secret), bytes(epoch))


def test_vectors_hold(vectors: Any) -> None:
    device, epoch = vectors["device"], bytes.fromhex(vectors["epoch"])
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["journal_key"]["seed"]))
    head = chain.genesis(device, epoch)
    assert head.hex() == vectors["genesis"]
    for entry in vectors["entries"]:
        sequence, body = entry["sequence"], bytes.fromhex(entry["body"])
        salt = chain.salt(_secret_of(vectors, sequence), epoch, sequence)
        assert salt.hex() == entry["salt"]
        assert chain.digest(salt, body).hex() == entry["digest"]
        assert chain.extend(head, epoch, sequence, _secret_of(vectors, sequence), body).hex() == entry["head"]
        head = chain.link(head, sequence, chain.digest(salt, body))
        assert head.hex() == entry["head"]
        assert chain.head_statement(device, epoch, sequence, head).hex() == entry["statement"]
        assert chain.sign_head(key, device, epoch, sequence, head).hex() == entry["signature"]


def test_vectors_hold_by_the_published_formulas_alone(vectors: Any) -> None:
    """A second reckoning, as another team would write it from README.md, without the package."""
    device, epoch = vectors["device"].encode(), bytes.fromhex(vectors["epoch"])
    head = hashlib.sha256(b"borne/v1/epoch\x00" + epoch + device).digest()
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vectors["journal_key"]["public"]))
    for entry in vectors["entries"]:
        number = entry["sequence"].to_bytes(8, "big")
        salt = hmac.new(
            _secret_of(vectors, entry["sequence"]), b"borne/v1/salt\x00" + epoch + number, hashlib.sha256
        ).digest()
        digest = hashlib.sha256(salt + bytes.fromhex(entry["body"])).digest()
        head = hashlib.sha256(head + number + digest).digest()
        assert head.hex() == entry["head"]
        statement = b"borne/v1/head\x00" + epoch + number + head + device
        public.verify(bytes.fromhex(entry["signature"]), statement)


def test_feed_vectors_hold(vectors: Any) -> None:
    feed = vectors["feed"]
    head = feeds.feed_genesis(feed["name"])
    assert head.hex() == feed["genesis"] == hashlib.sha256(b"borne/v1/feed\x00visas").hexdigest()
    for row in feed["changes"]:
        change = bytes.fromhex(row["change"])
        assert feeds.extend_feed(head, row["version"], change).hex() == row["head"]
        inner = hashlib.sha256(change).digest()
        head = hashlib.sha256(head + row["version"].to_bytes(8, "big") + inner).digest()
        assert head.hex() == row["head"]


@settings(deadline=None)
@given(
    secrets=st.tuples(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32)),
    sequences=st.tuples(st.integers(1, chain.LAST_SEQUENCE), st.integers(1, chain.LAST_SEQUENCE)),
    body=st.binary(max_size=64),
)
def test_salts_hide_equal_bodies(secrets: tuple[bytes, bytes], sequences: tuple[int, int], body: bytes) -> None:
    digests = {
        chain.digest(chain.salt(each, EPOCH, sequence), body) for each in set(secrets) for sequence in set(sequences)
    }
    assert len(digests) == len(set(secrets)) * len(set(sequences))
    other_epoch = bytes(15) + b"\xff"
    assert chain.salt(secrets[0], EPOCH, 1) != chain.salt(secrets[0], other_epoch, 1)


def test_a_stream_belongs_to_its_device_and_epoch() -> None:
    heads = {chain.genesis(device, epoch) for device in ("kiosk-01", "kiosk-02") for epoch in (EPOCH, bytes(16))}
    assert len(heads) == 4


@pytest.mark.parametrize("sequence", [0, -1, 2**63, 2**64])
def test_sequences_out_of_range(sequence: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        chain.sequence_bytes(sequence)


def test_values_of_a_wrong_size_are_never_signed_or_hashed() -> None:
    with pytest.raises(ValueError, match="epoch has 15"):
        chain.genesis(DEVICE, bytes(15))
    with pytest.raises(ValueError, match="epoch has 17"):
        chain.head_statement(DEVICE, bytes(17), 1, bytes(32))
    with pytest.raises(ValueError, match="head has 31"):
        chain.head_statement(DEVICE, EPOCH, 1, bytes(31))


def test_fresh_epochs_and_secrets_differ() -> None:
    assert len({chain.new_epoch() for _ in range(50)}) == 50
    assert len({chain.new_secret() for _ in range(50)}) == 50
    assert len(chain.new_epoch()) == chain.EPOCH_BYTES
    assert len(chain.new_secret()) == chain.SECRET_BYTES


@pytest.mark.parametrize("other", ["device", "epoch", "sequence", "head", "key", "signature", "short"])
def test_a_head_signature_stands_for_exactly_one_statement(other: str) -> None:
    head = b"\x01" * 32
    signature = chain.sign_head(JOURNAL, DEVICE, EPOCH, 5, head)
    chain.verify_head(PUBLIC, DEVICE, EPOCH, 5, head, signature)
    with pytest.raises(BadSignature):
        chain.verify_head(
            private("another").public_key() if other == "key" else PUBLIC,
            "kiosk-02" if other == "device" else DEVICE,
            bytes(16) if other == "epoch" else EPOCH,
            6 if other == "sequence" else 5,
            b"\x02" * 32 if other == "head" else head,
            bytes(64) if other == "signature" else signature[:63] if other == "short" else signature,
        )


# --- batches: everything that can be done to a journal is found ---------------------------------------------

BODIES = [b'{"n":%d}' % number for number in range(1, 9)]
STREAM = Stream(BODIES, secret_firsts=(1, 4))


def known_before(first: int) -> codec.SecretTable:
    table = codec.SecretTable()
    table.add(STREAM.secrets.between(1, first - 1))
    return table


def test_an_honest_batch_is_proved() -> None:
    for first, last in ((1, 8), (1, 1), (3, 5), (5, 8), (8, 8)):
        proved = codec.prove_batch(STREAM.batch(first, last), known_before(first), PUBLIC)
        assert [entry.sequence for entry in proved] == list(range(first, last + 1))
        assert [entry.body for entry in proved] == BODIES[first - 1 : last]
        assert [entry.head for entry in proved] == STREAM.heads[first : last + 1]


def _repacked(batch: JournalBatch, bodies: list[bytes], **changes: Any) -> JournalBatch:
    rows, unpacked = codec.pack_rows(bodies)
    return msgspec.structs.replace(batch, rows=rows, unpacked=unpacked, count=len(bodies), **changes)


HONEST = STREAM.batch(3, 7)
ROWS = BODIES[2:7]


@pytest.mark.parametrize(
    ("tampering", "bodies"),
    [
        ("edit", [ROWS[0], b'{"n":99}', *ROWS[2:]]),
        ("one bit", [*ROWS[:4], bytes([ROWS[4][0] ^ 1]) + ROWS[4][1:]]),
        ("delete", [ROWS[0], *ROWS[2:]]),
        ("insert", [*ROWS[:2], b"{}", *ROWS[2:]]),
        ("reorder", [ROWS[1], ROWS[0], *ROWS[2:]]),
        ("truncate", ROWS[:-1]),
        ("duplicate", [*ROWS, ROWS[-1]]),
        ("empty body", [*ROWS[:4], b""]),
        ("joined", [ROWS[0] + ROWS[1], *ROWS[2:]]),
    ],
)
def test_tampering_with_entries_is_found(tampering: str, bodies: list[bytes]) -> None:
    with pytest.raises(ChainBroken):
        codec.prove_batch(_repacked(HONEST, bodies), known_before(3), PUBLIC)


def test_truncation_with_the_head_moved_back_needs_the_devices_key() -> None:
    short = _repacked(HONEST, ROWS[:-1], head=STREAM.heads[6])
    with pytest.raises(BadSignature):
        codec.prove_batch(short, known_before(3), PUBLIC)


@pytest.mark.parametrize(
    "changes",
    [
        {"previous": bytes(32)},
        {"previous": STREAM.heads[1]},
        {"head": bytes(32)},
        {"head": STREAM.heads[6]},
        {"epoch": bytes(16)},
        {"first": 2},
        {"first": 4},
        {"device": "kiosk-02"},
        {"signature": bytes(64)},
        {"signature": STREAM.batch(3, 6).signature},
        {"secrets": ()},
        {"secrets": (secret(4),)},
        {"secrets": (*HONEST.secrets, secret(6))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_tampering_with_what_surrounds_them_is_found(changes: dict[str, Any]) -> None:
    with pytest.raises((ChainBroken, BadSignature, Malformed)):
        codec.prove_batch(msgspec.structs.replace(HONEST, **changes), known_before(3), PUBLIC)


def test_another_devices_key_proves_nothing() -> None:
    with pytest.raises(BadSignature):
        codec.prove_batch(HONEST, known_before(3), private("another").public_key())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_other_entries_have_the_same_head(data: st.DataObject) -> None:
    bodies = data.draw(st.lists(st.sampled_from(BODIES) | st.binary(max_size=6), min_size=1, max_size=7))
    if bodies == ROWS:
        return
    with pytest.raises(ContractError):
        codec.prove_batch(_repacked(HONEST, bodies), known_before(3), PUBLIC)


# --- secrets ---------------------------------------------------------------------------------------------------


def test_a_secret_no_entry_vouches_for_is_refused() -> None:
    """A broker could add one to an honest batch; kept, it would make a later honest batch fail."""
    for stray in (secret(2), secret(8), secret(2**63 - 1)):
        spoiled = msgspec.structs.replace(HONEST, secrets=(*HONEST.secrets, stray))
        with pytest.raises(Malformed):
            codec.prove_batch(spoiled, known_before(3), PUBLIC)


def test_secrets_twice_or_out_of_order_are_refused() -> None:
    whole = STREAM.batch(1, 8)
    own = whole.secrets
    for secrets in ((own[1], own[0]), (own[0], own[0], own[1]), (own[0], own[1], secret(4))):
        with pytest.raises(Malformed):
            codec.prove_batch(msgspec.structs.replace(whole, secrets=secrets), codec.SecretTable(), PUBLIC)


def test_proving_leaves_the_callers_table_alone() -> None:
    table = known_before(3)
    codec.prove_batch(HONEST, table, PUBLIC)
    with pytest.raises(ChainBroken):
        codec.prove_batch(_repacked(HONEST, ROWS[::-1]), table, PUBLIC)
    assert table.between(1, 100) == STREAM.secrets.between(1, 2)


def test_a_known_secret_is_not_replaced() -> None:
    table = codec.SecretTable({4: b"\x01" * 32})
    table.add([secret(4, b"\x02" * 32), secret(9, b"\x03" * 32)])
    assert table.find(3) is None
    assert table.find(4) == table.find(8) == b"\x01" * 32
    assert table.find(9) == table.find(2**63 - 1) == b"\x03" * 32


@settings(deadline=None)
@given(st.dictionaries(st.integers(1, 60), st.binary(min_size=32, max_size=32)), st.integers(1, 70))
def test_the_newest_secret_begun_serves(secrets: dict[int, bytes], sequence: int) -> None:
    table = codec.SecretTable()
    for first, value in secrets.items():
        table.add([secret(first, value)])
    begun = [first for first in secrets if first <= sequence]
    assert table.find(sequence) == (secrets[max(begun)] if begun else None)


def test_entries_beyond_the_last_sequence_are_refused() -> None:
    beyond = msgspec.structs.replace(HONEST, first=chain.LAST_SEQUENCE, secrets=())
    with pytest.raises(Malformed):
        codec.prove_batch(beyond, known_before(3), PUBLIC)
