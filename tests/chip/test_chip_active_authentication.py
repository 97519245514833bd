"""Active Authentication: signatures as chips make them, and what is none."""

from __future__ import annotations

import hashlib
import random
from functools import lru_cache

import pytest
from chip_transports import KS_ENC, KS_MAC, SecureCard, answers
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.crypto.curves import CURVES, Curve, curve_by_name
from border_agent.crypto.ecdsa import sign_ecdsa, write_der, write_plain
from border_agent.crypto.points import multiply
from border_agent.documents.chip.active_authentication import authenticate_active, verify_rsa
from border_agent.documents.chip.apdu import CommandApdu, ResponseApdu
from border_agent.documents.chip.chip_authentication import ProofMethod
from border_agent.documents.chip.errors import ChipCloned, ChipError, Reason, Unsupported
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.public_keys import DhKey, EcKey, RsaKey
from border_agent.documents.lds.security_infos import ActiveAuthenticationInfo

CHALLENGE = bytes(range(8))
TRAILERS = {"sha1": "33CC", "sha224": "38CC", "sha256": "34CC", "sha384": "36CC", "sha512": "35CC"}
ACTIVE, PLAIN = "2.23.136.1.1.5", "0.4.0.127.0.7.1.1.4.1."


@lru_cache
def rsa_numbers(bits: int = 1024) -> rsa.RSAPrivateNumbers:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits).private_numbers()


def representative(
    algorithm: str, challenge: bytes = CHALLENGE, *, trailer: str = "", bits: int = 1024, padding: int = 0
) -> bytes:
    """6A M1 H trailer, filled with `padding` bytes before M1."""
    end = bytes.fromhex(trailer or TRAILERS[algorithm])
    size = bits // 8 - 1 - padding - hashlib.new(algorithm).digest_size - len(end)
    m1 = random.Random(1).randbytes(size)
    head = b"\x6a" if not padding else b"\x6b" + b"\xbb" * (padding - 1) + b"\xba"
    return head + m1 + hashlib.new(algorithm, m1 + challenge).digest() + end


def sign(content: bytes, *, complement: bool = False, bits: int = 1024) -> bytes:
    numbers = rsa_numbers(bits)
    n = numbers.public_numbers.n
    power = pow(int.from_bytes(content, "big"), numbers.d, n)
    return (n - power if complement else power).to_bytes(bits // 8, "big")


def verify(signature: bytes, challenge: bytes = CHALLENGE, bits: int = 1024) -> str | None:
    public = rsa_numbers(bits).public_numbers
    return verify_rsa(public.n, public.e, signature, challenge)


@pytest.mark.parametrize("complement", [False, True])
@pytest.mark.parametrize("algorithm", TRAILERS)
def test_signatures_with_every_hash(algorithm: str, complement: bool) -> None:
    signature = sign(representative(algorithm), complement=complement)
    assert verify(signature) == algorithm
    assert verify(signature, bytes(8)) is None


def test_the_short_trailer_means_sha_1() -> None:
    assert verify(sign(representative("sha1", trailer="BC"))) == "sha1"
    assert verify(sign(representative("sha256", trailer="BC"))) is None


@pytest.mark.parametrize("padding", [1, 2, 40])
def test_padding_before_the_chips_part(padding: int) -> None:
    assert verify(sign(representative("sha256", padding=padding))) == "sha256"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"\x4a" + content[1:],
        lambda content: b"\x2a" + content[1:],
        lambda content: b"\x6b" + content[1:],
        lambda content: b"\x6b\xbb\x00" + content[3:],
        lambda content: b"\x6b" + b"\xbb" * (len(content) - 2) + b"\xbc",
        lambda content: content[:-2] + b"\x39\xcc",
        lambda content: content[:-2] + b"\x35\xcc",
        lambda content: content[:-1] + b"\xdc",
        lambda content: b"\x00" + content[:-1],
        lambda content: content[:50] + bytes((content[50] ^ 1,)) + content[51:],
        lambda content: content[:-10] + bytes((content[-10] ^ 1,)) + content[-9:],
    ],
)
def test_another_content_is_no_signature(change) -> None:  # type: ignore[no-untyped-def]
    assert verify(sign(change(representative("sha256")))) is None


@given(st.binary(max_size=140))
def test_any_bytes_are_no_signature(data: bytes) -> None:
    assert verify(data) is None
    assert verify(data[:128].rjust(128, b"\x00")) is None


def session_with(*responses: str) -> ChipSession:
    return ChipSession(answers(*responses))


def rsa_key(bits: int = 1024) -> RsaKey:
    public = rsa_numbers(bits).public_numbers
    return RsaKey(public.n, public.e)


def test_a_chip_with_its_key_is_believed() -> None:
    card = answers(sign(representative("sha256")).hex() + "9000")
    proof = authenticate_active(ChipSession(card), rsa_key(), random=lambda size: CHALLENGE[:size])
    assert (proof.method, proof.algorithm) == (ProofMethod.ACTIVE_AUTHENTICATION, "RSA 1024, sha256")
    assert card.sent == ["0088000008" + CHALLENGE.hex() + "00"]


