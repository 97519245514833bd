"""Lists: what is installed answers, at once and all of it; what is staged does not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from store_kit import AT, Desk, head, install, visa

from border_agent.store import ListRefused, Lists, Staging, Store
from border_agent.store.terms import same_birth, same_given_names, same_surname
from mqtt_schemas.feeds import Feed, delete, feed_genesis, put
from mqtt_schemas.records import CscaRecord, Policy, SignerRecord, VisaRecord, VisaStatus, WatchRecord

DAY = timedelta(days=1)


def test_nothing_installed_answers_nothing(store: Store) -> None:
    lists = Lists(store)
    answer = lists.visa("0" * 16)
    assert (answer.records, answer.version, answer.head) == ((), 0, feed_genesis("visas"))
    assert lists.policy() is None
    assert lists.infos() == ()
    assert lists.watch_identity("", "", "").records == ()
    assert lists.watch_document("UTO", "").records == ()


def test_staged_changes_do_not_answer_until_all_are_installed(store: Store) -> None:
    lists, staging = Lists(store), Staging(store)
    rows = [put(visa(n).visa_id, visa(n)) for n in range(3)]
    staging.stage("visas", 1, rows[:2])
    assert lists.visa(visa(0).visa_id).records == ()
    with pytest.raises(ListRefused):
        staging.install(head("visas", rows), AT)
    staging.stage("visas", 3, rows[2:])
    assert lists.visa(visa(0).visa_id).records == ()
    assert staging.install(head("visas", rows), AT)
    for n in range(3):
        answer = lists.visa(visa(n).visa_id)
        assert answer.records == (visa(n),)
        assert (answer.version, answer.head) == (3, head("visas", rows).head)


def test_staging_survives_a_restart(desk: Desk) -> None:
    rows = [put(visa(n).visa_id, visa(n)) for n in range(4)]
    with desk.store() as store:
        Staging(store).stage("visas", 1, rows[:3])
    with desk.store() as store:
        assert Staging(store).position("visas").staged_version == 3
        install(store, "visas", rows)
        assert Lists(store).visa(visa(3).visa_id).records == (visa(3),)


@pytest.mark.parametrize("first", [1, 2, 4, 100])
def test_changes_that_do_not_continue_are_refused(store: Store, first: int) -> None:
    staging = Staging(store)
    staging.stage("visas", 1, [put("a", visa(1)), put("b", visa(2))])
    with pytest.raises(ListRefused):
        staging.stage("visas", first, [put("c", visa(3))])
    assert staging.position("visas").staged_version == 2


def test_what_is_no_change_is_refused_whole(store: Store) -> None:
    staging = Staging(store)
    with pytest.raises(ListRefused):
        staging.stage("visas", 1, [put("a", visa(1)), b"{rubbish"])
    assert staging.position("visas").staged_version == 0


def test_another_head_installs_nothing(store: Store) -> None:
    staging = Staging(store)
    rows = [put("a", visa(1))]
    staging.stage("visas", 1, rows)
    with pytest.raises(ListRefused):
        staging.install(head("visas", [put("a", visa(2))]), AT)
    assert Lists(store).infos() == ()


def test_dropped_staging_leaves_what_is_installed(store: Store) -> None:
    staging, rows = Staging(store), [put(visa(n).visa_id, visa(n)) for n in range(4)]
    install(store, "visas", rows[:2])
    staging.stage("visas", 3, rows[2:])
    staging.drop("visas")
    position = staging.position("visas")
    assert (position.version, position.staged_version) == (2, 2)
    install(store, "visas", rows)
    assert Lists(store).visa(visa(3).visa_id).records == (visa(3),)


def test_a_renewed_head_changes_the_dates_only_forward(store: Store) -> None:
    lists, staging = Lists(store), Staging(store)
    rows = [put("a", visa(1))]
    install(store, "visas", rows)
    assert staging.install(head("visas", rows, AT + DAY), AT + DAY)
    assert not staging.install(head("visas", rows, AT), AT + DAY)
    info = lists.info("visas")
    assert info is not None
    assert (info.issued, info.expires, info.installed_at) == (AT + DAY, AT + 2 * DAY, AT + DAY)


def test_an_empty_list_is_a_list(store: Store) -> None:
    assert Staging(store).install(head("visas", []), AT)
    info = Lists(store).info("visas")
    assert info is not None
    assert info.version == 0


def test_visas_are_found_by_their_document_and_by_their_newest_state_only(store: Store) -> None:
    lists = Lists(store)
    first, moved = visa(1), visa(1, document="X1")
    key = first.visa_id
    install(store, "visas", [put(key, first), put(visa(2).visa_id, visa(2)), put(key, moved)])
    assert lists.visas_of("UTO", "L898902C3").records == (visa(2),)
    assert lists.visas_of("UTO", "X1").records == (moved,)
    assert lists.visas_of("D", "X1").records == ()
    assert lists.visa(first.visa_id).records == (moved,)


def test_a_record_that_cannot_be_read_spoils_no_other(store: Store) -> None:
    odd = put(visa(7).visa_id, visa(7)).replace(b'"entries":1', b'"entries":"many"')
    install(store, "visas", [odd, put(visa(8).visa_id, visa(8))])
    assert Lists(store).visa(visa(8).visa_id).records == (visa(8),)
    assert Lists(store).visa(visa(7).visa_id).records == ()


def test_signers_and_policy(store: Store) -> None:
    lists = Lists(store)
    signer = SignerRecord(
        issuer="UTO",
        certificate=b"der",
        scopes=("visa:UTO",),
        use_from=date(2027, 1, 1),
        use_until=date(2028, 1, 1),
    )
    install(store, "trust", [put("s", signer)])
    assert lists.signers().records == (signer,)
    policies = [Policy(policy_id=name, rules_version=1, country="UTO", issuers=("UTO",), regimes=()) for name in "ab"]
    install(store, "policy", [put("a", policies[0]), put("b", policies[1]), delete("a")])
    assert lists.policy() == policies[1]


def test_the_authorities_of_chips_are_all_there_and_their_issue_is_cheap_to_ask(store: Store) -> None:
    lists = Lists(store)
    assert (lists.authorities().records, lists.version(Feed.CSCA)) == ((), 0)
    records = [CscaRecord(issuer="UT", certificate=bytes([48, number])) for number in range(3)]
    rows = [put(str(number), record) for number, record in enumerate(records)]
    install(store, "csca", rows)
    assert (lists.authorities().records, lists.version(Feed.CSCA)) == (tuple(records), 3)
    newer = CscaRecord(issuer="UT", certificate=records[1].certificate, crl=b"\x30\x00")
    install(store, "csca", [*rows, put("1", newer), delete("2")])
    assert lists.authorities().records == (records[0], newer)
    assert lists.authorities().version == lists.version(Feed.CSCA) == 5


def test_a_policy_that_cannot_be_read_does_not_leave_the_one_before_in_force(store: Store) -> None:
    older, newer = (
        Policy(policy_id=name, rules_version=1, country="UTO", issuers=("UTO",), regimes=()) for name in "ab"
    )
    odd = put("b", newer).replace(b'"rules_version":1', b'"rules_version":"one"')
    install(store, "policy", [put("a", older), odd])
    assert Lists(store).policies().records == (older,)
    assert Lists(store).policy() is None


def test_the_watchlist_by_document_and_by_person(store: Store) -> None:
    lists = Lists(store)
    wanted = WatchRecord(record_id="1", surname="VAN DER BERG", given_names="ANNA MARIA", birth="1980-XX-XX")
    stolen = WatchRecord(record_id="2", document_issuer="UTO", document_number="L898902C3")
    anywhere = WatchRecord(record_id="3", document_number="L898902C3")
    install(store, "watchlist", [put(r.record_id, r) for r in (wanted, stolen, anywhere)])
    assert lists.watch_document("UTO", "L898902C3").records == (stolen, anywhere)
    assert lists.watch_document("D", "L898902C3").records == (anywhere,)
    assert lists.watch_document("D", "L898902C").records == ()
    for surname, names, birth, hit in (
        ("VAN DER BERG", "ANNA MARIA", "1980-05-01", True),
        ("VANDERBERG", "ANNA", "1980-05-01", True),
        ("VAN DER BERG", "", "", True),
        ("VAN DER BERG", "MARIA", "XXXX-05-XX", True),
        ("VAN DER BERG", "ANNA MARIA", "1981-05-01", False),
        ("VAN DER BERG", "PETRA", "1980-05-01", False),
        ("VAN DER BERGH", "ANNA MARIA", "1980-05-01", False),
        ("BERG", "ANNA MARIA", "1980-05-01", False),
    ):
        assert bool(lists.watch_identity(surname, names, birth).records) is hit, (surname, names, birth)


def test_names_and_dates_that_fit() -> None:
    long = "PAPANDROPOULOUSVARVAR"
    assert same_surname(long, long + "IDOU")
    assert not same_surname("PAPA", "PAPANDREOU")
    assert same_given_names("ANNA MARIA", "ANNA M")
    assert not same_given_names("ANNA", "MARIA")
    assert same_birth("1980-XX-XX", "1980-01-31")
    assert not same_birth("1980-01-XX", "1980-02-01")


CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=CHANGES, cut=st.integers(0, 25), tidy=st.booleans())
def test_any_history_answers_as_a_dictionary_would(
    store: Store, changes: list[tuple[bool, int, int]], cut: int, tidy: bool
) -> None:
    """At every installed version, by key and by document, whatever is staged behind it and tidied before it."""
    with store.writing() as connection:
        for table in ("feed_term", "feed_row", "feed"):
            connection.execute(f"DELETE FROM {table}")
    lists, staging = Lists(store), Staging(store)
    rows, model = [], dict[int, VisaRecord]()
    for kept, key, document in changes:
        record = visa(key, document=f"D{document}", status=VisaStatus.VALID)
        rows.append(put(record.visa_id, record) if kept else delete(record.visa_id))
    cut = min(cut, len(rows))
    for kept, key, document in changes[:cut]:
        if kept:
            model[key] = visa(key, document=f"D{document}")
        else:
            model.pop(key, None)
    if cut:
        install(store, "visas", rows[:cut])
    if rows[cut:]:
        staging.stage("visas", cut + 1, rows[cut:])
    if tidy:
        while staging.tidy("visas", 3):
            continue
    for key in range(5):
        expected = (model[key],) if key in model else ()
        assert lists.visa(f"{key:016x}").records == expected
    for document in range(4):
        found = {record.visa_id for record in lists.visas_of("UTO", f"D{document}").records}
        assert found == {r.visa_id for r in model.values() if r.document_number == f"D{document}"}
    install(store, "visas", rows) if rows[cut:] else None


def test_tidying_leaves_one_row_a_record(store: Store) -> None:
    """Replaced rows go, and deletions with them; what is staged behind stays, and is tidied once it answers."""
    staging = Staging(store)
    rows = [put(visa(n % 10).visa_id, visa(n % 10, document=f"D{n}")) for n in range(50)]
    rows += [delete(visa(n).visa_id) for n in range(4)]

    def left() -> list[tuple[int, str]]:
        with store.reading() as connection:
            return list(connection.execute("SELECT version, key FROM feed_row ORDER BY version").fetchall())

    install(store, "visas", rows[:45])
    staging.stage("visas", 46, rows[45:])
    turns = 1
    while staging.tidy("visas", 7):
        turns += 1
    assert turns == 7
    assert [version for version, _ in left()] == [*range(36, 55)]
    install(store, "visas", rows)
    while staging.tidy("visas", 7):
        continue
    assert {key for _, key in left()} == {visa(n).visa_id for n in range(4, 10)}
    assert len(left()) == 6
    with store.reading() as connection:
        assert connection.execute("SELECT count(DISTINCT version) FROM feed_term").fetchone() == (6,)


def test_a_look_up_goes_by_its_term(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of millions must not be gone through for one number, however SQLite would like to sort."""
    asked: list[tuple[str, dict[str, object]]] = []
    for name in ("_ask", "_find"):
        ask = getattr(Lists, name)

        def noted(
            self: Lists, feed: Feed, kind: type[Struct], query: str, ask: Any = ask, **parameters: str
        ) -> object:
            asked.append((query, {"feed": feed.value, "version": 9, **parameters}))
            return ask(self, feed, kind, query, **parameters)

        monkeypatch.setattr(Lists, name, noted)
    Lists(store).watch_document("UTO", "X1")
    Lists(store).watch_numbers(("X1", "X2"))
    Lists(store).visas_of("UTO", "X1")
    Lists(store).visa("0" * 16)
    assert len(asked) == 4
    with store.reading() as connection:
        for query, parameters in asked:
            plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", parameters).fetchall()]
            steps = [step for step in plan if step.startswith("SEARCH ") and not step.startswith("SEARCH f ")]
            if "term" in query:
                assert "t USING PRIMARY KEY (feed=? AND term=? AND version<?)" in steps[0]
                assert "(feed=? AND version=?)" in steps[1]
            else:
                assert "feed_row_key (feed=? AND key=? AND version<?)" in steps[0]
                assert not any("TEMP B-TREE" in step for step in plan)
