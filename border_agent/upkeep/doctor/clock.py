"""The machine's clock: not before the software was written, and kept by a time server."""

from __future__ import annotations

from collections.abc import Iterator

from border_agent.clock import BUILD_DATE, kernel_synchronised
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.values import Found, found

_DOUBTFUL = {"doubtful", "unknown"}


def check_clock(patient: Patient) -> Iterator[Found]:
    machine = patient.machine
    now = machine.now()
    if now < BUILD_DATE:
        yield found("clock.before_build", "clock", now.isoformat(timespec="minutes"), at=now, floor=BUILD_DATE.date())
        return
    reading = patient.agent.state.get("clock", {})
    if reading.get("quality") in _DOUBTFUL and reading.get("went_back_seconds", 0):
        yield found("clock.doubtful", "clock", f"{reading['went_back_seconds']} s", at=now)
        return
    yield _kept(patient)


def _kept(patient: Patient) -> Found:
    machine = patient.machine
    ran = machine.run("chronyc", "-c", "tracking")
    if ran is None or ran.code:
        if kernel_synchronised():
            return found("clock.good", "clock", "kernel", at=machine.now())
        return found("clock.unsynchronised", "chrony", ran.error.strip()[:200] if ran else "", at=machine.now())
    fields = ran.out.strip().split(",")
    # Reference id, its name, stratum …, leap status last: stratum 0 and "Not synchronised" say the same.
    if len(fields) < 4 or fields[-1].strip() != "Normal" or fields[2] == "0":
        return found("clock.no_server", "chrony", fields[-1].strip(), at=machine.now())
    return found("clock.good", "chrony", f"{fields[1]} {fields[4]} s", at=machine.now())
