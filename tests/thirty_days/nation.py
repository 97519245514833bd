"""The whole nation for days on end: arrivals, visas, outages; and what it came to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import msgspec
from msgspec import Struct

from mqtt_schemas.centre import desk as desk_module
from mqtt_schemas.centre import service as service_module
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.reports import alarms
from mqtt_schemas.lab.pki import LabAuthority
from tests.line.wire import Quality
from tests.thirty_days.data_centre import DataCentre
from tests.thirty_days.post import SELDOM, Post
from tests.thirty_days.shared_line import Broker, SharedLine
from tests.thirty_days.timeline import Timeline, lived_in

ARRIVALS_A_DAY = 157_688 / 334 * 10
"""The seed's figure for eleven months, ten times over."""
POSTS = 25
LINE = Quality(rate=128_000, delay=0.3)

_DAY = 86_400.0
_REFERRED = 0.25
"""Of all travellers, a kiosk sends so many on: an entry more."""
_LISTED = 0.9
"""So many visas are in the list when their holder comes."""
_SETTLED = 900.0
_WATCH = 10.0


class Outage(Struct, frozen=True):
    """The one line is cut; in days."""

    begin: float
    length: float


class Recovery(Struct, frozen=True, kw_only=True):
    """What an outage left, and how long it took."""

    hours: float
    backlog: int
    """Entries at all posts when the line came back."""
    drained_seconds: float
    """Until the centre had all of these."""


def outages(days: float) -> tuple[Outage, ...]:
    """Of thirty days: two days, six hours, three days, half a day. Of fewer: one."""
    whole = (Outage(4.0, 2.0), Outage(11.4, 0.25), Outage(17.7, 3.0), Outage(26.3, 0.5))
    return whole if days >= 30 else (Outage(days * 0.4, days * 0.25),)


