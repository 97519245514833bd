"""Signing in under attack: guesses, replays, clocks that jump, and numbers that must not be told apart."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from border_agent.agent import staff
from border_agent.agent.officers import credentials, passwords
from border_agent.agent.officers.values import CredentialExpired, SignInLocked, SignInRefused
from border_agent.store import StoreFull
from mqtt_schemas.records import OfficerState
from tests.officers.officers_kit import OTHER, PASSWORD, SUPERVISOR, Place, opened


def locked(place: Place, number: str, code: str = "000000", peer: str = "") -> int:
    with pytest.raises(SignInLocked) as refused:
        place.officers.sign_in(number, PASSWORD, code, peer=peer)
    return refused.value.seconds


def reasons(place: Place, act: str = "sign_in_refused") -> list[tuple[str, str]]:
    return [(one.subject, one.details["reason"]) for one in place.acts(act)]


def test_there_is_no_default_password(tmp_path: Path) -> None:
    with opened(tmp_path / "fresh") as place:
        for number, password in (("admin", "admin"), ("0000", "0000"), ("4711", ""), ("", "")):
            with pytest.raises(SignInRefused):
                place.officers.sign_in(number, password, "000000")
        place.publish("4711")
        with pytest.raises(SignInRefused):
            place.officers.sign_in("4711", "", "")
        place.wrong("4711")


def test_passwords_cost_what_rfc_9106_says(tmp_path: Path) -> None:
    with opened(tmp_path / "slow") as place:
        held = place.activated("4711")
        assert str(place.column("4711", "password")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        place.sign_in(held)
    assert credentials.hash_code is staff.hash_code


def test_every_wrong_answer_is_the_same_error_and_the_same_work(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = place.activated("4711")
    place.publish("4712", "Paul Biyong")
    away = place.activated("4713", "Awa Diop")
    place.change("4713", state=OfficerState.SUSPENDED)
    counted: list[str] = []
    monkeypatch.setattr(
        passwords, "code_fits", lambda code, hashed: counted.append(hashed) or staff.code_fits(code, hashed)
    )
    said = set()
    for number, password, code in (
        ("9999", PASSWORD, "000000"),
        ("not a number", PASSWORD, "000000"),
        ("4712", PASSWORD, "000000"),
        ("4711", "wrong", place.next_code(held)),
        ("4711", PASSWORD, "000000"),
        ("4711", "x" * 5000, "0" * 5000),
        ("4711", "\ud800", "\ud800"),
        ("4713", PASSWORD, place.code(away)),
    ):
        before = len(counted)
        with pytest.raises(SignInRefused) as refused:
            place.officers.sign_in(number, password, code)
        assert len(counted) - before == 1, number
        said.add(str(refused.value))
    assert len(said) == 1
    for number in ("9999", "4712", "4711"):
        before = len(counted)
        with pytest.raises(SignInRefused):
            place.officers.activation(number, "0000-0000-0000")
        assert len(counted) - before == 1


def test_guesses_are_locked_out_for_longer_and_longer(place: Place) -> None:
    held = place.activated("4711")
    seconds = []
    for _ in range(8):
        place.wrong("4711", 5)
        seconds.append(locked(place, "4711", place.code(held)))
        place.hands.turn(seconds[-1])
    assert seconds == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    place.sign_in(held)
    place.wrong("4711", 4)
    place.sign_in(held)
    assert place.column("4711", "wrong") == 0


def test_a_right_password_with_a_wrong_code_counts(place: Place) -> None:
    place.activated("4711")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            place.officers.sign_in("4711", PASSWORD, "000000")
    assert locked(place, "4711") == 60


def test_a_lock_outlives_a_restart_and_a_clock_set_back(place: Place) -> None:
    held = place.activated("4711")
    place.wrong("4711", 4)
    place.restart()
    place.wrong("4711")
    place.restart()
    assert locked(place, "4711") == 60
    place.hands.system += 30.0
    place.restart()
    assert locked(place, "4711") == 30
    place.hands.system -= 10 * 86400.0
    place.restart()
    assert locked(place, "4711") <= 3600
    place.hands.system += 10 * 86400.0 + 60.0
    place.restart()
    place.sign_in(held)


def test_a_lock_set_by_a_clock_far_ahead_is_not_longer(place: Place) -> None:
    place.activated("4711")
    place.hands.system += 10 * 86400.0
    place.wrong("4711", 5)
    place.hands.system -= 10 * 86400.0
    place.clock.acknowledged(datetime.fromtimestamp(place.hands.system, UTC))
    place.wrong("4712")
    place.restart()
    assert locked(place, "4711") == 3600


def test_a_running_lock_goes_by_no_clock_that_can_be_set(place: Place) -> None:
    place.activated("4711")
    place.wrong("4711", 5)
    place.hands.system += 86400.0
    assert locked(place, "4711") == 60
    place.hands.system -= 2 * 86400.0
    place.hands.monotonic += 60.0
    place.wrong("4711")


def test_one_address_is_locked_before_the_device_is(place: Place) -> None:
    held = place.activated("4711")
    for number in range(10):
        place.wrong(str(5000 + number), peer="10.0.0.66")
    assert locked(place, "4711", place.code(held), peer="10.0.0.66") == 60
    place.sign_in(held, peer="10.0.0.7")
    scopes = [(one.details["scope"], one.subject) for one in place.acts("locked_out")]
    assert scopes == [("address", "")]


def test_many_addresses_lock_the_device_but_never_for_long(place: Place) -> None:
    held = place.activated("4711")
    token, session = place.sign_in(held)
    seconds = []
    for turn in range(5):
        for number in range(30):
            place.wrong(str(100000 + turn * 100 + number), peer=f"10.0.{turn}.{number}")
        seconds.append(locked(place, "4711", place.code(held)))
        place.hands.turn(seconds[-1])
    assert seconds == [60, 120, 240, 300, 300]
    assert place.officers.session(token, touch=False).number == session.number


def test_a_flood_of_guesses_does_not_run_past_the_lock(place: Place) -> None:
    place.activated("4711")
    results: list[str] = []

    def guess() -> None:
        try:
            place.officers.sign_in("4711", "a wrong guess", "000000")
        except (SignInRefused, SignInLocked) as error:
            results.append(error.code)

    threads = [threading.Thread(target=guess) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("officer.refused") == 5 and results.count("officer.locked") == 19


def test_a_code_serves_once_also_after_a_restart(place: Place) -> None:
    held = place.activated("4711")
    code = place.next_code(held)
    place.officers.sign_in("4711", PASSWORD, code)
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, code)
    place.restart()
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, code)
    assert reasons(place) == [("4711", "code")] * 2


def test_of_two_at_once_with_one_code_one_is_in(place: Place) -> None:
    held = place.activated("4711")
    code, results = place.next_code(held), []

    def enter() -> None:
        try:
            results.append(place.officers.sign_in("4711", PASSWORD, code)[1].key)
        except SignInRefused as error:
            results.append(error.code)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("officer.refused") == 3


def test_the_matched_step_counts_and_not_the_present_one(place: Place) -> None:
    held = place.activated("4711")
    place.hands.turn(300)
    ahead, now, behind = (place.code(held, steps=steps) for steps in (1, 0, -1))
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, place.code(held, steps=2))
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, place.code(held, steps=-2))
    place.officers.sign_in("4711", PASSWORD, behind)
    place.officers.sign_in("4711", PASSWORD, now)
    place.officers.sign_in("4711", PASSWORD, f" {ahead[:3]} {ahead[3:]} ")
    for code in (behind, now, ahead):
        with pytest.raises(SignInRefused):
            place.officers.sign_in("4711", PASSWORD, code)


def test_a_clock_set_back_revives_no_code(place: Place) -> None:
    held = place.activated("4711")
    code = place.next_code(held)
    place.officers.sign_in("4711", PASSWORD, code)
    for restart in (False, True):
        place.hands.turn(600)
        place.hands.system -= 600.0
        if restart:
            place.restart()
        with pytest.raises(SignInRefused):
            place.officers.sign_in("4711", PASSWORD, held.shows(place.clock.now()))
        with pytest.raises(SignInRefused):
            place.officers.sign_in("4711", PASSWORD, code)


def test_a_doubtful_clock_keeps_nobody_out_and_is_told(place: Place) -> None:
    held = place.activated("4711")
    assert "clock" not in place.acts("activated")[0].details
    place.hands.synchronised = False
    place.restart()
    place.sign_in(held)
    assert place.acts("signed_in")[-1].details["clock"] == "unknown"
    place.hands.system = 0.0
    place.restart()
    place.sign_in(held)
    assert place.acts("signed_in")[-1].details["clock"] == "doubtful"


def test_a_sign_in_expires_by_itself(place: Place) -> None:
    held = place.activated("4711")
    place.hands.turn(45 * 86400 - 60)
    place.sign_in(held)
    place.hands.turn(60)
    with pytest.raises(CredentialExpired):
        place.sign_in(held)
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", OTHER, place.next_code(held))
    assert reasons(place) == [("4711", "expired"), ("4711", "password")]
    assert place.officers.people()[0].expired


def test_refusals_name_no_number_that_nobody_has(place: Place) -> None:
    place.activated("4711")
    place.publish("4712")
    for typed in ("9999", PASSWORD, "4712", "4711"):
        place.wrong(typed)
    assert reasons(place) == [("", "unknown"), ("", "unknown"), ("4712", "unknown"), ("4711", "password")]
    assert not [act for act in place.acts() if PASSWORD in str(act)]


def test_refusals_fill_no_journal(place: Place) -> None:
    for number in range(1000, 1200):
        with pytest.raises((SignInRefused, SignInLocked)):
            place.officers.sign_in(str(number), "x", "000000")
        place.hands.turn(9)
    assert len(place.acts("sign_in_refused", "locked_out")) < 80


def test_a_full_disk_keeps_nobody_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    held = place.activated("4711")
    boss = place.activated("4700", "Paul Biyong", **SUPERVISOR)

    def full(*_: object, **__: object) -> None:
        raise StoreFull("store", "no room")

    monkeypatch.setattr(place.journal, "commit", full)
    monkeypatch.setattr(place.officers._rows, "put", full)
    code = place.next_code(held)
    token, session = place.officers.sign_in("4711", PASSWORD, code)
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, code)
    place.wrong("4711", 4)
    assert locked(place, "4711") == 60
    place.officers.set_theme(token, "dark")
    place.officers.lock(token)
    assert not place.officers.unlock(token, PASSWORD).locked
    _, supervisor = place.sign_in(boss)
    assert place.officers.second(session, "4700", PASSWORD, place.next_code(boss)) == "4700"
    with pytest.raises(StoreFull):
        place.officers.suspend(supervisor, "4711", "lost his card")
    place.hands.turn(600)
    with pytest.raises(SignInRefused):
        place.sign_in(held)
    assert place.officers.people()[1].suspended_at == place.clock.now()


def test_an_expiry_follows_the_policy_and_the_clock(place: Place) -> None:
    place.policy = place.policy.__class__(
        **{name: getattr(place.policy, name) for name in place.policy.__struct_fields__} | {"credential_days": 2}
    )
    held = place.activated("4711")
    _, session = place.sign_in(held)
    assert timedelta(days=1) < session.credential_until - place.clock.now() < timedelta(days=2)
