"""What the centre publishes for the demo: visas, trusted signers, chips' authorities, the watch-list, the policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta

from border_agent.specimens.cast import COUNTRY, Signer, Visa, cast, mrz_name, visa_number
from border_agent.specimens.chip.pki import SpecimenPki
from border_agent.specimens.signing import USE_AFTER, USE_BEFORE, SpecimenSigners
from mqtt_schemas.records import (
    CscaRecord,
    FourEyes,
    Handling,
    Policy,
    Question,
    QuestionKey,
    RefusalNotice,
    Regime,
    RegimeRule,
    SignerRecord,
    VisaRecord,
    VisaStatus,
    WatchRecord,
)

_STRANGERS = 24
"""Visas of people who are not on the flight: a list of one's own visas only would be too easy to answer from."""


def visa_records(today: date, portraits: Mapping[str, bytes]) -> tuple[VisaRecord, ...]:
    """The visa list. `portraits` holds the JPEG of each face of the cast (see `album`)."""
    visas = {t.visa.visa_id: t.visa for t in cast(today) if t.visa is not None and t.visa.published}
    own = tuple(_record(visa, portraits.get(visa.portrait, b"")) for visa in visas.values())
    return own + tuple(_stranger(today, i) for i in range(_STRANGERS))


def signer_records(today: date, signers: SpecimenSigners) -> tuple[SignerRecord, ...]:
    """The trust list: the consulate that signed most of the cast's visas, and a revoked one."""
    use_from, use_until = today - USE_BEFORE, today + USE_AFTER
    scopes = (f"visa:{COUNTRY}",)
    return (
        SignerRecord(
            issuer=COUNTRY,
            certificate=signers.of(Signer.TRUSTED).certificate,
            scopes=scopes,
            use_from=use_from,
            use_until=use_until,
        ),
        SignerRecord(
            issuer=COUNTRY,
            certificate=signers.retired.certificate,
            scopes=scopes,
            use_from=use_from,
            use_until=use_until,
            revoked_at=today - timedelta(45),
            revocation_reason="keyCompromise",
        ),
    )


def csca_records(pki: SpecimenPki) -> tuple[CscaRecord, ...]:
    """Who may sign chips: every authority of the run that is known, with its revocation list where it signs one now.

    Take them after the booklets were made: the revocation lists name their signers.
    """
    return tuple(
        CscaRecord(issuer=issued.country, certificate=issued.certificate, crl=issued.crl, source="specimen")
        for issued in pki.published()
    )


def watch_records(today: date) -> tuple[WatchRecord, ...]:
    """The watch-list: traveller 8 by identity; a lost passport; a namesake of traveller 2 of another age."""
    by_number = {t.number: t for t in cast(today)}
    wanted, namesake = by_number[8].passport, by_number[2].passport
    return (
        WatchRecord(
            record_id="UTO-SPECIMEN-0001",
            surname=mrz_name(wanted.surname),
            given_names=mrz_name(wanted.given_names),
            birth=wanted.birth.isoformat(),
            grounds="court_order",
            handling=Handling.DISCREET,
        ),
        WatchRecord(
            record_id="UTO-SPECIMEN-0002",
            document_issuer="CIV",
            document_number="19AK20417",
            grounds="document_lost",
            handling=Handling.STOP,
        ),
        WatchRecord(
            record_id="UTO-SPECIMEN-0003",
            surname=mrz_name(namesake.surname),
            given_names="CHUKWUEMEKA",
            birth=f"{today.year - 61}-XX-XX",
            grounds="court_order",
            handling=Handling.STOP,
        ),
    )


QUESTIONS = (
    Question(key=QuestionKey.PURPOSE, choices=("tourism", "business", "family", "transit", "study", "work", "other")),
    Question(key=QuestionKey.ADDRESS),
)
"""What Utopia's kiosks may ask."""


NOTICE = {
    "fr": RefusalNotice(
        authority="République d’Utopie – Direction de la police aux frontières",
        legal_basis="Loi n° 2024-17 (fictive) sur l’entrée et le séjour des étrangers, articles 12 à 15.",
        appeal=(
            "Vous pouvez contester cette décision dans un délai de deux mois devant le tribunal administratif"
            " d’Utopie-Ville, BP 100. Le recours ne suspend pas la décision. Le poste tient à votre disposition la"
            " liste des avocats et celle des consulats."
        ),
    ),
    "en": RefusalNotice(
        authority="Republic of Utopia – Border Police Directorate",
        legal_basis="Act No. 2024-17 (fictional) on the entry and stay of foreign nationals, sections 12 to 15.",
        appeal=(
            "You may appeal against this decision within two months to the Administrative Court of Utopia City,"
            " PO Box 100. An appeal does not suspend the decision. The post keeps lists of lawyers and of consulates"
            " for you."
        ),
    ),
}
"""What Utopia's refusal notices say."""


def policy(today: date, questions: tuple[Question, ...] = ()) -> Policy:
    """Utopia's rules: nationals in, neighbours for 90 days without a visa, crews for 7 days, all others by visa."""
    return Policy(
        policy_id=f"uto-specimen-{today.year}",
        rules_version=1,
        country=COUNTRY,
        issuers=(COUNTRY,),
        regimes=(
            RegimeRule(nationality=COUNTRY, regime=Regime.NATIONAL),
            RegimeRule(nationality="*", purpose="crew", regime=Regime.CREW, days=7),
            RegimeRule(nationality="TCD", document="P", regime=Regime.EXEMPT, days=90),
            RegimeRule(nationality="GAB", document="P", regime=Regime.EXEMPT, days=90),
            RegimeRule(nationality="*", regime=Regime.VISA_REQUIRED),
        ),
        questions=questions,
        second_officer=(FourEyes.ADMIT_OVER_REFUSE, FourEyes.REFUSE_OVER_ADMIT),
        notice=NOTICE,
    )


def _record(visa: Visa, portrait: bytes) -> VisaRecord:
    return VisaRecord(
        visa_id=visa.visa_id,
        issuer=COUNTRY,
        document_issuer=visa.passport_issuer,
        document_number=visa.passport_number,
        valid_from=visa.valid_from,
        valid_until=visa.valid_until,
        entries=visa.entries,
        portrait=portrait,
        portrait_sha256=hashlib.sha256(portrait).digest() if portrait else b"",
    )


def _stranger(today: date, index: int) -> VisaRecord:
    seed = hashlib.sha256(f"borne specimen stranger {index}".encode()).digest()
    start = today + timedelta(seed[0] - 200)
    return VisaRecord(
        visa_id=visa_number(f"stranger {index}"),
        issuer=COUNTRY,
        document_issuer=("CIV", "MAR", "FRA", "CHN", "BRA", "KEN", "DZA", "LBN")[seed[1] % 8],
        document_number=f"{chr(65 + seed[2] % 26)}{int.from_bytes(seed[3:6], 'big') % 10**7:07d}",
        valid_from=start,
        valid_until=start + timedelta(90),
        entries=seed[6] % 3,
        status=VisaStatus.REVOKED if index == 0 else VisaStatus.VALID,
    )
