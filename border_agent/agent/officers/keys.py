"""Security keys (WebAuthn) in place of the authenticator's code: no clock is needed, and no code can be read out.

A question serves once, for one number, within two minutes, and for the session that asked, where one did. For a
number that has no key, or that nobody has, the question names an invented one, the same until the next start: who has
a key is not said.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.sessions import hashed
from border_agent.agent.officers.values import (
    LONGEST_WORD,
    KeyAnswer,
    KeyChallenge,
    KeyRefused,
    KeyView,
    Session,
)
from border_agent.clock import Clock
from border_agent.store.officers import KeyAdded, KeyRemoved, OfficerKey, OfficerRows

_log = logging.getLogger(__name__)

MOST_KEYS = 5
"""Of one officer."""
SECONDS = 120.0
MOST_ASKED = 256
LARGEST_ANSWER = 16384
_MILLISECONDS = int(SECONDS * 1000)
_ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]


class _Asked(Struct, frozen=True, kw_only=True):
    number: str
    session: str
    registers: bool
    challenge: bytes
    host: str
    origin: str
    until: float


class Keys:
    """Thread-safe. Raises StoreError beside what its methods say."""

    def __init__(self, rows: OfficerRows, acts: Acts, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._rows = rows
        self._acts = acts
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    def ask(self, number: str, *, host: str, origin: str, session: str = "") -> KeyChallenge:
        """A question to the keys of a number. `host`, `origin`: where the browser is (`post.example`,
        `https://post.example:8443`); `session`: the key of the session that asks, if one does."""
        known = [key.id for key in self._rows.keys(number)]
        invented = hmac.digest(self._secret, number.encode(), "sha512")
        challenge = secrets.token_bytes(32)
        options = generate_authentication_options(
            rp_id=host,
            challenge=challenge,
            timeout=_MILLISECONDS,
            allow_credentials=_descriptors(known or [invented]),
            user_verification=UserVerificationRequirement.DISCOURAGED,
        )
        token = self._remember(number, session, challenge, host, origin, registers=False)
        return KeyChallenge(token=token, options=options_to_json(options))

    def answered(self, number: str, answer: KeyAnswer, *, session: str) -> OfficerKey | None:
        """The key that gave the right answer, with its new count; None where it is wrong, late, or another's."""
        asked = self._take(answer.token)
        if asked is None or asked.registers or (asked.number, asked.session) != (number, session):
            return None
        credential = _credential(answer.credential)
        key = next((key for key in self._rows.keys(number) if key.id == _id_of(credential)), None)
        if credential is None or key is None:
            return None
        try:
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=asked.challenge,
                expected_rp_id=asked.host,
                expected_origin=asked.origin,
                credential_public_key=key.public,
                credential_current_sign_count=key.sign_count,
            )
        except Exception as error:  # whatever the bytes from the browser make the parser raise
            _log.warning("a security key's answer was refused: %s", error)
            return None
        return msgspec.structs.replace(key, sign_count=verified.new_sign_count)

    def begin(self, session: Session, *, host: str, origin: str) -> KeyChallenge:
        """What a browser needs to make a new key for whoever is signed in. Raises KeyRefused: too many."""
        known = self._rows.keys(session.number)
        if len(known) >= MOST_KEYS:
            raise KeyRefused(session.number, f"{MOST_KEYS} keys")
        challenge = secrets.token_bytes(32)
        options = generate_registration_options(
            rp_id=host,
            rp_name="Borne",
            user_name=session.number,
            user_id=session.number.encode(),
            user_display_name=session.name,
            challenge=challenge,
            timeout=_MILLISECONDS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.DISCOURAGED,
            ),
            exclude_credentials=_descriptors([key.id for key in known]),
            supported_pub_key_algs=_ALGORITHMS,
        )
        token = self._remember(session.number, session.key, challenge, host, origin, registers=True)
        return KeyChallenge(token=token, options=options_to_json(options))

    def add(self, session: Session, answer: KeyAnswer, name: str) -> KeyView:
        """The new key. Raises KeyRefused."""
        asked = self._take(answer.token)
        if asked is None or not asked.registers or (asked.number, asked.session) != (session.number, session.key):
            raise KeyRefused(session.number, "not asked")
        credential = _credential(answer.credential)
        try:
            verified = verify_registration_response(
                credential=credential or {},
                expected_challenge=asked.challenge,
                expected_rp_id=asked.host,
                expected_origin=asked.origin,
                supported_pub_key_algs=_ALGORITHMS,
            )
        except Exception as error:
            raise KeyRefused(session.number, str(error)[:200]) from None
        known = self._rows.keys(session.number)
        if len(known) >= MOST_KEYS or self._rows.has_key(verified.credential_id):
            raise KeyRefused(session.number, "one key too many")
        key = OfficerKey(
            id=verified.credential_id,
            number=session.number,
            public=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=name.strip()[:LONGEST_WORD],
            added_at=self._clock.now(),
        )
        view = _view(key)
        self._acts.write(session.number, "key_added", view.id, {"name": key.name}, changes=[KeyAdded(key=key)])
        return view

    def remove(self, session: Session, key_id: str) -> None:
        """A key of one's own no longer serves. Raises KeyRefused where there is none of this id."""
        key = next((key for key in self._rows.keys(session.number) if bytes_to_base64url(key.id) == key_id), None)
        if key is None:
            raise KeyRefused(session.number, "no such key")
        removed = KeyRemoved(id=key.id, number=key.number)
        self._acts.write(session.number, "key_removed", key_id, {"name": key.name}, changes=[removed])

    def of(self, number: str) -> tuple[KeyView, ...]:
        """An officer's keys."""
        return tuple(_view(key) for key in self._rows.keys(number))

    def _remember(
        self, number: str, session: str, challenge: bytes, host: str, origin: str, *, registers: bool
    ) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._asked) >= MOST_ASKED:
                # Whoever reaches the sign-in page pushes out no question that a session has asked.
                outside = (one for one, asked in self._asked.items() if not asked.session)
                del self._asked[next(outside, next(iter(self._asked)))]
            self._asked[hashed(token)] = _Asked(
                number=number,
                session=session,
                registers=registers,
                challenge=challenge,
                host=host,
                origin=origin,
                until=self._monotonic() + SECONDS,
            )
        return token

    def _take(self, token: str) -> _Asked | None:
        """A question, once."""
        with self._lock:
            asked = self._asked.pop(hashed(token), None)
        return asked if asked is not None and self._monotonic() < asked.until else None


def _view(key: OfficerKey) -> KeyView:
    return KeyView(id=bytes_to_base64url(key.id), name=key.name, added_at=key.added_at)


def _descriptors(ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one) for one in ids]


def _credential(text: str) -> dict[str, object] | None:
    """What a browser sent, as an object; None where it is none."""
    try:
        value = msgspec.json.decode(text.encode("utf-8", "replace")[: LARGEST_ANSWER + 1], type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError):
        return None
    return value


def _id_of(credential: dict[str, object] | None) -> bytes:
    raw = credential.get("rawId") if credential is not None else None
    try:
        return base64url_to_bytes(raw) if isinstance(raw, str) else b""
    except ValueError:
        return b""
