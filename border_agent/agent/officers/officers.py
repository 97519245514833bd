"""Signing in at the console: the one door that pages use."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.agent.officers.activation import Activations
from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.credentials import Credentials, asked_number
from border_agent.agent.officers.directory import Directory
from border_agent.agent.officers.keys import Keys
from border_agent.agent.officers.passwords import password_fits
from border_agent.agent.officers.sessions import Sessions
from border_agent.agent.officers.supervision import Supervision
from border_agent.agent.officers.values import (
    LONGEST_WORD,
    Activating,
    KeyAnswer,
    KeyChallenge,
    KeyView,
    OfficerNotAllowed,
    PersonView,
    Session,
    SettingRefused,
    SignedInView,
    SignedOut,
    SignInRefused,
    Theme,
)
from border_agent.clock import Clock
from border_agent.store import Lists, Store, StoreError
from border_agent.store.officers import OfficerChanged, OfficerRows
from border_agent.words import languages
from mqtt_schemas.records import OfficerRole, Policy

_log = logging.getLogger(__name__)

SECOND_ROLES = frozenset({OfficerRole.OFFICER, OfficerRole.SUPERVISOR})


class Officers:
    """Who may sign in, who is signed in. Thread-safe; raises StoreError beside what its methods say."""

    def __init__(
        self,
        store: Store,
        lists: Lists,
        acts: Acts,
        policy: Callable[[], Policy],
        *,
        post: str,
        device: str,
        sealing_key: X25519PrivateKey | None,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = OfficerRows(store)
        self._acts = acts
        self._clock = clock
        directory = Directory(lists, post)
        self._keys = Keys(self._rows, acts, clock, monotonic)
        self._credentials = Credentials(self._rows, directory, self._keys, acts, clock, monotonic)
        self._sessions = Sessions(directory, policy, acts, clock, monotonic)
        self._activations = Activations(
            self._rows,
            directory,
            self._credentials,
            acts,
            policy,
            post=post,
            device=device,
            key=sealing_key,
            clock=clock,
            monotonic=monotonic,
        )
        self._supervision = Supervision(self._rows, directory, self._credentials, self._sessions, acts, policy, clock)

    def sign_in(
        self,
        number: str,
        password: str,
        code: str,
        *,
        counter: str = "",
        peer: str = "",
        key: KeyAnswer | None = None,
    ) -> tuple[str, Session]:
        """A fresh token for whoever has the password and the authenticator's code, or a key's answer instead.

        `peer`: the browser's address. Raises SignInRefused, SignInLocked, CredentialExpired, NotActivated.
        """
        proven = self._credentials.prove(
            number, password, code, key, peer=peer, session="", refused="sign_in_refused"
        )
        token, session = self._sessions.begin(proven.person, proven.row, _counter(counter))
        details = self._credentials.details(peer, factor=proven.factor, counter=session.counter)
        self._acts.note(session.number, "signed_in", details=details, changes=proven.changes)
        return token, session

    def activation(self, number: str, activation_code: str, *, peer: str = "") -> Activating:
        """Begin the first sign-in. Raises ActivationImpossible, SignInLocked, SignInRefused."""
        return self._activations.open(number, activation_code, peer=peer)

    def activating(self, token: str) -> Activating:
        """A first sign-in that was begun. Raises ActivationOver."""
        return self._activations.again(token)

    def activate(
        self, token: str, password: str, code: str, *, counter: str = "", peer: str = ""
    ) -> tuple[str, Session]:
        """Finish the first sign-in; a fresh token. Whoever was signed in under this number before is out.

        Raises ActivationOver, PasswordRefused, CodeWrong.
        """
        person, row = self._activations.finish(token, password, code, peer=peer)
        self._sessions.end_all(row.number, "superseded")
        return self._sessions.begin(person, row, _counter(counter))

    def session(self, token: str, *, touch: bool) -> Session:
        """Whoever holds this token; `touch` only where somebody does something. Raises SignedOut."""
        return self._sessions.find(token, touch=touch)

    def lock(self, token: str) -> None:
        """Lock a session at once. Raises SignedOut."""
        self._sessions.lock(token)

    def unlock(self, token: str, password: str, *, peer: str = "") -> Session:
        """Open a locked session again. Raises SignInRefused; SignedOut also after the third wrong password.

        A lock on the number does not count here: whoever guesses at a sign-in page must not shut an officer out of
        what is open.
        """
        session = self._sessions.find(token, touch=False)
        if not session.locked:
            return session
        number, peer = session.number, peer[:LONGEST_WORD]
        with self._credentials.checking():
            row = self._rows.find(number)
            fits = password_fits(password, row.password if row is not None and row.password else "")
            if not fits:
                self._credentials.count_wrong(number, row, peer, "unlock_refused", "password")
                if self._sessions.wrong(session.key):
                    raise SignedOut("session", "wrong_password")
                raise SignInRefused("officer")
            session = self._sessions.unlocked(session.key)
        self._acts.note(number, "unlocked", details=self._credentials.details(peer))
        return session

    def sign_out(self, token: str) -> None:
        """End a session; harmless where it is over."""
        self._sessions.end(token, "by_officer")

    def set_language(self, token: str, language: str) -> Session:
        """From now on, here and at the next sign-in. Raises SettingRefused, SignedOut."""
        if language not in languages():
            raise SettingRefused("language")
        return self._set(token, language=language)

    def set_theme(self, token: str, theme: str) -> Session:
        """From now on, here and at the next sign-in. Raises SettingRefused, SignedOut."""
        if theme not in list(Theme):
            raise SettingRefused("theme")
        return self._set(token, theme=Theme(theme))

    def set_counter(self, token: str, counter: str) -> Session:
        """Where this session's officer sits. Raises SettingRefused, SignedOut."""
        if len(counter) > LONGEST_WORD or not counter.strip().isprintable():
            raise SettingRefused("counter")
        return self._set(token, counter=counter.strip())

    def second(
        self,
        session: Session,
        number: str,
        password: str,
        code: str,
        *,
        role: OfficerRole | None = None,
        subject: str = "",
        peer: str = "",
        key: KeyAnswer | None = None,
    ) -> str:
        """The number of another person of this post who agrees, by password and code: an officer or supervisor, or
        exactly `role`. `subject`: what it is about, for the journal.

        Raises OfficerNotAllowed (the same person, or another role), SignInRefused, SignInLocked, CredentialExpired,
        NotActivated, and for the session SignedOut, SessionLocked.
        """
        first = self._sessions.require(session)
        if asked_number(number) == first.number:
            raise OfficerNotAllowed(first.number, "oneself")
        proven = self._credentials.prove(
            number, password, code, key, peer=peer, session=first.key, refused="second_refused"
        )
        agreeing = proven.person.record.number
        details = self._credentials.details(peer, factor=proven.factor, counter=first.counter)
        if proven.person.roles.isdisjoint(SECOND_ROLES if role is None else {role}):
            self._acts.note("", "second_refused", agreeing, details | {"reason": "role"}, changes=proven.changes)
            raise OfficerNotAllowed(agreeing, "the role")
        self._acts.note(first.number, "second_given", subject, details, agreeing, changes=proven.changes)
        return agreeing

    def extend(self, by: Session, number: str) -> datetime:
        """See `Supervision.extend`."""
        return self._supervision.extend(by, number)

    def suspend(self, by: Session, number: str, reason: str) -> None:
        """See `Supervision.suspend`."""
        self._supervision.suspend(by, number, reason)

    def lift(self, by: Session, number: str) -> None:
        """See `Supervision.lift`."""
        self._supervision.lift(by, number)

    def end_sessions(self, by: Session, number: str) -> None:
        """See `Supervision.end_sessions`."""
        self._supervision.end_sessions(by, number)

    def people(self) -> tuple[PersonView, ...]:
        """Everybody of this post, by number."""
        return self._supervision.people()

    def sessions(self) -> tuple[SignedInView, ...]:
        """Who is signed in, the one who has been longest first."""
        return self._sessions.views()

    def key_question(self, number: str, *, host: str, origin: str, session: Session | None = None) -> KeyChallenge:
        """A question to somebody's security key, for `sign_in` or, asked by a session, for `second`."""
        return self._keys.ask(
            asked_number(number), host=host, origin=origin, session=session.key if session is not None else ""
        )

    def key_registration(self, session: Session, *, host: str, origin: str) -> KeyChallenge:
        """What a browser needs to add a security key. Raises KeyRefused, SignedOut, SessionLocked."""
        return self._keys.begin(self._sessions.require(session), host=host, origin=origin)

    def add_key(self, session: Session, answer: KeyAnswer, name: str) -> KeyView:
        """A security key for whoever is signed in. Raises KeyRefused, SignedOut, SessionLocked."""
        return self._keys.add(self._sessions.require(session), answer, name)

    def remove_key(self, session: Session, key_id: str) -> None:
        """Take a key of one's own out. Raises KeyRefused, SignedOut, SessionLocked."""
        self._keys.remove(self._sessions.require(session), key_id)

    def keys(self, session: Session) -> tuple[KeyView, ...]:
        """The security keys of whoever is signed in. Raises SignedOut, SessionLocked."""
        return self._keys.of(self._sessions.require(session).number)

    def _set(
        self, token: str, *, language: str = "", theme: Theme | None = None, counter: str | None = None
    ) -> Session:
        session = self._sessions.find(token, touch=True)
        self._sessions.set(session.key, language=language, theme=theme, counter=counter)
        values: dict[str, str] = {}
        if language:
            values["language"] = language
        if theme is not None:
            values["theme"] = theme.value
        if values:
            try:
                self._rows.put(OfficerChanged(number=session.number, values=dict(values)), at=self._clock.now())
            except StoreError as error:
                _log.warning("a setting holds until the next sign-in only: %s", error.code)
        return self._sessions.find(token, touch=False)


def _counter(typed: str) -> str:
    """A counter's name; what cannot be one is left out, because it stands in nobody's way."""
    counter = typed.strip()
    return counter if len(counter) <= LONGEST_WORD and counter.isprintable() else ""
