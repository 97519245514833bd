"""Signing in at the kiosk's maintenance screen: lock-outs, and tokens that end by themselves.

Every outcome is a device event with the person's number, never the name; a number nobody has is not written down,
because people type their code into the wrong field.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from msgspec import Struct

from border_agent.agent.diary import Note
from border_agent.agent.staff import Credential, StaffFile, StaffRole, code_fits, hash_code
from border_agent.errors import BorneError

WRONG_IN_A_ROW = 5
LOCK_FIRST = 60.0
LOCK_LONGEST = 3600.0
IDLE_SECONDS = 600.0
LONGEST_SECONDS = 1800.0
MOST_SESSIONS = 16
MOST_NUMBERS = 1000
"""Numbers whose wrong codes are counted; the device's own lock bounds how fast others could be pushed out."""


class StaffRefused(BorneError):
    """A wrong number or code, or a session that is over: which of them is not said."""

    code = "staff.refused"


class StaffLocked(BorneError):
    """Too many wrong codes; `detail` is how many seconds are left."""

    code = "staff.locked"


class NoStaff(BorneError):
    """Nobody can sign in here: no file of credentials is configured, or nobody is in it."""

    code = "staff.none"


class SignedIn(Struct, frozen=True, kw_only=True):
    """What whoever signed in gets."""

    token: str
    name: str
    role: StaffRole
    expires_in: int
    """Seconds without a deliberate act after which the token is worth nothing."""


class _Lock:
    """Wrong codes in a row, and until when no further one is heard."""

    def __init__(self) -> None:
        self.wrong = 0
        self.until = 0.0

    def failed(self, now: float) -> float:
        """Count one; the seconds it is locked for from now, 0 where it is not."""
        self.wrong += 1
        times, rest = divmod(self.wrong, WRONG_IN_A_ROW)
        if rest:
            return 0.0
        seconds = min(LOCK_LONGEST, LOCK_FIRST * 2.0 ** min(times - 1, 16))
        self.until = now + seconds
        return seconds


class _Session(Struct, kw_only=True):
    credential: Credential
    begun: float
    used: float


class Sessions:
    """Who is signed in. Thread-safe; `clock`: seconds that only go forward."""

    def __init__(self, file: StaffFile | None, note: Note, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._note = note
        self._clock = clock
        self._checking = threading.Lock()  # one code at a time: a flood of guesses must not run past the lock
        self._lock = threading.Lock()
        self._device = _Lock()
        self._numbers: OrderedDict[str, _Lock] = OrderedDict()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._nobody = ""

    def sign_in(self, number: str, code: str) -> SignedIn:
        """A token for whoever knows the code. Raises NoStaff, StaffLocked, StaffRefused, StaffFileUnusable."""
        with self._checking:
            entries = self._file.entries() if self._file is not None else ()
            if not entries:
                raise NoStaff("staff")
            mine = self._numbers.get(number) or _Lock()
            left = max(self._device.until, mine.until) - self._clock()
            if left > 0:
                raise StaffLocked("staff", str(int(left) + 1))
            found = next((one for one in entries if one.number == number), None)
            if not self._nobody:
                self._nobody = hash_code(secrets.token_hex(16))
            # The same work for a number nobody has: how long an answer takes must not say who exists.
            if not code_fits(code, found.code if found is not None else self._nobody) or found is None:
                self._refuse(number, mine, known=found is not None)
                raise StaffRefused("staff")
            self._device = _Lock()
            self._numbers.pop(number, None)
            token = self._begin(found)
        self._note("staff_signed_in", {"number": found.number, "role": found.role.value})
        return SignedIn(token=token, name=found.name, role=found.role, expires_in=int(IDLE_SECONDS))

    def sign_out(self, token: str) -> None:
        """End a session; harmless where it is over."""
        with self._lock:
            session = self._sessions.pop(_hashed(token), None)
        if session is not None:
            self._note("staff_signed_out", {"number": session.credential.number})

    def require(self, token: str, *, act: bool) -> str:
        """The number of whoever holds this token. `act`: something is being done, so the idle time begins anew;
        a screen that refreshes itself must not keep a session open. Raises StaffRefused, StaffFileUnusable."""
        with self._lock:
            key, now = _hashed(token), self._clock()
            session = self._sessions.get(key)
            if session is not None and (now - session.used > IDLE_SECONDS or now - session.begun > LONGEST_SECONDS):
                del self._sessions[key]
                session = None
            if session is None:
                raise StaffRefused("staff")
            if act:
                session.used = now
            credential = session.credential
        # Removed meanwhile, or given another code: out at once.
        if self._file is None or self._file.find(credential.number) != credential:
            self.sign_out(token)
            raise StaffRefused("staff")
        return credential.number

    def _begin(self, credential: Credential) -> str:
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            while len(self._sessions) >= MOST_SESSIONS:
                self._sessions.popitem(last=False)
            self._sessions[_hashed(token)] = _Session(credential=credential, begun=now, used=now)
        return token

    def _refuse(self, number: str, mine: _Lock, *, known: bool) -> None:
        now, shown = self._clock(), number if known else ""
        self._numbers[number] = mine
        self._numbers.move_to_end(number)
        while len(self._numbers) > MOST_NUMBERS:
            self._numbers.popitem(last=False)
        locked = {scope: lock.failed(now) for scope, lock in (("number", mine), ("device", self._device))}
        self._note("staff_refused", {"number": shown})
        for scope, seconds in locked.items():
            if seconds:
                self._note("staff_locked", {"scope": scope, "number": shown, "seconds": str(int(seconds))})


def _hashed(token: str) -> bytes:
    return sha256(token.encode()).digest()
