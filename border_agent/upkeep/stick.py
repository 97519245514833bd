"""Lists from a stick into this device, whether its agent runs or not; and how old its lists are.

A running agent takes the file over its local socket: it alone holds keys and database then. Where none runs, the
store is opened here, under the lock that keeps a second agent out and as the user it belongs to, so that nothing lies
there afterwards which the agent could not open.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from border_agent.agent.diary import Diary
from border_agent.agent.identity import alone
from border_agent.agent.opening import reporting_settings
from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from border_agent.clock import Clock
from border_agent.config import Config
from border_agent.errors import BorneError
from border_agent.reporting import ReportingEvent
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.stick import StickImport, StickReport
from border_agent.store import Journal, ListInfo, Notes, Staging, Store, StoreFailed
from border_agent.store.sqlcipher import connect, translated
from border_agent.store.streams import moment
from border_agent.upkeep.credentials import DEFAULT_FOLDER, device_keys, sealing_key, store_key
from mqtt_schemas.feeds import Feed

_ASK_SECONDS = 5.0


class NoStick(BorneError):
    """The file on the stick cannot be read."""

    code = "lists.no_file"


class ListAge(Struct, frozen=True, kw_only=True):
    """One list of this device."""

    feed: str
    version: int
    issued: datetime
    expires: datetime
    installed_at: datetime
    expired: bool
    """It is used all the same, and shown as stale."""


class ListAges(Struct, frozen=True, kw_only=True):
    """Every list of this device, and those it has none of."""

    lists: tuple[ListAge, ...]
    missing: tuple[str, ...]
    """Known to this version, and never installed here."""

    @property
    def fresh(self) -> bool:
        """Whether none that is here has expired."""
        return bool(self.lists) and not any(one.expired for one in self.lists)


def bring(config: Config, path: Path, folder: Path = DEFAULT_FOLDER) -> StickReport:
    """Take lists from a file. Raises NoStick, what `StickImport.take` raises, or ApiRefused with the agent's reason.

    KeyUnreadable, AlreadyRunning and StoreError where no agent answers and the store cannot be had.
    """
    try:
        with path.open("rb") as file:
            given = _by_agent(config, file)
            return given if given is not None else _by_hand(config, file, folder)
    except OSError as error:
        raise NoStick(str(path), error.strerror or str(error)) from None


def ages(config: Config, folder: Path = DEFAULT_FOLDER) -> ListAges:
    """Which lists are here, from the agent or from the store as it lies there. Raises KeyUnreadable, StoreError."""
    infos = _infos_of_agent(config)
    if infos is None:
        infos = _infos_of_store(config, folder)
    now = Clock().now()
    known = {info.name for info in infos}
    return ListAges(
        lists=tuple(
            ListAge(
                feed=info.name,
                version=info.version,
                issued=info.issued,
                expires=info.expires,
                installed_at=info.installed_at,
                expired=info.expires <= now,
            )
            for info in infos
        ),
        missing=tuple(feed.value for feed in Feed if feed not in known),
    )


def _by_agent(config: Config, file: BinaryIO) -> StickReport | None:
    """None where no agent answers. Raises ApiRefused, and AgentGone where it ends meanwhile."""
    socket = str(config.path(config.api.socket))
    try:
        with AgentClient(socket, timeout=_ASK_SECONDS) as client:
            client.capabilities()
    except AgentGone:
        return None
    with AgentClient(socket) as client:
        return msgspec.convert(client.bring_lists(file), StickReport)


def _by_hand(config: Config, file: BinaryIO, folder: Path) -> StickReport:
    key, sealing, own = store_key(config, folder), sealing_key(config, folder), device_keys(config, folder)
    settings, device = reporting_settings(config), config.device.id
    path, clock = config.path(config.store.path), Clock()
    with _alone(config.path(config.identity.journal_key)), _as_owner(path), Store(path, key) as store:
        journal = Journal(store, device, own.journal, clock, software=importlib.metadata.version("borne"))
        diary = Diary(journal, clock)

        def installed(feed: str, version: int) -> None:
            diary.on_event(ReportingEvent(kind="list_installed", subject=feed, version=version))

        bundle = StickImport(
            device,
            Staging(store),
            BelievedKeys(Notes(store), settings.root),
            clock,
            sealing,
            feeds=settings.feeds,
            installed=installed,
        )
        return bundle.take(file)


@contextlib.contextmanager
def _alone(journal_key: Path) -> Iterator[None]:
    """No agent beside us. Where the key is a credential, its file is there only while the agent's unit runs."""
    if not journal_key.exists():
        yield
        return
    with alone(journal_key):
        yield


@contextlib.contextmanager
def _as_owner(store: Path) -> Iterator[None]:
    """As the user whose store it is: what root wrote beside it the agent could not open."""
    if os.geteuid() != 0:
        yield
        return
    try:
        owner = (store if store.exists() else store.parent).stat()
    except OSError as error:
        raise StoreFailed(str(store), error.strerror or str(error)) from None
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _infos_of_agent(config: Config) -> list[ListInfo] | None:
    try:
        with AgentClient(str(config.path(config.api.socket)), timeout=_ASK_SECONDS) as client:
            found: dict[str, Any] = client.state()["lists"]
    except (AgentGone, ApiRefused):
        return None
    return [msgspec.convert(one, ListInfo) for one in found.values()]


def _infos_of_store(config: Config, folder: Path) -> list[ListInfo]:
    """Nothing is migrated and nothing written."""
    path = config.path(config.store.path)
    if not path.exists():
        return []
    with translated(path):
        connection: Any = connect(path, store_key(config, folder))
        try:
            connection.execute("PRAGMA query_only = ON")
            rows = connection.execute(
                "SELECT name, version, head, issued, expires, installed_at FROM feed"
                " WHERE installed_at IS NOT NULL ORDER BY name"
            ).fetchall()
        finally:
            connection.close()
    return [
        ListInfo(
            name=name,
            version=version,
            head=bytes(head),
            issued=_at(issued),
            expires=_at(expires),
            installed_at=_at(installed_at),
        )
        for name, version, head, issued, expires, installed_at in rows
    ]


def _at(text: str) -> datetime:
    found = moment(text)
    assert found is not None
    return found
