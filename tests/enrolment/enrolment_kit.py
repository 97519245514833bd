"""A device with plain keys and a data centre with an authority, for the enrolment's tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from border_agent.config import Config, load_config
from border_agent.reporting.enrolled import DeviceKeys, Enrolled
from border_agent.upkeep import credentials
from mqtt_schemas.centre import enrolment
from mqtt_schemas.centre.authority import Authority, make_pilot
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, init
from mqtt_schemas.enrolment import EnrolmentAnswer, EnrolmentBundle, Own, open_answer
from mqtt_schemas.messages import Signed, decode, decode_body

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DEVICE = "uto-poste-1"
POST = "garoua"
PERSON = "0471"
NAMES = ("poste.garoua.lan", "10.1.2.3")

_CONFIG = """\
[device]
id = "{device}"
role = "{role}"
post = "{post}"
[store]
path = "store.db"
key = "keys/store.key"
[identity]
journal_key = "keys/journal.key"
root = "{root}"
sealing_key = "keys/sealing.key"
[mqtt]
brokers = ["{broker}"]
authority = "authority.pem"
certificate = "tls/device.pem"
key = "keys/device.key"
[api]
socket = "agent.sock"
"""
_CONSOLE = """\
[console]
names = {names}
certificate = "tls/server.pem"
key = "keys/server.key"
"""


@dataclass
class TrialDevice:
    """A device's folder, with keys in clear."""

    folder: Path
    root: bytes
    device: str = DEVICE
    post: str = POST
    role: str = "post"
    names: tuple[str, ...] = NAMES
    broker: str = "mqtts://localhost:8883"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        credentials.make(self.folder / "keys", self.role, plain=True)
        self.configure()

    def configure(self) -> None:
        text = _CONFIG.format(
            device=self.device, role=self.role, post=self.post, root=self.root.hex(), broker=self.broker
        )
        if self.role == "post":
            text += _CONSOLE.format(names=str(list(self.names)).replace("'", '"'))
        self.file.write_text(text, encoding="utf-8")

    @property
    def file(self) -> Path:
        return self.folder / "agent.toml"

    @property
    def config(self) -> Config:
        return load_config(self.file)

    @property
    def enrolled(self) -> Enrolled:
        return Enrolled(self.config)

    @property
    def keys(self) -> DeviceKeys:
        return credentials.device_keys(self.config, self.folder / "keys")

    def own(self) -> Own:
        return self.enrolled.own(self.keys)

    def request(self, at: datetime = AT, *, renewal: bool = False) -> bytes:
        return self.enrolled.request(self.keys, at, renewal=renewal)

    def install(self, answer: bytes, at: datetime = AT) -> EnrolmentBundle:
        return self.enrolled.install(answer, self.keys, at).bundle

    def files(self) -> dict[str, bytes]:
        """Everything that an install may write."""
        found = [*self.folder.glob("tls/*"), *self.folder.glob("*.pem")]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


@dataclass
class TrialCentre:
    """A data centre's folder with a root and an authority of its own."""

    folder: Path
    at: datetime = AT
    host: str = "courtier.centre.uto.example"
    root: bytes = field(init=False)
    authority: Authority = field(init=False)

    def __post_init__(self) -> None:
        self.root = init(self.folder, BrokerSettings(host=self.host), at=self.at - DAY)
        self.authority = make_pilot(self.folder, self.at - DAY)

    def enrol(self, payload: bytes, at: datetime = AT, code: str = "") -> bytes:
        return enrolment.enrol(self.folder, payload, person=PERSON, code=code, at=at).answer

    def open(self) -> CentreFolder:
        return CentreFolder(self.folder)


def bundle_of(answer: bytes) -> EnrolmentBundle:
    """What an answer says, without believing it."""
    return decode_body(EnrolmentBundle, decode(Signed, open_answer(answer).bundle).body)


def answer_of(answer: bytes) -> EnrolmentAnswer:
    return open_answer(answer)
