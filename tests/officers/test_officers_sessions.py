"""Sessions: fresh tokens, an idle lock, shifts that end, and people who are gone at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from border_agent.agent.officers import Session
from border_agent.agent.officers.sessions import MOST_OF_ONE, MOST_SESSIONS
from border_agent.agent.officers.values import (
    NoSuchOfficer,
    NotActivated,
    OfficerNotAllowed,
    ReasonWanted,
    SessionLocked,
    SettingRefused,
    SignedOut,
    SignInLocked,
    SignInRefused,
    Theme,
)
from mqtt_schemas.records import OfficerRole, OfficerState
from tests.officers.officers_kit import OTHER, PASSWORD, SUPERVISOR, Place


def out(place: Place, token: str) -> str:
    with pytest.raises(SignedOut):
        place.officers.session(token, touch=True)
    return place.acts("signed_out")[-1].details["reason"]


def pair(place: Place) -> tuple[Session, str]:
    """A supervisor's session and an officer's token."""
    boss, held = place.activated("4700", "Paul Biyong", **SUPERVISOR), place.activated("4711")
    return place.sign_in(boss)[1], place.sign_in(held)[0]


def test_every_token_is_fresh_and_only_its_hash_is_kept(place: Place) -> None:
    held = place.publish("4711")
    begun = place.officers.activation("4711", held.code)
    first, one = place.officers.activate(begun.token, PASSWORD, place.code(held))
    second, two = place.sign_in(held)
    assert len({begun.token, first, second}) == 3 and one.csrf != two.csrf and one.key != two.key
    assert all(len(token) >= 43 for token in (begun.token, first, second))
    kept = repr(vars(place.officers._sessions)) + repr(vars(place.officers._activations))
    assert not [token for token in (begun.token, first, second) if token in kept]
    for token in ("", "x", begun.token, one.key, "\ud800", first[:-1]):
        with pytest.raises(SignedOut):
            place.officers.session(token, touch=True)
    place.officers.sign_out(first)
    place.officers.sign_out(first)
    assert out(place, first) == "by_officer"
    assert place.officers.session(second, touch=False).number == "4711"


def test_an_idle_session_locks_itself_and_stays(place: Place) -> None:
    held = place.activated("4711")
    token, session = place.sign_in(held, counter="G2")
    place.hands.turn(299)
    assert not place.officers.session(token, touch=False).locked
    place.hands.turn(1)
    assert place.officers.session(token, touch=True).locked
    assert place.officers.session(token, touch=True).locked, "what nobody typed a password for stays locked"
    with pytest.raises(SignInRefused):
        place.officers.unlock(token, OTHER)
    again = place.officers.unlock(token, PASSWORD)
    assert (again.key, again.locked, again.counter, again.lock_seconds) == (session.key, False, "G2", 300)
    for _ in range(3):
        place.hands.turn(200)
        assert not place.officers.session(token, touch=True).locked
    assert [act.act for act in place.acts("unlocked", "unlock_refused")] == ["unlock_refused", "unlocked"]


def test_three_wrong_passwords_end_a_locked_session(place: Place) -> None:
    held = place.activated("4711")
    token, _ = place.sign_in(held)
    place.officers.lock(token)
    for refused in (SignInRefused, SignInRefused, SignedOut):
        with pytest.raises(refused):
            place.officers.unlock(token, OTHER)
    assert out(place, token) == "wrong_password"
    place.wrong("4711", 2)
    with pytest.raises(SignInLocked):
        place.sign_in(held)


def test_guesses_elsewhere_do_not_shut_an_officer_out_of_what_is_open(place: Place) -> None:
    held = place.activated("4711")
    token, _ = place.sign_in(held)
    place.officers.lock(token)
    place.wrong("4711", 5)
    assert not place.officers.unlock(token, PASSWORD).locked


def test_a_shift_ends_however_busy(place: Place) -> None:
    held = place.activated("4711")
    token, session = place.sign_in(held)
    for _ in range(12 * 15 - 1):
        place.hands.turn(240)
        seen = place.officers.session(token, touch=True)
        assert not seen.locked and abs((seen.ends_at - session.ends_at).total_seconds()) < 1
    place.hands.turn(240)
    assert out(place, token) == "shift_over"
    token, _ = place.sign_in(held)
    place.hands.system += 86400.0
    assert place.officers.session(token, touch=True), "a clock that jumps ends no shift"


def test_a_shorter_idle_time_in_the_policy_holds_at_once(place: Place) -> None:
    token, _ = place.sign_in(place.activated("4711"))
    place.hands.turn(90)
    place.policy = structs.replace(place.policy, idle_lock_minutes=1)
    assert place.officers.session(token, touch=True).locked


@pytest.mark.parametrize(
    "gone",
    [
        lambda place: place.remove("4711"),
        lambda place: place.change("4711", state=OfficerState.SUSPENDED),
        lambda place: place.change("4711", state=OfficerState.RETIRED),
        lambda place: place.change("4711", posts=("uto-sud",)),
        lambda place: place.change("4711", roles=()),
        lambda place: place.change("4711", roles=(OfficerRole.UNKNOWN,)),
    ],
)
def test_whoever_the_centre_takes_out_is_out_at_once(place: Place, gone: Callable[[Place], None]) -> None:
    held = place.activated("4711")
    token, session = place.sign_in(held)
    other, asks = place.sign_in(place.activated("4712", "Awa Diop"))
    gone(place)
    with pytest.raises(SignedOut):
        place.officers.add_key(session, None, "")  # type: ignore[arg-type]
    assert out(place, token) == "not_active"
    with pytest.raises(SignInRefused):
        place.sign_in(held)
    with pytest.raises(SignInRefused):
        place.officers.second(asks, "4711", PASSWORD, place.next_code(held))
    assert place.officers.session(other, touch=True).number == "4712"


def test_a_role_taken_away_counts_at_the_next_request(place: Place) -> None:
    boss, token = pair(place)
    place.change("4700", roles=(OfficerRole.READER,))
    with pytest.raises(OfficerNotAllowed):
        place.officers.suspend(boss, "4711", "why not")
    place.change("4711", roles=(OfficerRole.OFFICER, OfficerRole.AUDITOR), name="Ama B. Mensah")
    seen = place.officers.session(token, touch=False)
    assert seen.has(OfficerRole.AUDITOR) and seen.name == "Ama B. Mensah"


def test_a_supervisor_suspends_at_once_and_lifts(place: Place) -> None:
    boss, token = pair(place)
    held = place.publish("4712", "Awa Diop")
    place.officers.suspend(boss, "4711", "  card lost  ")
    assert out(place, token) == "suspended"
    place.officers.suspend(boss, "4712", "not arrived")
    place.restart()
    for refused in (
        lambda: place.officers.sign_in("4711", PASSWORD, "000000"),
        lambda: place.officers.activation("4712", held.code),
    ):
        with pytest.raises(SignInRefused):
            refused()
    view = next(one for one in place.officers.people() if one.number == "4711")
    assert view.suspended_at is not None and view.suspended_by == "4700" and view.state is OfficerState.ACTIVE
    assert [(act.officer, act.subject, act.details) for act in place.acts("suspended")] == [
        ("4700", "4711", {"reason": "card lost"}),
        ("4700", "4712", {"reason": "not arrived"}),
    ]


def test_a_supervisor_ends_somebodys_sessions(place: Place) -> None:
    boss, held = place.activated("4700", "Paul Biyong", **SUPERVISOR), place.activated("4711")
    own, session = place.sign_in(boss)
    tokens = [place.sign_in(held)[0] for _ in range(2)]
    place.officers.end_sessions(session, "4711")
    assert [out(place, token) for token in tokens] == ["by_supervisor"] * 2
    place.sign_in(held)
    with pytest.raises(OfficerNotAllowed):
        place.officers.end_sessions(place.officers.session(own, touch=False), "4700")


def test_lifted_they_sign_in_again(place: Place) -> None:
    boss, held = place.activated("4700", "Paul Biyong", **SUPERVISOR), place.activated("4711")
    _, session = place.sign_in(boss)
    place.officers.suspend(session, "4711", "card lost")
    for _ in range(2):
        with pytest.raises(SignInRefused):
            place.sign_in(held)
        place.restart()
    _, session = place.sign_in(boss)
    place.officers.lift(session, "4711")
    place.officers.lift(session, "4711")
    place.sign_in(held)
    assert len(place.acts("lifted")) == 1
    place.restart()
    place.sign_in(held)


def test_suspended_between_proof_and_session(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    boss, held = place.activated("4700", "Paul Biyong", **SUPERVISOR), place.activated("4711")
    _, session = place.sign_in(boss)
    prove = place.officers._credentials.prove

    def overtaken(*given: object, **more: object) -> object:
        proven = prove(*given, **more)  # type: ignore[arg-type]
        place.officers.suspend(session, "4711", "card lost")
        return proven

    monkeypatch.setattr(place.officers._credentials, "prove", overtaken)
    token, _ = place.sign_in(held)
    assert out(place, token) == "not_active"


def test_a_suspension_outlives_a_new_activation(place: Place) -> None:
    boss, _ = pair(place)
    place.officers.suspend(boss, "4711", "card lost")
    held = place.publish("4711")
    place.restart()
    with pytest.raises(SignInRefused):
        place.officers.activation("4711", held.code)


def test_suspended_while_activating(place: Place) -> None:
    boss, _ = pair(place)
    held = place.publish("4712", "Awa Diop")
    begun = place.officers.activation("4712", held.code)
    place.officers.suspend(boss, "4712", "not she")
    with pytest.raises(Exception, match="activation_over"):
        place.officers.activate(begun.token, PASSWORD, place.code(held))


def test_who_may_do_what_to_whom(place: Place) -> None:
    boss, token = pair(place)
    officer = place.officers.session(token, touch=False)
    place.publish("4713", "Awa Diop")
    for act in (
        lambda by, number: place.officers.suspend(by, number, "because"),
        lambda by, number: place.officers.lift(by, number),
        lambda by, number: place.officers.extend(by, number),
    ):
        with pytest.raises(OfficerNotAllowed):
            act(officer, "4700")
        with pytest.raises(OfficerNotAllowed):
            act(boss, "4700")
        with pytest.raises(NoSuchOfficer):
            act(boss, "9999")
    with pytest.raises(ReasonWanted):
        place.officers.suspend(boss, "4711", "  ")
    with pytest.raises(NotActivated):
        place.officers.extend(boss, "4713")
    place.hands.turn(300)
    with pytest.raises(SessionLocked):
        place.officers.extend(boss, "4711")
    place.hands.turn(12 * 3600)
    with pytest.raises(SignedOut):
        place.officers.extend(boss, "4711")
    assert not place.acts("suspended", "lifted", "extended")


def test_an_extension_counts_from_its_own_day(place: Place) -> None:
    held = place.activated("4711")
    place.hands.turn(50 * 86400)
    boss = place.activated("4700", "Paul Biyong", **SUPERVISOR)
    _, session = place.sign_in(boss)
    until = place.officers.extend(session, "4711")
    assert (until - place.clock.now()).days == 45
    token, seen = place.sign_in(held)
    assert seen.credential_until == until
    place.hands.turn(60)
    longer = place.officers.extend(session, "4711")
    assert place.officers.session(token, touch=False).credential_until == longer > until
    assert place.acts("extended")[0].details == {"until": until.date().isoformat()}


def test_a_session_too_many_ends_the_oldest_of_the_same_officer(place: Place) -> None:
    held, other = place.activated("4711"), place.activated("4712", "Awa Diop")
    kept, _ = place.sign_in(other)
    tokens = [place.sign_in(held)[0] for _ in range(MOST_OF_ONE + 1)]
    assert out(place, tokens[0]) == "displaced"
    for token in (kept, *tokens[1:]):
        place.officers.session(token, touch=False)


def test_there_are_so_many_sessions_and_no_more(place: Place) -> None:
    tokens = []
    for number in range(4000, 4000 + MOST_SESSIONS // 2 + 1):
        held = place.activated(str(number), "Somebody")
        tokens += [place.sign_in(held)[0] for _ in range(2)]
        place.hands.turn(1)
    live = 0
    for token in tokens:
        try:
            place.officers.session(token, touch=False)
            live += 1
        except SignedOut:
            pass
    assert live == MOST_SESSIONS
    assert len(place.officers.sessions()) == MOST_SESSIONS


def test_language_theme_and_counter(place: Place) -> None:
    held = place.activated("4711", language="pt")
    token, session = place.sign_in(held)
    assert (session.language, session.theme) == ("fr", Theme.AUTO)
    assert place.officers.set_language(token, "en").language == "en"
    assert place.officers.set_theme(token, "dark").theme is Theme.DARK
    assert place.officers.set_counter(token, " Guichet 3 ").counter == "Guichet 3"
    for setting in (
        lambda: place.officers.set_language(token, "xx"),
        lambda: place.officers.set_theme(token, "neon"),
        lambda: place.officers.set_counter(token, "x" * 65),
        lambda: place.officers.set_counter(token, "a\nb"),
    ):
        with pytest.raises(SettingRefused):
            setting()
    place.restart()
    _, session = place.sign_in(held, counter="x" * 65)
    assert (session.language, session.theme, session.counter) == ("en", Theme.DARK, "")


def test_people_as_a_supervisor_sees_them(place: Place) -> None:
    boss, _ = pair(place)
    place.publish("4720", "Awa Diop")
    place.publish("4721", "Elsewhere", posts=("uto-sud",))
    place.change("4720", state=OfficerState.RETIRED)
    place.wrong("4711", 5)
    people = {one.number: one for one in place.officers.people()}
    assert list(people) == ["4700", "4711", "4720"]
    assert people["4700"].signed_in and people["4700"].activated and not people["4700"].expired
    assert people["4711"].locked_seconds == 60
    assert people["4720"].state is OfficerState.RETIRED and not people["4720"].activated
    assert [one.number for one in place.officers.sessions()] == ["4700", "4711"]
    assert boss.has(OfficerRole.SUPERVISOR)


# Two persons


def test_a_second_officer_agrees_and_the_code_is_used_up(place: Place) -> None:
    _, token = pair(place)
    asks = place.officers.session(token, touch=False)
    other = place.activated("4712", "Awa Diop")
    code = place.next_code(other)
    assert place.officers.second(asks, "4712", PASSWORD, code, subject="abc") == "4712"
    (act,) = place.acts("second_given")
    assert (act.officer, act.second_officer, act.subject) == ("4711", "4712", "abc")
    with pytest.raises(SignInRefused):
        place.officers.second(asks, "4712", PASSWORD, code)
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4712", PASSWORD, code)
    place.restart()
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4712", PASSWORD, code)


def test_a_code_that_signed_in_is_no_second_officers(place: Place) -> None:
    _, token = pair(place)
    asks = place.officers.session(token, touch=False)
    other = place.activated("4712", "Awa Diop")
    code = place.next_code(other)
    place.officers.sign_in("4712", PASSWORD, code)
    with pytest.raises(SignInRefused):
        place.officers.second(asks, "4712", PASSWORD, code)


def test_nobody_is_their_own_second_officer(place: Place) -> None:
    held = place.activated("4711")
    _, session = place.sign_in(held)
    for number in ("4711", " 4711 "):
        with pytest.raises(OfficerNotAllowed):
            place.officers.second(session, number, PASSWORD, place.next_code(held))


def test_the_second_officers_role(place: Place) -> None:
    boss, token = pair(place)
    asks = place.officers.session(token, touch=False)
    reader = place.activated("4712", "Awa Diop", roles=(OfficerRole.READER, OfficerRole.TECHNICIAN))
    officer = place.activated("4713", "Ana Silva")
    chief = place.activated("4714", "Ole Berg", roles=(OfficerRole.SUPERVISOR,))
    with pytest.raises(OfficerNotAllowed):
        place.officers.second(asks, "4712", PASSWORD, place.next_code(reader))
    with pytest.raises(OfficerNotAllowed):
        place.officers.second(asks, "4713", PASSWORD, place.next_code(officer), role=OfficerRole.SUPERVISOR)
    supervisor = OfficerRole.SUPERVISOR
    assert place.officers.second(asks, "4714", PASSWORD, place.next_code(chief), role=supervisor) == "4714"
    place.officers.suspend(boss, "4713", "card lost")
    with pytest.raises(SignInRefused):
        place.officers.second(asks, "4713", PASSWORD, place.next_code(officer))
    assert [act.details["reason"] for act in place.acts("second_refused")] == ["role", "role", "suspended"]


def test_a_second_officers_password_is_not_to_be_guessed_from_a_session(place: Place) -> None:
    _, token = pair(place)
    asks = place.officers.session(token, touch=False)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            place.officers.second(asks, "4700", "guess after guess", "000000")
    with pytest.raises(SignInLocked):
        place.officers.second(asks, "4700", PASSWORD, "000000")
    place.hands.turn(300)
    with pytest.raises(SessionLocked):
        place.officers.second(asks, "4700", PASSWORD, "000000")
