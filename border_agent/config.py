"""The agent's configuration: one TOML file. An option nobody reads is an error, not a silent wish.

Paths are taken from the file's own folder where they are relative, so that a folder can be moved whole.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from border_agent.errors import BorneError

LARGEST_FILE = 65536
Seconds = Annotated[float, Meta(gt=0, le=3600)]


class ConfigError(BorneError):
    """The configuration file is missing, unreadable, or says what nobody understands."""

    code = "config"


class Role(StrEnum):
    POST = "post"
    KIOSK = "kiosk"


class CameraRole(StrEnum):
    """What a camera looks at: the counter where documents lie, or the traveller."""

    DOCUMENT = "document"
    FACE = "face"


class ReaderShape(StrEnum):
    """How a document is given to the reader, for the picture that shows a traveller how."""

    FLAT = "flat"
    """Laid down open."""
    SWIPE = "swipe"
    """Drawn through a slot."""


class MqttVersion(StrEnum):
    """Version 5, unless a broker speaks 3.1.1 only."""

    V5 = "5"
    V311 = "3.1.1"


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class DeviceSection(_Section, frozen=True, kw_only=True):
    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{2,39}(?!\n)$")]
    role: Role = Role.POST
    post: str = ""
    training: bool = False
    """An exercise: says so wherever people look. Its store, identity and trust are its own, never production's."""


class StoreSection(_Section, frozen=True, kw_only=True):
    path: str
    """The encrypted database."""
    key: str
    """File of 32 bytes, mode 0600; systemd hands it over as a credential."""


class IdentitySection(_Section, frozen=True, kw_only=True):
    journal_key: str
    """Ed25519 private key, PEM, mode 0600."""
    root: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
    """Pinned root public key, hexadecimal."""
    sealing_key: str = ""
    """X25519 private key, PEM, mode 0600, that feeds seal to; empty: nothing sealed can be read here."""


class MqttSection(_Section, frozen=True, kw_only=True):
    brokers: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    """`mqtts://host:port`, tried in order."""
    authority: str
    certificate: str
    key: str
    version: MqttVersion = MqttVersion.V5


class LanSection(_Section, frozen=True, kw_only=True):
    """The post's own broker, by which its kiosks and counters are one place."""

    brokers: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    authority: str
    certificate: str
    key: str


class ConsoleSection(_Section, frozen=True, kw_only=True):
    """The officers' pages, by HTTPS on the post's network."""

    listen: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8443
    """0: a free one, told in the log and in the file `console.port` beside the configuration."""
    names: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    """Host names under which browsers come; any other is refused."""
    certificate: str
    """PEM, chain included."""
    key: str
    metrics_token: str = ""
    """File with the bearer token for `/metrics`; empty: not served by HTTPS."""


class ApiSection(_Section, frozen=True, kw_only=True):
    socket: str
    officers: tuple[int, ...] = ()
    """User ids that may decide; the agent's own and root's always may."""
    kiosks: tuple[int, ...] = ()
    """User ids that may start, capture and cancel, and see traveller-safe codes only."""


class SerialSection(_Section, frozen=True, kw_only=True):
    name: str
    port: str
    baudrate: Annotated[int, Meta(ge=300, le=4_000_000)] = 9600


class DocumentReaderSection(SerialSection, frozen=True, kw_only=True):
    shape: ReaderShape = ReaderShape.FLAT


class PrinterSection(SerialSection, frozen=True, kw_only=True):
    baudrate: Annotated[int, Meta(ge=300, le=4_000_000)] = 115200
    rtscts: bool = False
    """Whether the printer stops what is sent by the CTS line."""


class ChipReaderSection(_Section, frozen=True, kw_only=True):
    """A card reader that the PC/SC daemon (`pcscd`) has a driver for."""

    name: str
    reader: str = ""
    """A part of PC/SC's own name for it; empty: the first there is."""


class CameraSection(_Section, frozen=True, kw_only=True):
    name: str
    role: CameraRole
    source: int | str
    """A device number, a path or an address."""


class DevicesSection(_Section, frozen=True, kw_only=True):
    document_reader: DocumentReaderSection | None = None
    code_scanner: SerialSection | None = None
    chip_reader: ChipReaderSection | None = None
    printer: PrinterSection | None = None
    cameras: tuple[CameraSection, ...] = ()


class TimesSection(_Section, frozen=True, kw_only=True):
    """How long each step waits for the traveller, in seconds, before it is noted as timed out."""

    document: Seconds = 120.0
    chip: Seconds = 20.0
    """Of one reading of a chip, from when it lies there; and of waiting for it, where the policy always wants it."""
    page: Seconds = 8.0
    visa: Seconds = 60.0
    face: Seconds = 20.0
    questions: Seconds = 120.0


class KioskSection(_Section, frozen=True, kw_only=True):
    """The traveller's window and the hall it stands in."""

    gate: Annotated[str, Meta(max_length=16)] = ""
    counter: Annotated[str, Meta(max_length=16)] = ""
    """Where the slip sends a traveller."""
    contact_fr: Annotated[str, Meta(max_length=300)] = ""
    contact_en: Annotated[str, Meta(max_length=300)] = ""
    """Whom to ask about one's data."""
    in_service: bool = True
    silent_seconds: Seconds = 10.0
    """A window that has been seen gives a sign of life once a second; silent for longer than this is noted."""
    reboot: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=16)] = ()
    """The command that restarts the machine, word by word, run without a shell; empty: not offered."""
    staff: str = ""
    """File of staff credentials (`borne staff`); empty: nobody signs in at this kiosk."""


class Config(_Section, frozen=True, kw_only=True):
    device: DeviceSection
    store: StoreSection
    identity: IdentitySection
    mqtt: MqttSection
    api: ApiSection
    devices: DevicesSection = DevicesSection()
    times: TimesSection = TimesSection()
    kiosk: KioskSection = KioskSection()
    lan: LanSection | None = None
    console: ConsoleSection | None = None
    folder: str = ""
    """Set on loading: the folder that relative paths start from."""

    def path(self, name: str) -> Path:
        """A path of the configuration, made absolute."""
        return Path(self.folder, name).absolute()


def load_config(file: Path) -> Config:
    """Read and check a configuration file. Raises ConfigError with the place and the fault."""
    try:
        data = file.read_bytes()
        if len(data) > LARGEST_FILE:
            raise ConfigError(str(file), f"{len(data)} bytes")
        config = msgspec.toml.decode(data, type=Config)
    except OSError as error:
        raise ConfigError(str(file), error.strerror or str(error)) from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(str(file), str(error)) from None
    if config.folder:
        raise ConfigError(str(file), "Object contains unknown field `folder`")
    return msgspec.structs.replace(config, folder=str(file.absolute().parent))
