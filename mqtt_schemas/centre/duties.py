"""What one process of a data centre sees to: everything, one shard of the devices, or the lists.

A device belongs to one of 64 slots by a hash of its name, and a shard has every N-th slot. A process claims its slots
one by one, so that no two processes ever take the same device's journal, even where somebody starts them with
different numbers of shards.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

from msgspec import Struct

from mqtt_schemas.centre.errors import BadConfiguration
from mqtt_schemas.keys import ACK
from mqtt_schemas.topics import Channel

SLOTS = 64
MOST_SHARDS = 32
NAME = "centre"
PUBLISHER = f"{NAME}-publisher"
PUBLISHING = "publisher"
"""The claim of whoever publishes the lists."""

_SHARD = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)")
_NAMES = re.compile(rf"{NAME}(-publisher|-[0-9]+)?")


class Duties(Struct, frozen=True):
    """Of one process."""

    shard: int = 1
    """From 1; 0: takes no journals."""
    shards: int = 1
    publishes: bool = True

    @classmethod
    def of_shard(cls, text: str) -> Duties:
        """The duties of shard `I/N`: journals, no lists. Raises BadConfiguration."""
        found = _SHARD.fullmatch(text)
        if found is None or not int(found[1]) <= int(found[2]) <= MOST_SHARDS:
            raise BadConfiguration("shard", f"not I/N with N at most {MOST_SHARDS}: {text[:20]}")
        return cls(int(found[1]), int(found[2]), False)

    @property
    def whole(self) -> bool:
        """Everything there is to do at a centre."""
        return self.publishes and self.shard == self.shards == 1

    @property
    def ingests(self) -> bool:
        return self.shard > 0

    @property
    def name(self) -> str:
        """Common name of its certificate, and its name at the broker."""
        if self.whole:
            return NAME
        return f"{NAME}-{self.shard}" if self.ingests else PUBLISHER

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What it hears. States first: the broker then sends the retained ones before any batch, and batches can be
        answered."""
        journal = (Channel.JOURNAL, Channel.EVIDENCE) if self.ingests else ()
        return (Channel.STATE, *journal, *((Channel.PULL, Channel.RENEWAL) if self.publishes else ()))

    @property
    def claims(self) -> tuple[str, ...]:
        """What no other process may see to at the same time."""
        slots = range(self.shard - 1, SLOTS, self.shards) if self.ingests else ()
        return (*(f"slot-{slot}" for slot in slots), *((PUBLISHING,) if self.publishes else ()))

    def signs(self, role: str) -> bool:
        """Whether it needs the key of a role: whoever takes journals in acknowledges them, the rest is the lists'."""
        return self.ingests if role == ACK else self.publishes

    def takes(self, device: str) -> bool:
        """Whether this process sees to a device. Who only publishes sees to all."""
        return not self.ingests or slot(device) % self.shards == self.shard - 1


PUBLISHES = Duties(0, 1, True)


@lru_cache(maxsize=4096)
def slot(device: str) -> int:
    """Where a device belongs, always and everywhere."""
    return int.from_bytes(sha256(device.encode(errors="replace")).digest()[:8], "big") % SLOTS


def is_centres(name: str) -> bool:
    """Whether a name is one of the centre's own at the broker, so that no device may have it."""
    return _NAMES.fullmatch(name) is not None
