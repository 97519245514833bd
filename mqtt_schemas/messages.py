"""Messages of contract version 1, one struct for each, and their bytes on the wire.

Small messages travel as JSON; those that carry bytes (batches, chunks, signed documents) as MessagePack of
the same structs, because base64 would cost a third of a 32 kbit/s line. `v` is `major.minor`: another major
is refused, a newer minor is read and its unknown fields are ignored.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from mqtt_schemas.entries import ClockQuality, Digest, Mark, Moment, Text, require_utc
from mqtt_schemas.errors import TooLarge, UnknownVersion
from mqtt_schemas.outside import parse, reader

VERSION = "1.5"
LARGEST_MESSAGE = 1_048_576

Version = Annotated[str, Meta(pattern=r"^1\.[0-9]{1,4}(?!\n)$")]
"""Version of the contract the message was written in, `major.minor`."""
Epoch = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""Id of a device's stream, 16 random bytes."""
Nonce = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""16 random bytes, fresh for each session."""
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
"""Ed25519 (RFC 8032), 64 bytes."""
Secret = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""32 random bytes."""
PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""Ed25519 public key (RFC 8032), 32 bytes."""
KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
"""First 8 bytes of the SHA-256 of a public key, in hexadecimal."""
Role = Annotated[str, Meta(pattern=r"^[a-z]+(:[a-z_]+)?(?!\n)$", max_length=48)]
"""What a key may sign: `root`, `ack`, `software`, `feed:<name>`."""
DeviceId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{2,39}(?!\n)$")]
"""A device's name, as in its topics and its certificate."""
FeedName = Annotated[str, Meta(pattern=r"^[a-z][a-z_]{1,31}(?!\n)$")]
"""A feed's name, as in its topic."""
Hold = Annotated[int, Meta(ge=0, le=3600)]
"""Seconds from now."""
Sequence = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""Number of an entry or change, from 1."""


class Encoding(StrEnum):
    """How rows are packed in a batch or a chunk."""

    ROWS_ZSTD = "rows+zstd"
    """MessagePack array of byte strings, compressed to one Zstandard frame."""
    COLUMNS_ZSTD = "columns+zstd"
    """Journal entries by field instead of by row (see `columns`); only to a centre whose acknowledgements say that it
    reads this. Since 1.5."""
    ROWS_ZSTD_HPKE = "rows+zstd+hpke"
    """`rows+zstd`, sealed to the one device that asked (see `sealing`). Chunks only. Since 1.5."""
    ROWS_ZSTD_AES = "rows+zstd+aes"
    """`rows+zstd` under a bundle's own key, for a stick (see `bundle`). Chunks only. Since 1.5."""
    REFUSED = "refused"
    """Nothing: this device may not read the feed. Chunks only. Since 1.5."""


EncodingName = Annotated[str, Meta(max_length=40, examples=[encoding.value for encoding in Encoding])]
"""An `Encoding`, or one of a newer minor version: read as a message, refused when the rows are wanted."""

MOST_ENTRIES = 4096
MOST_CHANGES = 65536


class SaltSecret(Struct, frozen=True, kw_only=True):
    """The secret from which salts derive from entry `first` on, until the next secret's first."""

    first: Sequence
    secret: Secret


class JournalBatch(Struct, frozen=True, kw_only=True):
    """Contiguous entries of one epoch under one signature over the head they end at (`up/journal`)."""

    v: Version = VERSION
    device: DeviceId
    epoch: Epoch
    first: Sequence
    count: Annotated[int, Meta(ge=1, le=MOST_ENTRIES)]
    previous: Digest
    """The head before `first`: tells a fork from a damaged batch."""
    head: Digest
    """The head after the last entry."""
    signature: Signature
    """The device's journal key, over the statement of that head (see `chain.head_statement`)."""
    secrets: Annotated[tuple[SaltSecret, ...], Meta(max_length=MOST_ENTRIES)] = ()
    """Secrets whose first entry lies in this batch, in order: each is sent once."""
    encoding: EncodingName = Encoding.ROWS_ZSTD.value
    unpacked: Annotated[int, Meta(ge=0, le=8_388_608)]
    """Size of the rows before compression, so that a reader knows what it agrees to."""
    rows: Annotated[bytes, Meta(max_length=LARGEST_MESSAGE)]
    """The entries' exact bytes, packed."""


class State(Struct, frozen=True, kw_only=True):
    """A device's hello and birth (retained), and its last will (`up/state`)."""

    v: Version = VERSION
    device: DeviceId
    online: bool
    """False in the last will only."""
    nonce: Nonce
    """Of this session: acknowledgements must carry it."""
    epoch: Epoch | None = None
    sequence: Mark = 0
    """Last entry written."""
    head: Digest | None = None
    """Head at `sequence`."""
    acknowledged: Mark = 0
    """Highest entry the device knows to be at the centre."""
    role: Text = ""
    """What the device serves as (`kiosk`, `post`)."""
    software: Text = ""
    """Version of the device's software."""
    started_at: Moment | None = None
    clock: ClockQuality = ClockQuality.UNKNOWN
    lists: dict[str, Mark] = {}
    """Version installed of each feed."""
    health: dict[str, Text] = {}
    """State of each part, for operators; no personal data."""

    def __post_init__(self) -> None:
        require_utc(self.started_at)


