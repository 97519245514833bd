"""What every check is given: the machine, its configuration, and what the agent says of itself, asked once."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from border_agent.config import Config
from border_agent.upkeep.doctor.machine import Machine

Json = dict[str, Any]
ASK_SECONDS = 5.0


class Agent(Struct, frozen=True, kw_only=True):
    """The agent's own word, or why there is none."""

    answers: bool = False
    permitted: bool = True
    detail: str = ""
    state: Json = {}
    report: Json = {}
    """What the maintenance screen shows."""


class Patient(Struct, frozen=True, kw_only=True):
    """Who is examined. `config` is None where the file cannot be read: the machine is looked at all the same."""

    machine: Machine
    config: Config | None
    agent: Agent = Agent()


def ask_agent(config: Config | None) -> Agent:
    """Ask over the local socket; never raises."""
    if config is None:
        return Agent()
    socket = config.path(config.api.socket)
    try:
        with AgentClient(str(socket), timeout=ASK_SECONDS) as client:
            return Agent(answers=True, state=client.state(), report=client.maintenance())
    except AgentGone as error:
        permitted = "ermission" not in error.detail
        return Agent(permitted=permitted, detail=error.detail)
    except ApiRefused as error:
        return Agent(answers=True, permitted=False, detail=error.detail)
