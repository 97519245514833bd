"""The look-up over a real store: what is installed is found, what was taken off is not, nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from lookup_kit import WatchFeed, document, made_names, person

from border_agent.agent.lookups import MOST_HITS, WatchSearch
from border_agent.documents.mrz import Mrz, MrzFormat, build_mrz, parse_mrz
from border_agent.store import Lists, Store
from mqtt_schemas.feeds import delete, put
from mqtt_schemas.records import WatchRecord

TODAY = date(2027, 3, 1)


@pytest.fixture
def search(store: Store) -> WatchSearch:
    return WatchSearch(Lists(store))


def names(search: WatchSearch, name: str, birth: str = "", limit: int = 20) -> list[str]:
    return [hit.record.record_id for hit in search.persons(name, birth, limit).hits]


def mrz(surname: str, given: str, birth: str, number: str = "AB1234567") -> Mrz:
    lines = build_mrz(
        MrzFormat.TD3,
        document_code="P",
        issuer="UTO",
        surname=surname,
        given_names=given,
        number=number,
        nationality="UTO",
        birth=birth,
        sex="M",
        expiry=date(2035, 12, 31),
    )
    return parse_mrz("\n".join(lines), today=TODAY)


def test_before_it_is_loaded_it_says_so(search: WatchSearch) -> None:
    answer = search.persons("DIALLO")
    assert (answer.hits, answer.version, answer.ready, search.ready, search.size) == ((), 0, False, False, 0)
    assert search.near(mrz("DIALLO", "MAMADOU", "800517")) == ()


def test_without_a_list_there_is_an_empty_one(search: WatchSearch) -> None:
    assert search.refresh()
    assert search.persons("DIALLO").ready
    assert (search.ready, search.size, search.version) == (True, 0, 0)
    assert search.documents("X123").hits == ()


def test_persons_are_found_the_best_first(search: WatchSearch, feed: WatchFeed) -> None:
    feed.add(
        person(1, "DIALLO, MAMADOU SALIOU", "1980-05-17"),
        person(2, "JALLOW, MUHAMMAD SALIU", "1980-05-17"),
        person(3, "DIALLO, MAMADOU SALIOU", "1962-01-30"),
        person(4, "BALDE, MAMADOU", "1980-05-17"),
        document("19AK20417"),
    )
    search.refresh()
    answer = search.persons("Mamadou Saliou Diallo", "1980-05-17")
    assert [(hit.record.record_id, hit.score) for hit in answer.hits] == [("UTO-0000001", 100), ("UTO-0000002", 99)]
    assert {hit.matched_on for hit in answer.hits} == {"name"}
    assert (answer.version, answer.birth, answer.ready, search.size) == (5, "1980-05-17", True, 4)
    assert names(search, "DIALLO MAMADOU SALIOU") == ["UTO-0000001", "UTO-0000003", "UTO-0000002"]
    assert search.persons("DIALLO MAMADOU", "17/05/1980").birth == ""


def test_a_person_with_given_names_alone_is_loaded(search: WatchSearch, feed: WatchFeed) -> None:
    feed.add(person(1, ", ABOUBACAR SIDIKI"))
    search.refresh()
    assert names(search, "SIDIKI ABUBAKAR") == ["UTO-0000001"]


def test_a_newer_issue_is_taken_up_by_its_changes(search: WatchSearch, feed: WatchFeed, store: Store) -> None:
    feed.add(*(person(n, f"{surname}, {given}") for n, (surname, given) in enumerate(made_names(300))))
    feed.add(person(900, "TOURE, KELETIGUI"), person(901, "TOURE, SAMORY"))
    search.refresh()
    assert search.size == 302
    feed.stage(
        [
            delete("UTO-0000900"),
            put("UTO-0000901", person(901, "CONDE, SAMORY")),
            put("n", person(902, "FALL, CODOU")),
        ]
    )
    assert names(search, "KELETIGUI TOURE") == ["UTO-0000900"]
    assert names(search, "CODOU FALL") == []
    feed.install()
    # Taken off: gone at once. Put on: there once it is loaded.
    assert names(search, "KELETIGUI TOURE") == []
    assert names(search, "SAMORY TOURE") == []
    assert search.persons("CODOU FALL").version == 302
    assert search.refresh()
    assert not search.refresh()
    assert names(search, "CODOU FALL") == ["UTO-0000902"]
    assert names(search, "SAMORY CONDE") == ["UTO-0000901"]
    assert search.persons("CODOU FALL").version == 305
    anew = WatchSearch(Lists(store))
    anew.refresh()
    assert anew.size == 302
    for name in ("CODOU FALL", "SAMORY CONDE", "SAMORY TOURE", "MARIAM KEITA", "JEAN MVONDO"):
        assert names(anew, name) == names(search, name)


def test_many_issues_end_in_one_part(search: WatchSearch, feed: WatchFeed) -> None:
    for number in range(40):
        feed.add(person(number, f"KONATE, {'ABCDEFGHIJ'[number % 10]}OUMBASSI{'LMNR'[number // 10]}A"))
        search.refresh()
        assert search.size == number + 1
    assert search._loaded is not None
    assert len(search._loaded.parts) < 15
    assert len(names(search, "KONATE", limit=100)) == 40


def test_documents_are_found_by_number_and_by_its_twins(search: WatchSearch, feed: WatchFeed) -> None:
    feed.add(
        document("19AK20417", "CIV"), document("I9AK2O417", "CIV"), document("19AK20417", "MLI"), document("77X")
    )
    hits = search.documents("19 ak 20417", "civ").hits
    assert [(hit.record.record_id, hit.matched_on) for hit in hits] == [
        ("DOC-CIV-19AK20417", "document"),
        ("DOC-CIV-I9AK2O417", "document_alike"),
        ("DOC-MLI-19AK20417", "document_elsewhere"),
    ]
    assert [hit.score for hit in hits] == [100, 90, 80]
    assert [(hit.score, hit.matched_on) for hit in search.documents("I9AK2O417", "MLI").hits] == [
        (90, "document_alike"),
        (80, "document_elsewhere"),
        (70, "document_alike"),
    ]
    assert [hit.score for hit in search.documents("19AK20417").hits] == [100, 100, 90]
    assert search.documents("19AK20418").hits == ()


def test_near_gives_what_the_exact_rules_do_not(search: WatchSearch, feed: WatchFeed) -> None:
    feed.add(
        person(1, "DIALLO, MAMADOU", "1980-05-17"),
        person(2, "JALLOW, MOHAMMED", "1980-05-17"),
        person(3, "JALLOW, MOHAMMED", "1955-02-01"),
        person(4, "DIALLO, MARIAMA", "1980-05-17"),
        document("A81234567"),
        document("AB1234567"),
        document("A81234567", "XYZ"),
    )
    search.refresh()
    near = search.near(mrz("DIALLO", "MAMADOU", "800517"))
    assert [(hit.record.record_id, hit.matched_on) for hit in near] == [
        ("UTO-0000002", "name"),
        ("DOC-UTO-A81234567", "document_alike"),
    ]


def test_one_word_alone_is_not_near(search: WatchSearch, feed: WatchFeed) -> None:
    feed.add(person(1, "JALLOW, OUSMAN"), person(2, "JALLOW"))
    search.refresh()
    assert search.near(mrz("DIALLO", "MAMADOU", "800517")) == ()
    assert names(search, "DIALLO") == ["UTO-0000002", "UTO-0000001"]


def test_a_traveller_without_a_name_or_date_is_no_trouble(search: WatchSearch, feed: WatchFeed) -> None:
    feed.add(person(1, "DIALLO, MAMADOU"))
    search.refresh()
    unreadable = parse_mrz(f"P<UTO{'<' * 39}\n{'<' * 10}UTO{'<' * 31}", today=TODAY)
    assert search.near(unreadable) == ()


@pytest.mark.parametrize("text", ["", "😀", "\u202e", "A" * 10_000, "ab " * 5000, "\x00", "\ud800", "%_'\""])
def test_odd_input_raises_nothing(search: WatchSearch, feed: WatchFeed, text: str) -> None:
    feed.add(person(1, "DIALLO, MAMADOU"), document("A1"))
    search.refresh()
    for limit in (-1, 0, 5, 10**9):
        assert len(search.persons(text, text, limit).hits) <= MOST_HITS
        assert len(search.documents(text, text, limit).hits) <= MOST_HITS


def test_an_unreadable_record_is_not_there(search: WatchSearch, feed: WatchFeed) -> None:
    good = put("good", person(1, "DIALLO, MAMADOU"))
    bad = good.replace(b'"birth":""', b'"birth":"tomorrow"').replace(b'"good"', b'"bad"')
    assert bad != good
    feed.stage([good, bad])
    feed.install()
    search.refresh()
    assert search.size == 1


def test_it_loads_by_itself_and_stops(store: Store, feed: WatchFeed) -> None:
    feed.add(person(1, "DIALLO, MAMADOU"))
    with WatchSearch(Lists(store)) as search:
        _until(lambda: search.size == 1)
        feed.add(person(2, "SOW, OUMAR"))
        search.wake()
        _until(lambda: search.size == 2)
    assert "watch-list" not in {thread.name for thread in threading.enumerate()}


def test_loading_never_holds_the_reader(
    search: WatchSearch, feed: WatchFeed, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.stage(put(f"{n}", person(n, f"{surname}, {given}")) for n, (surname, given) in enumerate(made_names(3000)))
    feed.stage(put(f"d{n}", document(f"D{n:06d}")) for n in range(3000))
    feed.install()
    looks: list[str] = []
    reading: Callable[[], Any] = store.reading

    @contextmanager
    def watched() -> Iterator[Any]:
        looks.append(threading.current_thread().name)
        with reading() as connection:
            yield connection

    monkeypatch.setattr(store, "reading", watched)
    search.refresh()
    assert search.size == 3000
    assert len(looks) == 1, "one look at the version; everything else on a connection of its own"


def test_only_persons_rows_are_read(search: WatchSearch, feed: WatchFeed, store: Store) -> None:
    feed.stage(put(f"d{n}", document(f"D{n:06d}")) for n in range(2000))
    feed.add(person(1, "DIALLO, MAMADOU"), person(2, "SOW, OUMAR", document_number="X1", document_issuer="UTO"))
    pieces = list(Lists(store).watch_rows().persons(feed.version))
    assert [len(piece) for piece in pieces] == [2]


def test_a_record_of_both_is_found_by_both(search: WatchSearch, feed: WatchFeed) -> None:
    both: WatchRecord = person(2, "SOW, OUMAR", document_number="X1", document_issuer="UTO")
    feed.add(both)
    search.refresh()
    assert search.persons("UMAR SOW").hits[0].record == search.documents("XI").hits[0].record == both


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
