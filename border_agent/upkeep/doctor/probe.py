"""How far one gets with a broker: its name, its port, its certificate, and whether it takes ours.

It stops before a word of MQTT. A broker holds one session a device: to speak as the device would throw the running
agent off its line. Under TLS 1.3 a client believes in the handshake before the broker has looked at its certificate:
so one listens on for an answer's time, and hears the alert where there is one.
"""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

STEP_SECONDS: Final = 5.0
_LISTEN_LEAST: Final = 0.4
_LISTEN_MOST: Final = 4.0
_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL (x509_vfy.h); Python gives it no name."""

_VERIFY = {
    9: "line.broker_expired",  # not yet valid
    10: "line.broker_expired",
    62: "line.broker_name",
    64: "line.broker_name",
}
"""X509_V_ERR_… of OpenSSL; any other says that our authority does not vouch for it."""

_ALERTS = {
    "CERTIFICATE_EXPIRED": "line.our_certificate_expired",
    "UNKNOWN_CA": "line.our_certificate_refused",
    "BAD_CERTIFICATE": "line.our_certificate_refused",
    "CERTIFICATE_REVOKED": "line.our_certificate_refused",
    "CERTIFICATE_REQUIRED": "line.our_certificate_refused",
    "CERTIFICATE_UNKNOWN": "line.our_certificate_refused",
    "UNSUPPORTED_CERTIFICATE": "line.our_certificate_refused",
    "ACCESS_DENIED": "line.our_certificate_refused",
    "PROTOCOL_VERSION": "line.tls_version",
    "UNSUPPORTED_PROTOCOL": "line.tls_version",
    "WRONG_VERSION_NUMBER": "line.not_tls",
    "HTTP_REQUEST": "line.not_tls",
}


class Papers(Struct, frozen=True, kw_only=True):
    """What this side shows and believes, as files in PEM."""

    authority: Path
    certificate: Path
    key: Path


class Reached(Struct, frozen=True, kw_only=True):
    """How far it went: `line.good`, or what stood in the way."""

    code: str
    detail: str = ""
    milliseconds: int = 0
    """Of the TCP handshake: one round trip."""


def make_context(papers: Papers, *, check_time: bool) -> tuple[ssl.SSLContext, bool]:
    """And whether our certificate is in it: while the agent does not run its key is sealed, and lies nowhere.

    Raises OSError, ValueError (ssl.SSLError among them) where the authority's file is no good.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(papers.authority)
    if not check_time:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    try:
        context.load_cert_chain(papers.certificate, papers.key)
    except (OSError, ValueError):
        return context, False
    return context, True


def resolve(host: str, port: int) -> Reached | tuple[str, int]:
    """An address of the name, or what stands in the way. May take as long as the machine's resolver likes."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        unknown = error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
        return Reached(code="line.unknown_name" if unknown else "line.no_resolver", detail=str(error))
    except (OSError, UnicodeError) as error:
        return Reached(code="line.unknown_name", detail=str(error))
    address = found[0][4]
    return str(address[0]), port


def reach(host: str, address: tuple[str, int], context: ssl.SSLContext) -> Reached:
    """From TCP to the broker's judgement of our certificate; never raises, ends within some ten seconds."""
    begun = time.monotonic()
    try:
        plain = socket.create_connection(address, timeout=STEP_SECONDS)
    except ConnectionRefusedError as error:
        return Reached(code="line.refused", detail=str(error))
    except TimeoutError as error:
        return Reached(code="line.silent", detail=str(error))
    except OSError as error:
        return Reached(code="line.no_route", detail=error.strerror or str(error))
    trip = time.monotonic() - begun
    with plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as wire:
                _listen(wire, trip)
        except ssl.SSLCertVerificationError as error:
            return Reached(code=_VERIFY.get(error.verify_code, "line.foreign_authority"), detail=error.verify_message)
        except ssl.SSLError as error:
            return Reached(code=_of_alert(error), detail=str(error))
        except TimeoutError:
            return Reached(code="line.silent", detail="no TLS answer")
        except OSError as error:
            return Reached(code="line.cut", detail=error.strerror or str(error))
    return Reached(code="line.good", milliseconds=round(trip * 1000))


def _listen(wire: ssl.SSLSocket, trip: float) -> None:
    """Wait for an alert. Raises what the wire raises; silence is consent."""
    wire.settimeout(min(_LISTEN_MOST, _LISTEN_LEAST + 2 * trip))
    try:
        if wire.recv(1) == b"":
            raise OSError("closed right after the handshake")
    except TimeoutError:
        return


def _of_alert(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    return next((code for alert, code in _ALERTS.items() if reason.endswith(alert)), "line.broken")
