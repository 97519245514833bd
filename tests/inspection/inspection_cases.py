"""One good traveller as plain values, and small changes to them. Shared by the tests of this folder."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import structs

from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.documents.mrz import (
    IssueCode,
    Mrz,
    MrzFormat,
    MrzIssue,
    PartialDate,
    build_mrz,
    parse_mrz,
    parse_sealed_mrv,
)
from border_agent.faces import FaceComparison, ReferenceKind, Zone
from border_agent.inspection.evidence import (
    ChipEvidence,
    ClockEvidence,
    DocumentEvidence,
    Evidence,
    FaceEvidence,
    ListAnswer,
    PageEvidence,
    VisaEvidence,
    WatchHit,
)
from border_agent.seals import SealedVisa, SealFormat
from border_agent.trust import SealJudgement, SignatureVerdict
from border_agent.trust.passive.judgement import PassiveFinding, PassiveJudgement, PassiveVerdict
from mqtt_schemas.entries import ClockQuality
from mqtt_schemas.records import ChipPolicy, Handling, Policy, Regime, RegimeRule, VisaRecord, VisaStatus, WatchRecord

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
TODAY = NOW.date()
PORTRAIT = b"\xff\xd8 a portrait"
PORTRAIT_SHA256 = bytes(range(32))
VISA_ID = "00112233445566aa"

POLICY = Policy(
    policy_id="utopia-2026-1",
    rules_version=1,
    country="UTO",
    issuers=("UTO",),
    regimes=(
        RegimeRule(nationality="UTO", regime=Regime.NATIONAL),
        RegimeRule(nationality="BFA", regime=Regime.EXEMPT, days=90),
        RegimeRule(nationality="GHA", document="AC", regime=Regime.CREW),
        RegimeRule(nationality="GHA", document="P", purpose="*", regime=Regime.VISA_REQUIRED, days=60),
        RegimeRule(nationality="TGO", regime=Regime.VISA_REQUIRED),
    ),
)


def passport(**changes: Any) -> Mrz:
    """A Ghanaian adult's passport; fields as `build_mrz` takes them."""
    facts: dict[str, Any] = {
        "document_code": "P",
        "issuer": "GHA",
        "surname": "Mensah",
        "given_names": "Ama Esi",
        "number": "G1234567",
        "nationality": "GHA",
        "birth": date(1985, 4, 2),
        "sex": "F",
        "expiry": date(2031, 5, 1),
    } | changes
    return parse_mrz("\n".join(build_mrz(facts.pop("format", MrzFormat.TD3), **facts)), today=TODAY)


def sealed(**changes: Any) -> SealedVisa:
    """A visa for that passport; `mrv_...` are fields of its machine readable zone."""
    facts: dict[str, Any] = {
        "document_code": "V",
        "issuer": "UTO",
        "surname": "Mensah",
        "given_names": "Ama Esi",
        "number": "G1234567",
        "nationality": "GHA",
        "birth": date(1985, 4, 2),
        "sex": "F",
        "expiry": date(2027, 1, 31),
    }
    facts |= {key[4:]: changes.pop(key) for key in list(changes) if key.startswith("mrv_")}
    lines = build_mrz(MrzFormat.MRVB, **facts)
    mrv = parse_sealed_mrv(lines[0], lines[1][:28], today=TODAY)
    visa = SealedVisa(
        format=SealFormat.IDB,
        issuer="UTO",
        certificate_ref="0123456789",
        issued=date(2026, 10, 1),
        mrz_lines=(lines[0], lines[1]),
        mrv=mrv,
        passport_number="G1234567",
        entries=1,
        entries_stated=True,
        duration_days=30,
        visa_id=VISA_ID,
        portrait_sha256=PORTRAIT_SHA256,
        valid_from=date(2026, 11, 1),
        valid_until=mrv.expiry.known,
        signed_bytes=b"signed",
        signature=b"signature",
    )
    return structs.replace(visa, **changes)


def record(**changes: Any) -> VisaRecord:
    """What the centre's list holds of that visa."""
    listed = VisaRecord(
        visa_id=VISA_ID,
        issuer="UTO",
        document_issuer="GHA",
        document_number="G1234567",
        valid_from=date(2026, 11, 1),
        valid_until=date(2027, 1, 31),
        entries=1,
        status=VisaStatus.VALID,
        portrait=PORTRAIT,
        portrait_sha256=PORTRAIT_SHA256,
        uses=0,
    )
    return structs.replace(listed, **changes)


def judged(verdict: SignatureVerdict = SignatureVerdict.VALID, detail: str = "") -> SealJudgement:
    return SealJudgement(verdict, "UTO 0123456789", detail)


def compared(
    zone: Zone = Zone.match, kind: ReferenceKind = ReferenceKind.visa_record, *, provisional: bool = False
) -> FaceComparison:
    return FaceComparison(
        zone=zone,
        distance={Zone.match: 0.31, Zone.doubt: 0.5, Zone.no_match: 0.82}[zone],
        reference=kind,
        match_threshold=0.437,
        doubt_threshold=0.6,
        calibration="test",
        calibration_sha256="ab" * 32,
        provisional=provisional,
        model="dlib",
        model_sha256="cd" * 32,
        frames=3,
        quality=None,
    )


