"""The specimen flight through true parsers, seals and trust list: each traveller gets the verdict the cast names."""

from __future__ import annotations

from hashlib import sha256

from inspection_cases import TODAY, compared, good, hit

from border_agent.documents.mrz import parse_mrz
from border_agent.faces import Zone
from border_agent.inspection import DocumentEvidence, Evidence, FaceEvidence, VisaEvidence, decide
from border_agent.seals import decode_seal
from border_agent.specimens.cast import Traveller, Visa, cast
from border_agent.specimens.feeds import policy, signer_records, visa_records, watch_records
from border_agent.specimens.signing import make_signers, sign_visa
from border_agent.trust import SignerList
from mqtt_schemas.records import VisaRecord

SIGNERS = make_signers(TODAY)
TRUST = SignerList.from_records(signer_records(TODAY, SIGNERS))
PORTRAITS = {traveller.face: traveller.face.encode() for traveller in cast(TODAY)}
LISTED: dict[str, VisaRecord] = {record.visa_id: record for record in visa_records(TODAY, PORTRAITS)}


def visa_of(visa: Visa, uses_here: int) -> VisaEvidence:
    portrait = PORTRAITS.get(visa.portrait)
    code = sign_visa(visa, SIGNERS, sha256(portrait).digest() if portrait else None)
    seal = decode_seal(code.encode())
    return VisaEvidence(
        visa=seal,
        judgement=TRUST.judge(seal, TODAY),
        record=LISTED.get(visa.visa_id),
        record_version=1,
        uses_here=uses_here,
    )


def evidence_of(traveller: Traveller, uses_here: int) -> Evidence:
    mrz = parse_mrz("\n".join(traveller.passport.lines), today=TODAY)
    zone = Zone.match if traveller.live_face == traveller.face else Zone.no_match
    names = {(record.surname, record.given_names) for record in watch_records(TODAY)}
    return good(
        document=DocumentEvidence(mrz=mrz),
        visa=visa_of(traveller.visa, uses_here) if traveller.visa is not None else None,
        face=FaceEvidence(comparisons=(compared(zone, provisional=True),)),
        hits=(hit(),) if (mrz.surname, mrz.given_names) in names else (),
        accompanied=traveller.accompanied,
    )


def test_the_flight_is_decided_as_the_cast_says() -> None:
    used: set[str] = set()
    proposals, expected = {}, {}
    for traveller in cast(TODAY):
        visa_id = traveller.visa.visa_id if traveller.visa is not None else ""
        verdict = decide(evidence_of(traveller, int(visa_id in used)), policy(TODAY))
        proposals[traveller.number] = verdict.proposal.value
        expected[traveller.number] = traveller.expected
        assert verdict.officer_required
        if verdict.proposal == "admit":
            used.add(visa_id)
    assert len(expected) == 14
    assert proposals == expected
