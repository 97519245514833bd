"""Enrolling, moving, retiring, replacing devices: each a command, a line of the book, and the feed that follows.

The issuing authority and the key of role `enrolment` are at hand here; what they sign is bound to the device's own
keys, which never leave it. Nothing is issued to a device that is not of the register.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from msgspec import Struct, structs

from mqtt_schemas.centre.authority import Authority
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.enrolment_book import Book, Event, LastKnown, What
from mqtt_schemas.centre.errors import BadEnrolment, BurntKeys, CodeDiffers, OtherMachine, UnsentUnclear
from mqtt_schemas.centre.folder import CentreFolder, keys_document
from mqtt_schemas.centre.keys import RoleKeys
from mqtt_schemas.centre.readers import forget_reader
from mqtt_schemas.centre.register import check_device, publish
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import AlarmCode, AlarmNote, Device, DeviceStatus
from mqtt_schemas.enrolment import (
    EnrolmentAnswer,
    EnrolmentBundle,
    OpenedRequest,
    open_request,
    same_code,
)
from mqtt_schemas.keys import ENROLMENT
from mqtt_schemas.messages import encode
from mqtt_schemas.post import POST_NAME

BUNDLE_DAYS = 60
"""A bundle is to be installed within so many days: it may travel by road."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST_WORDS = 400


class Handed(Struct, frozen=True, kw_only=True):
    """What an enrolment, replacement or renewal came to."""

    number: int
    """Of the book's line."""
    what: What
    device: str
    post: str
    code: str
    answer: bytes
    """For the device: an EnrolmentAnswer."""
    names: tuple[str, ...]
    until: datetime
    """The certificate's end."""
    known: LastKnown
    """Of the device's journal before this."""


class Bench:
    """What a command works with: one transaction of the centre's database, its keys, its authority."""

    def __init__(self, folder: CentreFolder, database: Database, at: datetime) -> None:
        self.folder = folder
        self.database = database
        self.at = at
        self.store = Store(database)
        self.book = Book(database)

    def device(self, name: str) -> Device:
        """Of the register, in whatever state. Raises BadEnrolment."""
        found = self.store.device(name)
        if found is None:
            raise BadEnrolment(name[:60], "not enrolled")
        return found

    def put(self, device: Device) -> None:
        """Into the register, and from there into the feed."""
        if self.store.device(device.id) != device:
            self.store.put_device(device, self.at)
        publish(self.database, self.at)


def enrol(
    path: Path, payload: bytes, *, person: str, code: str = "", reason: str = "", at: datetime | None = None
) -> Handed:
    """Enrol the device of a request, or hand an enrolled one new certificates.

    `code` is what was read on the device. Raises BadRequest and what reading one raises, CodeDiffers, BadEnrolment,
    OtherMachine (see `replace`), BurntKeys, BadAuthority.
    """
    opened = _opened(payload, code)
    request = opened.request
    with _bench(path, at) as bench:
        old = bench.store.device(request.device)
        _require_unburnt(bench, request.journal_key)
        if old is not None and old.journal_key != request.journal_key:
            raise OtherMachine(request.device, _shown(bench.book.last_known(request.device)))
        if old is not None and old.status is DeviceStatus.ENROLLED and old.post != request.post:
            raise BadEnrolment(request.device, f"enrolled at {old.post}, asks for {request.post}: move it first")
        renewed = old is not None and old.status is DeviceStatus.ENROLLED
        if request.renewal and not renewed:
            raise BadEnrolment(request.device, "asks for a renewal, and is not enrolled, or no longer")
        return _hand(bench, What.RENEWED if renewed else What.ENROLLED, opened, person, reason)


def renew(
    path: Path, payload: bytes, *, person: str, code: str = "", reason: str = "", at: datetime | None = None
) -> Handed:
    """New certificates for a device that is enrolled with these keys: by stick, where the line refuses the old ones.

    Raises as `enrol` does.
    """
    opened = _opened(payload, code)
    with _bench(path, at) as bench:
        require_same(bench.store.device(opened.request.device), opened)
        return _hand(bench, What.RENEWED, opened, person, reason)


