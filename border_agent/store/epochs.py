"""A stream that cannot go on, mended by a person's recorded act."""

from __future__ import annotations

import secrets

from border_agent.clock import Clock
from border_agent.store.errors import NotDamaged
from border_agent.store.journal import Journal, Receipt
from mqtt_schemas.entries import EpochReason, OfficerAct

ACT = "journal_mended"


def mend(journal: Journal, clock: Clock, *, by: str, reason: str) -> Receipt:
    """Let the device go on without the entries that cannot be proved any more: a new epoch, whose first entry says
    DAMAGED, carries every one that still can and that the centre is not known to have. The last entry is who did
    this, and why; the entries left behind are named, and stay in the store as they are.

    Raises NotDamaged where everything the centre lacks proves: nobody may leave a good stream. StoreError.
    """
    if not journal.damaged():
        raise NotDamaged(journal.device, "every entry that the centre lacks can be proved")
    now = clock.read()
    act = OfficerAct(
        id=secrets.token_hex(16),
        occurred_at=now.at,
        recorded_at=now.at,
        clock=now.quality,
        officer=by,
        act=ACT,
        subject=journal.position().epoch.hex(),
        details={"reason": reason},
    )
    return journal.open_epoch(EpochReason.DAMAGED, carry=True, notes=[act])