@dataclass
class Nation:
    """Everything of one run. `run` lets the days pass."""

    folder: Path
    days: float
    posts: int = POSTS
    arrivals: float = ARRIVALS_A_DAY
    picture: int = 0
    seed: int = 1
    recoveries: list[Recovery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timeline = Timeline()
        self.line = SharedLine(self.timeline, LINE)
        self._chance = random.Random(self.seed)
        authority = LabAuthority(self.folder / "tls")
        self.centre = DataCentre(self.folder / "centre", authority, self.timeline)
        self._broker = Broker(self.line, self.centre.received)
        self.all = [
            Post(
                number,
                self.folder / f"post-{number}",
                authority,
                self.centre.root,
                self.timeline,
                self.line,
                self._broker,
                picture=self.picture,
            )
            for number in range(self.posts)
        ]
        for post in self.all:
            self.centre.enrol(post.device, post.public, post.sealing_public)
        # The airport has most of it, as everywhere.
        weights = [1 / (number + 1) for number in range(self.posts)]
        self._shares = [weight / sum(weights) for weight in weights]
        self._visas = [0] * self.posts
        self._come = [0] * self.posts
        self.most_waiting = 0

    def run(self, progress: Callable[[float, Nation], None] = lambda *_: None) -> None:
        """All days, and then as long as it takes until nothing waits; at most two days more."""
        with ExitStack() as during:
            during.enter_context(lived_in(self.timeline, service_module, desk_module))
            for module, name, seconds in SELDOM:
                during.enter_context(mock.patch.object(module, name, seconds))
            self._issue_visas()
            self.centre.start(self._broker)
            for post in self.all:
                post.wake()
            for day in range(int(self.days + 0.999)):
                self.timeline.day(day, self._plan_day)
            for outage in outages(self.days):
                self.timeline.day(outage.begin, self._cut)
                self.timeline.day(outage.begin + outage.length, lambda o=outage: self._mend(o))  # type: ignore[misc]
            for hour in range(int(self.days * 24)):
                self.timeline.day(hour / 24, self._hour)
                self.timeline.run(hour * 3600.0)
                if hour % 6 == 0:
                    progress(hour / 24, self)
            self.timeline.run(self.days * _DAY)
            for _ in range(int(2 * _DAY / _SETTLED)):
                self.timeline.run(self.timeline.elapsed + _SETTLED)
                if self.quiet():
                    return

    def waiting(self) -> int:
        return sum(post.waiting for post in self.all)

    def evidence_waiting(self) -> int:
        return sum(post.evidence_waiting for post in self.all)

    def quiet(self) -> bool:
        """Whether nothing is on its way, up or down."""
        return not (self.waiting() or self.evidence_waiting()) and all(
            state.version == state.wanted for post in self.all for state in post.service.status().feeds
        )

    def close(self) -> None:
        for post in self.all:
            post.close()
        self.centre.stop()

    def _plan_day(self) -> None:
        """Flights of an hour, and the road between six and ten in the evening."""
        self._issue_visas()
        begin = self.timeline.now
        for number, (post, share) in enumerate(zip(self.all, self._shares, strict=True)):
            count = round(self.arrivals * share * self._chance.uniform(0.8, 1.2))
            flights = [self._chance.uniform(5, 22) * 3600 for _ in range(3)]
            for _ in range(count):
                if self._chance.random() < 0.6:
                    second = self._chance.choice(flights) + self._chance.uniform(0, 3600)
                else:
                    second = self._chance.uniform(6, 22) * 3600
                if (begin - self.timeline.now + second) + self.timeline.elapsed >= self.days * _DAY:
                    continue
                self._come[number] += 1
                visa = self._come[number]
                self.timeline.at(begin + second, lambda p=post, v=visa: p.decide(v))  # type: ignore[misc]
                if self._chance.random() < _REFERRED:
                    self.timeline.at(begin + second - 60, post.refer)

    def _issue_visas(self) -> None:
        """For those who come within two days."""
        records = []
        for number, (post, share) in enumerate(zip(self.all, self._shares, strict=True)):
            until = self._come[number] + round(2.6 * self.arrivals * share)
            for visa in range(self._visas[number] + 1, until + 1):
                if self._chance.random() < _LISTED:
                    records.append(post.travellers.visa(visa))
            self._visas[number] = max(self._visas[number], until)
        if self.timeline.elapsed or not records:
            self.centre.publish_visas(records)
        else:
            self._first_visas = records
            self.timeline.after(0, lambda: self.centre.publish_visas(records))

    def _hour(self) -> None:
        for post in self.all:
            post.say_how_it_is()
        self.most_waiting = max(self.most_waiting, self.waiting())

    def _cut(self) -> None:
        self.line.cut()
        for post in self.all:
            post.link.silenced()

    def _mend(self, outage: Outage) -> None:
        self.line.mend()
        begun, backlog = self.timeline.now, self.waiting()

        def look() -> None:
            if min(post.oldest for post in self.all) < begun:
                self.timeline.after(_WATCH, look)
                return
            self.recoveries.append(
                Recovery(hours=outage.length * 24, backlog=backlog, drained_seconds=self.timeline.now - begun)
            )

        look()


class Outcome(Struct, frozen=True, kw_only=True):
    """What both ends have, compared."""

    decided: int
    at_devices: int
    at_centre: int
    different: int
    doubled: int
    chains_ok: bool
    lists_ok: bool
    pictures: int
    pictures_at_centre: int
    records: int
    records_at_centre: int
    alarms: dict[str, int]

    @property
    def ok(self) -> bool:
        return (
            self.at_devices == self.at_centre > self.decided > 0
            and not (self.different or self.doubled or self.alarms)
            and self.chains_ok
            and self.lists_ok
            and (self.pictures, self.records) == (self.pictures_at_centre, self.records_at_centre)
        )


def compare(nation: Nation) -> Outcome:
    """Entry by entry, once the days are over."""
    identities: set[str] = set()
    at_devices = at_centre = different = pictures = records = 0
    with CentreFolder(nation.centre.folder).database() as database:
        for post in nation.all:
            with post.store.reading() as connection:
                own = connection.execute(
                    "SELECT sequence, head, body FROM journal ORDER BY stream, sequence"
                ).fetchall()
                pictures += connection.execute("SELECT count(*) FROM evidence_blob").fetchone()[0]
                records += connection.execute("SELECT count(*) FROM evidence").fetchone()[0]
            theirs = list(
                database.rows(
                    "SELECT j.sequence, j.head, j.body FROM journal j JOIN stream s ON s.id = j.stream"
                    " WHERE s.device = ? ORDER BY s.id, j.sequence",
                    [post.device],
                )
            )
            at_devices, at_centre = at_devices + len(own), at_centre + len(theirs)
            different += abs(len(own) - len(theirs)) + sum(
                tuple(one) != tuple(other) for one, other in zip(own, theirs, strict=False)
            )
            identities.update(_id(body) for _, _, body in theirs)
        whole = dict(database.rows("SELECT kind, count(*) FROM evidence WHERE whole_at IS NOT NULL GROUP BY kind"))
    return Outcome(
        decided=sum(post.decided for post in nation.all),
        at_devices=at_devices,
        at_centre=at_centre,
        different=different,
        doubled=at_centre - len(identities),
        chains_ok=all(post.verified() for post in nation.all),
        lists_ok=nation.quiet(),
        pictures=pictures,
        pictures_at_centre=int(whole.get("live", 0)),
        records=records,
        records_at_centre=int(whole.get("record", 0)),
        alarms=dict(Counter(alarm.code.value for alarm in alarms(nation.centre.folder))),
    )


class _Id(Struct):
    id: str


_ids = msgspec.json.Decoder(_Id)


def _id(body: bytes) -> str:
    return _ids.decode(body).id
