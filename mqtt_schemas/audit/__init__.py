"""An audit of journals by their exported files alone: keys in, report out. It knows nothing of any agent.

    keys      whose word counts, and where the centre says streams stand
    verify    files against keys, and against each other
    files     one file, line by line
    walk      one segment, entry by entry; `heads`, `times`: what it keeps of it
    report    what was found, in words that stay

What can be proven: that these entries are what the device wrote (its signatures, by a key the centre has enrolled),
that none is missing or added (the chain), that the file is all its maker put in (its signed end), and, up to the last
head that somebody else has witnessed, that the device itself has not written its history anew since. Beyond that head
the device's own word stands alone, and the report says so.
"""

from __future__ import annotations

from mqtt_schemas.audit.keys import AuditKeys, KeysFile, StreamMark, read_keys, write_keys
from mqtt_schemas.audit.report import (
    AuditReport,
    Fault,
    FaultKind,
    FileReport,
    Note,
    NoteKind,
    StreamReport,
)
from mqtt_schemas.audit.verify import verify_files

__all__ = [
    "AuditKeys",
    "AuditReport",
    "Fault",
    "FaultKind",
    "FileReport",
    "KeysFile",
    "Note",
    "NoteKind",
    "StreamMark",
    "StreamReport",
    "read_keys",
    "verify_files",
    "write_keys",
]
