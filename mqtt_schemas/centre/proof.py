"""The proof that what is stored is what the devices said: everything computed again from the stored bytes."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from mqtt_schemas import chain
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Stream
from mqtt_schemas.errors import BadSignature, ChainBroken


class ChainReport(Struct, frozen=True, kw_only=True):
    """What the stored bytes of one stream prove."""

    device: str
    epoch: str
    entries: int
    """Stored."""
    proven_upto: int
    """Last sequence up to which bodies, digests and heads fit together."""
    signed_upto: int
    """Last sequence that a signature of the device covers."""
    problem: str
    """Why it is not all good; empty: it is."""

    @property
    def ok(self) -> bool:
        return not self.problem


def verify(path: Path) -> list[ChainReport]:
    """Compute every stream of a centre's folder again: digests, heads, signatures, mark."""
    with CentreFolder(path).database() as database, database.reading():
        return [_Walk(database, stream).report() for stream in Store(database).streams()]


class _Walk:
    """Along one stream, entry by entry."""

    def __init__(self, database: Database, stream: Stream) -> None:
        self._database = database
        self._stream = stream
        self._key = Ed25519PublicKey.from_public_bytes(stream.journal_key)
        self._head = chain.genesis(stream.device, stream.epoch)
        self._proven = 0
        self._signed = 0

    def report(self) -> ChainReport:
        stream, problem = self._stream, ""
        try:
            self._walk()
        except (ChainBroken, BadSignature) as error:
            problem = error.detail
        (stored,) = self._database.one("SELECT count(*) FROM journal WHERE stream = ?", [stream.id])
        return ChainReport(
            device=stream.device,
            epoch=stream.epoch.hex(),
            entries=stored,
            proven_upto=self._proven,
            signed_upto=self._signed,
            problem=problem,
        )

    def _walk(self) -> None:
        stream = self._stream
        secrets = self._database.rows("SELECT first, secret FROM secret WHERE stream = ? ORDER BY first", [stream.id])
        salts, coming = None, next(secrets, None)
        for sequence, body, digest, head, signature in self._database.rows(
            "SELECT j.sequence, j.body, j.digest, j.head, h.signature FROM journal j"
            " LEFT JOIN head_signature h ON h.stream = j.stream AND h.sequence = j.sequence"
            " WHERE j.stream = ? ORDER BY j.sequence",
            [stream.id],
        ):
            while coming is not None and coming[0] <= sequence:
                salts, coming = chain.Salts(bytes(coming[1]), stream.epoch), next(secrets, None)
            if sequence != self._proven + 1:
                raise ChainBroken(stream.device, f"entry {self._proven + 1} is missing")
            if salts is None:
                raise ChainBroken(stream.device, f"no salt secret for entry {sequence}")
            found = chain.digest(salts.of(sequence), body)
            self._head = chain.link(self._head, sequence, found)
            if found != digest or self._head != head:
                raise ChainBroken(stream.device, f"entry {sequence} is not what was taken")
            self._proven = sequence
            if signature is not None:
                chain.verify_head(self._key, stream.device, stream.epoch, sequence, head, signature)
                self._signed = sequence
        if (self._proven, self._head) != (stream.mark, stream.head):
            raise ChainBroken(stream.device, f"the mark says {stream.mark}")
        if self._signed != self._proven:
            raise BadSignature(stream.device, f"signed up to entry {self._signed} only")