def lists(**changes: ListAnswer | None) -> tuple[ListAnswer, ...]:
    answers: dict[str, ListAnswer | None] = {
        name: ListAnswer(name=name, version=7, head="ef" * 32, issued=NOW - timedelta(hours=2))
        for name in ("policy", "watchlist", "trust", "visas")
    }
    return tuple(answer for answer in (answers | changes).values() if answer is not None)


def listed(name: str, *, hours: float = 2.0, expires: datetime | None = None) -> ListAnswer:
    return ListAnswer(name=name, version=7, issued=NOW - timedelta(hours=hours), expires=expires)


def clock(quality: ClockQuality = ClockQuality.SYNCHRONISED, back: float = 0.0, at: datetime = NOW) -> ClockEvidence:
    return ClockEvidence(at=at, quality=quality, went_back_seconds=back)


def hit(handling: Handling = Handling.STOP, *, named: bool = True, grounds: str = "wanted") -> WatchHit:
    wanted = WatchRecord(
        record_id="W-1",
        surname="MENSAH" if named else "",
        given_names="AMA ESI" if named else "",
        document_issuer="" if named else "GHA",
        document_number="" if named else "G1234567",
        grounds=grounds,
        handling=handling,
    )
    return WatchHit(record=wanted, matched_on="identity" if named else "document")


def good(**changes: Any) -> Evidence:
    """A traveller against whom nothing stands."""
    evidence = Evidence(
        inspection_id="5" * 32,
        device="post-1",
        started_at=NOW - timedelta(seconds=20),
        document=DocumentEvidence(mrz=passport()),
        page=PageEvidence(portrait_found=True),
        visa=VisaEvidence(visa=sealed(), judgement=judged(), record=record(), record_version=7),
        face=FaceEvidence(comparisons=(compared(),), portrait_matches_seal=True),
        lists=lists(),
        clock=clock(),
    )
    return structs.replace(evidence, **changes)


def with_document(mrz: Mrz, **changes: Any) -> Evidence:
    return good(document=DocumentEvidence(mrz=mrz), **changes)


def without_visa(mrz: Mrz, **changes: Any) -> Evidence:
    """A traveller who needs no visa and shows none."""
    printed = FaceEvidence(comparisons=(compared(kind=ReferenceKind.printed),))
    return with_document(mrz, visa=None, **({"face": printed} | changes))


def with_visa(visa: SealedVisa | None = None, **changes: Any) -> Evidence:
    evidence = VisaEvidence(visa=visa or sealed(), judgement=judged(), record=record(), record_version=7)
    return good(visa=structs.replace(evidence, **changes))


def with_check_wrong(mrz: Mrz, field: str = "birth") -> Mrz:
    checks = tuple(
        structs.replace(check, found="0" if check.found != "0" else "1", ok=False) if check.field == field else check
        for check in mrz.checks
    )
    return structs.replace(mrz, checks=checks)


def partial(year: int | None, month: int | None, day: int | None, *, valid: bool = True) -> PartialDate:
    raw = "".join("<<" if part is None else f"{part % 100:02d}" for part in (year, month, day))
    return PartialDate(year, month, day, raw, valid)


POLICY_90 = structs.replace(POLICY, passport_validity_days=90)


def issue(field: str, code: IssueCode) -> Evidence:
    mrz = passport()
    return with_document(structs.replace(mrz, issues=(MrzIssue(field, code),)))


def doc(**changes: Any) -> Evidence:
    return with_document(structs.replace(passport(), **changes))


def face(*comparisons: Any, error: str = "", matches: bool | None = None) -> Evidence:
    return good(face=FaceEvidence(comparisons=comparisons, error=error, portrait_matches_seal=matches))


def sealed_check_wrong() -> Any:
    visa = sealed()
    assert visa.mrv is not None
    return structs.replace(visa, mrv=with_check_wrong(visa.mrv))


def signed(
    verdict: PassiveVerdict = PassiveVerdict.TRUSTED, *codes: str, hashes: tuple[str, ...] = ("DG1", "DG2", "DG14")
) -> PassiveJudgement:
    """What passive authentication says of a chip's files."""
    return PassiveJudgement(
        verdict=verdict,
        issuer="GH",
        signer="CN=Ghana Document Signer 7, C=GH",
        anchor="CN=Ghana CSCA, C=GH",
        findings=tuple(PassiveFinding(code) for code in codes),
        hashes_checked=hashes,
    )


def chip(**changes: Any) -> ChipEvidence:
    """That passport's chip, read, signed, proved."""
    held = ChipEvidence(
        outcome=ChipOutcome.read,
        access="pace-gm",
        authenticity=ChipAuthenticity.proved_ca,
        proof_signed=True,
        mrz=passport(),
        agrees=True,
        passive=signed(),
        portrait_sha256=PORTRAIT_SHA256.hex(),
        files={"EF.SOD": "ab" * 32, "DG1": "cd" * 32, "DG2": "ef" * 32, "DG14": "01" * 32},
        ms={"total": 2130.5},
    )
    return structs.replace(held, **changes)


def with_chip(**changes: Any) -> Evidence:
    return good(chip=chip(**changes))


def unread(outcome: ChipOutcome, error: str = "") -> Evidence:
    return good(chip=ChipEvidence(outcome=outcome, error=error))


POLICY_CHIPS = structs.replace(POLICY, chip=ChipPolicy(required_for=("GHA",)))
"""Ghana's passports have chips, and an officer looks where none was read."""

NATIONAL = passport(nationality="UTO", issuer="UTO")
