"""Passages: written with their entry or not at all, found by names and numbers, put right by corrections."""

from __future__ import annotations

import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from passage_kit import NOON, day, document, late, movement, passes, referral, visa
from store_kit import Desk, event
from test_store_schema import FIXTURES, JOURNAL_KEY, STORE_KEY

from border_agent.store import (
    CorrectionNoted,
    Journal,
    NotAppended,
    Passage,
    PassageNoted,
    Passages,
    Store,
    VisaUses,
    verify_journal,
)
from border_agent.store.passage_rows import catch_up
from mqtt_schemas.entries import ClockQuality, Correction, Decision, Direction


def corrects(journal: Journal, entry: str, *, annuls: bool = False, **changes: str) -> None:
    correction = Correction(
        id=secrets.token_hex(16),
        occurred_at=NOON,
        recorded_at=NOON,
        clock=ClockQuality.SYNCHRONISED,
        corrects=entry,
        inspection_id="0" * 32,
        officer="4711",
        reason="misread",
        annuls=annuls,
        changes={name.replace("__", "."): value for name, value in changes.items()},
    )
    journal.commit([correction], [CorrectionNoted(correction=correction)])


@pytest.fixture
def passages(store: Store) -> Passages:
    return Passages(store)


def found(passages: Passages, **wanted: object) -> list[str]:
    return [passage.surname for passage in passages.search(**wanted)]  # type: ignore[arg-type]


def test_a_passage_says_what_its_entry_says_and_the_times_beside_it(journal: Journal, passages: Passages) -> None:
    entry = movement(visa=visa(), origin="kiosk-1", group="g1", overstay_days=3, direction=Direction.EXIT)
    passes(journal, entry, begun_at=day(-0.02), proposed_at=day(-0.01), taken_at=day(-0.005))
    passage = passages.by_entry(entry.id)
    assert passage == Passage(
        entry=entry.id,
        stream=1,
        sequence=2,
        kind="movement",
        inspection=entry.inspection_id,
        direction=Direction.EXIT,
        decision=Decision.ADMIT,
        proposal=Decision.REFER,
        occurred_at=NOON,
        begun_at=day(-0.02),
        proposed_at=day(-0.01),
        taken_at=day(-0.005),
        issuer="GHA",
        number="G1234567",
        nationality="GHA",
        surname="VAN DER BERG",
        given_names="AMA ESI",
        birth="850402",
        visa="a" * 16,
        regime="exempt",
        stay_days=30,
        overstay_days=3,
        officer="4711",
        origin="kiosk-1",
        group_id="g1",
    )
    assert passages.entry(entry.id) == entry
    assert passages.of_inspection(entry.inspection_id) == passage


def test_a_passage_without_its_entry_undoes_the_commit(journal: Journal, passages: Passages) -> None:
    before = journal.position()
    with pytest.raises(NotAppended):
        journal.commit([event()], [PassageNoted(entry=movement())])
    assert journal.position() == before
    assert passages.search() == ()


def test_several_entries_of_one_commit_each_have_their_place(journal: Journal, passages: Passages) -> None:
    entries = [movement(day(n)) for n in range(5)]
    journal.commit([event(), *entries], [PassageNoted(entry=entry) for entry in entries])
    assert [passage.sequence for passage in passages.search()] == [7, 6, 5, 4, 3]
    assert [passages.entry(entry.id) for entry in entries] == entries


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("berg", 1),
        ("van der berg ama", 1),
        ("Der", 1),
        ("erg", 0),
        ("Müller", 1),
        ("jürgen mueller", 1),
        ("1234", 1),
        ("g1234567 esi", 1),
        ("ama müller", 0),
        ("%", 0),
        ("_", 0),
        ("' OR 1=1 --", 0),
        ("名", 0),
        ("O'Neil-Smith", 1),
        ("   ", 3),
    ],
)
def test_names_are_searched_as_an_mrz_writes_them(journal: Journal, passages: Passages, text: str, hits: int) -> None:
    passes(
        journal,
        movement(),
        movement(document=document(surname="MUELLER", given_names="JUERGEN", number="C01X00T47")),
        movement(document=document(surname="ONEIL SMITH", given_names="", number="PX9")),
    )
    assert len(passages.search(text=text)) == hits


def test_a_search_is_narrowed_and_never_without_an_end(journal: Journal, passages: Passages) -> None:
    passes(journal, *(movement(day(n), document=document(number=f"N{n:03}")) for n in range(6)))
    passes(journal, movement(day(6), decision=Decision.REFUSE, direction=Direction.EXIT, document=None))
    assert len(passages.search(limit=10**9)) == 7
    assert len(passages.search(limit=-1)) == 1
    assert [passage.number for passage in passages.search(since=day(1), until=day(3))] == ["N002", "N001"]
    assert [passage.number for passage in passages.search(number="n00", limit=2, offset=1)] == ["N004", "N003"]
    assert passages.search(number="--") == ()
    assert len(passages.search(decision=Decision.REFUSE)) == 1
    assert len(passages.search(direction=Direction.ENTRY)) == 6
    assert passages.of_document("GHA", "N003")[0].occurred_at == day(3)
    assert passages.of_document("TGO", "N003") == ()
    assert passages.of_document("GHA", "") == (), "travellers without a document are not one traveller"


def test_a_group_is_those_named_after_its_first_traveller_and_the_first(journal: Journal, passages: Passages) -> None:
    first = movement()
    others = [movement(day(n), group=first.inspection_id) for n in (1, 2)]
    passes(journal, first, *others, movement())
    assert {passage.entry for passage in passages.of_group(first.inspection_id)} == {
        first.id,
        *(other.id for other in others),
    }
    assert passages.of_group("") == ()


