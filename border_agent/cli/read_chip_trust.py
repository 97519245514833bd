"""Whether what a chip says is to be believed: its signature, and that it is no copy, together."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from border_agent.cli.base import t
from border_agent.documents.chip.reading import ChipReading
from border_agent.documents.mrz import MrzError, parse_mrz
from border_agent.trust.passive import (
    PassiveFinding,
    PassiveJudgement,
    PassiveVerdict,
    judge_card_security,
    judge_sod,
    load_folder,
)
from border_agent.trust.passive.codes import family
from border_agent.words import has

_WORDS = {
    PassiveVerdict.TRUSTED: ("cli.verify.trusted", "green"),
    PassiveVerdict.NO_TRUST_ANCHOR: ("cli.verify.no_trust_anchor", "yellow"),
    PassiveVerdict.INVALID: ("cli.verify.invalid", "red"),
    PassiveVerdict.EXPIRED: ("cli.verify.expired", "yellow"),
    PassiveVerdict.REVOKED: ("cli.verify.revoked", "red"),
}


class Belief(msgspec.Struct, frozen=True):
    """`judgement` is about EF.SOD and the files; `proof_signed`: somebody we trust signed the key the chip proved
    itself with (None where it proved nothing); `withheld`: files EF.SOD says the chip must prove itself with."""

    judgement: PassiveJudgement
    findings: tuple[PassiveFinding, ...]
    proof_signed: bool | None
    withheld: tuple[str, ...]

    @property
    def good(self) -> bool:
        unproved = self.withheld and not self.proof_signed
        return self.judgement.verdict is PassiveVerdict.TRUSTED and self.proof_signed is not False and not unproved

    def as_json(self) -> dict[str, Any]:
        signed_at = self.judgement.signed_at
        return {
            "verdict": self.judgement.verdict.value,
            "issuer": self.judgement.issuer,
            "findings": [{"code": one.code, "detail": one.detail} for one in self.findings],
            "signer": self.judgement.signer,
            "anchor": self.judgement.anchor,
            "signed_at": signed_at.isoformat() if signed_at is not None else None,
            "hashes_checked": list(self.judgement.hashes_checked),
            "proof_signed": self.proof_signed,
        }

    def show(self) -> None:
        words, colour = _WORDS[self.judgement.verdict]
        click.secho(f"  {t(words)}", fg=colour, bold=True)
        if self.proof_signed is False:
            click.secho(f"  {t('chip_copy.unsigned')}", fg="red")
        for one in self.findings:
            key = f"passive.{family(one.code)}"
            if has(key):
                click.echo(f"    {t(key, file=one.code.rpartition('.')[2])}")
            click.secho(f"      {'  '.join(filter(None, (one.code, one.detail)))}", dim=True)


def believe(reading: ChipReading, folder: Path) -> Belief:
    """Raises `TrustError` for a folder that cannot be used."""
    trust = load_folder(folder)
    now = datetime.datetime.now(datetime.UTC)
    groups = {int(name[2:]): content for name, content in reading.files.items() if name.startswith("DG")}
    issuer = None
    if reading.mrz_lines:
        try:
            issuer = parse_mrz("\n".join(reading.mrz_lines), today=now.date()).issuer
        except MrzError:
            issuer = ""
    judgement = judge_sod(reading.files.get("EF.SOD", b""), groups, trust.store, at=now, dg1_issuer=issuer)
    findings = list(judgement.findings)
    signed: bool | None = None
    if reading.authenticity.proved and reading.proof_file == "EF.CardSecurity":
        mapped = judge_card_security(reading.files[reading.proof_file], trust.store, at=now)
        findings += mapped.findings
        signed = mapped.verdict is PassiveVerdict.TRUSTED
    elif reading.authenticity.proved:
        signed = reading.proof_file in judgement.hashes_checked
    withheld = tuple(name for name in reading.missing if name in ("DG14", "DG15"))
    return Belief(judgement, (*findings, *trust.findings), signed, withheld)
