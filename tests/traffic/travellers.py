"""Fictional travellers by the thousand, as the entries that a kiosk and a counter write of them.

Whole entries as `agent/facts.py` makes them: zone with its check digits, chip, visa, faces, findings, lists,
evidence. The same seed gives the same travellers, but for the ids, which stay random as in truth.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256

import msgspec

from border_agent.agent.facts import document_facts
from border_agent.documents.mrz import build_mrz, parse_mrz
from mqtt_schemas.entries import (
    ChipFacts,
    ClockQuality,
    Decision,
    DeviceEvent,
    Direction,
    DocumentFacts,
    FaceFacts,
    FindingFact,
    Inspection,
    ListFact,
    Movement,
    VisaFacts,
    derived_id,
)
from mqtt_schemas.records import VisaRecord

TODAY = date(2027, 3, 1)
_SURNAMES = ("TRAORE", "OUEDRAOGO", "DIALLO", "KONE", "BELLO", "MBARGA", "NGUEMA", "ERIKSSON", "SMITH", "N DIAYE")
_GIVEN = ("AWA", "MOUSSA", "FATIMATA", "JEAN PAUL", "ANNA MARIA", "IBRAHIM", "GRACE", "OUSMANE")
_STATES = ("UTO", "FRA", "GBR", "CHN", "TUR", "IND", "NGA", "GHA", "SEN", "CIV")
_FINDINGS = (
    ("visa.not_yet_seen", "info"),
    ("face.doubtful", "refer"),
    ("chip.absent", "info"),
    ("document.expires_soon", "info"),
)
_MODEL = sha256(b"model").hexdigest()
_CALIBRATION = sha256(b"calibration").hexdigest()
_SIGNER_NAME = "CN=Document Signer 17,OU=Passports,O=Ministry of the Interior,C=UT"


def zone(chance: random.Random, number: str) -> DocumentFacts:
    """A passport's zone as the reader gave it."""
    mrz = parse_mrz(
        "\n".join(
            build_mrz(
                "TD3",
                document_code="P",
                issuer=(state := chance.choice(_STATES)),
                number=number,
                nationality=state,
                surname=chance.choice(_SURNAMES),
                given_names=chance.choice(_GIVEN),
                birth=date(1950, 1, 1) + timedelta(days=chance.randrange(20_000)),
                sex=chance.choice("MF"),
                expiry=date(2028, 1, 1) + timedelta(days=chance.randrange(3_000)),
            )
        ),
        today=TODAY,
    )
    return document_facts(mrz)


