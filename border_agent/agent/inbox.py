"""What reaches an inspection from outside: readings, and what a client asks for. One queue, one order."""

from __future__ import annotations

import queue
from dataclasses import dataclass

from border_agent.documents.mrz import Mrz
from border_agent.inspection.evidence import Step
from firmware_bridge.roles import Reading


@dataclass(frozen=True)
class DocumentArrived:
    reading: Reading


@dataclass(frozen=True)
class DocumentTyped:
    """An officer typed the zone that no reader reads."""

    mrz: Mrz


@dataclass(frozen=True)
class CodeArrived:
    reading: Reading


@dataclass(frozen=True)
class AnswerGiven:
    key: str
    value: str


@dataclass(frozen=True)
class SkipAsked:
    step: Step


@dataclass(frozen=True)
class Stop:
    """The inspection was cancelled, or the agent goes down."""


Item = DocumentArrived | DocumentTyped | CodeArrived | AnswerGiven | SkipAsked | Stop
Inbox = queue.SimpleQueue[Item]
