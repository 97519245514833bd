"""A slip in the traveller's language: where to go, the code, whom to ask about one's data. Never a reason."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_datetime

from kiosk_app import words
from kiosk_app.flow.state import State
from kiosk_app.results import grouped, hints, title
from kiosk_app.slip import SlipContent, SlipRows, render_slip

NO_BREAK = "\N{NO-BREAK SPACE}"


def moment(now: datetime, language: str) -> str:
    """Date and time as this language writes them; its catalogue holds the pattern (Unicode TR 35)."""
    return str(format_datetime(now, words.say("slip.moment", language), locale=language)).replace(" ", NO_BREAK)


def slip_of(state: State, now: datetime) -> SlipRows:
    """The slip of the inspection that a state shows the result of."""
    traveller, status, language = state.traveller, state.status, state.language

    def say(key: str, **params: object) -> str:
        return words.say(key, language, **params)

    contact = dict(status.contact) if status is not None else {}
    return render_slip(
        SlipContent(
            title=say("attract.welcome"),
            where=title(state, say),
            code=grouped(traveller.slip),
            qr=f"borne:{traveller.inspection}",
            moment=say("slip.at", moment=moment(now, language)),
            lines=tuple([say("slip.text"), *hints(state, say)][:3]),
            contact_title=say("slip.contact"),
            contact=contact.get(language) or contact.get("en") or contact.get("fr") or say("slip.contact_default"),
        ),
        language,
    )
