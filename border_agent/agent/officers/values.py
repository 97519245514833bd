"""What signing in is about: sessions, people as a page shows them, and every way to be refused."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from border_agent.errors import BorneError
from mqtt_schemas.records import OfficerRole, OfficerState

LONGEST_WORD = 64
"""Of a counter's name, a key's name, a browser's address."""


class SignInRefused(BorneError):
    """A wrong number, password or code, or somebody who may not sign in here: which of them is not said."""

    code = "officer.refused"


class SignInLocked(BorneError):
    """Too many wrong answers; `detail` is how many seconds are left."""

    code = "officer.locked"

    @property
    def seconds(self) -> int:
        return int(self.detail)


class CredentialExpired(BorneError):
    """Everything was right, but a supervisor must extend the sign-in first."""

    code = "officer.expired"


class NotActivated(BorneError):
    """Everything was right, but of the sign-in that a newer activation has ended; or there is none to extend."""

    code = "officer.not_activated"


class ActivationImpossible(BorneError):
    """This device has no key that activations are sealed to."""

    code = "officer.activation_impossible"


class ActivationOver(BorneError):
    """The first sign-in took too long, or was finished or begun anew elsewhere."""

    code = "officer.activation_over"


class PasswordRefused(BorneError):
    """A password too short, too uniform, or one that anybody would try."""

    code = "officer.password_refused"


class CodeWrong(BorneError):
    """The authenticator's code does not fit: the secret has not arrived there, or its clock is wrong."""

    code = "officer.code_wrong"


class SignedOut(BorneError):
    """There is no such session, or none any more."""

    code = "officer.signed_out"


class SessionLocked(BorneError):
    """The session is locked: its password first."""

    code = "officer.session_locked"


class OfficerNotAllowed(BorneError):
    """This person's role does not allow it, or nobody may do it to themselves."""

    code = "officer.not_allowed"


class NoSuchOfficer(BorneError):
    """Nobody of this post has this number."""

    code = "officer.unknown"


class ReasonWanted(BorneError):
    """Suspending somebody needs a reason."""

    code = "officer.reason_wanted"


class SettingRefused(BorneError):
    """A language, theme or counter that there is not."""

    code = "officer.setting_refused"


class KeyRefused(BorneError):
    """A security key's answer that does not fit the question, or one key too many."""

    code = "officer.key_refused"


class Theme(StrEnum):
    """How pages look; AUTO: as the browser's owner has set it."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"
    CONTRAST = "contrast"
    """Black, white and yellow."""


class Session(Struct, frozen=True, kw_only=True):
    """Who is signed in, as of one request."""

    key: str
    """SHA-256 of the token, hexadecimal: names the session without opening it."""
    csrf: str
    number: str
    name: str
    roles: frozenset[OfficerRole]
    language: str
    theme: Theme
    counter: str
    """Where the officer sits; empty: not said."""
    begun_at: datetime
    ends_at: datetime
    """When the shift is over; then everybody signs in anew."""
    credential_until: datetime
    """When the sign-in needs a supervisor's extension."""
    lock_seconds: int
    """Seconds without a deliberate act until the session locks itself."""
    locked: bool

    def has(self, *roles: OfficerRole) -> bool:
        """Whether this person has one of these roles."""
        return not self.roles.isdisjoint(roles)


class Activating(Struct, frozen=True, kw_only=True):
    """Who has opened an activation and has not finished it."""

    token: str
    number: str
    name: str
    uri: str
    """`otpauth:` URI for the authenticator's camera."""
    secret: str
    """The same secret to be typed, base 32."""
    seconds: int
    """How long there is to finish."""


class SignedInView(Struct, frozen=True, kw_only=True):
    """Somebody who is signed in."""

    number: str
    name: str
    roles: frozenset[OfficerRole]
    counter: str
    begun_at: datetime
    locked: bool


class PersonView(Struct, frozen=True, kw_only=True):
    """Somebody of this post, as a supervisor's page shows them."""

    number: str
    name: str
    roles: frozenset[OfficerRole]
    state: OfficerState
    """As the centre has it."""
    activated: bool
    """Has finished the newest activation at this device."""
    activated_at: datetime | None
    expires_at: datetime | None
    expired: bool
    suspended_at: datetime | None
    """By a supervisor at this device; None: not."""
    suspended_by: str
    locked_seconds: int
    """For how long no password is heard, after wrong ones."""
    keys: int
    """Security keys."""
    signed_in: bool


class KeyView(Struct, frozen=True, kw_only=True):
    """A security key of the officer's."""

    id: str
    """URL-safe base 64."""
    name: str
    added_at: datetime


class KeyChallenge(Struct, frozen=True, kw_only=True):
    """A question to a security key."""

    token: str
    """Names the question; comes back with the answer."""
    options: str
    """JSON for `navigator.credentials`."""


class KeyAnswer(Struct, frozen=True, kw_only=True):
    """A security key's answer, in place of the authenticator's code."""

    token: str
    """Of the question."""
    credential: str
    """JSON of what `navigator.credentials` gave."""
