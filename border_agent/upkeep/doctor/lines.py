"""The lines: cable and route, then each broker as far as one gets, all of them at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec import structs

from border_agent.clock import BUILD_DATE
from border_agent.config import LanSection, MqttSection
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.probe import STEP_SECONDS, Papers, Reached, make_context, reach, resolve
from border_agent.upkeep.doctor.values import Found, State, found

MOST_SECONDS: Final = 3 * STEP_SECONDS
_PORT: Final = 8883
_UP: Final = "1"
_WANTS_OURS: Final = {"line.good", "line.cut", "line.our_certificate_refused"}
"""What a good broker answers to a client that shows no certificate."""


def check_network(patient: Patient) -> Iterator[Found]:
    """Whether a cable is in, and whether the machine knows a way out. The loopback is neither."""
    machine = patient.machine
    names = [name for name in machine.names("/sys/class/net") if name != "lo"]
    if not names:
        yield found("network.unknown", "network")
        return
    up = [name for name in names if (machine.read(f"/sys/class/net/{name}/carrier") or "").strip() == _UP]
    if not up:
        yield found("network.unplugged", ", ".join(names), names=", ".join(names))
    elif not _routed(machine.read("/proc/net/route") or "", machine.read("/proc/net/ipv6_route") or ""):
        yield found("network.no_route", ", ".join(up))
    else:
        yield found("network.good", ", ".join(up))


def _routed(four: str, six: str) -> bool:
    """Any way beyond the loopback: a post may have a route to the centre's network only, and no default one."""
    by_four = any(line.split()[0] != "lo" for line in four.splitlines()[1:] if line.split())
    return by_four or any(not line.endswith(" lo") and not line.startswith("fe80") for line in six.splitlines())


def check_lines(patient: Patient) -> Iterator[Found]:
    """The national brokers, tried in the agent's order, and the post's own."""
    config = patient.config
    if config is None:
        return
    sections: list[tuple[str, MqttSection | LanSection]] = [("national", config.mqtt)]
    if config.lan is not None:
        sections.append(("lan", config.lan))
    tries = [(kind, section, url) for kind, section in sections for url in section.brokers]
    answers = at_once([lambda s=section, u=url: _try(patient, s, u) for _, section, url in tries])  # type: ignore[misc]
    judged = [(kind, _found(kind, url, reached)) for (kind, _, url), reached in zip(tries, answers, strict=True)]
    for kind in ("national", "lan"):
        of_kind = [one for each, one in judged if each == kind]
        # One broker that answers is a line: the others are then a worry, not an outage.
        answered = any(one.state is State.OK for one in of_kind)
        yield from (
            structs.replace(one, state=State.WARN) if answered and one.state is State.FAIL else one for one in of_kind
        )


def _found(kind: str, url: str, reached: Reached | None) -> Found:
    reached = reached if reached is not None else Reached(code="line.no_resolver", detail="no answer in time")
    host, port = _address(url) or (url, 0)
    return found(
        reached.code, url, reached.detail, line=kind, host=host, port=port, milliseconds=reached.milliseconds
    )


def _try(patient: Patient, section: MqttSection | LanSection, url: str) -> Reached:
    config = patient.config
    assert config is not None
    address = _address(url)
    if address is None:
        return Reached(code="line.bad_address", detail="mqtts://host:port")
    papers = Papers(
        authority=config.path(section.authority),
        certificate=config.path(section.certificate),
        key=config.path(section.key),
    )
    way = resolve(*address)
    if isinstance(way, Reached):
        return way
    try:
        context, with_ours = make_context(papers, check_time=patient.machine.now() >= BUILD_DATE)
    except (OSError, ValueError) as error:
        return Reached(code="line.not_tried", detail=str(error)[:200])
    reached = reach(address[0], way, context)
    if not with_ours and reached.code in _WANTS_OURS:
        return structs.replace(reached, code="line.reached")
    return reached


def _address(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (host, port or _PORT) if parts.scheme == "mqtts" and host else None


def at_once(tries: list[Callable[[], Reached]]) -> list[Reached | None]:
    """Run all of them in threads; None for one that has not ended in time (a resolver keeps no time limit).

    The threads are the process's daemons: whoever waits for a name must not keep the command from ending.
    """
    answers: list[Reached | None] = [None] * len(tries)

    def run(index: int, attempt: Callable[[], Reached]) -> None:
        answers[index] = attempt()

    threads = [
        threading.Thread(target=run, args=(index, attempt), daemon=True) for index, attempt in enumerate(tries)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(MOST_SECONDS)
    return answers
