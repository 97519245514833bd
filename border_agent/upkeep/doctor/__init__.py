"""`borne doctor`: what is wrong with this device, and what to do, in which order.

    values      findings: codes, states, their order        machine   files, programs, clock of the machine looked at
    patient     what a check is given                        examine   all checks at once, each with a time limit
    clock, room, keys, certificates, engine, devices (chip_reader), lines (probe), records, upkeep    the checks

A check is a function from the patient to findings. It needs neither the agent nor systemd: it works on a machine that
is half put into service, in a changed root, and on the worst day. A new one: a function, its codes in the registry in
`values`, their words in `words/locale/*/LC_MESSAGES/upkeep.po`; the tests fail until all three are there.
"""

from __future__ import annotations

from border_agent.upkeep.doctor.examine import CHECKS, examine, worst
from border_agent.upkeep.doctor.machine import Machine, Ran
from border_agent.upkeep.doctor.values import REGISTRY, Found, Report, State

__all__ = ["CHECKS", "REGISTRY", "Found", "Machine", "Ran", "Report", "State", "examine", "worst"]
