"""One traveller at the counter: the devices show what the traveller carries, the officer confirms what is proposed.

The officer is a client of the local API like any other; the devices are told what to show only when the agent
asks for that step, as travellers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from border_agent.api.client import AgentClient
from border_agent.demo.appliance import Appliance
from border_agent.demo.parts import DemoFailed

OFFICER = "demo-officer-1"
Json = dict[str, Any]


class Arrival(Struct, frozen=True, kw_only=True):
    """What one traveller brings, as bytes and pictures."""

    number: int
    name: str
    case: str
    """The story, as a word of the demo's catalogue."""
    expected: str
    mrz: bytes
    page: Sequence[Path]
    chip: Path | None = None
    """The booklet's file; None: an older passport without a chip."""
    code: bytes = b""
    """Comes by the serial scanner; empty: by camera, or there is none."""
    code_frames: Sequence[Path] = ()
    live: Sequence[Path] = ()
    accompanied: bool = False
    guardian: int = 0


class Passage(Struct, frozen=True, kw_only=True):
    """What became of one traveller."""

    number: int
    name: str
    case: str
    expected: str
    inspection: str
    verdict: str
    decision: str
    findings: tuple[Json, ...]
    chip: Json | None
    """What the agent says of the chip; None: nobody tried to read one."""
    step_ms: dict[str, float]
    epoch: str
    sequence: int

    @property
    def as_expected(self) -> bool:
        return self.verdict == self.expected


def pass_by(world: Appliance, arrival: Arrival, group: str = "") -> Passage:
    """One traveller from the first step to the recorded decision. Raises DemoFailed, ApiRefused, AgentGone."""
    with AgentClient(str(world.socket)) as agent:
        case = agent.start(group=group, accompanied=arrival.accompanied)
        case = hold_out(world, agent, case["id"], arrival)
        case = agent.decide(case["id"], case["proposal"], OFFICER)
    return Passage(
        number=arrival.number,
        name=arrival.name,
        case=arrival.case,
        expected=arrival.expected,
        inspection=case["id"],
        verdict=case["proposal"],
        decision=case["decision"],
        findings=tuple(case["findings"]),
        chip=case["chip"],
        step_ms=case["step_ms"],
        epoch=case["receipt"]["epoch"],
        sequence=case["receipt"]["sequence"],
    )


def arrive(world: Appliance, arrival: Arrival, group: str = "") -> Json:
    """One traveller from the first step to the machine's proposal; whoever decides is somebody else.

    Raises DemoFailed, ApiRefused, AgentGone.
    """
    with AgentClient(str(world.socket)) as agent:
        case = agent.start(group=group, accompanied=arrival.accompanied)
        return hold_out(world, agent, case["id"], arrival)


def hold_out(world: Appliance, agent: AgentClient, inspection: str, arrival: Arrival) -> Json:
    """Hold out what each step asks for, until there is a proposal. Raises DemoFailed."""
    case: Json = {}
    shown = ""
    for now in agent.events(inspection):
        case = now
        if now["phase"] != "collecting":
            break
        if now["step"] and now["step"] != shown:
            shown = now["step"]
            show(world, agent, inspection, arrival, shown)
    clear(world)
    if case.get("phase") != "proposed":
        raise DemoFailed(arrival.name, f"no proposal, but {case.get('phase')}")
    return case


def show(world: Appliance, agent: AgentClient, inspection: str, arrival: Arrival, step: str) -> None:
    """Hold out what this traveller brings for this step."""
    if step == "document":
        world.desk_camera.show(arrival.page)
        world.reader.emit(arrival.mrz)
        world.lay(arrival.chip)
    elif step == "chip":
        # A passport with a chip lies on the reader already. The cover of the others bears no sign of one: on without.
        if arrival.chip is None:
            agent.skip(inspection, step)
    elif step == "page":
        world.desk_camera.show(arrival.page)
    elif step == "visa":
        world.desk_camera.show(arrival.code_frames)
        if arrival.code:
            world.scanner.emit(arrival.code + b"\r\n")
    elif step == "face":
        world.face_camera.show(arrival.live)


def clear(world: Appliance) -> None:
    """The traveller takes everything and goes."""
    world.desk_camera.show([])
    world.face_camera.show([])
    world.lay(None)
