"""Enrolment: what a device asks the centre for, and the signed bundle it is brought. Since 1.3.

A request is a `Signed` in role `enrolment:request` by the device's own journal key: the key proves itself, binds the
TLS keys (whose signing requests prove themselves too) and the sealing key, and names a fresh nonce. The same bytes
travel on a stick and on the line (`up/renewal`). The answer (`down/certificate`, or a stick) holds the keys document
and a `Signed` in role `enrolment`: whoever pins a root believes it without any line.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from mqtt_schemas.activation import ALPHABET
from mqtt_schemas.certificates import (
    LARGEST_CERTIFICATE,
    LARGEST_REQUEST,
    holds_key,
    load_certificate,
    public_der,
    read_csr,
    verify_device,
    verify_server,
)
from mqtt_schemas.enrolment_errors import BadCertificate, BadRequest, Expired, Replayed, WrongDevice, WrongKeys
from mqtt_schemas.entries import Digest, Mark, Moment, require_utc
from mqtt_schemas.keys import ENROLMENT, KeyRing, key_id, sign, statement
from mqtt_schemas.messages import (
    VERSION,
    DeviceId,
    Epoch,
    Nonce,
    PublicKey,
    Signed,
    Version,
    decode,
    decode_body,
    encode,
    encode_body,
)
from mqtt_schemas.messages import Sequence as Number
from mqtt_schemas.records import PostName
from mqtt_schemas.topics import DEVICE_ID, RESERVED

REQUEST_ROLE = "enrolment:request"
"""Signed in by a device's journal key; no key of the keys document serves it."""
CODE_LENGTH = 8
LARGEST_FILE = 65536
"""Of a request or a bundle: far more than either needs, far less than a stick may hold."""

Fact = Annotated[str, Meta(max_length=120)]


class MachineFacts(Struct, frozen=True, kw_only=True):
    """Which machine asks, for people to compare; nothing of a person."""

    maker: Fact = ""
    model: Fact = ""
    serial: Fact = ""
    """The machine's own, as its maker wrote it."""
    processor: Fact = ""
    memory_mib: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    system: Fact = ""
    software: Fact = ""
    """Version of Borne."""
    sealed_to: Annotated[str, Meta(max_length=16)] = ""
    """How its keys are kept: `tpm2`, `host`, or `plain` in a laboratory."""


class EnrolmentRequest(Struct, frozen=True, kw_only=True):
    """A device asks to be enrolled, or for new certificates; body of a `Signed` in role `enrolment:request`."""

    v: Version = VERSION
    device: DeviceId
    post: PostName
    role: Annotated[str, Meta(max_length=16)]
    """`kiosk` or `post`."""
    renewal: bool = False
    """It is enrolled with these keys already, and asks for certificates only."""
    nonce: Nonce
    made_at: Moment
    """By the device's clock, which may be wrong before it has ever had a line."""
    journal_key: PublicKey
    """Signs this request."""
    sealing_key: Annotated[bytes, Meta(max_length=32)] = b""
    """X25519 (RFC 7748), 32 bytes; empty: nothing is to be sealed to it."""
    csr: Annotated[bytes, Meta(min_length=1, max_length=LARGEST_REQUEST)]
    """For the lines: PKCS #10, DER, P-256, signed by the TLS key; common name and URI name the device."""
    server_csr: Annotated[bytes, Meta(max_length=LARGEST_REQUEST)] = b""
    """For the console and the post's broker, by another key, with their names; empty: none wanted."""
    epoch: Epoch | None = None
    """Of its present journal; null where it has none yet, or cannot read it."""
    sequence: Mark = 0
    head: Digest | None = None
    acknowledged: Mark = 0
    """What of it the device knows to be at the centre."""
    facts: MachineFacts = MachineFacts()

    def __post_init__(self) -> None:
        require_utc(self.made_at)


Certificate = Annotated[bytes, Meta(min_length=1, max_length=LARGEST_CERTIFICATE)]
"""X.509, DER."""