def require_same(device: Device | None, opened: OpenedRequest) -> Device:
    """The enrolled device that asks, with the keys it is enrolled with, at its post. Raises BadEnrolment."""
    request = opened.request
    if device is None or device.status is not DeviceStatus.ENROLLED:
        raise BadEnrolment(request.device, "not enrolled, or no longer")
    if device.journal_key != request.journal_key or device.sealing_key != request.sealing_key:
        raise OtherMachine(request.device, "asks with other keys than it is enrolled with")
    if device.post != request.post:
        raise BadEnrolment(request.device, f"enrolled at {device.post}, asks for {request.post}: move it first")
    return device


def replace(
    path: Path,
    payload: bytes,
    *,
    person: str,
    code: str = "",
    reason: str = "",
    unsent_lost: str = "",
    at: datetime | None = None,
) -> Handed:
    """Put another machine, with keys of its own, in an enrolled device's place. Its earlier streams take no more.

    `unsent_lost` says why what the old machine may still have held is given up; without it, its journal must have
    been brought to its end as it last said (`unsent.take`). Raises as `enrol` does, and UnsentUnclear.
    """
    opened = _opened(payload, code)
    request = opened.request
    with _bench(path, at) as bench:
        old = bench.device(request.device)
        _require_unburnt(bench, request.journal_key)
        if old.journal_key == request.journal_key:
            raise BadEnrolment(request.device, "the same machine: enrol it")
        if old.status is DeviceStatus.ENROLLED and old.post != request.post:
            raise BadEnrolment(request.device, f"enrolled at {old.post}, asks for {request.post}: move it first")
        known = bench.book.last_known(request.device)
        if not unsent_lost and not bench.book.brought(request.device, old.journal_key, known):
            raise UnsentUnclear(request.device, _shown(known))
        words = " / ".join(filter(None, [reason, f"unsent lost: {unsent_lost}" if unsent_lost else ""]))
        return _hand(bench, What.REPLACED, opened, person, words)


def move(path: Path, device: str, post: str, *, person: str, reason: str, at: datetime | None = None) -> Event:
    """A device serves at another post from now on; the feed says so to the devices of both. Raises BadEnrolment."""
    if not POST_NAME.fullmatch(post):
        raise BadEnrolment(device[:60], f"not a post: {post[:60]!r}")
    with _bench(path, at) as bench:
        old = bench.device(device)
        if old.status is not DeviceStatus.ENROLLED:
            raise BadEnrolment(device, "retired")
        if old.post == post:
            raise BadEnrolment(device, f"is at {post} already")
        bench.put(structs.replace(old, post=post))
        return _noted(bench, What.MOVED, old, person, f"{old.post} -> {post}: {reason}", post)


def retire(path: Path, device: str, *, person: str, reason: str, at: datetime | None = None) -> Event:
    """Take nothing more from a device; what it sent stays. Raises BadEnrolment."""
    with _bench(path, at) as bench:
        old = bench.device(device)
        if old.status is DeviceStatus.RETIRED:
            raise BadEnrolment(device, "retired already")
        return _out(bench, What.RETIRED, old, person, reason)


def cloned(path: Path, device: str, *, person: str, reason: str, at: datetime | None = None) -> Event:
    """Two machines speak as this device: nothing is taken from either, and its keys never serve again.

    The alarm stays open until a person has closed it; the machine comes back with new keys (`replace`). Raises
    BadEnrolment.
    """
    with _bench(path, at) as bench:
        old = bench.device(device)
        bench.store.raise_alarm(AlarmNote(AlarmCode.CLONE, f"by {person}: {reason}"), device, bench.at)
        return _out(bench, What.CLONED, old, person, reason)


def book(path: Path, device: str = "") -> list[Event]:
    """What was done, oldest first; of one device, or of all."""
    with CentreFolder(path).database() as database:
        return Book(database).events(device)


def known(path: Path, device: str) -> LastKnown:
    """What is known of a device's journal here."""
    with CentreFolder(path).database() as database:
        return Book(database).last_known(device)


