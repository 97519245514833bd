"""What the line carries: parts that hear statements and say their own, all in the line's one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from border_agent.agent.post.believing import Heard

Say = Callable[..., int]
"""`say(Kind, **fields)` puts a statement on the wire and returns its serial; who, when and which session it adds."""

AGAIN_SECONDS = 0.2
"""What several devices ask for at about the same time is said once."""
SETTLE_SECONDS = 1.0
"""After the line is up again: until then others have said what they hold, and which inspections wait."""
UNSAID_SECONDS = 10.0
"""What a device has not said again so long after it could have, is over."""


class Part(Protocol):
    """One subject of the post's network."""

    def up(self, now: float) -> None:
        """The line is up: nothing said before counts."""

    def down(self) -> None:
        """The line is gone, and what was on its way with it."""

    def heard(self, heard: Heard, now: float) -> None:
        """Another device's statement, or an own one in the broker's order. Raises NotBelieved."""

    def turn(self, say: Say, now: float) -> float | None:
        """Say what is due; when to be asked again, None: when something happens."""


def earliest(*times: float | None) -> float | None:
    """The first of these moments, if there is one."""
    return min((time for time in times if time is not None), default=None)