class Problem(StrEnum):
    """Why the centre did not take what a device sent."""

    NONE = "none"
    GAP = "gap"
    """Entries are missing before it: `want` says from where."""
    FORK = "fork"
    """The device's stream does not continue the one that is stored."""
    CHAIN = "chain"
    SIGNATURE = "signature"
    EPOCH = "epoch"
    """An epoch the centre does not know, whose first entry was not sent."""
    VERSION = "version"
    DEVICE = "device"
    """The device is not enrolled, or no longer."""
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Problem:
        return cls.UNKNOWN


class Ack(Struct, frozen=True, kw_only=True):
    """What the centre has committed of one epoch; body of a `Signed` in role `ack` (`down/ack`)."""

    v: Version = VERSION
    device: DeviceId
    nonce: Nonce
    """Of the hello that is answered: an acknowledgement of another session is not believed."""
    epoch: Epoch
    upto: Mark
    """Last entry the centre has committed; 0 is none."""
    head: Digest
    """Head at `upto`; of an empty epoch, its genesis."""
    want: Sequence
    """Next entry wanted."""
    problem: Problem = Problem.NONE
    time: Moment
    """The centre's time of signing."""
    reads: Annotated[tuple[EncodingName, ...], Meta(max_length=16)] = ()
    """Encodings of batches that this centre reads beside `rows+zstd`. Since 1.5."""
    hold: Hold = 0
    """So long the device's evidence is to wait: others have entries of an outage to send. Since 1.5."""

    def __post_init__(self) -> None:
        require_utc(self.time)


class Pull(Struct, frozen=True, kw_only=True):
    """A device asks for the changes of a feed after a version (`up/pull`)."""

    v: Version = VERSION
    feed: FeedName
    after: Mark
    """Last change the device holds or has staged; 0 is none."""
    head: Digest
    """The device's own head at `after`: a centre whose head differs there has another history."""
    limit: Annotated[int, Meta(ge=1024, le=65536)] = 16384
    """Largest chunk in bytes, so that acknowledgements never wait behind one."""
    sealed: bool = False
    """The device opens chunks that are sealed to it. Since 1.5."""
    window: Annotated[int, Meta(ge=0, le=64)] = 0
    """Chunks at most on their way before the device asks again; it asks from each point it has reached, which is no
    new beginning but says that these have come. 0: as the centre sees fit. Since 1.5."""


class FeedHead(Struct, frozen=True, kw_only=True):
    """The newest version of a feed; body of a `Signed` in role `feed:<name>` (`all/down/head/<feed>`)."""

    v: Version = VERSION
    feed: FeedName
    version: Mark
    """Number of changes the feed has."""
    head: Digest
    """Head after the last of them."""
    issued: Moment
    expires: Moment
    """From then on the list counts as stale; it is used all the same."""

    def __post_init__(self) -> None:
        require_utc(self.issued, self.expires)


class FeedChunk(Struct, frozen=True, kw_only=True):
    """Contiguous changes of a feed (`down/chunk`)."""

    v: Version = VERSION
    feed: FeedName
    first: Sequence
    count: Annotated[int, Meta(ge=1, le=MOST_CHANGES)]
    encoding: EncodingName = Encoding.ROWS_ZSTD.value
    unpacked: Annotated[int, Meta(ge=0, le=8_388_608)]
    digest: Digest
    """SHA-256 of `rows`: names the piece wherever it lies, on the line or on a stick."""
    rows: Annotated[bytes, Meta(max_length=LARGEST_MESSAGE)]
    """The changes' exact bytes, packed."""


LARGEST_PIECE = 65_536
LARGEST_EVIDENCE = 4_194_304


class EvidencePiece(Struct, frozen=True, kw_only=True):
    """Part of a piece of evidence that an entry names: a record, a photo, a chip image (`up/evidence`). Since 1.5."""

    v: Version = VERSION
    device: DeviceId
    sha256: Digest
    """Of the whole, as it was before it was taken apart: its name in the entry, or in the record the entry names."""
    size: Annotated[int, Meta(ge=1, le=LARGEST_EVIDENCE)]
    """Bytes of the whole."""
    offset: Annotated[int, Meta(ge=0, le=LARGEST_EVIDENCE - 1)]
    """Where this part begins."""
    data: Annotated[bytes, Meta(min_length=1, max_length=LARGEST_PIECE)]
    kind: Text = ""
    """What it is (`record`, `live`, `page`, `chip` …), in the agent's own words."""
    epoch: Annotated[bytes, Meta(max_length=16)] = b""
    """With `sequence`: the entry that names it, or that names the record which does."""
    sequence: Mark = 0


