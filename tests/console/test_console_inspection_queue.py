"""The queue's rows, what may be decided, typed lines: without a browser."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from border_agent.agent.leases import Holder
from border_agent.agent.post.values import PostDevice, Presence
from border_agent.agent.rows import Row
from border_agent.console.pages.choices import choices, missing
from border_agent.console.pages.refusals import GROUNDS, known, suggested
from border_agent.console.pages.seen_queue import (
    Filter,
    SeenRow,
    counts,
    see_kiosks,
    see_rows,
    short_reason,
    short_title,
)
from border_agent.console.pages.typed import see_lines, typed_lines
from border_agent.documents.mrz import MrzFormat, build_mrz
from border_agent.inspection.evidence import Step
from border_agent.inspection.findings import REGISTRY, finding
from border_agent.inspection.machine import Phase
from border_agent.inspection.slip import slip_code
from border_agent.inspection.verdict import Proposal
from border_agent.words import has, languages
from border_agent.words.catalogue import catalogue
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.records import FourEyes, OfficerRole
from tests.inspection.inspection_cases import NOW, TODAY

OFFICER = frozenset({OfficerRole.OFFICER})


def row(number: int = 1, **changes: Any) -> Row:
    inspection = f"{number:08x}" + "0" * 24
    facts: dict[str, Any] = {
        "id": inspection,
        "slip": slip_code(inspection),
        "origin": "post-1",
        "own": True,
        "gate": "",
        "direction": Direction.ENTRY,
        "phase": Phase.PROPOSED,
        "step": None,
        "surname": "MENSAH",
        "given_names": "AMA ESI",
        "nationality": "GHA",
        "issuer": "GHA",
        "number": "G1234567",
        "proposal": Proposal.ADMIT,
        "codes": (),
        "begun_at": NOW - timedelta(minutes=9),
        "finished_at": NOW - timedelta(minutes=7),
        "holder": None,
        "group": "",
        "accompanied": False,
    }
    return Row(**(facts | changes))


def shown(*rows: Row, language: str = "en", roles: frozenset[OfficerRole] = OFFICER, **more: Any) -> list[SeenRow]:
    return list(see_rows(rows, roles, language, **({"now": NOW, "session": "mine", "device": "post-1"} | more)))


def test_a_row_says_who_waits_how_long_and_why() -> None:
    (one,) = shown(row(proposal=Proposal.REFUSE, codes=("visa.expired", "clock.holdover"), gate="G3", own=False))
    assert (one.name, one.nationality, one.place, one.waits) == ("MENSAH AMA ESI", "GHA", "G3", "7 minutes")
    assert (one.state, one.tone, one.reason) == ("Refuse", "bad", "Visa expired")


def test_while_collecting_it_says_the_step_and_counts_from_the_start() -> None:
    (one,) = shown(
        row(phase=Phase.COLLECTING, step=Step.FACE, proposal=None, finished_at=None, surname="", given_names="")
    )
    assert (one.collecting, one.state, one.tone, one.minutes, one.name) == (True, "Face", "", 9, "")


@pytest.mark.parametrize(
    ("minutes", "words", "long"),
    [(0, "just now", False), (14, "14 minutes", False), (15, "15 minutes", True), (135, "2 hr 15", True)],
)
def test_long_waits_stand_out(minutes: int, words: str, long: bool) -> None:
    (one,) = shown(row(finished_at=NOW - timedelta(minutes=minutes, seconds=30)))
    assert (one.waits, one.long) == (words, long)


def test_a_clock_that_is_behind_makes_no_negative_wait() -> None:
    assert shown(row(finished_at=NOW + timedelta(hours=2)))[0].minutes == 0


def test_who_has_it_in_hand() -> None:
    mine = Holder(number="1001", name="SARR Fatou", counter="G2", session="mine")
    other = Holder(number="1002", name="", counter="G5", device="post-2")
    rows = shown(row(1, holder=mine), row(2, holder=other), row(3))
    assert [one.mine for one in rows] == [True, False, False]
    assert [one.holder for one in rows] == ["SARR Fatou · G2", "officer 1002 · G5", ""]


def test_nobody_without_a_session_holds_anything() -> None:
    elsewhere = Holder(number="1002", name="", session="")
    assert not shown(row(holder=elsewhere), session="")[0].mine


def test_filters_and_their_counts() -> None:
    held = Holder(number="1", name="", session="mine")
    rows = (
        row(1),
        row(2, proposal=Proposal.REFUSE, holder=held),
        row(3, proposal=Proposal.REFER),
        row(4, phase=Phase.COLLECTING, proposal=None),
    )
    numbers = {which: len(shown(*rows, which=which)) for which in Filter}
    assert numbers == counts(rows, "mine")
    assert numbers == {
        Filter.ALL: 4, Filter.WAITING: 2, Filter.MINE: 1, Filter.REFUSE: 1, Filter.REFER: 1, Filter.ADMIT: 1,
    }  # fmt: skip


def test_a_group_is_named_by_its_first() -> None:
    first, second, alone = row(1), row(2, group=row(1).id), row(3)
    assert [one.group for one in shown(first, second, alone)] == [first.slip, first.slip, ""]
    assert shown(second)[0].group == "", "the first has gone: its slip would open nothing"


def test_watch_list_is_no_reader_s_business() -> None:
    codes = ("watchlist.stop", "visa.expired")
    assert shown(row(codes=codes))[0].reason == "Watch-list hit: stop"
    reader = frozenset({OfficerRole.READER})
    assert shown(row(codes=codes), roles=reader)[0].reason == "Visa expired"
    assert short_reason(("watchlist.stop",), reader, "en") == ""


def test_what_only_informs_is_no_reason() -> None:
    assert short_reason(("clock.holdover", "face.provisional"), OFFICER, "fr") == ""


def test_codes_of_a_newer_part_are_passed_over() -> None:
    assert short_reason(("visa.of_2036", "visa.expired"), OFFICER, "en") == "Visa expired"


@pytest.mark.parametrize("language", languages())
def test_every_reason_is_short_and_has_no_place_left(language: str) -> None:
    for code in REGISTRY:
        short = short_title(catalogue(language)[f"finding.{code}.title"])
        assert short and "{" not in short and not short.endswith((":", ",", "(")), (code, short)


def device(**changes: Any) -> PostDevice:
    facts: dict[str, Any] = {"device": "kiosk-1", "role": "kiosk", "presence": Presence.HERE, "in_service": True}
    return PostDevice(**(facts | changes))


def test_kiosks_say_how_they_are() -> None:
    strip = see_kiosks(
        (
            device(gate="G2", waiting=2),
            device(device="kiosk-2", gate="G1", collecting=True),
            device(device="kiosk-3", gate="G4", presence=Presence.SILENT),
            device(device="kiosk-4", gate="G5", in_service=False),
            device(device="kiosk-5", gate="G6", presence=Presence.UNKNOWN),
            device(device="post-2", role="post"),
        ),
        "en",
    )
    assert [(one.name, one.tone, one.words) for one in strip] == [
        ("G1", "good", "inspecting"),
        ("G2", "good", "working, 2 waiting"),
        ("G4", "bad", "not answering"),
        ("G5", "bad", "out of service"),
        ("G6", "note", "state unknown from here"),
    ]


def no_second(decision: Decision) -> FourEyes | None:
    return None


def test_as_proposed_it_is_one_touch() -> None:
    admit, refer, refuse = choices(Proposal.ADMIT, no_second)
    assert [one.key for one in (admit, refer, refuse)] == ["a", "o", "r"]
    assert [one.direct for one in (admit, refer, refuse)] == [True, False, False]
    assert [one.needs_reason for one in (admit, refer, refuse)] == [False, True, True]
    assert choices(Proposal.REFER, no_second)[1].direct


def test_a_refusal_always_asks_for_its_grounds() -> None:
    refuse = choices(Proposal.REFUSE, no_second)[2]
    assert refuse.proposed and not refuse.needs_reason and refuse.needs_grounds and not refuse.direct
    assert missing(refuse, "", ()) == "decide.grounds_needed"
    assert missing(refuse, "", ("not_a_ground",)) == "decide.grounds_needed"
    assert missing(refuse, " ", ("other",)) == "decide.other_needs_reason"
    assert missing(refuse, "", ("no_visa",)) == ""


def test_what_differs_from_the_proposal_says_why() -> None:
    admit = choices(Proposal.REFUSE, no_second)[0]
    assert missing(admit, "  ", ()) == "decide.reason_needed" and missing(admit, "seen the visa", ()) == ""


def test_a_second_officer_is_asked_even_where_it_is_as_proposed() -> None:
    def second(decision: Decision) -> FourEyes | None:
        return FourEyes.REFUSE if decision is Decision.REFUSE else None

    assert [one.second for one in choices(Proposal.ADMIT, second)] == [None, None, FourEyes.REFUSE]


def test_grounds_are_suggested_by_what_refuses_never_by_the_watch_list() -> None:
    assert suggested((finding("visa.expired"), finding("traveller.minor_alone"))) == ("no_visa",)
    assert suggested((finding("traveller.minor_alone"), finding("seal.missing"))) == ("no_visa", "minor_alone")
    assert suggested((finding("watchlist.stop"), finding("watchlist.document"))) == ()


def test_grounds_are_a_list_with_words() -> None:
    assert known(("other", "no_visa", "no_visa", "made_up")) == ("no_visa", "other")
    for language in languages():
        assert all(has(f"refusal.{code}", language) for code in GROUNDS)


PASSPORT = build_mrz(
    MrzFormat.TD3, document_code="P", issuer="UTO", surname="Eriksson", given_names="Anna", number="L898902C3",
    nationality="UTO", birth=date(1974, 8, 12), sex="F", expiry=date(2032, 4, 15),
)  # fmt: skip


def test_typed_lines_are_made_ready_and_checked() -> None:
    typed = "\r\n".join(line.lower().replace("<<", "«") for line in PASSPORT)
    assert typed_lines(typed) == PASSPORT
    seen = see_lines(typed, TODAY, "en")
    assert seen.good and seen.mrz is not None and seen.mrz.surname == "ERIKSSON"


def test_a_wrong_digit_is_said_and_may_still_be_taken() -> None:
    second = PASSPORT[1][:9] + str((int(PASSPORT[1][9]) + 1) % 10) + PASSPORT[1][10:]
    seen = see_lines(f"{PASSPORT[0]}\n{second}", TODAY, "en")
    assert seen.usable and not seen.good and "passport number" in seen.words[0]


@pytest.mark.parametrize(
    "typed", ["", " \n ", "P<UTOERIKSSON", "\n".join(PASSPORT)[:-1], "x" * 400, "P<\x00\n" + "é" * 44]
)
def test_half_typed_lines_are_no_error(typed: str) -> None:
    seen = see_lines(typed, TODAY, "fr")
    assert not seen.usable and seen.words


def test_it_says_which_line_is_short() -> None:
    assert see_lines(f"{PASSPORT[0]}\n{PASSPORT[1][:40]}", TODAY, "en").words == ("Line 2: 40 of 44 characters.",)
