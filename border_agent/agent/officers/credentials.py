"""Whether somebody is who they say: password, and the authenticator's code or a security key's answer.

One answer is checked at a time, so that a flood of guesses cannot run past the locks, and nothing of 64 MiB is ever
needed twice at once. A number nobody has costs the same work: how long an answer takes must not say who exists. Of a
time-based code the matched step is remembered, and neither it nor an older one is taken again (RFC 6238, 5.2).
"""

from __future__ import annotations

import base64
import hmac
import logging
import math
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import pyotp
from msgspec import Struct

from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.directory import Directory, Person
from border_agent.agent.officers.keys import Keys
from border_agent.agent.officers.locks import Locks
from border_agent.agent.officers.passwords import password_fits
from border_agent.agent.officers.values import (
    LONGEST_WORD,
    CredentialExpired,
    KeyAnswer,
    NotActivated,
    SignInLocked,
    SignInRefused,
)
from border_agent.agent.staff import hash_code
from border_agent.clock import Clock
from border_agent.store import Change, StoreError
from border_agent.store.officers import KeyCounted, OfficerChanged, OfficerRow, OfficerRows
from mqtt_schemas.entries import ClockQuality

_log = logging.getLogger(__name__)

STEP_SECONDS = 30
_STEPS_ABOUT = (0, -1, 1)
_NUMBER = re.compile(r"[0-9]{4,8}")
_CODE = re.compile(r"[0-9]{6}")


class Proven(Struct, frozen=True, kw_only=True):
    """Somebody who has proved who they are."""

    person: Person
    row: OfficerRow
    factor: str
    """`totp` or `key`."""
    changes: tuple[Change, ...]
    """What is used up by it: to be written with the act it served for."""


