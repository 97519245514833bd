"""kill -9 of devices, centre and broker at random moments; the proof in small (`make proof-chaos` is the whole)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.country import Country

KILLS = 12


@pytest.mark.timeout(280)
def test_what_was_told_is_at_the_centre_once(tmp_path: Path) -> None:
    with Country(tmp_path, seed=7, devices=2) as country:
        country.run(KILLS)
        found = country.reckon()
        country.pretend()
        caught = country.recount()
    assert found.ok, found
    assert found.told > 20
    assert found.at_devices == found.at_centre > found.told
    assert set(country.killed) == {"device", "centre", "broker", "full", "impostor"}
    assert country.believed_impostor == 0
    assert (caught.told, caught.lost, caught.ok) == (found.told + 1, 1, False)
    assert (caught.without_evidence, caught.without_evidence_at_centre) == (1, 1)
