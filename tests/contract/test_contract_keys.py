"""Keys: each signs in its role only, under one root that may be succeeded, and nothing rolls back."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from contract_signers import (
    ACK,
    NOW,
    ROLES,
    ROOT_ONE,
    ROOT_THREE,
    ROOT_TWO,
    TRUST,
    VISAS,
    YEAR,
    keys_document,
    private,
    ring,
    role_key,
    signed_keys,
)
from contract_values import golden
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas import chain, keys
from mqtt_schemas.errors import BadSignature, ContractError, Malformed, RolledBack, UnknownVersion
from mqtt_schemas.messages import RootLink, Signed, decode, encode, encode_body

PINNED = keys.public_bytes(ROOT_ONE)
SIGNERS = {keys.ACK: ACK, "feed:visas": VISAS, "feed:trust": TRUST}
BODY = b'{"v":"1.0"}'


def test_vectors_hold() -> None:
    vectors = golden("vectors.json", "1.0")["keys"]
    one, two = (
        Ed25519PrivateKey.from_private_bytes(_seed(name))
        for name in ("borne golden root one", "borne golden root two")
    )
    assert keys.public_bytes(one).hex() == vectors["root_one"]
    assert keys.link_root(one, keys.public_bytes(two)).signature.hex() == vectors["root_link"]
    ack = Ed25519PrivateKey.from_private_bytes(_seed("borne golden ack"))
    assert keys.key_id(keys.public_bytes(ack)) == vectors["ack_key_id"]
    assert keys.statement(keys.ACK, b"{}").hex() == vectors["statement_of_ack"] == (b"borne/v1/ack\0{}").hex()


def _seed(name: str) -> bytes:
    return sha256(name.encode()).digest()


@pytest.mark.parametrize("role", SIGNERS)
def test_a_role_key_signs_in_its_role(role: str) -> None:
    signed = decode(Signed, encode(keys.sign(SIGNERS[role], role, BODY)))
    assert ring().verify(signed, role) == BODY


@pytest.mark.parametrize("wanted", [*SIGNERS, keys.ROOT, "head", "software", ""])
@pytest.mark.parametrize("claimed", [*SIGNERS, keys.ROOT, "head", "software", ""])
@pytest.mark.parametrize("signer", SIGNERS)
def test_and_in_no_other(signer: str, claimed: str, wanted: str) -> None:
    signed = keys.sign(SIGNERS[signer], claimed, BODY)
    if signer == claimed == wanted:
        return
    with pytest.raises(BadSignature):
        ring().verify(signed, wanted)


@settings(deadline=None)
@given(st.sampled_from(sorted(SIGNERS)), st.sampled_from(sorted(SIGNERS)))
def test_a_signature_does_not_move_to_another_role(made_in: str, passed_off: str) -> None:
    """Also where one key may sign in both roles: the role is part of what is signed."""
    both = keys.KeyRing(keys_document(role_keys=(role_key(ACK, made_in), role_key(ACK, passed_off))))
    moved = msgspec.structs.replace(keys.sign(ACK, made_in, BODY), role=passed_off)
    if made_in == passed_off:
        assert both.verify(moved, passed_off) == BODY
        return
    with pytest.raises(BadSignature):
        both.verify(moved, passed_off)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"body": b""},
        {"signature": bytes(64)},
        {"signature": b""},
        {"key": "0" * 16},
        {"key": keys.key_id(keys.public_bytes(TRUST))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_change_is_found(changes: dict[str, Any]) -> None:
    signed = msgspec.structs.replace(keys.sign(VISAS, "feed:visas", BODY), **changes)
    with pytest.raises(BadSignature):
        ring().verify(signed, "feed:visas")


def test_a_role_that_is_only_claimed_is_refused() -> None:
    """The signature holds in the role wanted, but the document says another of itself."""
    signed = msgspec.structs.replace(keys.sign(ACK, keys.ACK, BODY), role="feed:visas")
    with pytest.raises(BadSignature):
        ring().verify(signed, keys.ACK)
    with pytest.raises(BadSignature):
        keys.KeyRing.open(msgspec.structs.replace(signed_keys(ROOT_ONE), role=keys.ACK), PINNED)


def test_a_key_the_document_does_not_name_signs_nothing() -> None:
    with pytest.raises(BadSignature):
        ring().verify(keys.sign(private("stranger"), keys.ACK, BODY), keys.ACK)


@pytest.mark.parametrize(("days", "holds"), [(-366, False), (-365, True), (0, True), (365, True), (366, False)])
def test_a_key_is_held_to_its_time_where_the_time_is_known(days: int, holds: bool) -> None:
    signed = keys.sign(ACK, keys.ACK, BODY)
    assert ring().verify(signed, keys.ACK) == BODY
    if holds:
        assert ring().verify(signed, keys.ACK, at=NOW + timedelta(days=days)) == BODY
        return
    with pytest.raises(BadSignature):
        ring().verify(signed, keys.ACK, at=NOW + timedelta(days=days))


@pytest.mark.parametrize("role", sorted(keys.RESERVED_ROLES))
def test_reserved_roles_serve_no_key(role: str) -> None:
    """A document that names one still opens: it locks nobody out, the key just counts for nothing."""
    opened = keys.KeyRing.open(signed_keys(ROOT_ONE, role_keys=(*ROLES, role_key(VISAS, role))), PINNED)
    assert opened.verify(keys.sign(ACK, keys.ACK, BODY), keys.ACK) == BODY
    with pytest.raises(BadSignature):
        opened.verify(keys.sign(VISAS, role, BODY), role)


def test_a_signed_body_can_never_be_a_journal_head() -> None:
    head = chain.head_statement("kiosk-01", bytes(16), 1, bytes(32))
    prefix = keys.statement("head", b"")
    assert head.startswith(prefix)
    assert "head" in keys.RESERVED_ROLES
    assert not any(head.startswith(keys.statement(role, b"")) for role in SIGNERS)


# --- the document and its root --------------------------------------------------------------------------------


def test_the_document_opens_under_the_pinned_root() -> None:
    signed = decode(Signed, encode(signed_keys(ROOT_ONE, version=3)))
    opened = keys.KeyRing.open(signed, PINNED)
    assert opened.document == keys_document(version=3)
    assert opened.root == PINNED


def test_an_expired_document_opens_all_the_same() -> None:
    old = msgspec.structs.replace(keys_document(), issued=NOW - 9 * YEAR, expires=NOW - 8 * YEAR)
    opened = keys.KeyRing.open(keys.sign_keys_document(ROOT_ONE, old), PINNED)
    assert opened.document.expires < NOW


@pytest.mark.parametrize("signer", [ROOT_TWO, ACK, private("stranger")])
def test_no_other_key_signs_the_document(signer: Ed25519PrivateKey) -> None:
    with pytest.raises(BadSignature):
        keys.KeyRing.open(signed_keys(signer), PINNED)


def test_a_role_key_cannot_make_itself_root() -> None:
    signed = signed_keys(ACK, role_keys=(role_key(ACK, keys.ROOT), *ROLES))
    with pytest.raises(BadSignature):
        keys.KeyRing.open(signed, PINNED)


def test_the_document_in_another_role_is_refused() -> None:
    with pytest.raises(BadSignature):
        keys.KeyRing.open(keys.sign(ROOT_ONE, keys.ACK, encode_body(keys_document())), PINNED)


@pytest.mark.parametrize(("at_least", "holds"), [(0, True), (4, True), (5, True), (6, False), (2**63 - 1, False)])
def test_the_document_never_rolls_back(at_least: int, holds: bool) -> None:
    signed = signed_keys(ROOT_ONE, version=5)
    if holds:
        assert keys.KeyRing.open(signed, PINNED, at_least=at_least).document.version == 5
        return
    with pytest.raises(RolledBack):
        keys.KeyRing.open(signed, PINNED, at_least=at_least)


def test_a_forged_document_is_refused_before_its_version_is_looked_at() -> None:
    with pytest.raises(BadSignature):
        keys.KeyRing.open(signed_keys(ROOT_TWO, version=1), PINNED, at_least=5)


def test_a_key_under_another_keys_id_is_refused() -> None:
    wrong = msgspec.structs.replace(ROLES[0], key=ROLES[1].key)
    with pytest.raises(BadSignature):
        keys.KeyRing.open(signed_keys(ROOT_ONE, role_keys=(wrong,)), PINNED)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", Malformed),
        (b"[]", Malformed),
        (b'{"v":"2.0"}', UnknownVersion),
        (b'{"v":"1.0"}', Malformed),
        (b"\xff", Malformed),
    ],
)
def test_a_body_that_is_no_keys_document(body: bytes, error: type[ContractError]) -> None:
    with pytest.raises(error):
        keys.KeyRing.open(keys.sign(ROOT_ONE, keys.ROOT, body), PINNED)


# --- succession -------------------------------------------------------------------------------------------------

TO_TWO = keys.link_root(ROOT_ONE, keys.public_bytes(ROOT_TWO))
TO_THREE = keys.link_root(ROOT_TWO, keys.public_bytes(ROOT_THREE))


@pytest.mark.parametrize("pinned", [ROOT_ONE, ROOT_TWO, ROOT_THREE], ids=["first", "second", "third"])
def test_whoever_pinned_any_root_follows_to_the_newest(pinned: Ed25519PrivateKey) -> None:
    signed = signed_keys(ROOT_THREE, roots=(TO_TWO, TO_THREE))
    opened = keys.KeyRing.open(signed, keys.public_bytes(pinned))
    assert opened.root == keys.public_bytes(ROOT_THREE)


def test_a_root_that_was_succeeded_signs_nothing_more_where_the_newest_is_pinned() -> None:
    newest = keys.KeyRing.open(signed_keys(ROOT_TWO, version=2, roots=(TO_TWO,)), PINNED).root
    for roots in ((), (TO_TWO,)):
        with pytest.raises(BadSignature):
            keys.KeyRing.open(signed_keys(ROOT_ONE, version=9, roots=roots), newest)


def test_a_succeeded_root_does_not_sign_a_document_that_names_its_successor() -> None:
    with pytest.raises(BadSignature):
        keys.KeyRing.open(signed_keys(ROOT_ONE, roots=(TO_TWO,)), PINNED)


@pytest.mark.parametrize(
    "roots",
    [
        (),
        (TO_THREE,),
        (TO_THREE, TO_TWO),
        (RootLink(public=TO_TWO.public, signature=bytes(64)), TO_THREE),
        (TO_TWO, RootLink(public=TO_THREE.public, signature=TO_TWO.signature)),
        (keys.link_root(private("stranger"), keys.public_bytes(ROOT_TWO)), TO_THREE),
        (RootLink(public=b"\xff" * 32, signature=TO_TWO.signature), TO_THREE),
        (TO_TWO, TO_THREE) * 33,
    ],
    ids=["none", "gap", "reversed", "no signature", "another's signature", "stranger's", "no point", "too many"],
)
def test_a_broken_succession_is_refused(roots: tuple[RootLink, ...]) -> None:
    with pytest.raises(BadSignature):
        keys.KeyRing.open(signed_keys(ROOT_THREE, roots=roots), PINNED)


@pytest.mark.parametrize(("number", "holds"), [(64, True), (65, False)])
def test_successions_have_an_end(number: int, holds: bool) -> None:
    roots = [private(f"root {index}") for index in range(number + 1)]
    links = [keys.link_root(old, keys.public_bytes(new)) for old, new in pairwise(roots)]
    if holds:
        assert keys.newest_root(keys.public_bytes(roots[0]), links) == keys.public_bytes(roots[-1])
        return
    with pytest.raises(BadSignature):
        keys.newest_root(keys.public_bytes(roots[0]), links)


def test_a_link_is_not_a_document_signature() -> None:
    """The old root's word for a new one cannot be passed off as a signed body, nor the other way round."""
    passed_off = Signed(
        role=keys.ROOT, key=keys.key_id(PINNED), body=keys.public_bytes(ROOT_TWO), signature=TO_TWO.signature
    )
    with pytest.raises(ContractError):
        keys.KeyRing.open(passed_off, PINNED)
    as_link = RootLink(
        public=keys.public_bytes(ROOT_TWO), signature=keys.sign(ROOT_ONE, keys.ROOT, TO_TWO.public).signature
    )
    with pytest.raises(BadSignature):
        keys.newest_root(PINNED, [as_link])
