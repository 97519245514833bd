"""Who may read which list, and how it is to reach them: sealed, in clear, or not at all."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.centre.folder import PublishSettings
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Device
from mqtt_schemas.feeds import GUARDED, PERSONAL, Feed

KIOSK = "kiosk"
TPM = "tpm2"


class Manner(StrEnum):
    """How a feed's chunks travel to one device."""

    CLEAR = "clear"
    SEALED = "sealed"
    REFUSED = "refused"
    """The device may not read this list at all."""
    UNSEALED = "unsealed"
    """It may, but asks in clear, and is not given it so."""


class Way(Struct, frozen=True):
    """How a feed goes to a device, and the key it is sealed to."""

    manner: Manner
    public: bytes = b""


def may_read(feed: Feed, role: str, sealed_to: str, *, kiosks_without_tpm: bool) -> bool:
    """Whether a device may have a list at all.

    A kiosk stands in a hall and can be carried away: where its disk would open without the machine's TPM, it has
    neither the watch-list nor the stays, unless the country has said so in writing (`centre.toml`). What such a kiosk
    finds is weighed again at the counter, by a device that has them.
    """
    return feed not in GUARDED or role != KIOSK or sealed_to == TPM or kiosks_without_tpm


class Readers:
    """The register's devices as readers of lists."""

    def __init__(self, database: Database, settings: PublishSettings) -> None:
        self._database = database
        self._store = Store(database)
        self._settings = settings

    def may(self, device: Device, feed: Feed) -> bool:
        """See `may_read`."""
        kiosks = self._settings.kiosks_without_tpm
        return may_read(feed, device.role, device.sealed_to, kiosks_without_tpm=kiosks)

    def way(self, name: str, feed: Feed, *, sealed: bool, at: datetime) -> Way:
        """How a feed travels to a device that asks for it, and can open what is sealed, or not.

        A device that has once asked for sealed lists gets none in clear any more, whoever asks in its name: that is
        noted here, inside the caller's transaction, and forgotten when people enrol it anew. Raises StoreFailed.
        """
        device = self._store.device(name)
        if device is None or not self.may(device, feed):
            return Way(Manner.REFUSED)
        if feed not in PERSONAL:
            return Way(Manner.CLEAR)
        noted = self._database.one("SELECT 1 FROM sealed_reader WHERE device = ?", [name]) is not None
        if sealed and device.sealing_key:
            if not noted:
                self._database.execute(
                    "INSERT INTO sealed_reader (device, since) VALUES (?, ?) ON CONFLICT (device) DO NOTHING",
                    [name, stamp(at)],
                )
            return Way(Manner.SEALED, device.sealing_key)
        clear = self._settings.older_devices and not noted
        return Way(Manner.CLEAR if clear else Manner.UNSEALED)


def forget_reader(database: Database, device: str) -> None:
    """People have enrolled a device anew: it may be an older version again. Inside their transaction."""
    database.execute("DELETE FROM sealed_reader WHERE device = ?", [device])
