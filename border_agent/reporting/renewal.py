"""New certificates by line, asked for by the device itself once half the life of the present ones is over.

The keys stay; the answer is believed as a bundle from a stick is, and written as whole. The line is then taken up
anew with the new certificate. Where none comes, the old one serves as long again, and a stick mends it.
"""

from __future__ import annotations

import random
import time

from border_agent.clock import Clock
from border_agent.reporting.counts import Counts
from border_agent.reporting.enrolled import DeviceKeys, Enrolled, JournalEnd
from border_agent.reporting.errors import NotInstalled
from border_agent.reporting.link import Link, Message
from border_agent.store import Journal
from mqtt_schemas.errors import ContractError
from mqtt_schemas.topics import Channel, device_topic

LOOK_SECONDS = 600.0
"""So often the certificates' dates are looked at."""
ASK_SECONDS = 24 * 3600.0
"""So long an answer is waited for before it is asked again; a quarter more or less, for devices made on one day."""


class Renewal:
    """Used by reporting's thread."""

    def __init__(
        self, enrolled: Enrolled, keys: DeviceKeys, journal: Journal, link: Link, clock: Clock, counts: Counts
    ) -> None:
        self._enrolled = enrolled
        self._keys = keys
        self._journal = journal
        self._link = link
        self._clock = clock
        self._counts = counts
        self._topic = device_topic(enrolled.device, Channel.RENEWAL)
        self._look_at = 0.0
        self._ask_at = 0.0

    def run(self, now: float) -> None:
        """Ask where it is time. Raises LineDown, StoreError; what cannot be asked is counted."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        if now < self._ask_at or not self._enrolled.due(self._clock.now()):
            return
        # Not for secrecy: many devices must not come in the same second.
        self._ask_at = now + ASK_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311
        try:
            payload = self._enrolled.request(self._keys, self._clock.now(), renewal=True, journal=self._end())
        except (ContractError, NotInstalled) as error:
            self._counts.warn("renewal.not_asked", error)
            return
        self._link.publish(Message(self._topic, payload))
        self._counts.add("renewal.asked")

    def taken(self, payload: bytes) -> int:
        """Take in what came on `down/certificate`; the number of what is newly installed, 0 where nothing is.

        Raises what `Enrolled.install` raises: nothing is changed then.
        """
        before = self._enrolled.taken().number
        bundle = self._enrolled.install(payload, self._keys, self._clock.now()).bundle
        if bundle.number == before:
            self._counts.add("renewal.again")
            return 0
        self._counts.add("renewal.installed")
        self._look_at = time.monotonic() + LOOK_SECONDS
        return bundle.number

    def _end(self) -> JournalEnd:
        position, mark = self._journal.position(), self._journal.mark()
        return JournalEnd(
            epoch=position.epoch, sequence=position.sequence, head=position.head, acknowledged=mark.sequence
        )