def test_the_challenge_is_new_each_time() -> None:
    signature = sign(representative("sha256")).hex()
    with pytest.raises(ChipCloned) as refused:
        authenticate_active(session_with(signature + "9000"), rsa_key())
    assert refused.value.reason is Reason.signature


@pytest.mark.parametrize(
    ("response", "reason"),
    [("6985", Reason.status_word), ("9000", Reason.length), ("00" * 1025 + "9000", Reason.length)],
)
def test_a_chip_that_does_not_sign_is_not_believed(response: str, reason: Reason) -> None:
    with pytest.raises(ChipCloned) as refused:
        authenticate_active(session_with(response), rsa_key())
    assert refused.value.reason is reason


@pytest.mark.parametrize("extended", [None, True, False])
def test_long_signatures_come_over_secure_messaging(extended: bool | None) -> None:
    """With extended length in one answer; the card here gives its short answers in one as well."""
    signature = sign(representative("sha256", bits=2048), bits=2048)

    def answer(command: CommandApdu) -> ResponseApdu:
        assert command.ne == (256 if extended is False else 65_536)
        return ResponseApdu(signature, 0x9000)

    session = ChipSession(SecureCard(SymmetricCipher.AES128, answer), extended=extended)
    session.messaging = SecureMessaging(SymmetricCipher.AES128, KS_ENC[:16], KS_MAC[:16])
    authenticate_active(session, rsa_key(2048), random=lambda size: CHALLENGE)


@pytest.mark.parametrize(
    "key", [RsaKey(1 << 8193, 3), RsaKey(2**2048 - 1, 1 << 70), RsaKey(7, 3), DhKey(2**1024 - 1, 2, None, 5)]
)
def test_keys_nobody_should_have_are_not_tried(key: RsaKey | DhKey) -> None:
    with pytest.raises(Unsupported):
        authenticate_active(session_with(), key)


@pytest.mark.parametrize("write", ["plain", "der"])
@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_elliptic_curve_signatures(curve: Curve, number: int, write: str) -> None:
    algorithm = ("sha1", "sha224", "sha256", "sha384", "sha512")[number - 1]
    r, s = sign_ecdsa(curve, 77, hashlib.new(algorithm, CHALLENGE).digest())
    signature = write_plain(curve, r, s) if write == "plain" else write_der(r, s)
    key = EcKey(curve, multiply(curve, 77, curve.base))
    infos = (ActiveAuthenticationInfo(ACTIVE, 1, f"{PLAIN}{number}"),)
    proof = authenticate_active(session_with(signature.hex() + "9000"), key, infos, random=lambda size: CHALLENGE)
    assert proof.algorithm == f"{curve.name}, {algorithm}"
    with pytest.raises(ChipCloned):
        authenticate_active(session_with(signature.hex() + "9000"), key, infos, random=lambda size: bytes(8))


def test_without_a_named_hash_those_the_key_has_room_for_are_tried() -> None:
    curve = curve_by_name("brainpoolP256r1")
    assert curve is not None
    key = EcKey(curve, multiply(curve, 77, curve.base))
    for algorithm, taken in (("sha256", True), ("sha224", True), ("sha1", True), ("sha512", False)):
        signature = write_plain(curve, *sign_ecdsa(curve, 77, hashlib.new(algorithm, CHALLENGE).digest())).hex()
        session = session_with(signature + "9000")
        if taken:
            assert authenticate_active(session, key, random=lambda size: CHALLENGE).algorithm.endswith(algorithm)
        else:
            with pytest.raises(ChipCloned):
                authenticate_active(session, key, random=lambda size: CHALLENGE)


def test_a_named_hash_is_the_only_one_and_an_unknown_one_is_not_supported() -> None:
    curve = curve_by_name("secp256r1")
    assert curve is not None
    key = EcKey(curve, multiply(curve, 77, curve.base))
    signature = write_plain(curve, *sign_ecdsa(curve, 77, hashlib.sha256(CHALLENGE).digest())).hex()
    with pytest.raises(ChipCloned):
        authenticate_active(
            session_with(signature + "9000"),
            key,
            (ActiveAuthenticationInfo(ACTIVE, 1, f"{PLAIN}5"),),
            random=lambda size: CHALLENGE,
        )
    with pytest.raises(Unsupported):
        authenticate_active(session_with(), key, (ActiveAuthenticationInfo(ACTIVE, 1, "1.2.3"),))


@given(st.binary(max_size=300))
def test_any_answer_ends_in_a_typed_error(response: bytes) -> None:
    curve = curve_by_name("secp256r1")
    assert curve is not None
    for key in (rsa_key(), EcKey(curve, multiply(curve, 77, curve.base))):
        card = answers(*([response.hex()] * 30))
        with pytest.raises(ChipError):
            authenticate_active(ChipSession(card), key)
