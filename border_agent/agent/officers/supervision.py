"""What supervisors do about their people: extend a sign-in, suspend somebody at once, lift it again.

Nobody does any of it to themselves. A suspension holds at this device, line or no line, until it is lifted here; the
centre's own word on somebody comes with the list of officers, and no supervisor overrules it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.credentials import Credentials
from border_agent.agent.officers.directory import Directory, Person
from border_agent.agent.officers.sessions import Sessions
from border_agent.agent.officers.values import (
    NoSuchOfficer,
    NotActivated,
    OfficerNotAllowed,
    PersonView,
    ReasonWanted,
    Session,
)
from border_agent.clock import Clock
from border_agent.store.officers import OfficerChanged, OfficerRow, OfficerRows
from mqtt_schemas.records import OfficerRole, Policy


class Supervision:
    """Thread-safe. Raises StoreError, and of whoever acts what `Sessions.require` raises."""

    def __init__(
        self,
        rows: OfficerRows,
        directory: Directory,
        credentials: Credentials,
        sessions: Sessions,
        acts: Acts,
        policy: Callable[[], Policy],
        clock: Clock,
    ) -> None:
        self._rows = rows
        self._directory = directory
        self._credentials = credentials
        self._sessions = sessions
        self._acts = acts
        self._policy = policy
        self._clock = clock

    def people(self) -> tuple[PersonView, ...]:
        """Everybody of this post, by number."""
        rows, keys = self._rows.all(), self._rows.key_counts()
        signed_in = {view.number for view in self._sessions.views()}
        now = self._clock.now()
        return tuple(
            self._view(person, rows.get(number), keys.get(number, 0), number in signed_in, now)
            for number, person in sorted(self._directory.people().items())
        )

    def extend(self, by: Session, number: str) -> datetime:
        """Let a sign-in serve for the policy's days from now, also one that has expired; until when.
        Raises OfficerNotAllowed, NoSuchOfficer, NotActivated."""
        supervisor, person = self._about(by, number)
        row = self._rows.find(number)
        if row is None or not row.password or row.activation != person.record.activation:
            raise NotActivated(number)
        until = self._clock.now() + timedelta(days=self._policy().credential_days)
        change = OfficerChanged(number=number, values={"expires_at": until})
        self._acts.write(supervisor.number, "extended", number, {"until": until.date().isoformat()}, changes=[change])
        self._sessions.extended(number, until)
        return until

    def suspend(self, by: Session, number: str, reason: str) -> None:
        """Nobody signs in under this number here from now on, and whoever has is out.

        It holds even where it cannot be written down; the StoreError then says that a restart would forget it.
        Raises OfficerNotAllowed, NoSuchOfficer, ReasonWanted.
        """
        supervisor, _ = self._about(by, number)
        if not reason.strip():
            raise ReasonWanted(number)
        row = self._rows.find(number)
        self._directory.suspend(number, True)
        self._sessions.end_all(number, "suspended")
        if row is not None and row.suspended_at is not None:
            return
        change = OfficerChanged(
            number=number, values={"suspended_at": self._clock.now(), "suspended_by": supervisor.number}
        )
        self._acts.write(supervisor.number, "suspended", number, {"reason": reason.strip()}, changes=[change])

    def lift(self, by: Session, number: str) -> None:
        """End a suspension made here; harmless where there is none. Raises OfficerNotAllowed, NoSuchOfficer."""
        supervisor, _ = self._about(by, number)
        if not self._credentials.suspended(number, self._rows.find(number)):
            return
        change = OfficerChanged(number=number, values={"suspended_at": None, "suspended_by": None})
        self._acts.write(supervisor.number, "lifted", number, changes=[change])
        self._directory.suspend(number, False)

    def end_sessions(self, by: Session, number: str) -> None:
        """End whatever this person has open here; they may sign in again. Raises OfficerNotAllowed, NoSuchOfficer."""
        supervisor, _ = self._about(by, number)
        self._acts.note(supervisor.number, "sessions_ended", number)
        self._sessions.end_all(number, "by_supervisor")

    def _about(self, by: Session, number: str) -> tuple[Session, Person]:
        supervisor = self._sessions.require(by, OfficerRole.SUPERVISOR)
        if number == supervisor.number:
            raise OfficerNotAllowed(number, "oneself")
        person = self._directory.people().get(number)
        if person is None:
            raise NoSuchOfficer(number)
        return supervisor, person

    def _view(self, person: Person, row: OfficerRow | None, keys: int, signed_in: bool, now: datetime) -> PersonView:
        number = person.record.number
        row = row if row is not None else OfficerRow(number=number)
        activated = bool(row.password) and row.activation == person.record.activation
        expires = row.expires_at if activated else None
        suspended = self._credentials.suspended(number, row)
        return PersonView(
            number=number,
            name=person.record.name,
            roles=person.roles,
            state=person.record.state,
            activated=activated,
            activated_at=row.activated_at if activated else None,
            expires_at=expires,
            expired=expires is not None and now >= expires,
            suspended_at=(row.suspended_at or now) if suspended else None,
            suspended_by=row.suspended_by,
            locked_seconds=max(0, int((row.locked_until - now).total_seconds())) if row.locked_until else 0,
            keys=keys,
            signed_in=signed_in,
        )
