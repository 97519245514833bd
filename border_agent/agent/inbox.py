"""What reaches an inspection from outside: readings, and what a client asks for. One queue, one order."""

from __future__ import annotations

import queue
from dataclasses import dataclass

from border_agent.decoding import FoundFace
from border_agent.documents.chip.reading import ChipProgress
from border_agent.documents.mrz import Mrz
from border_agent.inspection.evidence import ChipEvidence, Step
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
class ChipAsked:
    """An officer wants the chip read, or read again."""


@dataclass(frozen=True)
class ChipMoved:
    """A reading of the chip goes on; `number`: which try."""

    number: int
    progress: ChipProgress


@dataclass(frozen=True)
class ChipArrived:
    """A reading of the chip is over."""

    number: int
    evidence: ChipEvidence
    jpeg: bytes = b""
    """Its portrait, for people's eyes."""
    face: FoundFace | None = None
    """The portrait's."""
    problem: str = ""
    """Code of what stands against comparing with it."""
    original: bytes = b""
    """The portrait as the chip holds it."""


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


Item = (
    DocumentArrived
    | DocumentTyped
    | CodeArrived
    | ChipAsked
    | ChipMoved
    | ChipArrived
    | AnswerGiven
    | SkipAsked
    | Stop
)
Inbox = queue.SimpleQueue[Item]
