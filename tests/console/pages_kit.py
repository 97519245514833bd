"""What the tests of the console's pages share: a browser for each role, and travellers with hostile names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from border_agent.inspection.evidence import ClockEvidence, Evidence, WatchHit
from border_agent.store import CorrectionNoted, EvidenceKept, PassageNoted
from mqtt_schemas.entries import ClockQuality, Correction, FindingFact, Movement
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.records import Handling, WatchRecord
from tests.console.console_kit import Post, token_of
from tests.store.passage_kit import document, movement
from tests.store.store_kit import install

HOSTILE = "<script>alert(1)</script>"
QUOTE = "\"'><img src=x onerror=alert(2)>"
FORMULA = "=HYPERLINK(1)"

_watched: dict[int, list[bytes]] = {}
"""Changes of the watch-list by agent: a list only ever grows."""


def hostile_movement(**changes: Any) -> Movement:
    """A movement in which every text a wire, a person or a list could have put there is an attack."""
    fields: dict[str, Any] = {
        "document": document(
            surname=HOSTILE,
            given_names=QUOTE,
            nationality="<b>",
            issuer="<i>",
            number=QUOTE,
            birth="<u>",
            expiry=QUOTE,
            lines=(HOSTILE, QUOTE),
        ),
        "officer": QUOTE,
        "reason": HOSTILE,
        "origin": QUOTE,
        "grounds": (HOSTILE,),
        "findings": (
            FindingFact(code=HOSTILE, severity=QUOTE),
            FindingFact(code="watchlist.stop", severity="refuse"),
            FindingFact(code="document.expired", severity="refuse"),
        ),
        "policy_id": HOSTILE,
        "regime": QUOTE,
    }
    return movement(datetime.now(UTC), **(fields | changes))


def evidence_of(*records: WatchRecord) -> Evidence:
    now = datetime.now(UTC)
    return Evidence(
        inspection_id="0" * 32,
        device="test-device-1",
        started_at=now,
        clock=ClockEvidence(at=now, quality=ClockQuality.SYNCHRONISED),
        hits=tuple(WatchHit(record=record, matched_on="document") for record in records),
        answers={"purpose": HOSTILE},
        problems=(QUOTE,),
    )


def watched(handling: Handling, number: int = 1, **changes: Any) -> WatchRecord:
    fields: dict[str, Any] = {
        "record_id": f"SECRET-{handling.value}-{number}",
        "surname": "ADEBAYO",
        "given_names": "KOFI",
        "birth": "1980-05-XX",
        "document_issuer": "GHA",
        "document_number": f"G765432{number}",
        "grounds": "arrest_warrant",
        "handling": handling,
    }
    return WatchRecord(**(fields | changes))


def travellers(post: Post) -> tuple[Movement, str]:
    """A hostile movement with its evidence and a correction; and the evidence's name."""
    kept = EvidenceKept(msgspec.json.encode(evidence_of(watched(Handling.STOP), watched(Handling.DISCREET, 2))))
    entry = hostile_movement(evidence=kept.digest)
    post.agent.journal.commit([entry], [PassageNoted(entry=entry), kept])
    correction = Correction(
        id="c" * 31 + "1",
        occurred_at=entry.occurred_at,
        recorded_at=entry.occurred_at,
        clock=ClockQuality.SYNCHRONISED,
        corrects=entry.id,
        inspection_id=entry.inspection_id,
        officer=QUOTE,
        reason=HOSTILE,
        changes={HOSTILE: QUOTE},
    )
    post.agent.journal.commit([correction], [CorrectionNoted(correction=correction)])
    return entry, kept.digest.hex()


def watch_list(post: Post, *records: WatchRecord) -> None:
    """Put these on the list, after whatever is on it, and wait until they are in memory."""
    rows = _watched.setdefault(id(post.agent), [])
    rows += [put(record.record_id, record) for record in records]
    install(post.agent._store, Feed.WATCHLIST, rows)
    post.agent.watch.refresh()


def posted(client: httpx.Client, path: str, page: str, **fields: str) -> httpx.Response:
    """Post a form as it stands on `page`."""
    return client.post(path, data={"csrf": token_of(client.get(page))} | fields)


def harmless(page: httpx.Response) -> None:
    """Nothing of a hostile text has become markup."""
    lowered = page.text.lower()
    assert "<script>alert" not in lowered
    assert "<img src=x" not in lowered
    assert "onerror=alert(2)>" not in lowered
