"""A slip in the traveller's language: where to go, the code, whom to ask about one's data. Never a reason."""

from __future__ import annotations

from datetime import datetime

from kiosk_app import words
from kiosk_app.flow.state import State
from kiosk_app.slip import SlipContent, SlipRows, render_slip
from kiosk_app.ui.slips import grouped

_TITLES = {"go_on": ("result-gate", "gate"), "go_to_counter": ("result-counter", "counter")}
_HINTS = ("show_passport", "show_visa", "renew_passport", "come_with_family")


def slip_of(state: State, now: datetime) -> SlipRows:
    """The slip of the inspection that a state shows the result of."""
    traveller, status, language = state.traveller, state.status, state.language

    def say(key: str, **params: object) -> str:
        return words.say(key, language, **params)

    name, place_name = _TITLES.get(traveller.say[0] if traveller.say else "", ("result-officer", ""))
    place = getattr(status, place_name) if status is not None and place_name else ""
    contact = dict(status.contact) if status is not None else {}
    known = [code for code in traveller.say[1:] if code in _HINTS]
    return render_slip(
        SlipContent(
            title=say("attract.welcome"),
            where=say(f"{name}.title_at", place=place) if place else say(f"{name}.title"),
            code=grouped(traveller.slip),
            qr=f"borne:{traveller.inspection}",
            moment=say("slip.at", moment=f"{now:%d/%m/%Y %H:%M}"),
            lines=tuple([say("slip.text"), *(say(f"hint.{code}") for code in known)][:3]),
            contact_title=say("slip.contact"),
            contact=contact.get(language) or contact.get("en") or contact.get("fr") or say("slip.contact_default"),
        ),
        language,
    )