class Credentials:
    """Thread-safe. Raises StoreError beside what its methods say."""

    def __init__(
        self,
        rows: OfficerRows,
        directory: Directory,
        keys: Keys,
        acts: Acts,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._rows = rows
        self._directory = directory
        self._keys = keys
        self._acts = acts
        self._clock = clock
        self._locks = Locks(clock, monotonic)
        self._checking = threading.Lock()
        self._steps: dict[str, int] = {}
        self._nobody = ""

    def prove(
        self,
        number: str,
        password: str,
        code: str,
        answer: KeyAnswer | None,
        *,
        peer: str,
        session: str,
        refused: str,
    ) -> Proven:
        """Somebody active at this post with the right password and code, or `answer` of a key of theirs.

        `session`: the key of the session that asks, if one does; `refused`: the act to note where it is wrong.
        Raises SignInLocked, SignInRefused; NotActivated or CredentialExpired where everything was right.
        """
        number, peer = asked_number(number), peer[:LONGEST_WORD]
        with self.checking():
            row = self.heard(number, peer)
            held = row if row is not None and row.password else None
            fits = password_fits(password, held.password if held is not None else self.nobody())
            step = self._step(number, held, code) if answer is None else None
            key = self._keys.answered(number, answer, session=session) if answer is not None else None
            person = self._directory.active(number)
            reason = ""
            if held is None:
                reason = "unknown"
            elif not fits:
                reason = "password"
            elif step is None and key is None:
                reason = "code" if answer is None else "key"
            if reason or held is None:
                self.refuse(number, row, peer, refused, reason)
            values: dict[str, int | None] = {"wrong": 0, "locked_until": None}
            changes: list[Change] = []
            if step is not None:
                self._steps[number] = values["totp_step"] = step
            if key is not None:
                changes.append(KeyCounted(id=key.id, sign_count=key.sign_count))
            suspended = self.suspended(number, held)
            if person is None or suspended:
                self._put(*changes, OfficerChanged(number=number, values=dict(values)))
                self.refuse(number, row, peer, refused, "suspended" if suspended else "not_active")
            self._locks.passed(number, peer)
        changes.append(OfficerChanged(number=number, values=dict(values)))
        if held.activation != person.record.activation:
            self._acts.note("", refused, number, self.details(peer, "superseded"), changes=changes)
            raise NotActivated(number)
        if held.expires_at is None or self._clock.now() >= held.expires_at:
            self._acts.note("", refused, number, self.details(peer, "expired"), changes=changes)
            raise CredentialExpired(number)
        factor = "totp" if key is None else "key"
        return Proven(person=person, row=held, factor=factor, changes=tuple(changes))

    @contextmanager
    def checking(self) -> Iterator[None]:
        """One answer at a time."""
        with self._checking:
            if not self._nobody:
                self._nobody = hash_code(secrets.token_hex(16))
            yield

    def nobody(self) -> str:
        """A hash that no password fits."""
        return self._nobody

    def heard(self, number: str, peer: str) -> OfficerRow | None:
        """A number's row, where an answer of it is heard now. Raises SignInLocked. The caller holds `checking`."""
        row = self._rows.find(number)
        left = self._locks.left(number, row, peer)
        if left > 0:
            raise SignInLocked("officer", str(math.ceil(left)))
        return row

    def refuse(self, number: str, row: OfficerRow | None, peer: str, act: str, reason: str) -> NoReturn:
        """Count a wrong answer, note it, and raise SignInRefused. The caller holds `checking`."""
        self.count_wrong(number, row, peer, act, reason)
        raise SignInRefused("officer")

    def count_wrong(self, number: str, row: OfficerRow | None, peer: str, act: str, reason: str) -> None:
        """Count a wrong answer and note it. A number nobody has is not written down: people type their password
        into the wrong field. The caller holds `checking`."""
        known = row is not None or number in self._directory.people()
        locked = self._locks.failed(number, row, peer)
        if known:
            wrong, until = self._locks.durable(number, row)
            self._put(OfficerChanged(number=number, values={"wrong": wrong, "locked_until": until}))
        shown = number if known else ""
        self._acts.sparing(act, shown, self.details(peer, reason))
        for lock in locked:
            details = {"scope": lock.scope, "seconds": str(int(lock.seconds)), "address": peer}
            if lock.scope == "device" or (lock.scope == "number" and known):
                self._acts.note("", "locked_out", shown, details)
            else:
                self._acts.sparing("locked_out", shown, details)

    def details(self, peer: str = "", reason: str = "", factor: str = "", counter: str = "") -> dict[str, str]:
        """An act's details; a clock that may be wrong is said, because codes and dates hang on it."""
        quality = self._clock.read().quality
        doubted = quality in (ClockQuality.DOUBTFUL, ClockQuality.UNKNOWN)
        return {
            "reason": reason,
            "factor": factor,
            "counter": counter,
            "address": peer,
            "clock": quality.value if doubted else "",
        }

    def matched_step(self, secret: bytes, code: str, after: int) -> int | None:
        """The time step, later than `after`, whose code this is; one before and one after now are taken too."""
        typed = "".join(code.split()) if len(code) <= LONGEST_WORD else ""
        if not (typed.isascii() and _CODE.fullmatch(typed)):
            typed = ""  # compared all the same
        totp = pyotp.TOTP(base32(secret))
        now = int(self._clock.now().timestamp()) // STEP_SECONDS
        fitting = [
            now + about
            for about in _STEPS_ABOUT
            if hmac.compare_digest(totp.generate_otp(now + about), typed) and now + about > after
        ]
        return fitting[0] if fitting else None

    def begun_anew(self, number: str, step: int, peer: str) -> None:
        """A new activation was finished: its own secret, its own steps. The caller holds `checking`."""
        self._steps[number] = step
        self._locks.passed(number, peer)

    def suspended(self, number: str, row: OfficerRow | None) -> bool:
        """Whether a supervisor at this device has suspended this number."""
        return self._directory.suspended(number) or (row is not None and row.suspended_at is not None)

    def _step(self, number: str, held: OfficerRow | None, code: str) -> int | None:
        if held is None:
            self.matched_step(bytes(20), code, 0)
            return None
        return self.matched_step(held.totp, code, max(held.totp_step, self._steps.get(number, 0)))

    def _put(self, *changes: Change) -> None:
        try:
            self._rows.put(*changes, at=self._clock.now())
        except StoreError as error:
            _log.error("a wrong answer could not be written down: %s", error.code)


def asked_number(typed: str) -> str:
    """The service number that was typed; empty where it cannot be one."""
    number = typed.strip() if len(typed) <= LONGEST_WORD else ""
    return number if number.isascii() and _NUMBER.fullmatch(number) else ""


def base32(secret: bytes) -> str:
    """A TOTP secret as authenticators read it."""
    return base64.b32encode(secret).decode("ascii")
