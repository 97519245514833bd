"""What each role may see of a hit: nothing of a discreet one leaks to who stands at the counter."""

from __future__ import annotations

import msgspec
import pytest
from lookup_kit import document, person

from border_agent.agent.lookups import shown
from mqtt_schemas.records import Handling, OfficerRole

SECRET = {"grounds": "terrorism", "document_issuer": "CIV", "document_number": "19AK20417"}


@pytest.mark.parametrize("handling", [Handling.STOP, Handling.INFORM])
@pytest.mark.parametrize("role", [OfficerRole.OFFICER, OfficerRole.SUPERVISOR])
def test_open_hits_are_shown_whole(handling: Handling, role: OfficerRole) -> None:
    record = person(1, "DIALLO, MAMADOU", "1980-05-17", handling=handling)
    hit = shown(record, {role})
    assert hit is not None
    assert (hit.handling, hit.record) == (handling, record)


@pytest.mark.parametrize("handling", [Handling.DISCREET, Handling.UNKNOWN])
def test_an_officer_learns_only_what_to_do(handling: Handling) -> None:
    record = person(77, "DIALLO, MAMADOU", "1980-05-17", handling=handling, **SECRET)
    hit = shown(record, {OfficerRole.OFFICER, OfficerRole.TECHNICIAN})
    assert hit is not None
    told = msgspec.json.encode(hit).decode()
    assert told == f'{{"handling":"{handling.value}","record":null}}'
    # Whatever else the line says, an officer is told the same: nothing can be inferred from it.
    assert shown(document("X1", handling=handling), {OfficerRole.OFFICER}) == hit
    assert shown(person(2, "SOW", handling=handling), {OfficerRole.OFFICER}) == hit


def test_a_supervisor_sees_why() -> None:
    record = person(77, "DIALLO, MAMADOU", handling=Handling.DISCREET, **SECRET)
    for roles in ({OfficerRole.SUPERVISOR}, {OfficerRole.OFFICER, OfficerRole.SUPERVISOR}):
        hit = shown(record, roles)
        assert hit is not None
        assert hit.record == record


@pytest.mark.parametrize("handling", list(Handling))
def test_nobody_else_learns_that_there_is_a_hit(handling: Handling) -> None:
    others = {OfficerRole.TECHNICIAN, OfficerRole.READER, OfficerRole.AUDITOR, OfficerRole.UNKNOWN}
    assert shown(person(1, "DIALLO, MAMADOU", handling=handling), others) is None
    assert shown(person(1, "DIALLO, MAMADOU", handling=handling), ()) is None
