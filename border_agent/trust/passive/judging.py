"""A judgement in the making, and the moment it is made for."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from border_agent.trust.passive.certificates import Certificate
from border_agent.trust.passive.codes import verdict_of
from border_agent.trust.passive.containers import Container
from border_agent.trust.passive.judgement import PassiveFinding, PassiveJudgement, found


@dataclass
class Judging:
    """Findings as they come, and what the judgement will name."""

    findings: list[PassiveFinding] = field(default_factory=list)
    container: Container | None = None
    anchor: Certificate | None = None
    checked: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    def find(self, code: str, detail: str = "") -> None:
        self.findings.append(found(code, detail))

    def done(self) -> PassiveJudgement:
        signer = self.container.certificate if self.container else None
        return PassiveJudgement(
            verdict=verdict_of(self.findings),
            issuer=signer.country if signer else "",
            signer=signer.subject.shown if signer else "",
            signer_serial=f"{signer.serial:x}" if signer else "",
            anchor=self.anchor.subject.shown if self.anchor else "",
            signed_at=self.container.signer.signing_time if self.container else None,
            findings=tuple(self.findings),
            hashes_checked=tuple(self.checked),
            hashes_listed=tuple(self.listed),
        )


@dataclass(frozen=True)
class Moment:
    """A moment, or a whole day: then what is in force at any time of that day counts as in force."""

    first: datetime.datetime
    last: datetime.datetime

    @classmethod
    def of(cls, at: datetime.date | datetime.datetime) -> Moment:
        if isinstance(at, datetime.datetime):
            moment = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
            return cls(moment, moment)
        return cls(
            datetime.datetime.combine(at, datetime.time.min, datetime.UTC),
            datetime.datetime.combine(at, datetime.time.max, datetime.UTC),
        )

    def before(self, certificate: Certificate) -> bool:
        return self.last < certificate.not_before

    def after(self, certificate: Certificate) -> bool:
        return self.first > certificate.not_after

    def in_force(self, certificate: Certificate) -> bool:
        return not self.before(certificate) and not self.after(certificate)
