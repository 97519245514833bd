"""A journal, or part of it, as a file that proves itself: what an auditor gets, and any language can read. Since 1.5.

Text: one JSON object a line, each ended by a line feed, `line` says what it is; bytes are base64.

    journal   first, once: whose, made when, over which range
    segment   contiguous entries of one epoch follow; the head before them, and the key that signs them
    entry     one entry: its exact text, its salt, the head after it, the device's signature of that head;
              or its digest alone, where the body is gone or not for the reader's eyes
    witness   a signed message in which somebody else says where the journal stood, exactly as it came
    end       last, once: counts, the SHA-256 of every line before it, and the device's signature over both

The chain is the contract's own (`chain`). An entry carries its own salt and never the day's secret, so a file that
shows one entry tells nothing of its neighbours. An `export` is all that a device has in a range, and the device signs
its end. A `proof` is some entries, chosen by whoever made it, with as many digests after each as lead to a signed
head: it claims no completeness, and its end need not be signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from types import TracebackType
from typing import Annotated, BinaryIO, Final, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct, field

from mqtt_schemas import chain
from mqtt_schemas.entries import Digest, Mark, Moment, Text, require_utc
from mqtt_schemas.errors import Malformed, TooLarge, UnknownVersion
from mqtt_schemas.keys import sign
from mqtt_schemas.messages import VERSION, DeviceId, Epoch, PublicKey, Sequence, Version, encode, encode_body
from mqtt_schemas.outside import parse

END_ROLE: Final = "journal:end"
"""In which a device signs, by its journal key, the end of an export."""

LONGEST_LINE: Final = 2 * 1024 * 1024
"""Bytes: an entry as large as a batch may carry, every character of it escaped."""

LARGEST_STATEMENT: Final = 65_536
"""Bytes of a witness's signed message, or of a signed end."""

MOST_SEGMENTS: Final = 500
"""Of one file: a device opens an epoch when it loses its store, not every day."""

_HalfSignature = Annotated[bytes, Meta(max_length=chain.SIGNATURE_BYTES)]
_Statement = Annotated[bytes, Meta(max_length=LARGEST_STATEMENT)]


class FileKind(StrEnum):
    """What a file claims to be."""

    EXPORT = "export"
    """Everything the device has in the range."""
    PROOF = "proof"
    """Chosen entries."""
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> FileKind:
        return cls.UNKNOWN


class Header(Struct, frozen=True, kw_only=True, tag_field="line", tag="journal"):
    """First line."""

    v: Version = VERSION
    kind: FileKind
    device: Text = ""
    """Whose journal; empty in a proof of several devices' entries."""
    made_at: Moment
    """By the clock of whoever made the file."""
    software: Text = ""
    since: Text = field(default="", name="from")
    """The range as it was asked for; empty: from the beginning."""
    to: Text = ""
    """Empty: to the end of the journal."""

    def __post_init__(self) -> None:
        require_utc(self.made_at)


class Segment(Struct, frozen=True, kw_only=True, tag_field="line", tag="segment"):
    """Entries `first`, `first` + 1 … of one epoch follow."""

    device: DeviceId
    epoch: Epoch
    key: PublicKey
    """The device's journal key, as the file claims: a reader believes only keys it has from elsewhere."""
    first: Sequence
    previous: Digest
    """The head before `first`; of the first entry, the epoch's genesis."""


class EntryLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="entry"):
    """One entry. With a body: `text` or `bytes`, and `salt`; without: `digest`."""

    n: Sequence
    text: str | None = None
    """The body's exact bytes, which are UTF-8."""
    data: bytes | None = field(default=None, name="bytes")
    """The body's exact bytes, which are not."""
    salt: Digest | None = None
    digest: Digest | None = None
    head: Digest
    signature: _HalfSignature = b""
    """Empty: none was made for this entry, or none is kept; a later one vouches for it."""

    def __post_init__(self) -> None:
        bodies = (self.text is not None) + (self.data is not None)
        shown = bodies == 1 and self.salt is not None and self.digest is None
        if not shown and not (bodies == 0 and self.salt is None and self.digest is not None):
            raise ValueError("an entry has one body with its salt, or its digest")
        if len(self.signature) not in (0, chain.SIGNATURE_BYTES):
            raise ValueError("a signature has 64 bytes")

    @property
    def body(self) -> bytes | None:
        """The body's exact bytes; None: it is not shown."""
        return self.text.encode() if self.text is not None else self.data

    def chained(self) -> bytes:
        """What stands for the entry in the chain, 32 bytes."""
        body = self.body
        if body is not None and self.salt is not None:
            return chain.digest(self.salt, body)
        return self.digest or b""


class WitnessLine(Struct, frozen=True, kw_only=True, tag_field="line", tag="witness"):
    """Where a journal stood, in somebody else's keeping."""

    source: Text
    """Who said it: `centre`, or a device."""
    statement: _Statement
    """A `messages.Signed`, exactly as it came: an `Ack` in role `ack`, or a `PostState` in role `post:state`."""


