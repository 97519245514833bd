"""Which entry regime a traveller falls under: the first line of the policy's table that fits."""

from __future__ import annotations

from msgspec import Struct

from border_agent.documents.mrz import Mrz, MrzFormat
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Policy, Regime, RegimeRule

ANY = "*"
_PASSPORT = "P"
_VISAS = (MrzFormat.MRVA, MrzFormat.MRVB)


class RegimeMatch(Struct, frozen=True):
    """The regime, its longest stay (0: none stated), and whether this kind of document may be used for it."""

    regime: Regime
    days: int = 0
    document_accepted: bool = True


def regime_of(mrz: Mrz | None, purpose: str, policy: Policy) -> RegimeMatch:
    """The regime for a document's nationality, its code and the purpose; `unknown` where no line fits.

    A passport (code P, Doc 9303-4) serves wherever a line fits. Anything else serves only where the line names
    its code, and for a country's own nationals. A visa is never a travel document.
    """
    if mrz is None:
        return RegimeMatch(Regime.UNKNOWN)
    code = mrz.document_code
    rule = _first_rule(mrz.nationality, code, purpose, policy)
    if mrz.format in _VISAS:
        return RegimeMatch(Regime.UNKNOWN, document_accepted=False)
    if rule is None:
        as_passport = _first_rule(mrz.nationality, _PASSPORT, purpose, policy)
        return RegimeMatch(Regime.UNKNOWN, document_accepted=as_passport is None)
    accepted = code.startswith(_PASSPORT) or rule.document != ANY or rule.regime is Regime.NATIONAL
    return RegimeMatch(rule.regime, rule.days, accepted)


def visa_required(match: RegimeMatch, direction: Direction) -> bool:
    """Whether this traveller needs a visa to cross this way. Nobody needs one to leave."""
    return match.regime is Regime.VISA_REQUIRED and direction is not Direction.EXIT


def _first_rule(nationality: str, code: str, purpose: str, policy: Policy) -> RegimeRule | None:
    for rule in policy.regimes:
        if (
            rule.nationality in (ANY, nationality)
            and (rule.document == ANY or code.startswith(rule.document))
            and rule.purpose in (ANY, purpose)
        ):
            return rule
    return None
