"""The store's key: 32 bytes in a file that only its owner may read.

systemd hands it over as a credential; where there is a TPM, it is sealed there. No passphrase: deriving a key
from one costs 83 ms at every opening, and nobody could type it on a kiosk anyway.

systemd lets a unit's own user read a credential by an access-control list, and then the file's mode shows the list's
mask in its group bits: 0440, although the group has no access. So reading by the group is passed over for a file that
lies in the very folder systemd gave this process (`$CREDENTIALS_DIRECTORY`), which no other account may enter.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from border_agent.store.errors import KeyRefused

KEY_BYTES = 32


def others_may_read(path: Path, mode: int) -> bool:
    """Whether anyone but the owner has access to a secret file, by its mode; a credential of systemd's is allowed its
    list's mask."""
    allowed = stat.S_IRGRP if _is_credential(path) else 0
    return bool(mode & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed)


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    # Resolved, so that no link in that folder, and no way round it by "..", lends its name to another file.
    return bool(folder) and Path(os.path.realpath(path)).parent == Path(os.path.realpath(folder))


def create_key(path: Path) -> None:
    """Write a fresh key, mode 0600. Raises KeyRefused where there is a file already, or none can be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise KeyRefused(str(path), error.strerror or str(error)) from None


def read_key(path: Path) -> bytes:
    """The key, 32 bytes. Raises KeyRefused, also where anyone but the owner may read or write the file."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise KeyRefused(str(path), error.strerror or str(error)) from None
    if not stat.S_ISREG(mode) or others_may_read(path, mode):
        raise KeyRefused(str(path), f"mode {stat.S_IMODE(mode):04o}; others may not have access")
    if len(key) != KEY_BYTES:
        raise KeyRefused(str(path), "not 32 bytes")
    return key
