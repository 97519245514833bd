"""The journal up, the lists down, over MQTT.

A broker is a pipe and holds no truth. What was decided is in the store's journal, what the centre has is what the
centre has signed, and what lies between is sent again until it has. So nothing here keeps a queue, and a broker's own
acknowledgement means nothing. Lists come the other way in the same manner: signed heads say how far they go.

    service    the thread, and what the agent sees        link     one connection, driven by that thread
    uplink     the journal on the line                    drain    when to send what: a pure state machine
    downlink   the lists and the keys on the line         feeds    when to ask for what: a pure state machine
    evidence_up  records and pictures, after the entries  evidence_flow  how much of them: a pure state machine
    keys       whom this device believes                  problems, counts, values, errors
"""

from __future__ import annotations

from border_agent.reporting.errors import BadLine, BadRoot, LineDown, LineRefused, ReportingError
from border_agent.reporting.service import ReportingService
from border_agent.reporting.values import (
    FeedState,
    Listener,
    ProblemCode,
    ReportingEvent,
    ReportingProblem,
    ReportingSettings,
    ReportingStatus,
)

__all__ = [
    "BadLine",
    "BadRoot",
    "FeedState",
    "LineDown",
    "LineRefused",
    "Listener",
    "ProblemCode",
    "ReportingError",
    "ReportingEvent",
    "ReportingProblem",
    "ReportingService",
    "ReportingSettings",
    "ReportingStatus",
]
