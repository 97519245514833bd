"""A post's device with its console: a true agent, true TLS, officers with authenticators that show true codes."""

from __future__ import annotations

import base64
import re
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import httpx
import pyotp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from border_agent.agent.runtime import Agent
from border_agent.config import Config, load_config
from border_agent.console import Console, ConsoleServer
from border_agent.console.armour import Rates
from mqtt_schemas.activation import ActivationSecret, new_code, seal_activation
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.records import OfficerRecord, OfficerRole, OfficerState, Policy, SealedActivation
from mqtt_schemas.sealing import sealing_public
from tests.agent.conftest import write_device
from tests.store.store_kit import install

POST = "uto-nord"
PASSWORD = "trois loutres sur la berge"
COOKIE = "__Host-borne"
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
OFFICER, SUPERVISOR, TECHNICIAN = OfficerRole.OFFICER, OfficerRole.SUPERVISOR, OfficerRole.TECHNICIAN
AUDITOR, READER = OfficerRole.AUDITOR, OfficerRole.READER


@dataclass
class Person:
    """An officer: number, one-time code, authenticator."""

    number: str
    name: str
    code: str
    totp: bytes
    activation: str
    shown: int = 0
    """The time step of the code shown last."""

    @property
    def secret(self) -> str:
        return base64.b32encode(self.totp).decode()

    def shows(self) -> str:
        """A code that was not used: of the step before now, of now, of the one after; then one has to wait."""
        # Three seconds before a step ends its predecessor is not begun with any more.
        while (step := max(self.shown + 1, int(time.time() + 3) // 30 - 1)) > int(time.time()) // 30 + 1:
            time.sleep(0.2)
        self.shown = step
        return pyotp.TOTP(self.secret).generate_otp(step)


@dataclass
class Post:
    """One running device. Officers come and go by the list, as from the centre."""

    folder: Path
    config: Config
    agent: Agent
    console: Console
    server: ConsoleServer
    sealing: X25519PrivateKey
    rows: list[bytes] = field(default_factory=list)
    rules: list[bytes] = field(default_factory=list)
    records: dict[str, OfficerRecord] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.port}"

    @cached_property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.pem"))

    def publish(self, *roles: OfficerRole, name: str = "MENSAH Ama", language: str = "fr") -> Person:
        """Somebody new on the list of officers, with what they are handed."""
        number = str(1000 + len(self.records))
        person = Person(number, name, new_code(), secrets.token_bytes(20), secrets.token_hex(8))
        secret = ActivationSecret(
            number=number,
            activation=person.activation,
            code=person.code,
            totp_secret=person.totp,
            not_after=datetime.now(UTC) + timedelta(days=400),
        )
        box = seal_activation(sealing_public(self.sealing), secret)
        self.put(
            OfficerRecord(
                number=number,
                name=name,
                roles=roles or (OFFICER,),
                posts=(POST,),
                language=language,
                activation=person.activation,
                activations=(SealedActivation(device=self.config.device.id, box=box),),
            )
        )
        return person

    def put(self, record: OfficerRecord) -> None:
        self.records[record.number] = record
        self.rows.append(put(record.number, record))
        install(self.agent._store, Feed.OFFICERS, self.rows)

    def suspend(self, person: Person) -> None:
        """The centre suspends somebody."""
        self.put(structs.replace(self.records[person.number], state=OfficerState.SUSPENDED))

    def rule(self, **changes: object) -> None:
        """Another policy."""
        fields = {"policy_id": "test", "rules_version": 1, "country": "UTO", "issuers": (), "regimes": ()}
        self.rules.append(put("test", Policy(**(fields | changes))))  # type: ignore[arg-type]
        install(self.agent._store, Feed.POLICY, self.rules)

    def officer(self, *roles: OfficerRole, name: str = "MENSAH Ama", language: str = "fr") -> Person:
        """Somebody who has finished the first sign-in and has left."""
        person = self.publish(*roles, name=name, language=language)
        begun = self.agent.officers.activation(person.number, person.code)
        token, _ = self.agent.officers.activate(begun.token, PASSWORD, person.shows())
        self.agent.officers.sign_out(token)
        return person

    def client(self, cookie: str = "") -> httpx.Client:
        """A browser without scripts: keeps cookies, follows nothing."""
        client = httpx.Client(base_url=self.url, verify=self.trust, timeout=20.0)
        if cookie:
            client.cookies.set(COOKIE, cookie, domain="localhost.local", path="/")
        return client

    def signed_in(self, *roles: OfficerRole, **more: str) -> tuple[httpx.Client, Person]:
        """Somebody at work, with the browser they work in."""
        person = self.officer(*roles, **more)
        with self.client() as door:
            answer = sign_in(door, person)
            assert answer.status_code == 303, answer.text
            return self.client(door.cookies[COOKIE]), person


def token_of(page: httpx.Response) -> str:
    """What a form of this page carries."""
    found = CSRF.search(page.text)
    assert found, page.text[:2000]
    return found[1]


def sign_in(client: httpx.Client, person: Person, **changes: str) -> httpx.Response:
    """Through the page, as a browser does it."""
    fields = {
        "csrf": token_of(client.get("/sign-in")),
        "number": person.number,
        "password": PASSWORD,
        "code": changes["code"] if "code" in changes else person.shows(),
    }
    return client.post("/sign-in", data=fields | changes)


@contextmanager
def running(folder: Path, extra: str = "", *, training: bool = False) -> Iterator[Post]:
    """The device of a folder and its console; both end with the block."""
    tls = LabAuthority(folder / "tls").server("console", ("localhost", "127.0.0.1"))
    sealing = X25519PrivateKey.generate()
    file = write_device(
        folder,
        f"""\
[console]
port = 0
names = ["localhost", "post.example"]
certificate = "{tls.certificate}"
key = "{tls.key}"
{extra}""",
    )
    (folder / "sealing.key").write_bytes(
        sealing.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "sealing.key").chmod(0o600)
    text = file.read_text(encoding="utf-8")
    text = text.replace("[store]", f'post = "{POST}"\ntraining = {str(training).lower()}\n[store]', 1)
    text = text.replace("[identity]", '[identity]\nsealing_key = "sealing.key"', 1)
    file.write_text(text, encoding="utf-8")
    config = load_config(file)
    with Agent(config) as agent:
        console = Console(agent)
        # Every test's browser comes from one address, quicker than people: how fast one may ask is a test of its own.
        console.app._rates = Rates(time.monotonic, rate=1e6, burst=1e6)
        server = ConsoleServer(console, config)
        server.start()
        try:
            post = Post(folder, config, agent, console, server, sealing)
            post.rule()
            yield post
        finally:
            server.stop()