@dataclass
class Travellers:
    """An endless queue of them at one post."""

    seed: int
    prefix: str = "T"
    """Begins their document numbers: letters that no other queue has."""
    device: str = ""
    """Who writes of them: entries' ids are then made as an agent makes them (`derived_id`)."""
    lists: Sequence[ListFact] = (
        ListFact(name="visas", version=20_412, head=sha256(b"visas").hexdigest()),
        ListFact(name="watchlist", version=311, head=sha256(b"watch").hexdigest()),
    )
    chance: random.Random = field(init=False)
    _ready: list[DocumentFacts] = field(init=False, default_factory=list)
    _count: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def visa(self, number: int, entries: int = 1) -> VisaRecord:
        """The record of the visa that traveller `number` holds."""
        return VisaRecord(
            visa_id=self.visa_id(number),
            issuer="UTO",
            document_issuer="UTO",
            document_number=f"{self.prefix}{number:07}",
            valid_from=TODAY,
            valid_until=TODAY + timedelta(days=365),
            entries=entries,
            portrait_sha256=sha256(f"{self.seed} {number}".encode()).digest(),
        )

    def visa_id(self, number: int) -> str:
        return sha256(f"visa {self.prefix} {number}".encode()).hexdigest()[:16]

    def movement(self, at: datetime, *, evidence: bytes | None = None, number: int | None = None) -> Movement:
        """The next traveller, decided at the counter."""
        return Movement(**self._facts("movement", at, evidence, number))  # type: ignore[arg-type]

    def referral(self, at: datetime, *, evidence: bytes | None = None) -> Inspection:
        """The next traveller, sent on by a kiosk."""
        return Inspection(**self._facts("inspection", at, evidence, None), outcome="referred")  # type: ignore[arg-type]

    def _facts(self, kind: str, at: datetime, evidence: bytes | None, number: int | None) -> dict[str, object]:
        chance = self.chance
        self._count += 1
        number = self._count if number is None else number
        findings = tuple(
            FindingFact(code=code, severity=severity) for code, severity in _FINDINGS if chance.random() < 0.2
        )
        proposal = Decision.REFER if any(finding.severity == "refer" for finding in findings) else Decision.ADMIT
        admitted = chance.random() < 0.97
        inspection, recorded_at = secrets.token_hex(16), at + timedelta(milliseconds=chance.randrange(900))
        derived = derived_id(self.device, kind, inspection, recorded_at) if self.device else ""
        return {
            "id": derived or secrets.token_hex(16),
            "occurred_at": at,
            "recorded_at": recorded_at,
            "clock": ClockQuality.SYNCHRONISED,
            "inspection_id": inspection,
            "direction": Direction.ENTRY,
            "document": zone(chance, f"{self.prefix}{number:07}"),
            "chip": self._chip(),
            "visa": VisaFacts(
                visa_id=self.visa_id(number),
                issuer="UTO",
                signer="UTO01",
                signature="valid",
                seen_at_centre=chance.random() < 0.9,
                valid_from=TODAY,
                valid_until=TODAY + timedelta(days=365),
                entries=1,
            ),
            "faces": (self._face("visa"), self._face("chip")),
            "findings": findings,
            "proposal": proposal,
            "decision": Decision.ADMIT if admitted else Decision.REFUSE,
            "officer": f"officer-{chance.randrange(6)}",
            "reason": "" if admitted and proposal is Decision.ADMIT else "vu par le chef de poste",
            "regime": "visa",
            "stay_days": 90 if admitted else 0,
            "policy_id": "uto-2027-03",
            "rules_version": 4,
            "lists": tuple(self.lists),
            "evidence": evidence or chance.randbytes(32),
        }

    def _chip(self) -> ChipFacts:
        return ChipFacts(
            outcome="read",
            access="pace-gm",
            authenticity=self.chance.choice(("proved_ca", "proved_aa", "unsupported")),
            passive="trusted",
            issuer="UTO",
            signer=_SIGNER_NAME,
            agrees=True,
            portrait_sha256=self.chance.randbytes(32),
        )

    def _face(self, reference: str) -> FaceFacts:
        distance = round(self.chance.uniform(0.2, 0.5), 4)
        return FaceFacts(
            reference=reference,
            zone="match" if distance < 0.45 else "doubt",
            distance=distance,
            match_threshold=0.45,
            doubt_threshold=0.55,
            frames=3,
            model="dlib-resnet-v1",
            model_sha256=_MODEL,
            calibration_sha256=_CALIBRATION,
            provisional=True,
        )


def health(at: datetime, hour: int) -> DeviceEvent:
    """A device's hourly word of itself."""
    return DeviceEvent(
        id=secrets.token_hex(16),
        occurred_at=at,
        recorded_at=at,
        clock=ClockQuality.SYNCHRONISED,
        event="health",
        details={
            "disk_free": str(50_000_000_000 - hour * 7919),
            "store": str(3_000_000 + hour * 1021),
            "unsent": "0",
        },
    )


def record(pictures: dict[str, bytes], size: int = 3000) -> bytes:
    """A record of an inspection's evidence, about as large as they are, naming pictures (kind: SHA-256)."""
    named = {kind: digest.hex() for kind, digest in pictures.items()}
    return msgspec.json.encode({"format": 1, "pictures": named, "readings": secrets.token_hex(size // 2)})