class End(Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """Last line."""

    segments: Mark
    entries: Mark
    witnesses: Mark
    sha256: Digest
    """Of every line before this one, line feeds and all."""
    signed: _Statement = b""
    """A `messages.Signed` of `EndStatement`, encoded; empty: nobody vouches for this end."""


class SegmentEnd(Struct, frozen=True, kw_only=True):
    """Where a segment of the file ends, or should."""

    epoch: Epoch
    last: Mark
    head: Digest


class EndStatement(Struct, frozen=True, kw_only=True):
    """What the device says of a file it has made; body of a `Signed` in role `journal:end`."""

    v: Version = VERSION
    device: DeviceId
    made_at: Moment
    sha256: Digest
    """As in `End`."""
    ends: tuple[SegmentEnd, ...]
    """Of each segment, in the file's order."""

    def __post_init__(self) -> None:
        require_utc(self.made_at)


Line = Header | Segment | EntryLine | WitnessLine | End

_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class JournalWriter:
    """Writes one file, line by line. The file is opened and closed by the caller."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        """Raises what writing to `file` does, here and in every other call."""
        self._file = file
        self._header = header
        self._hash = sha256()
        self._ends: list[SegmentEnd] = []
        self._stands_at: tuple[int, bytes] | None = None
        self._entries = 0
        self._witnesses = 0
        self._line(header)

    def segment(
        self,
        *,
        device: str,
        epoch: bytes,
        key: bytes,
        first: int,
        previous: bytes,
        stands_at: tuple[int, bytes] | None = None,
    ) -> None:
        """Begin a segment: `key` is the journal's public key (32 bytes), `previous` the head before `first`.

        `stands_at`: sequence and head where the journal is known to end; None: where the last entry given ends.
        """
        self._line(Segment(device=device, epoch=epoch, key=key, first=first, previous=previous))
        self._stands_at = stands_at
        last, head = stands_at or (first - 1, previous)
        self._ends.append(SegmentEnd(epoch=epoch, last=last, head=head))

    def entry(self, sequence: int, *, body: bytes, salt: bytes, head: bytes, signature: bytes = b"") -> None:
        """One entry with its body and its own salt (32 bytes, see `chain.salt`)."""
        try:
            line = EntryLine(n=sequence, text=body.decode(), salt=salt, head=head, signature=signature)
        except UnicodeDecodeError:
            line = EntryLine(n=sequence, data=body, salt=salt, head=head, signature=signature)
        self._entry(line)

    def digest(self, sequence: int, *, digest: bytes, head: bytes, signature: bytes = b"") -> None:
        """One entry without its body."""
        self._entry(EntryLine(n=sequence, digest=digest, head=head, signature=signature))

    def witness(self, source: str, statement: bytes) -> None:
        """A signed message of `source` that says where a journal stood."""
        self._line(WitnessLine(source=source, statement=statement))
        self._witnesses += 1

    def end(self, key: Ed25519PrivateKey | None = None) -> None:
        """The last line, signed by the device's journal key where it is given."""
        digest, signed = self._hash.digest(), b""
        if key is not None:
            statement = EndStatement(
                device=self._header.device, made_at=self._header.made_at, sha256=digest, ends=tuple(self._ends)
            )
            signed = encode(sign(key, END_ROLE, encode_body(statement)))
        self._line(
            End(
                segments=len(self._ends),
                entries=self._entries,
                witnesses=self._witnesses,
                sha256=digest,
                signed=signed,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is ended by itself: a file without its end shows that it was not finished."""

    def _entry(self, line: EntryLine) -> None:
        self._line(line)
        self._entries += 1
        if self._stands_at is None:
            self._ends[-1] = SegmentEnd(epoch=self._ends[-1].epoch, last=line.n, head=line.head)

    def _line(self, line: Line) -> None:
        written = msgspec.json.encode(line) + b"\n"
        self._hash.update(written)
        self._file.write(written)


class ReadLine(Struct, frozen=True):
    """One line as it was found."""

    number: int
    """From 1."""
    value: Line | Malformed
    """What it says, or why it says nothing."""
    before: bytes
    """For an `End`: SHA-256 of every line before it; else empty."""


def read_lines(file: BinaryIO) -> Iterator[ReadLine]:
    """The lines of a file, one at a time, the header first. Never holds more than one of them.

    A later line that cannot be read is given as `Malformed`, and reading goes on behind it. Raises Malformed where
    the first line is no header, UnknownVersion for another major version, TooLarge beyond 2 MiB without a line feed.
    """
    running = sha256()
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise TooLarge(f"line {number}", f"more than {LONGEST_LINE} bytes")
        value = _value(raw, number)
        if number == 1:
            _check_header(value)
        yield ReadLine(number, value, running.digest() if isinstance(value, End) else b"")
        running.update(raw)
    if number == 0:
        raise Malformed("line 1", "an empty file")


def _value(raw: bytes, number: int) -> Line | Malformed:
    if not raw.endswith(b"\n"):
        return Malformed(f"line {number}", "cut off")
    try:
        return parse(_decoder.decode, raw, f"line {number}")
    except Malformed as error:
        return error


def _check_header(value: Line | Malformed) -> None:
    if isinstance(value, Malformed):
        raise value
    if not isinstance(value, Header):
        raise Malformed("line 1", "not the beginning of a journal's file")
    if value.v.partition(".")[0] != VERSION.partition(".")[0]:
        raise UnknownVersion("line 1", f"version {value.v[:16]!r}; this side speaks {VERSION}")
