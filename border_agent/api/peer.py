"""Who is at the other end of the socket: the kernel's word (SO_PEERCRED), not the client's."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from enum import StrEnum

from uvicorn.protocols.http.h11_impl import H11Protocol

from border_agent.config import ApiSection

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


class Right(StrEnum):
    """What a caller may do with the local API."""

    OFFICER = "officer"
    """Everything: see the reasons, decide."""
    KIOSK = "kiosk"
    """Start, capture, cancel; sees traveller-safe codes only."""
    NONE = "none"


def right_of(uid: int | None, section: ApiSection) -> Right:
    """The right of a user id. Root and the agent's own user are officers: they own the database anyway."""
    if uid is None:
        return Right.NONE
    if uid in section.kiosks:
        return Right.KIOSK
    if uid in section.officers or uid in (0, os.geteuid()):
        return Right.OFFICER
    return Right.NONE


class PeerProtocol(H11Protocol):
    """uvicorn's HTTP protocol that also tells the application the caller's user id (`request.state.uid`)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "uid": peer_uid(transport.get_extra_info("socket"))}


def peer_uid(connection: socket.socket | None) -> int | None:
    """User id at the other end of a Unix socket; None where the kernel does not say."""
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    return int(_CREDENTIALS.unpack(raw)[1])
