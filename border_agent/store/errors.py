"""Errors of the store."""

from __future__ import annotations

from border_agent.errors import BorneError


class StoreError(BorneError):
    """Base of every error of the store. Whatever raised it, nothing of the transaction is in the database."""

    code = "store"


class KeyRefused(StoreError):
    """The key's file is missing, is not 32 bytes, or others may read it."""

    code = "store.key_refused"


class WrongKey(StoreError):
    """The file is no database, or not under this key."""

    code = "store.wrong_key"


class StoreFull(StoreError):
    """No room: the disk is full, or what is left is kept for decisions. The store goes on once there is."""

    code = "store.full"


class StoreDamaged(StoreError):
    """The database contradicts itself: pages that do not verify, a journal whose end is not where it should be."""

    code = "store.damaged"


class StoreBusy(StoreError):
    """Another process holds the database for longer than is reasonable."""

    code = "store.busy"


class StoreFailed(StoreError):
    """Anything else: the disk does not answer, the folder is read-only."""

    code = "store.failed"


class NotAppended(StoreError):
    """Entries that the journal refuses: none at all, too many at once, or one that is too large."""

    code = "store.not_appended"


class NotDamaged(StoreError):
    """A stream that is whole is not to be left for a new one."""

    code = "store.not_damaged"


class EvidenceTooLarge(StoreError):
    """A piece of evidence beyond its bound."""

    code = "store.evidence_too_large"


class ListRefused(StoreError):
    """Staged changes that do not lead to the signed head, or do not continue what is staged."""

    code = "store.list_refused"


class NothingToExport(StoreError):
    """No entry of the journal lies in the range that was asked for."""

    code = "store.nothing_to_export"