def test_late_entries_come_in_the_order_they_were_entered(journal: Journal, passages: Passages) -> None:
    entries = [late(day(-1)), late(day(-3)), late(day(-2))]
    passes(journal, movement(), *entries, movement())
    assert [passage.entry for passage in passages.late(2)] == [entries[2].id, entries[1].id]


def test_a_stay_is_open_until_the_exit(journal: Journal, passages: Passages) -> None:
    def stay() -> str | None:
        passage = passages.open_stay("GHA", "G1234567")
        return passage.entry if passage is not None else None

    assert stay() is None
    passes(journal, movement(decision=Decision.REFUSE), referral(day(0.1)))
    assert stay() is None, "nobody who was refused or referred has entered"
    entry = movement(day(1))
    passes(journal, entry, movement(day(2), direction=Direction.EXIT, decision=Decision.REFUSE))
    assert stay() == entry.id
    again = movement(day(3))
    passes(journal, movement(day(2.5), direction=Direction.EXIT), again)
    assert stay() == again.id
    out = late(day(4), direction=Direction.EXIT)
    passes(journal, out)
    assert stay() is None
    corrects(journal, out.id, annuls=True)
    assert stay() == again.id
    passes(journal, late(day(2.9), direction=Direction.EXIT))
    assert stay() == again.id, "the order is that of the days, not of the entries"


def test_a_correction_shows_and_the_latest_holds(journal: Journal, passages: Passages) -> None:
    entry = movement()
    passes(journal, entry)
    corrects(journal, entry.id, document__surname="BERG", direction="exit", stay_days="7")
    corrects(journal, entry.id, document__surname="VANDENBERG", occurred_at="2027-02-28T10:00:00Z")
    passage = passages.by_entry(entry.id)
    assert passage is not None
    assert (passage.surname, passage.direction, passage.stay_days) == ("VANDENBERG", Direction.EXIT, 7)
    assert passage.occurred_at == datetime(2027, 2, 28, 10, tzinfo=UTC)
    assert (passage.corrected, passage.annulled) == (True, False)
    assert [correction.changes["document.surname"] for correction in passages.corrections(entry.id)] == [
        "BERG",
        "VANDENBERG",
    ]
    assert passages.entry(entry.id) == entry, "the journal's own entry stays as it was"


def test_what_an_older_version_wrote_is_made_up_for(journal: Journal, store: Store, passages: Passages) -> None:
    """An update was rolled back for a day: the old version wrote movements, and knew nothing of passages."""
    entry, between = movement(), movement(day(2))
    passes(journal, entry)
    journal.commit([event(), between])
    unnoted = movement(day(3))
    journal.commit([unnoted])
    with store.opened() as connection:
        catch_up(connection)
        corrects(journal, between.id, document__surname="FIRST")
        corrects(journal, between.id, document__surname="LAST")
        before = connection.total_changes
        everything = passages.search()
        catch_up(connection)
        assert connection.total_changes == before
    assert passages.search() == everything
    assert [(passage.entry, passage.surname) for passage in everything] == [
        (unnoted.id, "VAN DER BERG"),
        (between.id, "LAST"),
        (entry.id, "VAN DER BERG"),
    ]


def test_corrections_applied_again_change_nothing(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        entry = movement()
        passes(journal, entry)
        corrects(journal, entry.id, document__surname="FIRST")
        corrects(journal, entry.id, document__surname="SECOND", annuls=False)
        with store.writing() as connection:
            connection.execute("DELETE FROM correction")  # as where the last of them had not been noted
        with store.opened() as connection:
            catch_up(connection)
        assert [passage.surname for passage in Passages(store).search()] == ["SECOND"]
        assert len(Passages(store).corrections(entry.id)) == 2


def test_an_entry_nobody_can_read_is_passed_over(journal: Journal, store: Store, passages: Passages) -> None:
    journal.commit([movement()])
    with store.writing() as connection:
        connection.execute("DROP TRIGGER journal_unaltered")
        connection.execute("UPDATE journal SET body = ? WHERE sequence = 2", (b"\xff not an entry",))
    journal.commit([movement(day(1))])
    with store.opened() as connection:
        catch_up(connection)
    assert [passage.sequence for passage in passages.search()] == [3]


def test_the_passages_of_a_store_of_version_1_are_filled_from_its_journal(tmp_path: Path) -> None:
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(STORE_KEY)
    shutil.copy(FIXTURES / "v1-movements.db", tmp_path / "store.db")
    with Store(tmp_path / "store.db", tmp_path / "key", reserve_bytes=0) as store:
        passages = Passages(store)
        out, refused, referred, entered = passages.search()
        assert (entered.entry, entered.stream, entered.sequence) == (f"{1:032x}", 1, 3)
        assert (entered.visa, entered.regime, entered.stay_days) == ("a" * 16, "visa_required", 30)
        assert (entered.begun_at, entered.proposed_at, entered.taken_at) == (None, None, None)
        assert (referred.kind, referred.number, referred.occurred_at.microsecond) == ("inspection", "", 7)
        assert (refused.decision, refused.officer, refused.sequence) == (Decision.REFUSE, "4712", 6)
        assert (out.stream, out.sequence, out.direction) == (2, 2, Direction.EXIT)
        assert passages.of_group(entered.inspection) == (refused, entered)
        assert passages.open_stay("GHA", entered.number) is None
        assert VisaUses(store).count("a" * 16) == 1
        key = Ed25519PrivateKey.from_private_bytes(JOURNAL_KEY)
        assert verify_journal(store, key.public_key()).ok
