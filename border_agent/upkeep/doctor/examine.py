"""The whole examination: every check on its own, in parallel, each with a time limit; the order is the importance.

A check that crashes or hangs is a finding itself: the doctor is asked when things are broken, and must not be one of
them.
"""

from __future__ import annotations

import importlib.metadata
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from border_agent.config import Config, ConfigError, load_config
from border_agent.upkeep.doctor.certificates import check_certificates
from border_agent.upkeep.doctor.clock import check_clock
from border_agent.upkeep.doctor.devices import check_devices
from border_agent.upkeep.doctor.engine import check_agent, check_units
from border_agent.upkeep.doctor.keys import check_keys, check_sealing
from border_agent.upkeep.doctor.lines import check_lines, check_network
from border_agent.upkeep.doctor.machine import Machine
from border_agent.upkeep.doctor.patient import Patient, ask_agent
from border_agent.upkeep.doctor.records import check_records
from border_agent.upkeep.doctor.room import check_disk, check_memory, check_processor
from border_agent.upkeep.doctor.upkeep import check_backup, check_firewall, check_storage, check_update
from border_agent.upkeep.doctor.values import RANK, Found, Report, State, found

_log = logging.getLogger(__name__)

Check = Callable[[Patient], Iterator[Found]]
MOST_SECONDS: Final = 20.0

CHECKS: Final[tuple[Check, ...]] = (
    check_clock,
    check_disk,
    check_memory,
    check_processor,
    check_keys,
    check_certificates,
    check_units,
    check_agent,
    check_devices,
    check_network,
    check_lines,
    check_records,
    check_update,
    check_backup,
    check_firewall,
    check_storage,
    check_sealing,
)


def examine(
    config_file: Path,
    machine: Machine | None = None,
    *,
    checks: tuple[Check, ...] = CHECKS,
    most_seconds: float = MOST_SECONDS,
) -> Report:
    """Look at everything; never raises, ends within some twenty seconds."""
    begun = time.monotonic()
    config, first = _configuration(config_file)
    patient = Patient(machine=machine or Machine(), config=config, agent=ask_agent(config))
    findings = [first, *_all(patient, checks, most_seconds)]
    findings.sort(key=lambda one: RANK[one.code])  # stable: devices and brokers keep the configuration's order
    return Report(
        device=config.device.id if config is not None else "",
        software=importlib.metadata.version("borne"),
        seconds=round(time.monotonic() - begun, 2),
        checks=tuple(findings),
    )


def _configuration(file: Path) -> tuple[Config | None, Found]:
    try:
        return load_config(file), found("config.good", str(file))
    except ConfigError as error:
        try:
            file.open("rb").close()
        except PermissionError:
            return None, found("config.not_permitted", error.where, error.detail)
        except OSError:
            pass
        return None, found("config.unreadable", error.where, error.detail)


def _all(patient: Patient, checks: tuple[Check, ...], most_seconds: float) -> list[Found]:
    answers: dict[str, list[Found]] = {}

    def run(check: Check) -> None:
        name = check.__name__
        try:
            answers[name] = list(check(patient))
        except Exception as error:
            _log.debug("%s", name, exc_info=True)
            answers[name] = [found("check.crashed", name, f"{type(error).__name__}: {error}"[:300])]

    # Daemons: what hangs in the kernel (a dead disk, a resolver) must not keep the command from ending.
    threads = [threading.Thread(target=run, args=(check,), daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + most_seconds
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    late = [check.__name__ for check in checks if check.__name__ not in answers]
    done = [one for check in checks for one in answers.get(check.__name__, ())]
    return [*done, *(found("check.slow", name, seconds=round(most_seconds)) for name in late)]


def worst(report: Report) -> State:
    """The state of the device as a whole."""
    return next((state for state in (State.FAIL, State.WARN) if report.of(state)), State.OK)
