"""What a late entry or a correction may hold: each field checked, and written as the journal writes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from border_agent.documents.mrz import MrzAlphabet, is_state_code, transliterate
from border_agent.documents.mrz.dates import birth_date, expiry_date
from border_agent.errors import BorneError
from mqtt_schemas.entries import Decision, Direction

EARLIER_DAYS = 400
"""So long before the device's first epoch a movement on paper may have been."""
AHEAD = timedelta(minutes=2)
"""A clock on the wall may be so much ahead of the device's."""
LONGEST_NAME = 100
LONGEST_STAY = 36500

_NUMBER = re.compile(r"[A-Z0-9]{1,22}")
_DATE = re.compile(r"[0-9<]{6}")
_ISO_DATE = re.compile(r"[0-9]{2}([0-9]{2})-([0-9]{2})-([0-9]{2})")
_VISA = re.compile(r"[0-9a-f]{16}")


class FieldNotCorrectable(BorneError):
    """No correction changes this field: officers, findings, proofs stay as they were recorded."""

    code = "mending.field"


class ValueRefused(BorneError):
    """Not a value of this field (`where`)."""

    code = "mending.value"


class TimeRefused(BorneError):
    """A movement in the future, or from long before this device was there."""

    code = "mending.time"


class Limits(Struct, frozen=True, kw_only=True):
    """Within which time a movement may lie."""

    now: datetime
    begun: datetime
    """When the device's first epoch was opened."""

    def checked(self, at: datetime) -> datetime:
        """The moment in UTC. Raises TimeRefused; ValueRefused for one without a time zone."""
        if at.tzinfo is None:
            raise ValueRefused("occurred_at", "no time zone")
        if at > self.now + AHEAD:
            raise TimeRefused("occurred_at", "in the future")
        if at < self.begun - timedelta(days=EARLIER_DAYS):
            raise TimeRefused("occurred_at", f"more than {EARLIER_DAYS} days before this device was there")
        return at.astimezone(UTC)


def checked(field: str, value: str, limits: Limits) -> str:
    """A field's new value as the journal writes it. Raises FieldNotCorrectable, ValueRefused, TimeRefused."""
    check = _CHECKS.get(field)
    if check is None:
        raise FieldNotCorrectable(field[:64])
    try:
        return check(value.strip(), limits)
    except (ValueError, OverflowError, MrzAlphabet):
        raise ValueRefused(field) from None


def visa_id(value: str) -> str:
    """A visa's id; empty: none. Raises ValueRefused."""
    wanted = value.strip().lower()
    if wanted and not _VISA.fullmatch(wanted):
        raise ValueRefused("visa_id")
    return wanted


def line(field: str, value: str) -> str:
    """A text that must be there. Raises ValueRefused."""
    wanted = value.strip()
    if not wanted or len(wanted) > 1024 or not wanted.isprintable():
        raise ValueRefused(field)
    return wanted


def _direction(value: str, _: Limits) -> str:
    return _one_of(value, Direction.ENTRY, Direction.EXIT)


def _decision(value: str, _: Limits) -> str:
    # A movement took place or was refused; a referral is none.
    return _one_of(value, Decision.ADMIT, Decision.REFUSE)


def _occurred_at(value: str, limits: Limits) -> str:
    return limits.checked(datetime.fromisoformat(value)).isoformat().replace("+00:00", "Z")


def _stay_days(value: str, _: Limits) -> str:
    days = int(value)
    if not value.isdecimal() or days > LONGEST_STAY:
        raise ValueError(value)
    return str(days)


def _number(value: str, _: Limits) -> str:
    number = value.upper().replace(" ", "").replace("<", "")
    if not _NUMBER.fullmatch(number):
        raise ValueError(number)
    return number


def _surname(value: str, _: Limits) -> str:
    name = transliterate(value)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(name)
    return name


def _given_names(value: str, limits: Limits) -> str:
    return _surname(value, limits) if value else ""


def _state(value: str, _: Limits) -> str:
    code = value.upper()
    if not is_state_code(code):
        raise ValueError(code)
    return code


def _birth(value: str, limits: Limits) -> str:
    return _six(value, lambda raw: birth_date(raw, limits.now.date()).valid)


def _expiry(value: str, limits: Limits) -> str:
    return _six(value, lambda raw: expiry_date(raw, limits.now.date()).valid)


def _six(value: str, is_a_day: Callable[[str], bool]) -> str:
    """A date as six characters: as printed (unknown parts as fillers), or from YYYY-MM-DD."""
    iso = _ISO_DATE.fullmatch(value)
    if iso is not None:
        date.fromisoformat(value)
        value = "".join(iso.groups())
    if not _DATE.fullmatch(value) or not is_a_day(value):
        raise ValueError(value)
    return value


def _one_of(value: str, *words: str) -> str:
    if value not in words:
        raise ValueError(value)
    return value


_CHECKS: dict[str, Callable[[str, Limits], str]] = {
    "direction": _direction,
    "decision": _decision,
    "occurred_at": _occurred_at,
    "stay_days": _stay_days,
    "document.number": _number,
    "document.surname": _surname,
    "document.given_names": _given_names,
    "document.nationality": _state,
    "document.issuer": _state,
    "document.birth": _birth,
    "document.expiry": _expiry,
}

CORRECTABLE = tuple(_CHECKS)
"""All that a correction may change, by the entry's own field names."""
