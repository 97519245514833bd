"""The encrypted store: the journal that is the outbox, the lists from the centre, evidence, local uses of visas.

Why SQLCipher: names, documents and faces of travellers must mean nothing to whoever carries the disk away. Why one
journal table: what was decided, what is still to be sent and what proves both are the same rows. `Journal.commit`
returns only when its entries are on disk; whoever calls it may then, and only then, say "recorded".

    database    one writer, one reader, and the rule for threads
    journal     append, mark, segments for batches        streams   the rows behind it
    epochs      a stream that cannot go on, mended        carrying  what goes over into the next    tail  its end
    retention   text goes, proof stays                    verify    recompute it all
    witness     who else saw where a journal stood        export    the journal as a file that proves itself
    lists       what the lists answer                     staging   how they get in        terms   how they are found
    policies    those that were in force once
    uses, evidence, notes                                 what changes with an entry, and small values
    evidence_keys, evidence_places, evidence_waiting      keys by day, entries that name it, what is to be sent
    erasure     what the centre holds goes when the policy says so
    passages    who came through here, for searching      passage_rows  the rows behind them
    watch_rows  the watch-list's persons, read aside      statistics, tallies, csv_table  how many came through
    migrations  the schema, step by step                  sqlcipher opening, settings, errors; credential  the key

After a failure: `StoreFull` passes by itself once there is room; on `WrongKey` or `StoreDamaged` the agent may
`set_aside` the file (nothing is deleted) and begin a new epoch in a new store.
"""

from __future__ import annotations

from border_agent.store.credential import create_key, read_key
from border_agent.store.database import RESERVE_BYTES, Room, Store, set_aside, was_set_aside
from border_agent.store.errors import (
    EvidenceTooLarge,
    KeyRefused,
    ListRefused,
    NotAppended,
    NotDamaged,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFailed,
    StoreFull,
    WrongKey,
)
from border_agent.store.evidence import EvidenceKept, EvidenceStore
from border_agent.store.journal import Change, Journal, Mark, Receipt, Segment
from border_agent.store.lists import Answer, ListInfo, Lists
from border_agent.store.notes import Notes
from border_agent.store.passages import CorrectionNoted, Passage, PassageNoted, Passages, Times
from border_agent.store.staging import FeedPosition, Staging
from border_agent.store.streams import Position
from border_agent.store.uses import UseMended, VisaUse, VisaUsed, VisaUses
from border_agent.store.verify import Fault, FaultKind, VerifyReport, verify_journal

__all__ = [
    "RESERVE_BYTES",
    "Answer",
    "Change",
    "CorrectionNoted",
    "EvidenceKept",
    "EvidenceStore",
    "EvidenceTooLarge",
    "Fault",
    "FaultKind",
    "FeedPosition",
    "Journal",
    "KeyRefused",
    "ListInfo",
    "ListRefused",
    "Lists",
    "Mark",
    "NotAppended",
    "NotDamaged",
    "Notes",
    "Passage",
    "PassageNoted",
    "Passages",
    "Position",
    "Receipt",
    "Room",
    "Segment",
    "Staging",
    "Store",
    "StoreBusy",
    "StoreDamaged",
    "StoreError",
    "StoreFailed",
    "StoreFull",
    "Times",
    "UseMended",
    "VerifyReport",
    "VisaUse",
    "VisaUsed",
    "VisaUses",
    "WrongKey",
    "create_key",
    "read_key",
    "set_aside",
    "verify_journal",
    "was_set_aside",
]
