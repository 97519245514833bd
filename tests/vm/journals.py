"""Both ends of the line, each read by itself: the device's encrypted journal, and the centre's database."""

from __future__ import annotations

import json
import time
from collections import Counter

from msgspec import Struct

from mqtt_schemas.centre import proof
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.entries import Decision, Inspection, Movement, read_entry
from mqtt_schemas.errors import Malformed
from tests.vm.rehearsal import Rehearsal

_ENTRIES = "SELECT s.epoch, j.sequence, j.body FROM journal j JOIN stream s ON s.id = j.stream"


class Ends(Struct, frozen=True):
    """What was found."""

    decided: Counter[str]
    """Decisions at the centre, by inspection."""
    entries: int
    centre_holds: bool
    device_holds: bool
    recorded: int
    """Entries on the device, a moment before."""


def both_ends(rehearsal: Rehearsal) -> Ends:
    """Compared beside the running agent, while nobody stands at the counter.

    The device goes on noting what happens to it (a list installed, its health), so it is asked first; then the centre
    has some time to hold at least as much.
    """
    said = rehearsal.machine.run(VERIFY, check=False, timeout=rehearsal.patience(60))
    device = json.loads(said)
    bodies = _held(rehearsal)
    until = time.monotonic() + rehearsal.patience(60)
    while len(bodies) < device["entries"] and time.monotonic() < until:
        time.sleep(1.0)
        bodies = _held(rehearsal)
    verified = proof.verify(rehearsal.country.centre)
    return Ends(
        Counter(filter(None, map(_decided, bodies))),
        len(bodies),
        bool(verified) and all(stream.ok for stream in verified),
        device["ok"],
        device["entries"],
    )


def _held(rehearsal: Rehearsal) -> list[bytes]:
    with CentreFolder(rehearsal.country.centre).database() as database:
        return [bytes(body) for _, _, body in database.rows(_ENTRIES)]


# The keys are handed over as they are to the agent, and lie on no disk in clear.
VERIFY = (
    "systemd-run --quiet --pipe --wait -p User=borne -p UMask=0077 "
    "$(for key in store.key journal.key sealing.key device.key server.key; do "
    "echo -p LoadCredentialEncrypted=$key:/etc/credstore.encrypted/borne.$key; done) "
    "sh -c 'sed s#/run/credentials/borne-agent.service#$CREDENTIALS_DIRECTORY# /etc/borne/agent.toml "
    ">/tmp/verify.toml; "
    "/opt/borne/current/bin/borne journal verify --config /tmp/verify.toml --json; rm -f /tmp/verify.toml'"
)


def _decided(body: bytes) -> str:
    try:
        entry = read_entry(body)
    except Malformed:
        return ""
    if isinstance(entry, Movement | Inspection) and entry.decision is not Decision.UNKNOWN:
        return entry.inspection_id
    return ""
