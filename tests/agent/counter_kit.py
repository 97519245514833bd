"""A post's two counters as whole agents, a kiosk beside them, and the post's own broker between them."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from border_agent.agent.case import Case
from border_agent.agent.officers.values import Session, Theme
from border_agent.agent.rows import Row
from border_agent.agent.runtime import Agent
from border_agent.config import Role, load_config
from border_agent.inspection.machine import Phase
from border_agent.store import create_key
from mqtt_schemas.entries import Decision
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.records import DeviceRecord, FourEyes, OfficerRole, Policy
from tests.post.post_kit import KIOSK, POST, Station, wait_for
from tests.store.store_kit import install

COUNTERS = ("uto-guichet-1", "uto-guichet-2")
RULES = Policy(
    policy_id="utopia-1",
    rules_version=1,
    country="UTO",
    issuers=("UTO",),
    regimes=(),
    second_officer=(FourEyes.REFUSE,),
)


class Counters:
    """The kiosk `kiosk`, and the agents `first` and `second`; they know each other and are on the line."""

    def __init__(self, folder: Path, broker: LabBroker, authority: LabAuthority, stack: ExitStack) -> None:
        self.broker = broker
        self.authority = authority
        self.kiosk = Station(folder / KIOSK, KIOSK, Role.KIOSK, authority, (f"mqtts://localhost:{broker.port}",))
        keys = {name: Ed25519PrivateKey.generate() for name in COUNTERS}
        records = [
            self.kiosk.record(),
            *(
                DeviceRecord(device=name, post=POST, role="post", journal_key=public_bytes(key))
                for name, key in keys.items()
            ),
        ]
        self.kiosk.open().install(records)
        stack.callback(self.kiosk.close)
        agents = []
        for name, key in keys.items():
            agent = stack.enter_context(Agent(load_config(self._device(folder / name, name, key))))
            install(agent._store, Feed.DEVICES, [put(record.device, record) for record in records])
            install(agent._store, Feed.POLICY, [put(RULES.policy_id, RULES)])
            agents.append(agent)
        self.first, self.second = agents
        self.kiosk.start()
        self.settle()

    def settle(self) -> None:
        """All three are on the line, for long enough to have heard of each other."""
        lines = (self.kiosk.line, self.first.post_line, self.second.post_line)
        wait_for(lambda: all(line.status().online for line in lines))
        since = max(line.status().since for line in lines)
        wait_for(lambda: datetime.now(UTC) - since > timedelta(seconds=1.2))

    def finished(self) -> Case:
        """Somebody has finished at the kiosk, and both counters know."""
        case = self.kiosk.finish()
        wait_for(lambda: row(self.first, case.id) and row(self.second, case.id))
        return case

    def cut(self) -> None:
        """The post's broker is killed, and everybody has noticed."""
        self.broker.kill()
        lines = (self.kiosk.line, self.first.post_line, self.second.post_line)
        wait_for(lambda: not any(line.status().online for line in lines))

    def mend(self) -> None:
        self.broker.start()
        self.settle()

    def _device(self, folder: Path, name: str, key: Ed25519PrivateKey) -> Path:
        folder.mkdir()
        create_key(folder / "store.key")
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "journal.key").write_bytes(pem)
        (folder / "journal.key").chmod(0o600)
        tls = self.authority.client(name)
        certificates = f'authority = "{tls.ca}"\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"'
        config = folder / "agent.toml"
        config.write_text(
            f"""\
[device]
id = "{name}"
post = "{POST}"
[store]
path = "store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
root = "{"00" * 32}"
[mqtt]
brokers = ["mqtts://localhost:1"]
{certificates}
[lan]
brokers = ["mqtts://localhost:{self.broker.port}"]
{certificates}
[api]
socket = "agent.sock"
""",
            encoding="utf-8",
        )
        return config


def session(number: str = "1001", *roles: OfficerRole, counter: str = "G1") -> Session:
    """Somebody who has signed in."""
    now = datetime.now(UTC)
    return Session(
        key=secrets.token_hex(32),
        csrf=secrets.token_urlsafe(32),
        number=number,
        name=f"AGENT {number}",
        roles=frozenset(roles or (OfficerRole.OFFICER,)),
        language="fr",
        theme=Theme.AUTO,
        counter=counter,
        begun_at=now,
        ends_at=now + timedelta(hours=8),
        credential_until=now + timedelta(days=30),
        lock_seconds=600,
        locked=False,
    )


def row(agent: Agent, inspection: str) -> Row | None:
    """Its row in a counter's queue."""
    return next((one for one in agent.counter.rows() if one.id == inspection), None)


def settled(agent: Agent, inspection: str) -> bool:
    """Whether it has ended at this counter without an entry of its own."""
    case = agent.desk.case(inspection)
    return case.phase is Phase.CANCELLED and case.settled_as is not None


def written(agent: Agent, inspection: str) -> list[Decision]:
    """What this device's journal has decided about it."""
    with agent._store.reading() as connection:
        found = connection.execute("SELECT decision FROM passage WHERE inspection = ?", (inspection,)).fetchall()
    return [Decision(decision) for (decision,) in found]


def asleep(agent: Agent, inspection: str) -> None:
    """Its page was not heard of for as long as a lease lasts."""
    leases, hands = agent.counter._leases, agent.post_line._hands
    with leases._lock:
        leases._leases[inspection] = structs.replace(leases._leases[inspection], until=0.0)
    with hands._news:
        hands._claims._hands[inspection].kept_until = 0.0
    hands._wake()
