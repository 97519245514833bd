"""The first sign-in: one-time code, password, authenticator, all of it offline; and every box that is not meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.agent.officers.activation import MOST_WRONG, SECONDS
from border_agent.agent.officers.passwords import require_good_password
from border_agent.agent.officers.values import (
    ActivationImpossible,
    ActivationOver,
    CodeWrong,
    NotActivated,
    PasswordRefused,
    SignedOut,
    SignInLocked,
    SignInRefused,
)
from border_agent.store import StoreFull
from mqtt_schemas.activation import shown_code
from mqtt_schemas.records import OfficerRole, OfficerState, SealedActivation
from tests.officers.officers_kit import DEVICE, OTHER, PASSWORD, Place, opened


def test_from_the_centres_list_to_a_session(place: Place) -> None:
    held = place.publish("4711", language="en")
    begun = place.officers.activation(" 4711 ", shown_code(held.code).lower().replace("0", "o").replace("1", "l"))
    read = pyotp.parse_uri(begun.uri)
    assert read.at(place.clock.now()) == place.code(held) and read.name == "4711"
    assert begun.secret == read.secret and begun.name == "Ama Mensah"
    assert place.officers.activating(begun.token).secret == begun.secret
    token, session = place.officers.activate(begun.token, PASSWORD, place.code(held), counter="G2")
    assert (session.number, session.name, session.language, session.counter) == ("4711", "Ama Mensah", "en", "G2")
    assert session.roles == {OfficerRole.OFFICER} and not session.locked
    assert session.credential_until - place.clock.now() > timedelta(days=44, hours=23)
    assert token != begun.token and place.officers.session(token, touch=False).key == session.key
    (act,) = place.acts("activated")
    assert (act.officer, act.subject, act.details["activation"]) == ("4711", "4711", held.activation)
    # The code that was shown for it signs nobody in; the next one does.
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, place.code(held))
    place.sign_in(held)


def test_nothing_can_be_read_from_the_disk(place: Place) -> None:
    held = place.activated("4711")
    data = b"".join(file.read_bytes() for file in place.folder.glob("store.db*"))
    for secret in (PASSWORD.encode(), held.totp, held.code.encode()):
        assert secret not in data
    bodies = b"".join(str(act).encode() for act in place.acts())
    assert PASSWORD.encode() not in bodies and held.code.encode() not in bodies


def test_an_activation_serves_once_also_after_a_restart(place: Place) -> None:
    held = place.activated("4711")
    for _ in range(2):
        with pytest.raises(SignInRefused):
            place.officers.activation("4711", held.code)
        place.restart()
    assert [act.details["reason"] for act in place.acts("activation_refused")] == ["used", "used"]


def test_interrupted_it_is_not_used_up(place: Place) -> None:
    held = place.publish("4711")
    first = place.officers.activation("4711", held.code)
    second = place.officers.activation("4711", held.code)
    with pytest.raises(ActivationOver):
        place.officers.activate(first.token, PASSWORD, place.code(held))
    place.restart()
    with pytest.raises(ActivationOver):
        place.officers.activate(second.token, PASSWORD, place.code(held))
    third = place.officers.activation("4711", held.code)
    place.hands.turn(SECONDS)
    with pytest.raises(ActivationOver):
        place.officers.activating(third.token)
    place.activate(held)


def test_a_poor_password_or_a_wrong_code_leaves_it_open(place: Place) -> None:
    held = place.publish("4711")
    begun = place.officers.activation("4711", held.code)
    with pytest.raises(PasswordRefused):
        place.officers.activate(begun.token, "short", place.code(held))
    with pytest.raises(CodeWrong):
        place.officers.activate(begun.token, PASSWORD, "12345")
    with pytest.raises(SignInRefused):
        place.officers.sign_in("4711", PASSWORD, place.code(held))
    place.officers.activate(begun.token, PASSWORD, place.code(held))
    with pytest.raises(ActivationOver):
        place.officers.activate(begun.token, PASSWORD, place.next_code(held))


def test_wrong_authenticator_codes_end_it(place: Place) -> None:
    held = place.publish("4711")
    begun = place.officers.activation("4711", held.code)
    for _ in range(MOST_WRONG):
        with pytest.raises(CodeWrong):
            place.officers.activate(begun.token, PASSWORD, "000000" if place.code(held) != "000000" else "1")
    with pytest.raises(ActivationOver):
        place.officers.activate(begun.token, PASSWORD, place.code(held))


def test_wrong_one_time_codes_are_locked_like_passwords(place: Place) -> None:
    held = place.publish("4711")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            place.officers.activation("4711", "0000-0000-0000")
    with pytest.raises(SignInLocked) as locked:
        place.officers.activation("4711", held.code)
    assert locked.value.seconds == 60
    place.restart()
    with pytest.raises(SignInLocked):
        place.officers.activation("4711", held.code)
    place.hands.turn(60)
    place.activate(held)
    assert place.column("4711", "wrong") == 0


def test_a_newer_activation_ends_what_stood_on_the_one_before(place: Place) -> None:
    old = place.activated("4711")
    token, _ = place.sign_in(old)
    new = place.publish("4711")
    with pytest.raises(SignedOut):
        place.officers.session(token, touch=True)
    with pytest.raises(NotActivated):
        place.sign_in(old)
    with pytest.raises(SignInRefused):
        place.officers.activation("4711", old.code)
    place.activate(new, OTHER)
    place.sign_in(new, OTHER)
    with pytest.raises(SignInRefused):
        place.sign_in(old, PASSWORD)
    assert place.acts("signed_out")[1].details["reason"] == "superseded"


def test_an_activation_replaced_meanwhile_is_not_finished(place: Place) -> None:
    held = place.publish("4711")
    begun = place.officers.activation("4711", held.code)
    place.publish("4711")
    with pytest.raises(ActivationOver):
        place.officers.activate(begun.token, PASSWORD, place.code(held))


def refused(place: Place, number: str, code: str, reason: str) -> None:
    with pytest.raises(SignInRefused):
        place.officers.activation(number, code)
    assert place.acts("activation_refused")[-1].details["reason"] == reason


def test_boxes_that_are_not_this_devices_open_nothing(place: Place, tmp_path: Path) -> None:
    held = place.publish("4711")
    (own,) = place.records["4711"].activations
    with opened(tmp_path / "elsewhere", device="uto-sud-counter-1") as elsewhere:
        foreign = elsewhere.sealed(held)
    torn = bytearray(own.box)
    torn[-1] ^= 1
    other = place.publish("4712", "Paul Biyong")
    (others,) = place.records["4712"].activations
    for boxes, reason in (
        ((foreign,), "no_activation"),
        ((SealedActivation(device=DEVICE, box=foreign.box),), "not_opened"),
        ((SealedActivation(device=DEVICE, box=bytes(torn)),), "not_opened"),
        ((SealedActivation(device=DEVICE, box=b"\0"),), "not_opened"),
        ((SealedActivation(device=DEVICE, box=others.box),), "not_opened"),
        ((place.sealed(held, activation="0123456789abcdef"),), "not_opened"),
        ((place.sealed(held, days=-0.01),), "expired"),
        ((), "no_activation"),
    ):
        place.change("4711", activations=boxes)
        refused(place, "4711", held.code, reason)
        place.hands.turn(4000)
    place.change("4711", activations=(own,))
    place.activate(held)
    place.activate(other)


def test_only_people_of_this_post_who_may_work(place: Place) -> None:
    held = place.publish("4711")
    for change, back in (
        ({"posts": ("uto-sud",)}, {"posts": ("uto-nord",)}),
        ({"state": OfficerState.SUSPENDED}, {"state": OfficerState.ACTIVE}),
        ({"state": OfficerState.RETIRED}, {"state": OfficerState.ACTIVE}),
        ({"state": OfficerState.UNKNOWN}, {"state": OfficerState.ACTIVE}),
        ({"roles": (OfficerRole.UNKNOWN,)}, {"roles": (OfficerRole.OFFICER, OfficerRole.UNKNOWN)}),
    ):
        place.change("4711", **change)
        refused(place, "4711", held.code, "unknown")
        place.change("4711", **back)
    place.hands.turn(60)
    _, session = place.activate(held)
    assert session.roles == {OfficerRole.OFFICER}, "a role this software does not know gives no right"


def test_without_a_sealing_key_nobody_activates(place: Place) -> None:
    held = place.publish("4711")
    place.key = None  # type: ignore[assignment]
    place.restart()
    with pytest.raises(ActivationImpossible):
        place.officers.activation("4711", held.code)
    place.key = X25519PrivateKey.generate()
    place.restart()
    refused(place, "4711", held.code, "not_opened")


def test_on_a_full_disk_it_is_told_and_not_used_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    held = place.publish("4711")
    begun = place.officers.activation("4711", held.code)
    with monkeypatch.context() as full:
        full.setattr(place.journal, "commit", _full)
        with pytest.raises(StoreFull):
            place.officers.activate(begun.token, PASSWORD, place.code(held))
    place.officers.activate(begun.token, PASSWORD, place.code(held))


def _full(*_: object) -> None:
    raise StoreFull("store", "no room")


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "elevenchars", "Abcdefghi1", "aaaaaaaaaaaaaaaa", "abcabcabcabc", "abcdefghijkl", "987654321098",
        "password1234", "MotDePasse12", "azertyuiop12", "4711 du poste", "Mensah du nord", "MENSAH-du-nord",
        "mensäh du nord", "x" * 129, "tabs\tin the middle", "null\0in the middle", "\ud800 not a character",
        "Aa1!Aa1!Aa1!", "     ", "BorneBorneBorne", "é" * 20,
    ],
)  # fmt: skip
def test_passwords_that_are_refused(password: str) -> None:
    with pytest.raises(PasswordRefused) as found:
        require_good_password(password, "4711", "Ama Mensah")
    assert len(password) < 6 or password not in str(found.value)


@pytest.mark.parametrize(
    "password",
    [PASSWORD, OTHER, "Kx7 vTqRm2", "huit éléphants gris", "x7" * 3 + "Loutre brune", "ｆｕｌｌ ｗｉｄｔｈ keys 9"],
)
def test_passwords_that_are_taken(password: str) -> None:
    require_good_password(password, "4711", "Ama Mensah")


def test_a_password_is_the_same_from_every_keyboard(place: Place) -> None:
    held = place.activated("4711", password="quatre he\u0301rons au lac")
    place.sign_in(held, "quatre h\u00e9rons au lac")
