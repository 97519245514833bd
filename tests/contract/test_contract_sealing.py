"""Sealing and activations: one device opens what was sealed to it, for what it was sealed for."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from contract_values import NOON, instances
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas import activation
from mqtt_schemas.activation import ActivationSecret, open_activation, seal_activation, shown_code, typed_code
from mqtt_schemas.errors import ContractError, Malformed, NotOpened, UnknownVersion
from mqtt_schemas.messages import encode_body
from mqtt_schemas.records import OfficerRecord, SealedActivation
from mqtt_schemas.sealing import open_sealed, seal, sealing_public


def key(name: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(sha256(b"borne test " + name.encode()).digest())


OURS, OTHER = key("post-2"), key("post-3")
SECRET = ActivationSecret(
    number="0471", activation="00ff" * 4, code="7M2QXK90ZVTA", totp_secret=bytes(range(20)), not_after=NOON
)


def officer(box: bytes, **changes: object) -> OfficerRecord:
    record = OfficerRecord(
        number="0471",
        name="NGO BASSA",
        roles=(),
        posts=("douala-port",),
        activation=SECRET.activation,
        activations=(SealedActivation(device="post-1", box=b"another's"), SealedActivation(device="post-2", box=box)),
    )
    return msgspec.structs.replace(record, **changes)


@settings(deadline=None)
@given(plain=st.binary(max_size=2000), context=st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_is_sealed_is_opened(plain: bytes, context: str) -> None:
    box = seal(sealing_public(OURS), context, plain)
    assert open_sealed(OURS, context, box) == plain
    assert len(box) == len(plain) + 48


def test_two_boxes_of_the_same_differ() -> None:
    assert seal(sealing_public(OURS), "c", b"x") != seal(sealing_public(OURS), "c", b"x")


def test_another_device_does_not_open_it() -> None:
    with pytest.raises(NotOpened):
        open_sealed(OTHER, "c", seal(sealing_public(OURS), "c", b"x"))


@pytest.mark.parametrize("context", ["", "c", "activation:0472", "activation:04710", "activation:0471\0", "\ud800"])
def test_another_context_does_not_open_it(context: str) -> None:
    with pytest.raises(NotOpened):
        open_sealed(OURS, context, seal(sealing_public(OURS), "activation:0471", b"x"))


def test_a_truncated_box_is_not_opened() -> None:
    box = seal(sealing_public(OURS), "c", b"plain")
    for length in range(len(box)):
        with pytest.raises(NotOpened):
            open_sealed(OURS, "c", box[:length])


@settings(deadline=None)
@given(data=st.data())
def test_a_bit_changed_anywhere_is_found(data: st.DataObject) -> None:
    box = bytearray(seal(sealing_public(OURS), "c", b"plain"))
    # The top bit of an X25519 point is masked (RFC 7748): HPKE binds the encapsulated key's bytes all the same.
    box[data.draw(st.integers(0, len(box) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NotOpened):
        open_sealed(OURS, "c", bytes(box))


@settings(deadline=None)
@given(box=st.binary(max_size=200))
def test_any_bytes_are_not_opened(box: bytes) -> None:
    with pytest.raises(NotOpened):
        open_sealed(OURS, "c", box)


def test_giant_bytes_are_not_opened() -> None:
    with pytest.raises(NotOpened):
        open_sealed(OURS, "c", bytes(20_000_000))


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_nothing_is_sealed_to_what_is_no_key(public: bytes) -> None:
    with pytest.raises(NotOpened):
        seal(public, "c", b"x")


# --- activations -------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(secret=instances(ActivationSecret))
def test_an_activation_is_opened_by_its_device(secret: ActivationSecret) -> None:
    box = seal_activation(sealing_public(OURS), secret)
    assert len(box) <= 1024
    record = officer(box, number=secret.number, activation=secret.activation)
    assert open_activation(OURS, record, "post-2") == secret


def test_a_device_without_a_box_gets_none() -> None:
    record = officer(seal_activation(sealing_public(OURS), SECRET))
    assert open_activation(OURS, record, "post-4") is None
    assert open_activation(OURS, msgspec.structs.replace(record, activation=""), "post-2") is None


def test_a_box_of_another_activation_is_not_believed() -> None:
    """An old box laid under a newer id, or a colleague's box under this number."""
    box = seal_activation(sealing_public(OURS), SECRET)
    with pytest.raises(NotOpened):
        open_activation(OURS, officer(box, activation="0" * 16), "post-2")
    with pytest.raises(NotOpened):
        open_activation(OURS, officer(box, number="0472"), "post-2")
    forged = seal(
        sealing_public(OURS), "activation:0471", encode_body(msgspec.structs.replace(SECRET, number="0472"))
    )
    with pytest.raises(NotOpened):
        open_activation(OURS, officer(forged), "post-2")


@pytest.mark.parametrize(
    ("plain", "error"),
    [
        (b"", Malformed),
        (b"{}", UnknownVersion),
        (encode_body(SECRET).replace(b'"v":"1', b'"v":"2'), UnknownVersion),
        (encode_body(SECRET).replace(b"7M2", b"7U2"), Malformed),
        (encode_body(SECRET)[:-1], Malformed),
        (b"[" * 5000, Malformed),
    ],
)
def test_what_is_in_a_box_is_looked_at(plain: bytes, error: type[ContractError]) -> None:
    with pytest.raises(error):
        open_activation(OURS, officer(seal(sealing_public(OURS), "activation:0471", plain)), "post-2")


# --- codes -------------------------------------------------------------------------------------------------


def test_codes_are_fresh_and_readable() -> None:
    codes = {activation.new_code() for _ in range(200)}
    assert len(codes) == 200
    for code in codes:
        assert len(shown_code(code)) == 14
        assert typed_code(shown_code(code)) == code


@pytest.mark.parametrize(
    "typed",
    ["7M2Q-XK90-ZVTA", "7m2q-xk90-zvta", " 7M2QXK90ZVTA ", "7M2Q XK9O ZVTA", "7m2qxk9oZVTA", "7M2Q\u00a0XK90 ZVTA"],
)
def test_a_code_is_understood_as_people_type_it(typed: str) -> None:
    assert typed_code(typed) == SECRET.code


def test_letters_that_look_like_digits_are_meant_as_them() -> None:
    assert typed_code("IlL1-oO00-0000") == "111100000000"


@pytest.mark.parametrize(
    "typed", ["", "7M2Q-XK90-ZVT", "7M2Q-XK90-ZVTAA", "7M2Q-XK90-ZVTU", "é" * 12, "0" * 10_000, "\0"]
)
def test_what_is_no_code(typed: str) -> None:
    assert typed_code(typed) == ""
