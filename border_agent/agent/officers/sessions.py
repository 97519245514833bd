"""Who is signed in: random tokens, of which only hashes are kept, in memory only.

A session ends by itself when the shift is over or its officer may not work here any more, and is locked, with all
that is open in it, when nobody has done anything for a while. Only deliberate acts count: a page that refreshes
itself must not keep a session open.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.directory import Directory, Person
from border_agent.agent.officers.values import (
    OfficerNotAllowed,
    Session,
    SessionLocked,
    SignedInView,
    SignedOut,
    Theme,
)
from border_agent.clock import Clock
from border_agent.store.officers import OfficerRow
from border_agent.words import DEFAULT_LANGUAGE, languages
from mqtt_schemas.records import OfficerRole, Policy

MOST_SESSIONS = 64
MOST_OF_ONE = 4
"""Sessions of one officer: whoever signs in again and again pushes out nobody else."""
MOST_WRONG = 3
"""Wrong passwords at a locked session, which then ends."""


class _Live(Struct, kw_only=True):
    key: str
    csrf: str
    number: str
    activation: str
    credential_until: datetime
    language: str
    theme: Theme
    counter: str
    begun: float
    begun_at: datetime
    used: float
    locked: bool = False
    wrong: int = 0


class Sessions:
    """Thread-safe. Raises StoreError where the list of officers was never read."""

    def __init__(
        self,
        directory: Directory,
        policy: Callable[[], Policy],
        acts: Acts,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._acts = acts
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Live] = OrderedDict()

    def begin(self, person: Person, row: OfficerRow, counter: str) -> tuple[str, Session]:
        """A new session, under a token that nobody has seen before. The oldest make room, the officer's own first."""
        token, now, number = secrets.token_urlsafe(32), self._monotonic(), person.record.number
        policy = self._policy()
        at = self._clock.now()
        live = _Live(
            key=hashed(token),
            csrf=secrets.token_urlsafe(32),
            number=number,
            activation=row.activation,
            credential_until=row.expires_at or at,
            language=_language(row.language, person.record.language, policy.default_language),
            theme=Theme(row.theme) if row.theme in list(Theme) else Theme.AUTO,
            counter=counter,
            begun=now,
            begun_at=at,
            used=now,
        )
        displaced: list[_Live] = []
        with self._lock:
            own = [one.key for one in self._sessions.values() if one.number == number]
            displaced += [self._sessions.pop(key) for key in own[: max(0, len(own) + 1 - MOST_OF_ONE)]]
            while len(self._sessions) >= MOST_SESSIONS:
                displaced.append(self._sessions.popitem(last=False)[1])
            self._sessions[live.key] = live
            session = self._view(live, person, policy)
        for one in displaced:
            self._ended(one, "displaced")
        return token, session

    def find(self, token: str, *, touch: bool) -> Session:
        """Whoever holds this token. `touch`: something is being done, so the idle time begins anew, unless it is
        over. Raises SignedOut."""
        return self._look(hashed(token), touch=touch)

    def require(self, session: Session, *roles: OfficerRole) -> Session:
        """The session as it is now, open, of somebody with one of `roles` (none: any).

        Raises SignedOut, SessionLocked, OfficerNotAllowed.
        """
        now = self._look(session.key, touch=False)
        if now.locked:
            raise SessionLocked(now.number)
        if roles and not now.has(*roles):
            raise OfficerNotAllowed(now.number, "the role")
        return now

    def lock(self, token: str) -> None:
        """Lock it now. Raises SignedOut."""
        session = self.find(token, touch=False)
        if not session.locked:
            self._change(session.key, locked=True)
            self._acts.note(session.number, "locked")

    def unlocked(self, key: str) -> Session:
        """The password was right. Raises SignedOut."""
        self._change(key, locked=False, wrong=0, used=self._monotonic())
        return self._look(key, touch=False)

    def wrong(self, key: str) -> bool:
        """The password was wrong; True where the session has ended by it."""
        with self._lock:
            live = self._sessions.get(key)
            if live is None:
                return True
            live.wrong += 1
            if live.wrong < MOST_WRONG:
                return False
            del self._sessions[key]
        self._ended(live, "wrong_password")
        return True

    def set(self, key: str, *, language: str = "", theme: Theme | None = None, counter: str | None = None) -> None:
        """Change what is given. Raises SignedOut."""
        changes: dict[str, object] = {}
        if language:
            changes["language"] = language
        if theme is not None:
            changes["theme"] = theme
        if counter is not None:
            changes["counter"] = counter
        self._change(key, **changes)

    def extended(self, number: str, until: datetime) -> None:
        """A supervisor has extended this officer's sign-in."""
        with self._lock:
            for live in self._sessions.values():
                if live.number == number:
                    live.credential_until = until

    def end(self, token: str, reason: str) -> None:
        """End one; harmless where it is over."""
        with self._lock:
            live = self._sessions.pop(hashed(token), None)
        if live is not None:
            self._ended(live, reason)

    def end_all(self, number: str, reason: str) -> None:
        """End every session of an officer."""
        with self._lock:
            keys = [key for key, live in self._sessions.items() if live.number == number]
            ended = [self._sessions.pop(key) for key in keys]
        for live in ended:
            self._ended(live, reason)

    def views(self) -> tuple[SignedInView, ...]:
        """Everybody who is signed in, the one who has been longest first."""
        with self._lock:
            keys = list(self._sessions)
        found = []
        for key in keys:
            try:
                session = self._look(key, touch=False)
            except SignedOut:
                continue
            found.append(
                SignedInView(
                    number=session.number,
                    name=session.name,
                    roles=session.roles,
                    counter=session.counter,
                    begun_at=session.begun_at,
                    locked=session.locked,
                )
            )
        return tuple(found)

    def _look(self, key: str, *, touch: bool) -> Session:
        policy = self._policy()
        with self._lock:
            live = self._sessions.get(key)
        if live is None:
            raise SignedOut("session")
        person = self._directory.active(live.number)
        reason = ""
        if person is None:
            reason = "not_active"
        elif person.record.activation != live.activation:
            reason = "superseded"
        with self._lock:
            now = self._monotonic()
            if now - live.begun >= policy.session_hours * 3600.0:
                reason = "shift_over"
            if self._sessions.get(key) is not live:
                raise SignedOut("session")
            if reason or person is None:
                del self._sessions[key]
            else:
                if now - live.used >= policy.idle_lock_minutes * 60.0:
                    live.locked = True
                elif touch:
                    live.used = now
                return self._view(live, person, policy)
        self._ended(live, reason)
        raise SignedOut("session", reason)

    def _change(self, key: str, **values: object) -> None:
        with self._lock:
            live = self._sessions.get(key)
            if live is None:
                raise SignedOut("session")
            for name, value in values.items():
                setattr(live, name, value)

    def _ended(self, live: _Live, reason: str) -> None:
        self._acts.note(live.number, "signed_out", details={"reason": reason, "counter": live.counter})

    def _view(self, live: _Live, person: Person, policy: Policy) -> Session:
        now = self._monotonic()
        return Session(
            key=live.key,
            csrf=live.csrf,
            number=live.number,
            name=person.record.name,
            roles=person.roles,
            language=live.language,
            theme=live.theme,
            counter=live.counter,
            begun_at=live.begun_at,
            ends_at=self._clock.now() + timedelta(seconds=policy.session_hours * 3600.0 - (now - live.begun)),
            credential_until=live.credential_until,
            lock_seconds=0 if live.locked else max(0, int(policy.idle_lock_minutes * 60.0 - (now - live.used))),
            locked=live.locked,
        )


def hashed(token: str) -> str:
    """The key of a token's session."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _language(*wishes: str) -> str:
    return next((wish for wish in wishes if wish in languages()), DEFAULT_LANGUAGE)
