"""The first sign-in, line or no line: a one-time code, a password of one's own, an authenticator that works.

The activation came sealed to this device with the list of officers, and is used up here only when all three are done:
whoever is interrupted begins again. Its TOTP secret is the same on every device of the post, so one authenticator
serves at all of them.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

import pyotp
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.credentials import Credentials, asked_number, base32
from border_agent.agent.officers.directory import Directory, Person
from border_agent.agent.officers.passwords import password_fits, require_good_password
from border_agent.agent.officers.sessions import hashed
from border_agent.agent.officers.values import (
    LONGEST_WORD,
    Activating,
    ActivationImpossible,
    ActivationOver,
    CodeWrong,
)
from border_agent.agent.staff import hash_code
from border_agent.clock import Clock
from border_agent.store.officers import ActivationUsed, OfficerChanged, OfficerRow, OfficerRows
from mqtt_schemas.activation import CODE_LENGTH, ActivationSecret, open_activation, typed_code
from mqtt_schemas.errors import ContractError
from mqtt_schemas.records import Policy

_log = logging.getLogger(__name__)

SECONDS = 900.0
"""To choose a password and set up an authenticator."""
MOST_PENDING = 32
MOST_WRONG = 10
"""Wrong codes of the authenticator; then the one-time code again."""


class _Pending(Struct, kw_only=True):
    secret: ActivationSecret
    until: float
    wrong: int = 0


class Activations:
    """Thread-safe: everything runs while an answer is being checked. Raises StoreError beside what methods say."""

    def __init__(
        self,
        rows: OfficerRows,
        directory: Directory,
        credentials: Credentials,
        acts: Acts,
        policy: Callable[[], Policy],
        *,
        post: str,
        device: str,
        key: X25519PrivateKey | None,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._rows = rows
        self._directory = directory
        self._credentials = credentials
        self._acts = acts
        self._policy = policy
        self._post = post
        self._device = device
        self._key = key
        self._clock = clock
        self._monotonic = monotonic
        self._pending: OrderedDict[str, _Pending] = OrderedDict()

    def open(self, number: str, code: str, *, peer: str) -> Activating:
        """Begin with the one-time code. Raises ActivationImpossible, SignInLocked, SignInRefused."""
        if self._key is None:
            raise ActivationImpossible(self._device)
        number, peer = asked_number(number), peer[:LONGEST_WORD]
        with self._credentials.checking():
            row = self._credentials.heard(number, peer)
            # As much work as a password, whoever it is.
            password_fits(code, self._credentials.nobody())
            person = self._directory.active(number)
            secret, reason = self._opened(person, row) if person is not None else (None, "unknown")
            right = secret.code if secret is not None else "-" * CODE_LENGTH
            fits = hmac.compare_digest(typed_code(code).encode(), right.encode())
            if secret is None or person is None or not fits:
                self._credentials.refuse(number, row, peer, "activation_refused", reason or "code")
            token = secrets.token_urlsafe(32)
            for key in [key for key, one in self._pending.items() if one.secret.number == number]:
                del self._pending[key]
            while len(self._pending) >= MOST_PENDING:
                self._pending.popitem(last=False)
            pending = _Pending(secret=secret, until=self._monotonic() + SECONDS)
            self._pending[hashed(token)] = pending
        return self._shown(token, pending, person)

    def again(self, token: str) -> Activating:
        """What `open` gave, for a page that is shown again. Raises ActivationOver."""
        with self._credentials.checking():
            pending, person = self._find(token)
        return self._shown(token, pending, person)

    def finish(self, token: str, password: str, code: str, *, peer: str) -> tuple[Person, OfficerRow]:
        """Who has activated, with the new credential. Raises ActivationOver, PasswordRefused, CodeWrong; StoreError
        where it cannot be written down, and is then not used up."""
        with self._credentials.checking():
            pending, person = self._find(token)
            secret, number = pending.secret, person.record.number
            chosen = require_good_password(password, number, person.record.name)
            step = self._credentials.matched_step(secret.totp_secret, code, 0)
            if step is None:
                pending.wrong += 1
                if pending.wrong >= MOST_WRONG:
                    del self._pending[hashed(token)]
                raise CodeWrong(number)
            now = self._clock.now()
            changed = OfficerChanged(
                number=number,
                values={
                    "activation": secret.activation,
                    "password": hash_code(chosen),
                    "totp": secret.totp_secret,
                    "totp_step": step,
                    "activated_at": now,
                    "expires_at": now + timedelta(days=self._policy().credential_days),
                    "wrong": 0,
                    "locked_until": None,
                },
            )
            used = ActivationUsed(id=secret.activation, number=number)
            details = {"activation": secret.activation} | self._credentials.details(peer)
            self._acts.write(number, "activated", number, details, changes=[changed, used])
            del self._pending[hashed(token)]
            self._credentials.begun_anew(number, step, peer)
            row = self._rows.find(number)
        if row is None:
            raise ActivationOver(number, "gone meanwhile")
        return person, row

    def _opened(self, person: Person, row: OfficerRow | None) -> tuple[ActivationSecret | None, str]:
        """A person's activation at this device; None with the reason where there is none to be used now."""
        if self._key is None:
            return None, "no_key"
        try:
            secret = open_activation(self._key, person.record, self._device)
        except ContractError as error:
            _log.error("the activation of %s cannot be opened here: %s", person.record.number, error.code)
            return None, "not_opened"
        if secret is None:
            return None, "no_activation"
        if self._rows.activation_used(secret.activation):
            return None, "used"
        if self._clock.now() >= secret.not_after:
            return None, "expired"
        if self._credentials.suspended(person.record.number, row):
            return None, "suspended"
        return secret, ""

    def _shown(self, token: str, pending: _Pending, person: Person) -> Activating:
        totp, number = pyotp.TOTP(base32(pending.secret.totp_secret)), person.record.number
        return Activating(
            token=token,
            number=number,
            name=person.record.name,
            uri=totp.provisioning_uri(name=number, issuer_name=f"Borne {self._post}"),
            secret=totp.secret,
            seconds=int(pending.until - self._monotonic()),
        )

    def _find(self, token: str) -> tuple[_Pending, Person]:
        pending = self._pending.get(hashed(token))
        if pending is None or self._monotonic() >= pending.until:
            self._pending.pop(hashed(token), None)
            raise ActivationOver("activation")
        number = pending.secret.number
        person, row = self._directory.active(number), self._rows.find(number)
        if (
            person is None
            or person.record.activation != pending.secret.activation
            or self._credentials.suspended(number, row)
        ):
            del self._pending[hashed(token)]
            raise ActivationOver(number, "not this activation any more")
        return pending, person
