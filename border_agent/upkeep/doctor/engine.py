"""The agent: on its socket, in service; and the units around it, as systemd tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from border_agent.config import Role
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.values import Found, found

WATCHED: Final = (
    "borne-agent",
    "borne-kiosk",
    "borne-lan-broker",
    "borne-lan-broker-renewed",
    "borne-clock",
    "borne-guard",
    "borne-guard-confirm",
    "borne-backup",
    "nftables",
    "chrony",
    "ssh",
)
_MUST_RUN: Final = {"borne-agent", "chrony"}
_MANY_RESTARTS: Final = 5
_PROPERTIES: Final = "Id,LoadState,ActiveState,UnitFileState,Result,NRestarts"


def check_agent(patient: Patient) -> Iterator[Found]:
    config, agent = patient.config, patient.agent
    if config is None:
        return
    where = str(config.path(config.api.socket))
    if not agent.permitted:
        yield found("agent.not_permitted", where, agent.detail)
    elif not agent.answers:
        # A machine that is just being put into service has no systemd to start it.
        yield found("agent.silent" if patient.machine.live else "agent.away", where, agent.detail)
    elif reasons := agent.report.get("out_of_service", ()):
        codes = ", ".join(
            str(reason.get("code", reason)) if isinstance(reason, dict) else str(reason) for reason in reasons
        )
        yield found("agent.out_of_service", where, codes, reasons=codes)
    else:
        yield found("agent.good", where, agent.report.get("software", ""))


def check_units(patient: Patient) -> Iterator[Found]:
    """Units that are not installed are none of this machine's."""
    if not patient.machine.live:
        yield found("unit.not_running_systemd", "systemd")
        return
    units = [f"{name}.service" for name in WATCHED]
    ran = patient.machine.run("systemctl", "show", f"--property={_PROPERTIES}", *units)
    blocks = ran.out.strip().split("\n\n") if ran is not None and ran.out.strip() else []
    if not blocks:
        yield found("unit.not_running_systemd", "systemd", ran.error.strip()[:200] if ran is not None else "")
        return
    faults = [fault for block in blocks if (fault := _judge(block, patient)) is not None]
    yield from faults or [found("unit.good", "systemd")]


def _judge(block: str, patient: Patient) -> Found | None:
    unit = dict(line.partition("=")[::2] for line in block.splitlines())
    name = unit.get("Id", "").removesuffix(".service")
    if unit.get("LoadState") != "loaded":
        return None
    if unit.get("ActiveState") == "failed":
        return found("unit.failed", name, unit.get("Result", ""), unit=name)
    needed = name in _MUST_RUN or (name == "borne-kiosk" and _is_kiosk(patient))
    enabled = unit.get("UnitFileState", "").startswith("enabled")
    if needed and enabled and unit.get("ActiveState") not in ("active", "activating", "reloading"):
        return found("unit.stopped", name, unit.get("ActiveState", ""), unit=name)
    restarts = unit.get("NRestarts", "0")
    if restarts.isdigit() and int(restarts) >= _MANY_RESTARTS:
        return found("unit.restarting", name, restarts, unit=name, times=int(restarts))
    return None


def _is_kiosk(patient: Patient) -> bool:
    return patient.config is not None and patient.config.device.role is Role.KIOSK