class EnrolmentBundle(Struct, frozen=True, kw_only=True):
    """What the centre gives a device: its certificates, bound to its keys; body of a `Signed` in role `enrolment`."""

    v: Version = VERSION
    device: DeviceId
    post: PostName
    number: Number
    """Of the centre's records: only ever rises, so that an older bundle is told from a newer one."""
    request: Digest
    """SHA-256 of the request's body that this answers."""
    issued: Moment
    expires: Moment
    """To be installed until then."""
    journal_key: PublicKey
    sealing_key: Annotated[bytes, Meta(max_length=32)] = b""
    certificate: Certificate
    server_certificate: Annotated[bytes, Meta(max_length=LARGEST_CERTIFICATE)] = b""
    chain: Annotated[tuple[Certificate, ...], Meta(max_length=4)]
    """Issuing authority first, offline root last."""

    def __post_init__(self) -> None:
        require_utc(self.issued, self.expires)


class EnrolmentAnswer(Struct, frozen=True, kw_only=True):
    """A bundle with what it takes to believe it (`down/certificate`, or a stick)."""

    v: Version = VERSION
    keys: Annotated[bytes, Meta(min_length=1, max_length=LARGEST_FILE)]
    """`Signed` in role `root` of the keys document, MessagePack."""
    bundle: Annotated[bytes, Meta(min_length=1, max_length=LARGEST_FILE)]
    """`Signed` in role `enrolment` of an `EnrolmentBundle`, MessagePack."""


class OpenedRequest(Struct, frozen=True):
    """A request that proves what it says."""

    request: EnrolmentRequest
    body: bytes
    """The signed bytes."""
    tls: ec.EllipticCurvePublicKey
    server: ec.EllipticCurvePublicKey | None
    names: tuple[str, ...]
    """Wanted for the server certificate."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signed bytes."""
        return hashlib.sha256(self.body).digest()

    @property
    def code(self) -> str:
        """See `request_code`, which takes its time."""
        return request_code(self.body)


class Believed(Struct, frozen=True):
    """A bundle that is believed, with its certificates read."""

    bundle: EnrolmentBundle
    certificate: x509.Certificate
    server: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]
    root: bytes
    """The newest national root of the keys document: pin it from now on."""
    keys_version: int


def new_nonce() -> bytes:
    """A request's nonce."""
    return secrets.token_bytes(16)


def sign_request(key: Ed25519PrivateKey, request: EnrolmentRequest) -> bytes:
    """A request's bytes, on a stick or on the line. Raises what `open_request` would."""
    payload = encode(sign(key, REQUEST_ROLE, encode_body(request)))
    open_request(payload)
    return payload


def open_request(payload: bytes) -> OpenedRequest:
    """A request, once it proves to hold each of its keys. Raises BadRequest, Malformed, TooLarge, UnknownVersion."""
    if len(payload) > LARGEST_FILE:
        raise BadRequest("request", f"{len(payload)} bytes")
    signed = decode(Signed, payload)
    if signed.role != REQUEST_ROLE:
        raise BadRequest("request", f"signed in role {signed.role}")
    request = decode_body(EnrolmentRequest, signed.body)
    if signed.key != key_id(request.journal_key):
        raise BadRequest(request.device, "signed by another key than its own")
    try:
        Ed25519PublicKey.from_public_bytes(request.journal_key).verify(
            signed.signature, statement(REQUEST_ROLE, signed.body)
        )
    except (InvalidSignature, ValueError):
        raise BadRequest(request.device, "the journal key's signature does not hold") from None
    if not DEVICE_ID.fullmatch(request.device) or request.device in RESERVED:
        raise BadRequest(request.device, "not a device's name")
    if len(request.sealing_key) not in (0, 32) or request.sealing_key == request.journal_key:
        raise BadRequest(request.device, "not a sealing key")
    tls, _ = read_csr(request.csr, request.device, server=False)
    server: ec.EllipticCurvePublicKey | None = None
    names: tuple[str, ...] = ()
    if request.server_csr:
        server, names = read_csr(request.server_csr, request.device, server=True)
        if public_der(server) == public_der(tls):
            raise BadRequest(request.device, "one TLS key for two uses")
    return OpenedRequest(request, signed.body, tls, server, names)