class EvidenceAck(Struct, frozen=True, kw_only=True):
    """How much of a piece of evidence the centre holds, durably; body of a `Signed` in role `ack`
    (`down/evidence-ack`). Since 1.5."""

    v: Version = VERSION
    device: DeviceId
    nonce: Nonce
    """Of the session's hello."""
    sha256: Digest
    upto: Annotated[int, Meta(ge=0, le=LARGEST_EVIDENCE)]
    """Bytes held from the beginning: the next part is wanted from there."""
    whole: bool = False
    """All of it is held, and its SHA-256 is its name: the device may erase its own."""
    refused: Text = ""
    """Why it is not wanted (`unknown_name`, `mismatch`, `full` …); empty: it is."""
    hold: Hold = 0
    """As in `Ack`."""
    time: Moment

    def __post_init__(self) -> None:
        require_utc(self.time)


class FeedOperation(StrEnum):
    """What a change does. There is no reading an operation that is not known: the change is refused."""

    PUT = "put"
    DELETE = "delete"


class FeedChange(Struct, frozen=True, kw_only=True):
    """One change of a feed: the record under `key` is put or deleted."""

    op: FeedOperation
    key: Annotated[str, Meta(min_length=1, max_length=128)]
    record: msgspec.Raw = msgspec.Raw(b"null")
    """The feed's own record (see `records`); null where deleted."""


class Signed(Struct, frozen=True, kw_only=True):
    """A document with its signature: exact bytes, the key's id and the role it signs in (see `keys`)."""

    v: Version = VERSION
    role: Role
    key: KeyId
    body: Annotated[bytes, Meta(max_length=LARGEST_MESSAGE)]
    """The signed document's exact bytes, JSON."""
    signature: Signature
    """Ed25519 over `borne/v1/<role>`, a zero byte, and `body`."""


class RoleKey(Struct, frozen=True, kw_only=True):
    """A public key and the one role it may sign in."""

    key: KeyId
    role: Role
    public: PublicKey
    not_before: Moment
    not_after: Moment

    def __post_init__(self) -> None:
        require_utc(self.not_before, self.not_after)


class RootLink(Struct, frozen=True, kw_only=True):
    """A root key signed by the root before it."""

    public: PublicKey
    """The new root."""
    signature: Signature
    """Of the root before it, over `borne/v1/root-link`, a zero byte, and `public`."""


class KeysDocument(Struct, frozen=True, kw_only=True):
    """Which key may sign what; body of a `Signed` in role `root` (`all/down/head/keys`)."""

    v: Version = VERSION
    version: Sequence
    """Only ever rises; an older document is refused."""
    issued: Moment
    expires: Moment
    """From then on the document counts as stale; it is used all the same."""
    keys: tuple[RoleKey, ...]
    roots: tuple[RootLink, ...] = ()
    """Successors of the first root, oldest first."""

    def __post_init__(self) -> None:
        require_utc(self.issued, self.expires)


JSON_MESSAGES = (State, Pull)
"""Travel as JSON; every other message of a topic travels as MessagePack."""

M = TypeVar("M", bound=Struct)


class _Versioned(Struct):
    v: str = ""


def encode(message: Struct) -> bytes:
    """A message's bytes for its topic. Raises TooLarge beyond 1 MiB, which no reader would take."""
    as_json = isinstance(message, JSON_MESSAGES)
    payload = msgspec.json.encode(message) if as_json else msgspec.msgpack.encode(message)
    if len(payload) > LARGEST_MESSAGE:
        raise TooLarge(type(message).__name__, f"{len(payload)} bytes")
    return payload


def decode(kind: type[M], payload: bytes) -> M:
    """A message from a topic's payload.

    Raises TooLarge beyond 1 MiB, UnknownVersion for another major version, Malformed for anything else.
    """
    return _decode(kind, payload, as_json=issubclass(kind, JSON_MESSAGES))


def encode_body(body: Struct) -> bytes:
    """The exact bytes of a document that will be signed (JSON, so that people can read what was signed)."""
    return msgspec.json.encode(body)


def decode_body(kind: type[M], body: bytes) -> M:
    """A document from the bytes that were signed; raises as `decode` does."""
    return _decode(kind, body, as_json=True)


def _decode(kind: type[M], payload: bytes, *, as_json: bool) -> M:
    name = getattr(kind, "__name__", "statement")  # a union of statements has none
    if len(payload) > LARGEST_MESSAGE:
        raise TooLarge(name, f"{len(payload)} bytes")
    version = parse(reader(_Versioned, as_json=as_json), payload, name, text=as_json).v
    major = version.partition(".")[0]
    if major != VERSION.partition(".")[0]:
        raise UnknownVersion(name, f"version {major[:16]!r}; this side speaks {VERSION}")
    return parse(reader(kind, as_json=as_json), payload, name, text=as_json)
