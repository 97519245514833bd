"""The devices of this post as the installed list has them: whose word counts, and under which key."""

from __future__ import annotations

from collections.abc import Callable

from border_agent.store import Lists
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import DeviceRecord, DeviceState

LOOK_SECONDS = 1.0
"""A device that is retired is believed for at most so long after the list says so."""
KIOSK = "kiosk"


class Register:
    """Kept in memory for each issue of the list. Any thread may ask; raises StoreError."""

    def __init__(self, lists: Lists, post: str, device: str, monotonic: Callable[[], float]) -> None:
        self._lists = lists
        self._post = post
        self._device = device
        self._monotonic = monotonic
        self._looked_at = float("-inf")
        self._version = -1
        self._records: dict[str, DeviceRecord] = {}

    @property
    def installed(self) -> bool:
        """Whether there is a list at all."""
        self._look()
        return self._version > 0

    def record(self, device: str) -> DeviceRecord | None:
        """A device's line, of whatever post and state."""
        self._look()
        return self._records.get(device)

    def others(self) -> tuple[DeviceRecord, ...]:
        """The other devices that are enrolled at this post, by name."""
        self._look()
        return tuple(
            record
            for _, record in sorted(self._records.items())
            if record.post == self._post and record.state is DeviceState.ENROLLED and record.device != self._device
        )

    def _look(self) -> None:
        now = self._monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        version = self._lists.version(Feed.DEVICES)
        if version != self._version:
            self._records = {record.device: record for record in self._lists.devices().records}
            self._version = version
        self._looked_at = now
