"""A day's entries of one device as they are written in truth: every field, times to the microsecond, ids by the rule.

Made for measuring what entries cost on the line, so nothing in it may be easier than life: names of some thousand
syllables, four dozen nations, consulates with signers of their own, chips in three booklets of four, lists that
change while the day goes on, and between the travellers what a device says of itself and its officers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from border_agent.agent.facts import document_facts
from border_agent.documents.mrz import MrzFormat, build_mrz, parse_mrz
from mqtt_schemas import entries
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
    OfficerAct,
    VisaFacts,
    derived_id,
)


def _words(text: str) -> list[str]:
    return text.split()


_NATIONS = _words(
    "MLI SEN CIV BFA NER TCD CMR GAB COG GNQ CAF NGA GHA BEN TGO GIN GMB LBR SLE MRT MAR DZA TUN EGY ETH KEN ZAF FRA "
    "BEL D ESP ITA PRT GBR USA CAN CHN IND LBN TUR ARE BRA RUS UKR PHL PAK VNM JPN"
)
_OPENINGS = _words(
    "BA BO BRA DA DI DJI DRA FA FO GA GUE HA I JA KA KO KOU LA LE MA MBA MO NA NDIA NGO NI OUE PA RO SA SI SO TA TRA "
    "WA YA ZE"
)
_MIDDLES = _words("BA BOU CA DE DI DRA GA GO KA KI LA LI LO MA ME MOU NA NE NI RA RE RI RO SA SE TA TE TOU VA ZA")
_ENDINGS = _words("BE BO CK D DE GO GUE KA KO L LE LLO M MBA N NDE NE NGO NI NTE O RA RE S SS T TTE U YE")
_FINDINGS = (
    (("chip.verified", "info"),),
    (("chip.no_trust_anchor", "info"), ("face.reference_unvouched", "info")),
    (("visa.not_yet_seen", "info"), ("chip.verified", "info")),
    (("document.expires_soon", "info"), ("chip.verified", "info")),
    (("face.doubt", "refer"), ("chip.verified", "info")),
    (("visa.expired", "refuse"), ("chip.verified", "info")),
    (("stay.overstayed", "refer"),),
    (("chip.not_read", "info"), ("face.reference_unvouched", "info")),
)
_MODEL = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_CALIBRATION = sha256(b"a country's own calibration").hexdigest()


class PostDay:
    """An endless day at `device`, the same for the same seed."""

    def __init__(self, seed: int = 1, device: str = "douala-port-g1", *, busy: bool = False) -> None:
        """`busy`: nothing but travellers with chip and visa, the dearest entries there are."""
        self.device = device
        self._chance = random.Random(seed)
        self._busy = busy
        self._at = datetime(2027, 3, 1, 5, 58, 3, 117_204, tzinfo=UTC)
        self._versions = {name: self._chance.randrange(1, 400) for name in ("csca", "devices", "officers", "policy")}
        self._versions |= {
            name: self._chance.randrange(2_000, 60_000) for name in ("stays", "trust", "visas", "watchlist")
        }
        self._signers = [f"UTO {self._chance.randbytes(5).hex()}" for _ in range(44)]
        self._issuers = {
            nation: f"C={nation[:2]}, O=Government, OU=Passport Office, CN=Signer {self._chance.randrange(4000)}"
            for nation in _NATIONS
        }

    def bodies(self, number: int) -> list[bytes]:
        """The next entries' exact bytes."""
        return [body for body, _ in zip(self._all(), range(number), strict=False)]

    def _all(self) -> Iterator[bytes]:
        while True:
            self._at += timedelta(seconds=self._chance.expovariate(1 / 45))
            dice = self._chance.random()
            if self._busy or dice < 0.9:
                yield entries.write_entry(self._traveller())
            elif dice < 0.96:
                yield entries.write_entry(self._event())
            else:
                yield entries.write_entry(self._act())

    def _hex(self, size: int) -> str:
        return self._chance.randbytes(size).hex()

    def _event(self) -> DeviceEvent:
        name = self._chance.choice(("visas", "stays", "watchlist"))
        self._versions[name] += self._chance.randrange(1, 9)
        return DeviceEvent(
            id=self._hex(16),
            occurred_at=self._at,
            recorded_at=self._at,
            clock=ClockQuality.SYNCHRONISED,
            event="list_installed",
            details={"subject": name, "version": str(self._versions[name])},
        )

    def _act(self) -> OfficerAct:
        return OfficerAct(
            id=self._hex(16),
            occurred_at=self._at,
            recorded_at=self._at,
            clock=ClockQuality.SYNCHRONISED,
            officer=f"{self._chance.randrange(1000, 1012)}",
            act=self._chance.choice(("signed_in", "signed_out", "suspended")),
            subject=self._hex(16) if self._chance.random() < 0.3 else "",
        )

    def _traveller(self) -> Movement | Inspection:
        chance = self._chance
        nation = _NATIONS[min(int(chance.expovariate(0.12)), len(_NATIONS) - 1)]
        chip = self._busy or chance.random() < 0.75
        visa = self._busy or chance.random() < 0.6
        findings = _FINDINGS[min(int(chance.expovariate(0.9)), len(_FINDINGS) - 1)]
        worst = max((severity for _, severity in findings), key=("info", "refer", "refuse").index)
        proposal = {"info": Decision.ADMIT, "refer": Decision.REFER, "refuse": Decision.REFUSE}[worst]
        referred = not self._busy and chance.random() < 0.12
        inspection = self._hex(16)
        recorded = self._at + timedelta(microseconds=int(chance.lognormvariate(5.5, 0.6)))
        kind = Inspection if referred else Movement
        references = [*(["chip"] if chip else []), *(["visa_record"] if visa else []), "printed"]
        common = {
            "id": derived_id(self.device, str(kind.__struct_config__.tag), inspection, recorded),
            "occurred_at": self._at,
            "recorded_at": recorded,
            "clock": ClockQuality.SYNCHRONISED if chance.random() < 0.97 else ClockQuality.HOLDOVER,
            "inspection_id": inspection,
            "direction": Direction.ENTRY if chance.random() < 0.55 else Direction.EXIT,
            "document": self._document(nation),
            "visa": self._visa() if visa else None,
            "faces": tuple(self._face(reference) for reference in references),
            "findings": tuple(
                FindingFact(code=code, severity=severity)
                for code, severity in (*findings, ("face.provisional", "info"))
            ),
            "proposal": proposal,
            "decision": Decision.REFER if referred else proposal,
            "officer": f"{chance.randrange(1000, 1012)}",
            "reason": "" if chance.random() < 0.95 else f"titre de voyage n° {chance.randrange(10**6)} présenté",
            "regime": "visa_required" if visa else chance.choice(("exempt", "national", "resident")),
            "stay_days": chance.choice((30, 30, 30, 90)),
            "policy_id": "uto-2027-03",
            "rules_version": 4,
            "lists": tuple(
                ListFact(name=name, version=version, head=sha256(f"{name} {version}".encode()).hexdigest())
                for name, version in sorted(self._versions.items())
            ),
            "evidence": chance.randbytes(32),
            "origin": f"douala-port-k{chance.randrange(1, 4)}" if chance.random() < 0.3 else "",
            "chip": self._chip(nation) if chip else None,
        }
        if referred:
            return Inspection(**common, outcome="referred")  # type: ignore[arg-type]
        return Movement(**common)  # type: ignore[arg-type]

    def _document(self, nation: str) -> DocumentFacts:
        chance = self._chance
        dice = chance.random()
        format = MrzFormat.TD3 if dice < 0.92 else MrzFormat.TD1 if dice < 0.98 else MrzFormat.TD2
        lines = build_mrz(
            format,
            document_code="P" if format is MrzFormat.TD3 else "I",
            issuer=nation,
            surname=self._name(2),
            given_names=" ".join(self._name(1) for _ in range(chance.choice((1, 1, 2)))),
            number=self._number(),
            nationality=nation,
            birth=date(1945, 1, 1) + timedelta(days=chance.randrange(27_000)),
            sex=chance.choice("MF"),
            expiry=date(2027, 4, 1) + timedelta(days=chance.randrange(3_650)),
            optional=self._hex(3).upper() if chance.random() < 0.15 else "",
        )
        facts = document_facts(parse_mrz("\n".join(lines), today=date(2027, 3, 1)))
        return entries.DocumentFacts(
            **{name: getattr(facts, name) for name in facts.__struct_fields__ if name != "source"},
            source="reader" if chance.random() < 0.8 else "camera",
        )

    def _name(self, middles: int) -> str:
        chance = self._chance
        return (
            chance.choice(_OPENINGS)
            + "".join(chance.choice(_MIDDLES) for _ in range(chance.randrange(middles + 1)))
            + chance.choice(_ENDINGS)
        )

    def _number(self) -> str:
        chance = self._chance
        letters = "".join(chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(chance.choice((0, 1, 1, 2))))
        return letters + "".join(chance.choice("0123456789") for _ in range(chance.choice((7, 9 - len(letters)))))

    def _visa(self) -> VisaFacts:
        chance = self._chance
        begins = date(2027, 3, 1) - timedelta(days=chance.randrange(90))
        entries_allowed = chance.choice((0, 1, 1, 1, 2))
        return VisaFacts(
            visa_id=self._hex(8),
            issuer="UTO",
            signer=self._signers[min(int(chance.expovariate(0.15)), 43)],
            signature="valid",
            seen_at_centre=chance.random() < 0.9,
            valid_from=begins,
            valid_until=begins + timedelta(days=chance.choice((30, 90, 90, 180, 365))),
            entries=entries_allowed,
            uses_before=min(entries_allowed, int(chance.random() < 0.1)),
        )

    def _face(self, reference: str) -> FaceFacts:
        distance = round(min(max(self._chance.gauss(0.25, 0.1), 0.02), 1.2), 4)
        return FaceFacts(
            reference=reference,
            zone="match" if distance < 0.437 else "doubt" if distance < 0.6 else "no_match",
            distance=distance,
            match_threshold=0.437,
            doubt_threshold=0.6,
            frames=self._chance.choice((3, 3, 3, 4, 5, 8)),
            model="dlib-resnet-v1+5-points",
            model_sha256=_MODEL,
            calibration_sha256=_CALIBRATION,
            provisional=False,
        )

    def _chip(self, nation: str) -> ChipFacts:
        chance = self._chance
        return ChipFacts(
            outcome="read",
            access=chance.choice(("pace-gm", "pace-gm", "bac", "pace-im", "pace-cam")),
            authenticity=chance.choice(("proved_ca", "proved_ca", "proved_aa", "unsupported")),
            passive="trusted" if chance.random() < 0.9 else "no_trust_anchor",
            issuer=nation[:2],
            signer=self._issuers[nation],
            agrees=True,
            portrait_sha256=chance.randbytes(32),
        )
