"""Security keys in place of the authenticator's code, with an authenticator in software."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from border_agent.agent.officers import Session
from border_agent.agent.officers.keys import MOST_ASKED, MOST_KEYS, SECONDS
from border_agent.agent.officers.values import KeyAnswer, KeyChallenge, KeyRefused, SignedOut, SignInRefused
from tests.officers.officers_kit import OTHER, PASSWORD, SUPERVISOR, Holder, Place
from tests.officers.software_key import HOST, ORIGIN, SoftwareKey


def added(place: Place, session: Session, key: SoftwareKey, name: str = "blue") -> None:
    place.officers.add_key(
        session, key.makes(place.officers.key_registration(session, host=HOST, origin=ORIGIN)), name
    )


def asked(place: Place, number: str, session: Session | None = None) -> KeyChallenge:
    return place.officers.key_question(number, host=HOST, origin=ORIGIN, session=session)


def enter(place: Place, number: str, answer: KeyAnswer, password: str = PASSWORD) -> tuple[str, Session]:
    return place.officers.sign_in(number, password, "", key=answer)


@pytest.fixture
def held(place: Place) -> Holder:
    return place.activated("4711")


@pytest.fixture
def key(place: Place, held: Holder) -> SoftwareKey:
    found = SoftwareKey()
    added(place, place.sign_in(held)[1], found)
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_a_key_serves_where_a_code_would(place: Place, held: Holder, packed: bool) -> None:
    key = SoftwareKey(packed=packed)
    _, session = place.sign_in(held)
    added(place, session, key)
    (view,) = place.officers.keys(session)
    assert view.name == "blue" and place.officers.people()[0].keys == 1
    place.restart()
    place.hands.system = 0.0  # a key needs no clock
    _, again = enter(place, "4711", key.signs(asked(place, "4711")))
    assert place.acts("signed_in")[-1].details["factor"] == "key"
    place.officers.remove_key(again, view.id)
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4711")))
    with pytest.raises(KeyRefused):
        place.officers.remove_key(again, view.id)
    assert [act.subject for act in place.acts("key_added", "key_removed")] == [view.id] * 2


def test_a_key_is_no_password(place: Place, key: SoftwareKey) -> None:
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4711")), OTHER)
    for _ in range(4):
        with pytest.raises(SignInRefused):
            enter(place, "4711", KeyAnswer(token="", credential=""))
    with pytest.raises(Exception, match="officer.locked"):
        enter(place, "4711", key.signs(asked(place, "4711")))


def test_a_question_serves_once_and_not_for_long(place: Place, key: SoftwareKey) -> None:
    answer = key.signs(asked(place, "4711"))
    enter(place, "4711", answer)
    with pytest.raises(SignInRefused):
        enter(place, "4711", answer)
    answer = key.signs(asked(place, "4711"))
    place.hands.turn(SECONDS)
    with pytest.raises(SignInRefused):
        enter(place, "4711", answer)
    answer = key.signs(asked(place, "4711"))
    place.restart()
    with pytest.raises(SignInRefused):
        enter(place, "4711", answer)


def test_a_question_serves_once_also_for_a_key_that_does_not_count(place: Place, held: Holder) -> None:
    key = SoftwareKey(counts=False)
    added(place, place.sign_in(held)[1], key)
    answer = key.signs(asked(place, "4711"))
    enter(place, "4711", answer)
    with pytest.raises(SignInRefused):
        enter(place, "4711", answer)
    enter(place, "4711", key.signs(asked(place, "4711")))


def test_an_answer_to_another_question_is_refused(place: Place, key: SoftwareKey) -> None:
    first, second = asked(place, "4711"), asked(place, "4711")
    with pytest.raises(SignInRefused):
        enter(place, "4711", structs.replace(key.signs(first), token=second.token))


def test_a_key_copied_is_found_out(place: Place, key: SoftwareKey) -> None:
    enter(place, "4711", key.signs(asked(place, "4711")))
    key.count = 0
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4711")))
    assert place.acts("sign_in_refused")[-1].details["reason"] == "key"
    key.count = 7
    enter(place, "4711", key.signs(asked(place, "4711")))


def test_a_page_of_another_name_gets_nothing(place: Place, held: Holder, key: SoftwareKey) -> None:
    key.origin = "https://uto-nord.example.evil:8443"
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4711")))
    key.origin = ORIGIN
    question = asked(place, "4711")
    elsewhere = structs.replace(question, options=question.options.replace(HOST, "evil.example"))
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(elsewhere))
    enter(place, "4711", key.signs(asked(place, "4711")))
    with pytest.raises(KeyRefused):
        added(place, place.sign_in(held)[1], SoftwareKey(origin="https://elsewhere"))


def test_another_officers_key_or_question_is_refused(place: Place, key: SoftwareKey) -> None:
    other = place.activated("4712", "Awa Diop")
    _, session = place.sign_in(other)
    mine = SoftwareKey()
    added(place, session, mine)
    with pytest.raises(SignInRefused):
        enter(place, "4711", mine.signs(asked(place, "4711")))
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4712")))
    with pytest.raises(KeyRefused):
        added(place, session, key)
    with pytest.raises(KeyRefused):
        added(place, session, mine)
    forged = SoftwareKey(id=key.id)
    with pytest.raises(SignInRefused):
        enter(place, "4711", forged.signs(asked(place, "4711")))


def test_a_registration_belongs_to_its_session(place: Place, held: Holder) -> None:
    token, one = place.sign_in(held)
    _, two = place.sign_in(held)
    begun = place.officers.key_registration(one, host=HOST, origin=ORIGIN)
    with pytest.raises(KeyRefused):
        place.officers.add_key(two, SoftwareKey().makes(begun), "x")
    begun = place.officers.key_registration(one, host=HOST, origin=ORIGIN)
    place.officers.sign_out(token)
    with pytest.raises(SignedOut):
        place.officers.add_key(one, SoftwareKey().makes(begun), "x")
    question = asked(place, "4711")
    with pytest.raises(KeyRefused):
        place.officers.add_key(two, KeyAnswer(token=question.token, credential="{}"), "x")


def test_a_second_officer_agrees_by_key_for_the_session_that_asked(place: Place, key: SoftwareKey) -> None:
    chief = place.activated("4700", "Paul Biyong", **SUPERVISOR)
    _, asks = place.sign_in(chief)
    _, other = place.sign_in(chief)

    def agree(session: Session, answer: KeyAnswer) -> str:
        return place.officers.second(session, "4711", PASSWORD, "", key=answer)

    assert agree(asks, key.signs(asked(place, "4711", asks))) == "4711"
    for answer in (key.signs(asked(place, "4711", other)), key.signs(asked(place, "4711"))):
        with pytest.raises(SignInRefused):
            agree(asks, answer)
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4711", asks)))


def test_a_new_activation_ends_the_keys_too(place: Place, key: SoftwareKey) -> None:
    place.activate(place.publish("4711"), OTHER)
    with pytest.raises(SignInRefused):
        enter(place, "4711", key.signs(asked(place, "4711")), OTHER)


def test_who_has_a_key_is_not_told(place: Place, key: SoftwareKey) -> None:
    place.activated("4712", "Awa Diop")

    def named(number: str) -> list[dict[str, str]]:
        found = json.loads(asked(place, number).options)["allowCredentials"]
        assert isinstance(found, list)
        return found

    for number in ("4711", "4712", "9999", "no number"):
        assert named(number) == named(number) and len(named(number)) == 1
        assert len(named(number)[0]["id"]) == len(named("4711")[0]["id"]) and named(number)[0]["type"] == "public-key"
    assert len({named(number)[0]["id"] for number in ("4711", "4712", "9999")}) == 3


def test_questions_from_outside_push_out_none_of_a_session(place: Place, held: Holder) -> None:
    _, session = place.sign_in(held)
    begun = place.officers.key_registration(session, host=HOST, origin=ORIGIN)
    for number in range(2 * MOST_ASKED):
        asked(place, str(5000 + number))
    place.officers.add_key(session, SoftwareKey().makes(begun), "blue")
    assert len(place.officers._keys._asked) <= MOST_ASKED


def test_an_officer_has_so_many_keys_and_no_more(place: Place, held: Holder) -> None:
    _, session = place.sign_in(held)
    for number in range(MOST_KEYS):
        added(place, session, SoftwareKey(), f"key {number}")
    with pytest.raises(KeyRefused):
        place.officers.key_registration(session, host=HOST, origin=ORIGIN)


@pytest.mark.parametrize(
    "credential",
    ["", "null", "[]", "{}", "[" * 9000, '{"rawId": 7}', '{"rawId": "é"}', "\ud800", "x" * 100_000,
     '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
     '{"id": "AA", "rawId": "AA", "type": "public-key",'
     ' "response": {"attestationObject": "AA", "clientDataJSON": "AA"}}',
     '{"id": "AA", "rawId": "AA", "type": "public-key", "response": 7}'],
)  # fmt: skip
def test_whatever_a_browser_sends_ends_in_a_refusal(
    place: Place, held: Holder, key: SoftwareKey, credential: str
) -> None:
    _, session = place.sign_in(held)
    begun = place.officers.key_registration(session, host=HOST, origin=ORIGIN)
    with pytest.raises(KeyRefused):
        place.officers.add_key(session, KeyAnswer(token=begun.token, credential=credential), "x")
    with pytest.raises(SignInRefused):
        enter(place, "4711", KeyAnswer(token=asked(place, "4711").token, credential=credential))
    good = json.loads(key.signs(asked(place, "4711")).credential)
    for field in ("response", "id", "type"):
        torn = json.dumps(good | {field: 7})
        with pytest.raises(SignInRefused):
            enter(place, "4711", KeyAnswer(token=asked(place, "4711").token, credential=torn))
