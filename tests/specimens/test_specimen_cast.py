"""The cast: what each traveller carries, and that it never ages."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.documents.mrz import parse_mrz
from border_agent.seals import SealedVisa, decode_seal
from border_agent.specimens.cast import COUNTRY, Chip, Shown, Signer, Traveller, cast, copied, mrz_name
from border_agent.specimens.feeds import policy, signer_records, visa_records, watch_records
from border_agent.specimens.signing import SpecimenSigners, make_signers, sign_visa
from border_agent.trust import SignatureVerdict, SignerList
from mqtt_schemas.records import Regime, VisaStatus

TODAY = date(2026, 11, 23)
EXPECTED = ["admit", "refuse", "refuse", "refer", "refuse", "refuse", "refer"]
EXPECTED += ["refer", "refer", "refer", "refer", "refuse", "admit", "admit"]
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2069, 12, 31))


@pytest.fixture(scope="module")
def signers() -> SpecimenSigners:
    return make_signers(TODAY)


def by_number(today: date = TODAY) -> dict[int, Traveller]:
    return {traveller.number: traveller for traveller in cast(today)}


def seal_of(traveller: Traveller, signers: SpecimenSigners) -> SealedVisa:
    assert traveller.visa is not None
    return decode_seal(sign_visa(traveller.visa, signers, hashlib.sha256(b"portrait").digest()).encode())


def test_order_and_verdicts_are_the_scripts() -> None:
    travellers = cast(TODAY)
    assert [t.number for t in travellers] == list(range(1, 15))
    assert [t.expected for t in travellers] == EXPECTED


def test_the_fifteenth_has_a_good_page_and_a_copied_chip() -> None:
    copy = copied(TODAY)
    assert (copy.number, copy.expected, copy.because) == (15, "refer", "chip_cloned")
    assert copy.passport.chip is Chip.CLONED
    assert copy.face == copy.live_face
    assert copy.visa is None
    regimes = {rule.nationality: rule.regime for rule in policy(TODAY).regimes}
    assert regimes[copy.passport.nationality] is Regime.EXEMPT


def test_chips_are_of_every_kind_and_some_passports_have_none() -> None:
    kinds = {traveller.passport.chip for traveller in cast(TODAY)}
    assert kinds == set(Chip) - {Chip.CLONED}
    assert by_number()[1].passport == by_number()[6].passport


def test_odd_codes_come_by_scanner_and_even_ones_by_camera() -> None:
    for traveller in cast(TODAY):
        if traveller.number > 12:
            assert traveller.shown is Shown.NONE
            assert traveller.visa is None
        else:
            assert (traveller.shown is Shown.SCANNER) is (traveller.number % 2 == 1)
    assert {t.shown for t in cast(TODAY)} == set(Shown)


@settings(max_examples=40, deadline=None)
@given(today=DAYS)
def test_machine_lines_say_what_the_page_says(today: date) -> None:
    for traveller in (*cast(today), copied(today)):
        passport = traveller.passport
        mrz = parse_mrz("\n".join(passport.lines), today=today)
        assert (mrz.surname, mrz.given_names) == (mrz_name(passport.surname), mrz_name(passport.given_names))
        assert (mrz.issuer, mrz.nationality, mrz.number) == (passport.issuer, passport.nationality, passport.number)
        assert (mrz.birth.known, mrz.sex, mrz.expiry.known) == (passport.birth, passport.sex, passport.expiry)
        wrong = [check.field for check in mrz.checks if not check.ok]
        assert wrong == (["birth"] if traveller.number == 10 else [])
        assert mrz.valid is (traveller.number != 10)


@settings(max_examples=60, deadline=None)
@given(today=DAYS)
def test_the_cast_never_ages(today: date) -> None:
    reference = by_number()
    for number, traveller in by_number(today).items():
        passport, visa = traveller.passport, traveller.visa
        assert passport.birth < passport.issued < today
        assert (passport.expiry < today) is (number == 12)
        assert full_years(passport.birth, today) == full_years(reference[number].passport.birth, TODAY)
        assert (full_years(passport.birth, today) < 18) is (number == 11)
        if visa is not None:
            assert visa.issued < visa.valid_from <= today
            assert (visa.valid_until < today) is (number == 2)


def full_years(birth: date, today: date) -> int:
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def test_traveller_six_is_traveller_one_again() -> None:
    one, six = by_number()[1], by_number()[6]
    assert (one.passport, one.visa, one.face, one.live_face) == (six.passport, six.visa, six.face, six.live_face)
    assert one.visa is not None
    assert one.visa.entries == 1


def test_only_traveller_seven_is_somebody_else() -> None:
    assert [t.number for t in cast(TODAY) if t.face != t.live_face] == [7]


def test_the_child_comes_with_a_grown_up_of_the_group() -> None:
    travellers = by_number()
    child = travellers[11]
    assert child.accompanied
    assert child.guardian == 10
    assert travellers[10].group == child.group != ""
    assert {t.number for t in travellers.values() if t.group} == {10, 11}


def test_seals_are_judged_as_the_story_says(signers: SpecimenSigners) -> None:
    trusted = SignerList.from_records(signer_records(TODAY, signers))
    assert len(trusted) == 2
    assert not trusted.unusable
    odd = {3: SignatureVerdict.FORGED, 4: SignatureVerdict.SIGNER_UNKNOWN}
    for traveller in cast(TODAY):
        if traveller.visa is None:
            continue
        verdict = trusted.judge(seal_of(traveller, signers), TODAY).verdict
        assert verdict is odd.get(traveller.number, SignatureVerdict.VALID), traveller.number


def test_seals_say_what_the_visas_say(signers: SpecimenSigners) -> None:
    for traveller in cast(TODAY):
        visa = traveller.visa
        if visa is None:
            continue
        seal = seal_of(traveller, signers)
        assert (seal.issuer, seal.visa_id, seal.passport_number) == (COUNTRY, visa.visa_id, visa.passport_number)
        assert (seal.issued, seal.valid_from, seal.valid_until) == (visa.issued, visa.valid_from, visa.valid_until)
        assert (seal.entries, seal.entries_stated) == (0 if traveller.number == 3 else 1, True)
        same = traveller.passport.number == seal.passport_number
        assert same is (traveller.number != 5)
        assert seal.mrv is not None
        assert seal.mrv.surname == mrz_name(visa.surname)


def test_every_signature_is_dated_inside_the_signers_period(signers: SpecimenSigners) -> None:
    record = signer_records(TODAY, signers)[0]
    for traveller in cast(TODAY):
        if traveller.visa is not None:
            assert record.use_from <= traveller.visa.issued <= record.use_until


def test_keys_are_new_in_every_run(signers: SpecimenSigners) -> None:
    again = make_signers(TODAY)
    assert again.trusted.certificate != signers.trusted.certificate
    assert again.of(Signer.FORGER).certificate == again.trusted.certificate


def test_visa_list_holds_what_the_centre_has_delivered() -> None:
    portraits = {t.face: t.face.encode() for t in cast(TODAY)}
    records = {record.visa_id: record for record in visa_records(TODAY, portraits)}
    assert len(records) == len(visa_records(TODAY, portraits))
    for traveller in cast(TODAY):
        visa = traveller.visa
        if visa is None:
            continue
        assert (visa.visa_id in records) is (traveller.number != 9)
        if traveller.number == 9:
            continue
        record = records[visa.visa_id]
        assert record.document_number == visa.passport_number
        assert (record.valid_from, record.valid_until, record.entries) == (visa.valid_from, visa.valid_until, 1)
        expected = b"" if traveller.number == 5 else hashlib.sha256(traveller.face.encode()).digest()
        assert record.portrait_sha256 == expected
    assert sum(record.status is VisaStatus.REVOKED for record in records.values()) == 1


def test_watch_list_fits_traveller_eight_and_nobody_else() -> None:
    hits = set()
    for traveller in cast(TODAY):
        passport = traveller.passport
        for record in watch_records(TODAY):
            identity = (mrz_name(passport.surname), mrz_name(passport.given_names), passport.birth.isoformat())
            document = (passport.issuer, passport.number)
            if (record.surname, record.given_names, record.birth) == identity:
                hits.add(traveller.number)
            if record.document_number and (record.document_issuer, record.document_number) == document:
                hits.add(traveller.number)
    assert hits == {8}


def test_policy_lets_nationals_and_neighbours_in_without_visa() -> None:
    rules = policy(TODAY).regimes

    def regime(nationality: str) -> Regime:
        return next(r.regime for r in rules if r.nationality in (nationality, "*") and r.purpose == "*")

    expected = {13: Regime.NATIONAL, 14: Regime.EXEMPT}
    for traveller in cast(TODAY):
        nationality = traveller.passport.nationality
        assert regime(nationality) is expected.get(traveller.number, Regime.VISA_REQUIRED)
    assert policy(TODAY).issuers == (COUNTRY,)
    assert not policy(TODAY).admit_without_officer


def test_a_leap_day_is_a_day_like_others() -> None:
    assert len(cast(date(2028, 2, 29))) == 14
    assert by_number(date(2028, 2, 29))[12].passport.expiry == date(2028, 2, 29) - timedelta(12)
