"""Whom this device believes: the pinned root, and the newest keys document signed under it."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from border_agent.reporting.errors import BadRoot
from border_agent.store import Notes
from mqtt_schemas.errors import BadSignature, ContractError
from mqtt_schemas.keys import KEYS_FEED, KeyRing
from mqtt_schemas.messages import Signed, decode, encode

_log = logging.getLogger(__name__)

NOTE = "reporting.keys"
ROOT_BYTES = 32


class BelievedKeys:
    """The keys document last believed, kept over restarts, so that an older one is refused after them too."""

    def __init__(self, notes: Notes, root: bytes) -> None:
        """Raises BadRoot, StoreError."""
        if len(root) != ROOT_BYTES:
            raise BadRoot("root", f"{len(root)} bytes")
        self._notes = notes
        self._root = root
        self._body = b""
        self._lock = threading.Lock()
        self.ring: KeyRing | None = None
        """None before any keys document was believed."""
        kept = notes.get(NOTE)
        if kept is not None:
            try:
                signed = decode(Signed, kept)
                self.ring, self._body = KeyRing.open(signed, root), signed.body
            except ContractError as error:
                # Another root was pinned since, say: then what was believed under the old one counts no more.
                _log.error("the kept keys document is not believed: %s", error)

    @property
    def version(self) -> int:
        """Of the document believed; 0: none."""
        return self.ring.document.version if self.ring is not None else 0

    @property
    def expires(self) -> datetime | None:
        """When the document expires; its age is a finding for people, not a locked device."""
        return self.ring.document.expires if self.ring is not None else None

    def take(self, signed: Signed) -> bool:
        """Believe a keys document; True where it is newer than the one believed, and kept.

        Thread-safe: one may come by line and another on a stick. Raises BadSignature, Malformed, RolledBack,
        StoreError.
        """
        with self._lock:
            return self._take(signed)

    def _take(self, signed: Signed) -> bool:
        # From the newest root believed on: whoever holds an older one may not speak any more.
        root = self.ring.root if self.ring is not None else self._root
        ring = KeyRing.open(signed, root, at_least=self.version)
        if ring.document.version == self.version:
            if signed.body != self._body:
                raise BadSignature(KEYS_FEED, f"two documents of version {self.version}")
            return False
        self._notes.put(NOTE, encode(signed))
        self.ring, self._body = ring, signed.body
        return True
