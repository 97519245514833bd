"""A post with its people: a true store and list, a clock moved by hand, authenticators that show true codes."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from border_agent.agent.officers import Acts, Officers, Session
from border_agent.agent.officers.values import SignInRefused
from border_agent.clock import Clock
from border_agent.store import Journal, Lists, Store, create_key
from mqtt_schemas.activation import ActivationSecret, new_code, seal_activation
from mqtt_schemas.entries import OfficerAct, read_entry
from mqtt_schemas.feeds import Feed, delete, put
from mqtt_schemas.records import OfficerRecord, OfficerRole, OfficerState, Policy, SealedActivation
from mqtt_schemas.sealing import sealing_public
from tests.store.store_kit import Hands, install

POST, DEVICE = "uto-nord", "uto-nord-counter-1"
PASSWORD = "trois loutres sur la berge"
OTHER = "quatre hérons au-dessus du lac"


@dataclass
class Holder:
    """What an officer carries about: a number, a one-time code, an authenticator."""

    number: str
    code: str
    totp: bytes
    activation: str

    def shows(self, at: datetime) -> str:
        return pyotp.TOTP(base64.b32encode(self.totp).decode()).at(at)


@dataclass
class Place:
    """One device of a post, switched on and off at will."""

    folder: Path
    hands: Hands = field(default_factory=Hands)
    key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    device: str = DEVICE
    policy: Policy = field(
        default_factory=lambda: Policy(policy_id="test", rules_version=1, country="UTO", issuers=(), regimes=())
    )

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        create_key(self.folder / "store.key")
        self.signing = Ed25519PrivateKey.generate()
        self.rows: list[bytes] = []
        self.records: dict[str, OfficerRecord] = {}
        self.hands.synchronised = True
        self.switch_on()

    def switch_on(self) -> None:
        """As after a restart: nothing is left but what is on disk."""
        self.clock: Clock = self.hands.clock()
        self.store = Store(self.folder / "store.db", self.folder / "store.key", reserve_bytes=0)
        self.journal = Journal(self.store, self.device, self.signing, self.clock, software="test")
        self.lists = Lists(self.store)
        self.officers = Officers(
            self.store,
            self.lists,
            Acts(self.journal, self.clock, lambda: self.hands.monotonic),
            lambda: self.policy,
            post=POST,
            device=self.device,
            sealing_key=self.key,
            clock=self.clock,
            monotonic=lambda: self.hands.monotonic,
        )

    def restart(self, monotonic: float = 5.0) -> None:
        self.store.close()
        self.hands.monotonic = monotonic
        self.switch_on()

    def publish(self, number: str, name: str = "Ama Mensah", **more: object) -> Holder:
        """A record with a fresh activation for this device, installed; what the officer is handed."""
        held = Holder(number=number, code=new_code(), totp=secrets.token_bytes(20), activation=secrets.token_hex(8))
        fields: dict[str, object] = {"roles": (OfficerRole.OFFICER,), "posts": (POST,)}
        record = OfficerRecord(number=number, name=name, **(fields | more))  # type: ignore[arg-type]
        self.put(structs.replace(record, activation=held.activation, activations=(self.sealed(held),)))
        return held

    def sealed(self, held: Holder, *, days: float = 14, **more: str) -> SealedActivation:
        fields = {"number": held.number, "activation": held.activation, "code": held.code} | more
        secret = ActivationSecret(**fields, totp_secret=held.totp, not_after=self.clock.now() + timedelta(days=days))
        return SealedActivation(device=self.device, box=seal_activation(sealing_public(self.key), secret))

    def put(self, record: OfficerRecord) -> None:
        self.records[record.number] = record
        self.rows.append(put(record.number, record))
        install(self.store, Feed.OFFICERS, self.rows)

    def change(self, number: str, **changes: object) -> None:
        self.put(structs.replace(self.records[number], **changes))

    def remove(self, number: str) -> None:
        self.rows.append(delete(number))
        install(self.store, Feed.OFFICERS, self.rows)

    def code(self, held: Holder, *, steps: int = 0) -> str:
        """What the officer's authenticator shows now."""
        return held.shows(self.clock.now() + timedelta(seconds=30 * steps))

    def next_code(self, held: Holder) -> str:
        """The next one that was not used: half a minute passes."""
        self.hands.turn(30)
        return self.code(held)

    def activated(self, number: str, name: str = "Ama Mensah", *, password: str = PASSWORD, **more: object) -> Holder:
        """Somebody who has finished the first sign-in and has left."""
        held = self.publish(number, name, **more)
        token, _ = self.activate(held, password)
        self.officers.sign_out(token)
        return held

    def activate(self, held: Holder, password: str = PASSWORD) -> tuple[str, Session]:
        begun = self.officers.activation(held.number, held.code)
        return self.officers.activate(begun.token, password, self.next_code(held))

    def sign_in(self, held: Holder, password: str = PASSWORD, **more: str) -> tuple[str, Session]:
        return self.officers.sign_in(held.number, password, self.next_code(held), **more)

    def wrong(self, number: str, times: int = 1, peer: str = "") -> None:
        for _ in range(times):
            with pytest.raises(SignInRefused):
                self.officers.sign_in(number, "not it at all", "000000", peer=peer)

    def acts(self, *names: str) -> list[OfficerAct]:
        """Acts in the journal, the oldest first; of these names."""
        with self.store.reading() as connection:
            bodies = [bytes(body) for (body,) in connection.execute("SELECT body FROM journal ORDER BY sequence")]
        entries = [read_entry(body) for body in bodies]
        return [one for one in entries if isinstance(one, OfficerAct) and (not names or one.act in names)]

    def column(self, number: str, name: str) -> object:
        with self.store.reading() as connection:
            row = connection.execute(f"SELECT {name} FROM officer WHERE number = ?", (number,)).fetchone()
        return row[0] if row is not None else None


@contextmanager
def opened(folder: Path, **more: object) -> Iterator[Place]:
    place = Place(folder, **more)  # type: ignore[arg-type]
    try:
        yield place
    finally:
        place.store.close()


SUPERVISOR = {"roles": (OfficerRole.SUPERVISOR,)}
SUSPENDED = OfficerState.SUSPENDED
