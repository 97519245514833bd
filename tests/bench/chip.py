"""Reading a chip: the terminal's own time for PACE, DG1, a portrait of 15 kB and passive authentication, in process.

The chip's share is measured at the transport and taken off. The baseline is the same reading with BAC.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipOutcome, ChipReadPolicy
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.profile import ChipProfile, PaceOffer
from border_agent.specimens.chip.sample import sample_booklet, sample_holder, sample_pki
from border_agent.trust.passive import CscaStore, PassiveVerdict, judge_sod

ROUNDS = 60
PORTRAIT = 15_000
BASELINE = "the same with BAC, p50"

_OURS = ("border_agent.documents.chip.", "border_agent.trust.passive.")
_CRYPTOGRAPHY = ("border_agent.crypto.", "border_agent.trust.passive.signatures")
_AGREEMENT = ("public", "times", "secret", "read")
"""Methods of a domain: what they do is multiplication on a curve."""


class Cryptography:
    """Counts the seconds our side spends in its cryptography; the chip's side keeps its own functions."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def watch(self) -> None:
        """Put a clock around every function of cryptography that the reading modules call, for good."""
        for name, module in list(sys.modules.items()):
            if not name.startswith(_OURS) or name in _CRYPTOGRAPHY:
                continue
            for attribute, value in list(vars(module).items()):
                if callable(value) and not isinstance(value, type) and _is_cryptography(value):
                    setattr(module, attribute, self._clocked(value))
        from border_agent.documents.chip.agreement import DhDomain, EcDomain

        for domain in (EcDomain, DhDomain):
            for method in _AGREEMENT:
                setattr(domain, method, self._clocked(getattr(domain, method)))

    def _clocked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def clocked(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return function(*arguments, **named)
            self._inside, begun = True, time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._inside = False
                self.seconds += time.perf_counter() - begun

        return clocked


def _is_cryptography(function: Callable[..., Any]) -> bool:
    return str(getattr(function, "__module__", "")).startswith(_CRYPTOGRAPHY)


def _read(profile: ChipProfile, store: CscaStore) -> Callable[[], float]:
    """What is done with one booklet at the post; calling it gives milliseconds of ours."""
    booklet = sample_booklet(profile, holder=sample_holder(size=PORTRAIT, details=False))
    policy = ChipReadPolicy(files=())

    def act() -> float:
        chip = VirtualChip(booklet)
        begun = time.perf_counter()
        reading = read_chip(lambda _: chip, MrzPassword(booklet.mrz_information), policy=policy)
        groups = {int(name[2:]): content for name, content in reading.files.items() if name.startswith("DG")}
        verdict = judge_sod(reading.files["EF.SOD"], groups, store, at=datetime.now(UTC), dg1_issuer="UTO").verdict
        spent = 1000 * (time.perf_counter() - begun)
        assert (reading.outcome, verdict) == (ChipOutcome.read, PassiveVerdict.TRUSTED)
        return spent - reading.ms["chip"]

    return act


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    store = CscaStore.from_certificates(sample_pki().csca_certificates())
    pace, bac = _read(ChipProfile(pace=(PaceOffer(),)), store), _read(ChipProfile(), store)
    for act in (pace, bac):
        act()
    base = sorted(bac() for _ in range(ROUNDS))[ROUNDS // 2]
    times = sorted(pace() for _ in range(ROUNDS))
    yield (
        "chip: PACE, DG1, DG2 of 15 kB, signature; p50",
        times[ROUNDS // 2],
        "ms",
        BASELINE,
        times[ROUNDS // 2] / base,
    )
    p95 = times[int(0.95 * ROUNDS)]
    yield "chip: the same, p95", p95, "ms", BASELINE, p95 / base
    yield "chip: BAC, DG1, DG2 of 15 kB, signature; p50", base, "ms", BASELINE, 1.0
    cryptography = Cryptography()
    cryptography.watch()
    spent = sum(pace() for _ in range(ROUNDS))
    share = 100_000 * cryptography.seconds / spent
    yield "chip: of it cryptography (PACE)", share, "%", "all of it", share / 100


if __name__ == "__main__":
    for row in measure():
        print(*row)