def hand_over(
    bench: Bench, keys: RoleKeys, authority: Authority, number: int, opened: OpenedRequest
) -> tuple[bytes, x509.Certificate]:
    """The signed answer to a request, and the certificate in it; written into the book. Raises BadAuthority."""
    request, at = opened.request, bench.at
    certificate = authority.device(opened.tls, request.device, at)
    server = b""
    if opened.server is not None:
        made = authority.server(opened.server, request.device, opened.names, at)
        server = made.public_bytes(serialization.Encoding.DER)
    bundle = EnrolmentBundle(
        device=request.device,
        post=request.post,
        number=number,
        request=opened.digest,
        issued=at,
        expires=at + timedelta(days=BUNDLE_DAYS),
        journal_key=request.journal_key,
        sealing_key=request.sealing_key,
        certificate=certificate.public_bytes(serialization.Encoding.DER),
        server_certificate=server,
        chain=authority.chain,
    )
    document = keys_document(bench.database)[1]
    answer = encode(EnrolmentAnswer(keys=encode(document), bundle=encode(keys.sign(ENROLMENT, bundle))))
    bench.book.handed(number, request.device, opened.digest, answer, opened.names, certificate.not_valid_after_utc)
    return answer, certificate


def check_names(folder: CentreFolder, names: Sequence[str], device: str) -> None:
    """A device must not be able to pass for the centre's own broker. Raises BadEnrolment."""
    own = {folder.settings.broker.host} - LOOPBACK
    if taken := own & set(names):
        raise BadEnrolment(device, f"asks for the data centre's name {', '.join(sorted(taken))}")


@contextmanager
def _bench(path: Path, at: datetime | None) -> Iterator[Bench]:
    folder = CentreFolder(path)
    with folder.database() as database, database.transaction():
        yield Bench(folder, database, at or datetime.now(UTC))


def _hand(bench: Bench, what: What, opened: OpenedRequest, person: str, reason: str) -> Handed:
    request = opened.request
    check_device(request.device, request.post, request.role, request.journal_key, request.sealing_key)
    check_names(bench.folder, opened.names, request.device)
    _require_words(request.device, person, reason)
    keys, authority = bench.folder.keys(), Authority.load(bench.folder.path)
    known = bench.book.last_known(request.device)
    number = bench.book.write(
        what,
        request.device,
        request.post,
        request.journal_key,
        person=person,
        reason=reason,
        at=bench.at,
        known=known,
    )
    answer, certificate = hand_over(bench, keys, authority, number, opened)
    bench.put(
        Device(
            request.device,
            request.post,
            request.journal_key,
            certificate.fingerprint(hashes.SHA256()),
            DeviceStatus.ENROLLED,
            request.role,
            request.sealing_key,
            request.facts.sealed_to,
        )
    )
    forget_reader(bench.database, request.device)
    return Handed(
        number=number,
        what=what,
        device=request.device,
        post=request.post,
        code=opened.code,
        answer=answer,
        names=opened.names,
        until=certificate.not_valid_after_utc,
        known=known,
    )


def _out(bench: Bench, what: What, device: Device, person: str, reason: str) -> Event:
    bench.store.retire_device(device.id, bench.at)
    publish(bench.database, bench.at)
    return _noted(bench, what, device, person, reason, device.post)


def _noted(bench: Bench, what: What, device: Device, person: str, reason: str, post: str) -> Event:
    _require_words(device.id, person, reason)
    bench.book.write(what, device.id, post, device.journal_key, person=person, reason=reason, at=bench.at)
    return bench.book.events(device.id)[-1]


def _require_words(device: str, person: str, reason: str) -> None:
    if not person.strip() or len(person) > LONGEST_WORDS or len(reason) > LONGEST_WORDS:
        raise BadEnrolment(device, "who does it must be said, in some words at most")


def _require_unburnt(bench: Bench, journal_key: bytes) -> None:
    if bench.book.burnt(journal_key):
        raise BurntKeys("journal key", "of a device that was cloned")


def _opened(payload: bytes, code: str) -> OpenedRequest:
    opened = open_request(payload)
    if code and not same_code(code, opened.code):
        raise CodeDiffers(opened.request.device, f"the request shows {opened.code}")
    return opened


def _shown(known: LastKnown) -> str:
    if not known.epoch:
        return "it has sent nothing"
    return (
        f"stored up to {known.mark} of {known.epoch.hex()}, head {known.head.hex()};"
        f" it last said it had {known.said_sequence}"
    )
