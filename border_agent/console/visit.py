"""One request of one person: who, in which language and theme, and what the page around the answer shows."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request

from border_agent.agent.officers.values import Session
from border_agent.agent.post_calls import CallView
from border_agent.console.bar import BarView
from border_agent.console.whence import here
from mqtt_schemas.records import OfficerRole


class Visit(Struct, frozen=True, kw_only=True):
    """`session` is None on the pages before signing in only."""

    request: Request
    session: Session | None
    secret: str
    csrf: str
    """The secret as this answer's forms carry it."""
    language: str
    theme: str = "auto"
    bar: BarView | None = None
    calls: tuple[CallView, ...] = ()

    @property
    def fragment(self) -> bool:
        """Whether a script asks for a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def here(self) -> str:
        """The page that is open, to come back to."""
        return here(self.request)

    @property
    def officer(self) -> Session:
        """The session. Only for pages that ask for one."""
        assert self.session is not None
        return self.session

    def may(self, *roles: OfficerRole) -> bool:
        """Whether this person has one of these roles."""
        return self.session is not None and bool(self.session.roles & set(roles))
