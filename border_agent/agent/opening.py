"""How an agent finds its store and its devices, by its configuration."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.agent.answers import Answers
from border_agent.agent.chip_reader import ChipReader
from border_agent.agent.desk import Desk
from border_agent.agent.devices import DeviceRole
from border_agent.agent.hub import Hub
from border_agent.agent.identity import KeyUnusable, load_sealing_key, load_tls_key
from border_agent.agent.readers import ReaderThread
from border_agent.clock import Clock
from border_agent.config import Config
from border_agent.reporting import ReportingSettings
from border_agent.reporting.enrolled import DeviceKeys, Enrolled
from border_agent.store import Journal, Store, StoreDamaged, StoreError, WrongKey, set_aside, was_set_aside
from border_agent.store.carrying import salvage
from border_agent.store.streams import current_stream
from firmware_bridge.devices.pcsc import PcscReader
from firmware_bridge.devices.printer_escpos import EscPosPrinter
from firmware_bridge.devices.serial_mrz import SerialMrzReader
from firmware_bridge.devices.serial_scanner import SerialCodeScanner
from mqtt_schemas.entries import EpochReason
from mqtt_schemas.feeds import Feed
from mqtt_schemas.sealing import sealing_public

_log = logging.getLogger(__name__)

SOFTWARE = importlib.metadata.version("borne")


def open_or_set_aside(config: Config) -> tuple[Store, EpochReason]:
    """The store; one that cannot be read is moved aside whole, and the device goes on in a new epoch that says so."""
    path, key = config.path(config.store.path), config.path(config.store.key)
    # One that a technician has set aside counts as well: the new epoch must not pass for a device's first.
    reason = EpochReason.STORE_LOST if was_set_aside(path) else EpochReason.FIRST_START
    try:
        return Store(path, key), reason
    except (WrongKey, StoreDamaged) as error:
        kept = set_aside(path)
        _log.error("the store cannot be read and is kept as %s: %s", kept, error)
        return Store(path, key), EpochReason.STORE_LOST


def open_journal(config: Config, key: Ed25519PrivateKey, clock: Clock) -> tuple[Store, Journal]:
    """The store with its journal; one whose journal does not end where it says is moved aside as well, and what of it
    still proves and the centre may lack is carried into the new one.

    Raises StoreDamaged where it is another device's journal: that is for a person. StoreError.
    """
    store, reason = open_or_set_aside(config)
    try:
        return store, Journal(store, config.device.id, key, clock, software=SOFTWARE, reason=reason)
    except StoreDamaged as error:
        foreign = _of_another_device(store, config.device.id)
        salvaged = salvage(store, config.device.id)
        store.close()
        if foreign:
            raise
        kept = set_aside(store.path)
        _log.error("the journal cannot be continued and is kept as %s: %s", kept, error)
    except BaseException:
        store.close()
        raise
    path, key_file = config.path(config.store.path), config.path(config.store.key)
    reason = EpochReason.STORE_LOST
    with Store(path, key_file) as store:
        Journal(store, config.device.id, key, clock, software=SOFTWARE, reason=reason, salvaged=salvaged)
    # Opened again, for what stands beside the entries that were carried.
    store = Store(path, key_file)
    try:
        return store, Journal(store, config.device.id, key, clock, software=SOFTWARE)
    except BaseException:
        store.close()
        raise


def _of_another_device(store: Store, device: str) -> bool:
    try:
        with store.reading() as connection:
            stream = current_stream(connection)
    except StoreError:
        return False
    return stream is not None and stream.device != device


@contextlib.contextmanager
def open_store(config: Config) -> Iterator[Store]:
    """The store of a configuration, for commands that only read it. Raises StoreError."""
    with Store(config.path(config.store.path), config.path(config.store.key)) as store:
        yield store


def make_readers(config: Config, desk: Desk) -> Iterator[tuple[DeviceRole, ReaderThread]]:
    """The serial readers, not started yet."""
    devices = config.devices
    if devices.document_reader is not None:
        section = devices.document_reader
        reader = SerialMrzReader(section.name, str(config.path(section.port)), baudrate=section.baudrate)
        yield DeviceRole.DOCUMENT_READER, ReaderThread(reader, desk.document_read)
    if devices.code_scanner is not None:
        scan = devices.code_scanner
        scanner = SerialCodeScanner(scan.name, str(config.path(scan.port)), baudrate=scan.baudrate)
        yield DeviceRole.CODE_SCANNER, ReaderThread(scanner, desk.code_read)


def make_chip_reader(config: Config) -> ChipReader | None:
    """The chip reader, not started yet; None: there is none."""
    section = config.devices.chip_reader
    return ChipReader(PcscReader(section.name, section.reader)) if section is not None else None


def keep_authorities_warm(hub: Hub, answers: Answers) -> None:
    """Read the states' hundreds of certificates now and at each new issue, not while a traveller waits."""

    def read() -> None:
        with contextlib.suppress(StoreError):  # whoever reads a chip meets it again, and says so
            answers.authorities()

    def begin() -> None:
        threading.Thread(target=read, name="authorities-warm", daemon=True).start()

    hub.tell(Feed.CSCA.value, begin)
    begin()


def make_printer(config: Config) -> EscPosPrinter | None:
    """The slip printer, not opened yet; None: there is none."""
    section = config.devices.printer
    if section is None:
        return None
    return EscPosPrinter(section.name, str(config.path(section.port)), section.baudrate, rtscts=section.rtscts)


def reporting_settings(config: Config) -> ReportingSettings:
    """How the device speaks with the centre."""
    return ReportingSettings(
        role=config.device.role.value,
        software=SOFTWARE,
        root=bytes.fromhex(config.identity.root),
        brokers=config.mqtt.brokers,
        authority=config.path(config.mqtt.authority),
        certificate=config.path(config.mqtt.certificate),
        key=config.path(config.mqtt.key),
        mqtt=config.mqtt.version,
    )


def sealing_key(config: Config) -> X25519PrivateKey | None:
    """What opens that which is sealed to this device; None: it has no such key. Raises KeyUnusable."""
    name = config.identity.sealing_key
    return load_sealing_key(config.path(name)) if name else None


def enrolled(config: Config, journal_key: Ed25519PrivateKey) -> tuple[Enrolled, DeviceKeys] | None:
    """The device's certificates and keys, for renewing by line; None where a TLS key is no good for it."""
    console = config.console
    try:
        sealing = sealing_key(config)
        keys = DeviceKeys(
            journal=journal_key,
            sealing=sealing_public(sealing) if sealing is not None else b"",
            tls=load_tls_key(config.path(config.mqtt.key)),
            server=load_tls_key(config.path(console.key)) if console is not None else None,
        )
    except KeyUnusable as error:
        _log.warning("certificates are not renewed by line: %s", error)
        return None
    return Enrolled(config), keys


def resident_bytes() -> int:
    """Memory of this process."""
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
