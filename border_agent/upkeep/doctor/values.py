"""What the doctor says: one finding a check, each with a stable code, a fixed state, a place and a detail.

The order of the registry is the order of importance, causes before their consequences: with a clock in 1970 no
certificate is valid, and with no cable no broker answers. Words are `doctor.<code>`, what to do is
`doctor.<code>.advice`; whatever is not `ok` has both.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from border_agent.words import languages, text


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    """The device works; somebody should look before it no longer does."""
    FAIL = "fail"
    SKIPPED = "skipped"
    """Cannot be told here: not this user's to see, or there is no such thing on this machine."""


class Found(Struct, frozen=True, kw_only=True):
    """What one check has found."""

    code: str
    state: State
    where: str
    detail: str = ""
    params: dict[str, Any] = {}

    @property
    def words(self) -> dict[str, str]:
        """What is so, in every language."""
        return self._texts(f"doctor.{self.code}")

    @property
    def advice(self) -> dict[str, str]:
        """What to do, in every language; empty where there is nothing to do."""
        if self.state in (State.OK, State.SKIPPED):
            return {}
        return self._texts(f"doctor.{self.code}.advice")

    def _texts(self, key: str) -> dict[str, str]:
        filled = {"where": self.where, "detail": self.detail, **self.params}
        return {language: text(key, language, **filled) for language in languages()}


class Report(Struct, frozen=True, kw_only=True):
    """Everything, the most important first."""

    device: str
    software: str
    seconds: float
    checks: tuple[Found, ...]

    @property
    def ok(self) -> bool:
        """Nothing has failed; warnings do not count."""
        return all(found.state is not State.FAIL for found in self.checks)

    def of(self, state: State) -> tuple[Found, ...]:
        return tuple(found for found in self.checks if found.state is state)

    def as_json(self) -> dict[str, Any]:
        """Stable keys; words by language."""
        return {
            "ok": self.ok,
            "device": self.device,
            "software": self.software,
            "seconds": self.seconds,
            "checks": [
                {
                    "code": found.code,
                    "state": found.state,
                    "where": found.where,
                    "detail": found.detail,
                    "words": found.words,
                    "advice": found.advice,
                }
                for found in self.checks
            ],
        }


def _states(state: State, *codes: str) -> Iterable[tuple[str, State]]:
    return ((code, state) for code in codes)


REGISTRY: dict[str, State] = dict(
    (
        *_states(State.FAIL, "config.not_permitted", "config.unreadable"),
        *_states(State.OK, "config.good"),
        *_states(State.FAIL, "check.crashed"),
        *_states(State.WARN, "check.slow"),
        # The machine: without it nothing else means anything.
        *_states(State.FAIL, "clock.before_build", "clock.doubtful"),
        *_states(State.WARN, "clock.no_server", "clock.unsynchronised"),
        *_states(State.OK, "clock.good"),
        *_states(State.FAIL, "disk.read_only", "disk.full"),
        *_states(State.WARN, "disk.low"),
        *_states(State.FAIL, "disk.no_inodes"),
        *_states(State.SKIPPED, "disk.unknown"),
        *_states(State.OK, "disk.good"),
        *_states(State.WARN, "memory.low"),
        *_states(State.OK, "memory.good"),
        *_states(State.FAIL, "processor.no_avx"),
        *_states(State.SKIPPED, "processor.unknown"),
        *_states(State.OK, "processor.good"),
        # Who it is.
        *_states(State.FAIL, "key.missing", "key.unusable", "key.open"),
        *_states(State.SKIPPED, "key.not_permitted"),
        *_states(State.OK, "key.sealed", "key.good"),
        *_states(State.FAIL, "authority.unusable", "authority.expired"),
        *_states(State.WARN, "authority.ends"),
        *_states(
            State.FAIL,
            "certificate.missing",
            "certificate.unusable",
            "certificate.not_yet",
            "certificate.expired",
            "certificate.wrong_authority",
            "certificate.wrong_key",
            "certificate.wrong_name",
        ),
        *_states(State.WARN, "certificate.half_life"),
        *_states(State.OK, "certificate.good"),
        # The agent itself.
        *_states(State.FAIL, "unit.failed", "unit.stopped"),
        *_states(State.WARN, "unit.restarting"),
        *_states(State.SKIPPED, "unit.not_running_systemd"),
        *_states(State.OK, "unit.good"),
        *_states(State.FAIL, "agent.silent"),
        *_states(State.WARN, "agent.away"),
        *_states(State.SKIPPED, "agent.not_permitted"),
        *_states(State.FAIL, "agent.out_of_service"),
        *_states(State.OK, "agent.good"),
        *_states(State.FAIL, "store.unreadable"),
        # What hangs on it.
        *_states(
            State.FAIL,
            "device.missing",
            "device.not_permitted",
            "device.failed",
            "chip_reader.no_daemon",
            "chip_reader.missing",
            "printer.paper_out",
            "printer.cover_open",
            "printer.silent",
        ),
        *_states(State.WARN, "printer.paper_low"),
        *_states(State.SKIPPED, "device.none", "chip_reader.not_permitted"),
        *_states(State.OK, "device.present", "device.good"),
        # The lines.
        *_states(State.FAIL, "network.unplugged", "network.no_route"),
        *_states(State.SKIPPED, "network.unknown"),
        *_states(State.OK, "network.good"),
        *_states(
            State.FAIL,
            "line.bad_address",
            "line.no_resolver",
            "line.unknown_name",
            "line.no_route",
            "line.silent",
            "line.refused",
            "line.not_tls",
            "line.foreign_authority",
            "line.broker_expired",
            "line.broker_name",
            "line.tls_version",
            "line.our_certificate_expired",
            "line.our_certificate_refused",
            "line.cut",
            "line.broken",
        ),
        *_states(State.SKIPPED, "line.not_tried"),
        *_states(State.OK, "line.reached", "line.good"),
        *_states(State.FAIL, "line.problem"),
        # What it has to say, and what it has been told.
        *_states(State.FAIL, "journal.unsent_long"),
        *_states(State.WARN, "journal.unsent"),
        *_states(State.SKIPPED, "journal.none", "journal.unknown"),
        *_states(State.OK, "journal.good"),
        *_states(State.FAIL, "lists.none", "lists.expired"),
        *_states(State.WARN, "lists.stale"),
        *_states(State.OK, "lists.good"),
        # Upkeep.
        *_states(State.FAIL, "update.unreadable"),
        *_states(State.WARN, "update.rolled_back", "update.unconfirmed", "update.staged"),
        *_states(State.SKIPPED, "update.none"),
        *_states(State.OK, "update.good"),
        *_states(State.WARN, "backup.none", "backup.old"),
        *_states(State.SKIPPED, "backup.unknown"),
        *_states(State.OK, "backup.good"),
        # Hardening.
        *_states(State.FAIL, "firewall.open"),
        *_states(State.SKIPPED, "firewall.unknown"),
        *_states(State.OK, "firewall.good"),
        *_states(State.WARN, "storage.plain"),
        *_states(State.SKIPPED, "storage.unknown"),
        *_states(State.OK, "storage.encrypted"),
        *_states(State.WARN, "seal.no_tpm", "seal.host_only"),
        *_states(State.SKIPPED, "seal.unknown"),
        *_states(State.OK, "seal.host", "seal.tpm"),
    )
)
"""Every code with its state, in order of importance."""

RANK = {code: rank for rank, code in enumerate(REGISTRY)}


def found(code: str, where: str, detail: str = "", **params: object) -> Found:
    """A finding of the registry."""
    return Found(code=code, state=REGISTRY[code], where=where, detail=detail, params=params)