def request_code(body: bytes) -> str:
    """The short code of a request's signed body, `XXXX-XXXX`: shown at both ends, compared by two people.

    40 bits are few, so each try costs a slow hash (scrypt, RFC 7914): a request that is to show another's code would
    cost thousands of machines' years.
    """
    digest = hashlib.scrypt(body, salt=b"borne/v1/enrolment-code", n=16384, r=8, p=1, maxmem=64 * 2**20, dklen=5)
    number = int.from_bytes(digest, "big")
    code = "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return f"{code[:4]}-{code[4:]}"


def same_code(typed: str, code: str) -> bool:
    """Whether what a person typed is this code; small letters, missing hyphens, `O`, `I` and `L` are meant well."""
    meant = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None, "\u00a0": None})
    return typed.upper().translate(meant) == code.replace("-", "")


def open_answer(payload: bytes) -> EnrolmentAnswer:
    """An answer from a stick or the line; not believed yet. Raises BadCertificate, Malformed, UnknownVersion."""
    if len(payload) > LARGEST_FILE:
        raise BadCertificate("bundle", f"{len(payload)} bytes")
    return decode(EnrolmentAnswer, payload)


class Own(Struct, frozen=True, kw_only=True):
    """What a device holds an answer against: its names, its keys, what it pins, what it has taken before."""

    device: str
    post: str
    journal_key: bytes
    sealing_key: bytes
    tls: ec.EllipticCurvePublicKey
    server: ec.EllipticCurvePublicKey | None
    root: bytes
    """The pinned national root."""
    authority: tuple[x509.Certificate, ...]
    """Trusted for TLS; empty: none yet, and then the bundle's own chain is taken on the root's word."""
    keys_version: int = 0
    number: int = 0
    """Of the bundle taken last; 0: none."""


def believe(answer: EnrolmentAnswer, own: Own, at: datetime) -> Believed:
    """Everything there is to check before anything is written.

    Raises BadSignature or RolledBack (not the pinned root's word), WrongDevice, WrongKeys, Replayed, Expired,
    ForeignAuthority, BadCertificate, Malformed. The same bundle again is no replay. A device's clock may be far
    behind before its first line: the bundle's own date is then the better one.
    """
    ring = KeyRing.open(decode(Signed, answer.keys), own.root, at_least=own.keys_version)
    signed = decode(Signed, answer.bundle)
    bundle = decode_body(EnrolmentBundle, ring.verify(signed, ENROLMENT))
    if bundle.device != own.device or bundle.post != own.post:
        raise WrongDevice(own.device, f"for {bundle.device} at {bundle.post}")
    if bundle.number < own.number:
        raise Replayed(own.device, f"number {bundle.number} after {own.number}")
    if bundle.journal_key != own.journal_key or bundle.sealing_key != own.sealing_key:
        raise WrongKeys(own.device, "enrolled with other keys")
    ring.verify(signed, ENROLMENT, at=bundle.issued)
    if bundle.expires < at:
        raise Expired(own.device, f"to be installed until {bundle.expires.isoformat()}")
    certificate, server, chain = _certificates(bundle, own, max(at, bundle.issued))
    return Believed(bundle, certificate, server, chain, ring.root, ring.document.version)


def _certificates(
    bundle: EnrolmentBundle, own: Own, at: datetime
) -> tuple[x509.Certificate, x509.Certificate | None, tuple[x509.Certificate, ...]]:
    certificate = load_certificate(bundle.certificate)
    chain = tuple(load_certificate(link) for link in bundle.chain)
    if not chain:
        raise BadCertificate(own.device, "without the authorities above it")
    anchors: Sequence[x509.Certificate] = own.authority or chain[-1:]
    if certificate.not_valid_after_utc < at:
        raise Expired(own.device, f"certificate until {certificate.not_valid_after_utc.isoformat()}")
    if not holds_key(certificate, own.tls):
        raise WrongKeys(own.device, "a certificate for another TLS key")
    verify_device(certificate, chain, anchors, own.device, at)
    if not bundle.server_certificate:
        return certificate, None, chain
    server = load_certificate(bundle.server_certificate)
    if own.server is None or not holds_key(server, own.server):
        raise WrongKeys(own.device, "a server certificate for another TLS key")
    verify_server(server, chain, anchors, at)
    return certificate, server, chain
