"""What an auditor believes before opening a journal's file: public keys, and where the centre says streams stand.

    {"v": "1.5", "made_at": TIME, "root": HEX, "devices": {NAME: [HEX, …]}, "keys": [BASE64, …],
     "marks": [{"device": NAME, "epoch": HEX, "sequence": N, "head": HEX, "at": TIME}, …]}

`devices` has every journal key a device ever had, `keys` every keys document (`messages.Signed`) the centre ever
published, under `root`; `marks` is what the centre holds of each stream. A single public key, as PEM or as 64
hexadecimal digits, serves as well, for a file of one device: then nobody's acknowledgements can be checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Meta, Struct

from mqtt_schemas.entries import Mark, Moment, require_utc
from mqtt_schemas.errors import BadSignature, ContractError, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.keys import ACK, KeyRing, public_bytes
from mqtt_schemas.messages import VERSION, Ack, DeviceId, Signed, Version, decode, decode_body, encode
from mqtt_schemas.outside import parse, reader

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a keys file."""

KeyHex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
"""An Ed25519 public key."""
_EpochHex = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}(?!\n)$")]


class StreamMark(Struct, frozen=True, kw_only=True):
    """Up to where the centre holds a stream, in its own word."""

    device: DeviceId
    epoch: _EpochHex
    sequence: Mark
    head: KeyHex
    at: Moment

    def __post_init__(self) -> None:
        require_utc(self.at)


class KeysFile(Struct, frozen=True, kw_only=True):
    """As it is written."""

    v: Version = VERSION
    made_at: Moment
    root: KeyHex
    devices: dict[DeviceId, tuple[KeyHex, ...]]
    keys: tuple[bytes, ...] = ()
    marks: tuple[StreamMark, ...] = ()

    def __post_init__(self) -> None:
        require_utc(self.made_at)


class AuditKeys:
    """Whose word counts in an audit."""

    def __init__(
        self,
        devices: Mapping[str, Sequence[bytes]],
        *,
        root: bytes = b"",
        documents: Sequence[Signed] = (),
        marks: Sequence[StreamMark] = (),
        anyone: bytes = b"",
    ) -> None:
        """`anyone`: a key that is believed for whichever device a file names. Documents that `root` does not vouch
        for are left out, which `documents_refused` counts."""
        self.marks = tuple(marks)
        self._devices = {device: tuple(keys) for device, keys in devices.items()}
        self._anyone = (anyone,) if anyone else ()
        self._rings: list[KeyRing] = []
        self.documents_refused = 0
        for document in documents:
            try:
                self._rings.append(KeyRing.open(document, root))
            except ContractError:
                self.documents_refused += 1
        self._rings.sort(key=lambda ring: ring.document.version, reverse=True)

    @property
    def knows_centre(self) -> bool:
        """Whether acknowledgements can be checked."""
        return bool(self._rings)

    def of(self, device: str) -> tuple[bytes, ...]:
        """The journal keys believed for a device, 32 bytes each; empty: none is."""
        return self._devices.get(device, self._anyone)

    def acknowledgement(self, signed: Signed) -> Ack:
        """The acknowledgement in a signed message, once a key that served in role `ack` then has signed it.

        Raises BadSignature, Malformed, UnknownVersion.
        """
        ack = decode_body(Ack, signed.body)
        for ring in self._rings:
            try:
                ring.verify(signed, ACK, at=ack.time)
            except BadSignature:
                continue
            return ack
        raise BadSignature(ACK, f"key {signed.key} of no keys document")


def write_keys(
    *,
    made_at: datetime,
    root: bytes,
    devices: Mapping[str, Sequence[bytes]],
    documents: Sequence[Signed],
    marks: Sequence[StreamMark],
) -> bytes:
    """A keys file's bytes."""
    file = KeysFile(
        made_at=made_at,
        root=root.hex(),
        devices={device: tuple(key.hex() for key in keys) for device, keys in sorted(devices.items())},
        keys=tuple(encode(document) for document in documents),
        marks=tuple(marks),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def read_keys(payload: bytes) -> AuditKeys:
    """What to believe, from a keys file or one public key. Raises TooLarge, UnknownVersion, Malformed."""
    if len(payload) > LARGEST:
        raise TooLarge("keys", f"{len(payload)} bytes")
    begin = payload.lstrip()[:64]
    if begin.startswith(b"{"):
        return _from_file(payload)
    if begin.startswith(b"-----BEGIN"):
        return AuditKeys({}, anyone=_from_pem(payload))
    text = payload.strip()
    if len(text) != 64 or set(text) - set(b"0123456789abcdefABCDEF"):
        raise Malformed("keys", "neither a keys file nor a public key")
    return AuditKeys({}, anyone=bytes.fromhex(text.decode()))


def _from_file(payload: bytes) -> AuditKeys:
    file = parse(reader(KeysFile), payload, "keys")
    if file.v.partition(".")[0] != VERSION.partition(".")[0]:
        raise UnknownVersion("keys", f"version {file.v[:16]!r}")
    return AuditKeys(
        {device: tuple(bytes.fromhex(key) for key in keys) for device, keys in file.devices.items()},
        root=bytes.fromhex(file.root),
        documents=[decode(Signed, document) for document in file.keys],
        marks=file.marks,
    )


def _from_pem(payload: bytes) -> bytes:
    try:
        key = load_pem_public_key(payload)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed("keys", str(error)[:200]) from None
    if not isinstance(key, Ed25519PublicKey):
        raise Malformed("keys", "not an Ed25519 public key")
    return public_bytes(key)
