"""Travellers for the console's tests: what a kiosk has found of them, handed to a true desk."""

from __future__ import annotations

import io
import secrets
from datetime import timedelta
from typing import Any

import httpx
from msgspec import structs
from PIL import Image

from border_agent.agent.case import Case
from border_agent.inspection.evidence import ClockEvidence, DocumentEvidence, Evidence
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.verdict import Proposal
from border_agent.store import Passage
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import Regime, RegimeRule
from tests.console.console_kit import Post, token_of
from tests.inspection.inspection_cases import good, passport

REGIMES = (
    RegimeRule(nationality="UTO", regime=Regime.NATIONAL),
    RegimeRule(nationality="BFA", regime=Regime.EXEMPT, days=30),
    RegimeRule(nationality="GHA", regime=Regime.VISA_REQUIRED, days=30),
)
EXPIRED = finding("document.expired", until="2026-01-31")
HOSTILE = "<img src=x onerror=alert(1)>"


def jpeg(grey: int) -> bytes:
    """A small picture of one tone."""
    out = io.BytesIO()
    Image.new("RGB", (60, 80), (grey, grey, grey)).save(out, "JPEG")
    return out.getvalue()


PICTURES = {PictureKind.PAGE: jpeg(40), PictureKind.VISA: jpeg(120), PictureKind.LIVE: jpeg(200)}


def found(post: Post, *, nationality: str = "BFA", number: str = "", surname: str = "", **changes: Any) -> Case:
    """Somebody whom a kiosk has inspected and who stands at the counter now. The post has no lists, so that `refer`
    is proposed."""
    clock = post.agent.desk._answers.clock()
    mrz = passport(
        nationality=nationality,
        issuer=nationality,
        number=number or f"P{secrets.randbelow(10**7):07d}",
        surname="Traore",
        given_names="Awa",
    )
    if surname:
        mrz = structs.replace(mrz, surname=surname)
    facts: dict[str, Any] = {
        "inspection_id": secrets.token_hex(16),
        "device": "kiosk-1",
        "started_at": clock.at - timedelta(minutes=3),
        "document": DocumentEvidence(mrz=mrz),
        "visa": None,
        "hits": (),
        "clock": ClockEvidence(at=clock.at - timedelta(minutes=1), quality=clock.quality),
    }
    evidence: Evidence = structs.replace(good(), **(facts | changes))
    return post.agent.desk.adopt(
        inspection_id=evidence.inspection_id,
        origin=evidence.device,
        evidence=evidence,
        finished_at=evidence.clock.at,
        pictures=PICTURES if evidence.chip is None else {**PICTURES, PictureKind.CHIP: jpeg(90)},
    )


def proposing(post: Post, proposal: Proposal, *findings: Finding, **changes: Any) -> Case:
    """Somebody for whom the rules would propose this, for these reasons."""
    case = found(post, **changes)
    verdict = case.inspection.verdict
    assert verdict is not None
    verdict = structs.replace(verdict, proposal=proposal, findings=findings)
    return post.agent.desk._replace(
        structs.replace(case, inspection=structs.replace(case.inspection, verdict=verdict))
    )


def recorded(post: Post, case: Case) -> Passage | None:
    return post.agent.passages.of_inspection(case.id)


def movements(post: Post, case: Case) -> int:
    """How many entries of the journal are about this inspection."""
    with post.agent._store.reading() as connection:
        found = connection.execute("SELECT count(*) FROM passage WHERE inspection = ?", (case.id,)).fetchone()
    return int(found[0])


def opened(client: httpx.Client, case: Case) -> httpx.Response:
    """The traveller's page, as an officer opens it."""
    page = client.get(f"/inspections/{case.id}")
    assert page.status_code == 200, page.text[:2000]
    return page


def post_form(client: httpx.Client, page: httpx.Response, path: str, **fields: Any) -> httpx.Response:
    """A form of that page, sent."""
    return client.post(path, data={"csrf": token_of(page), **fields})


def decide(client: httpx.Client, case: Case, decision: str, **fields: Any) -> httpx.Response:
    """Open the traveller and decide."""
    return post_form(client, opened(client, case), f"/inspections/{case.id}/decide/{decision}", **fields)
