"""The pictures of a decided inspection, seen again by those who may, as long as they are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cv2
import httpx
import msgspec
import numpy as np
import pytest
from msgspec import structs

from border_agent.store import EvidenceKept, PassageNoted
from border_agent.store.erasure import erase
from border_agent.store.evidence import PictureKept
from border_agent.store.evidence_waiting import EvidenceWaiting
from mqtt_schemas.records import OfficerRole
from tests.console.console_kit import Post
from tests.console.pages_kit import evidence_of, hostile_movement


def picture(suffix: str, grey: int) -> bytes:
    done, data = cv2.imencode(suffix, np.full((120, 90, 3), grey, np.uint8))
    assert done
    return data.tobytes()


LIVE, CHIP = PictureKept("live", picture(".jpg", 200)), PictureKept("chip", picture(".jp2", 90))


@pytest.fixture
def record(post: Post) -> str:
    """A decision whose record names two pictures that are kept, and what is none."""
    named = {one.kind: one.digest.hex() for one in (LIVE, CHIP)} | {"page": "../../etc", "<b>": "x"}
    kept = EvidenceKept(msgspec.json.encode(structs.replace(evidence_of(), pictures=named)))
    entry = hostile_movement(evidence=kept.digest)
    post.agent.journal.commit([entry], [kept, LIVE, CHIP, PassageNoted(entry=entry)])
    return kept.digest.hex()


@pytest.fixture(scope="module")
def supervisor(post: Post) -> Iterator[httpx.Client]:
    client, _ = post.signed_in(OfficerRole.SUPERVISOR)
    with client:
        yield client


def test_kept_pictures_are_shown_as_pictures(post: Post, record: str, supervisor: httpx.Client) -> None:
    assert post.agent._worker.wait_ready()
    page = supervisor.get(f"/evidence/{record}").text
    shown = re.findall(r'<img src="(/evidence/[^"]+)" alt="([^"]+)"', page)
    assert [path.rpartition("/")[2] for path, _ in shown] == ["chip", "live"]
    assert "effacées" not in page
    for path, _ in shown:
        answer = supervisor.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.headers["cache-control"] == "no-store"
        seen = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        assert abs(float(seen.mean()) - (90 if path.endswith("chip") else 200)) < 4
    assert supervisor.get(shown[1][0]).content == LIVE.data
    for path in ("page", "visa", "nothing", "../../log"):
        assert supervisor.get(f"/evidence/{record}/pictures/{path}").status_code in (400, 404)
    assert supervisor.get(f"/evidence/{LIVE.digest.hex()}/pictures/live").status_code == 404


def test_only_those_who_may_read_records_see_them(post: Post, record: str) -> None:
    for role, status in {
        OfficerRole.AUDITOR: 200,
        OfficerRole.OFFICER: 403,
        OfficerRole.TECHNICIAN: 403,
        OfficerRole.READER: 403,
    }.items():
        client, _ = post.signed_in(role)
        with client:
            assert client.get(f"/evidence/{record}/pictures/live").status_code == status


def test_what_the_policy_has_erased_is_said(post: Post, record: str, supervisor: httpx.Client) -> None:
    now = datetime.now(UTC)
    EvidenceWaiting(post.agent._store).whole([LIVE.digest, CHIP.digest], now)
    assert erase(post.agent._store, 0, now + timedelta(days=1)).pictures == 2
    page = supervisor.get(f"/evidence/{record}").text
    assert "/pictures/" not in page
    assert "effacées" in page
    assert supervisor.get(f"/evidence/{record}/pictures/live").status_code == 404
