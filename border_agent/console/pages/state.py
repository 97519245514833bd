"""`/state/<topic>`: what an item of the bar means, what to do, and the facts behind it at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.maintenance import MaintenanceReport
from border_agent.agent.runtime import Agent
from border_agent.console.app import Console
from border_agent.console.bar import Tone, Topic
from border_agent.console.errors import NoSuchPage
from border_agent.console.menu import AUDITOR, DECIDERS
from border_agent.console.pages.entries import Block, code_words
from border_agent.console.pages.seen_facts import Said
from border_agent.console.visit import Visit
from border_agent.reporting import ReportingStatus
from border_agent.words import format_moment, format_number, text

LISTS = frozenset({Topic.VISAS, Topic.TRUST, Topic.CSCA, Topic.STAYS, Topic.WATCHLIST, Topic.POLICY, Topic.OFFICERS})


def routes(console: Console) -> list[Route]:
    """All topics, and one."""
    agent = console.agent

    async def overview(request: Request, visit: Visit) -> Response:
        items = visit.bar.items if visit.bar is not None else ()
        return console.render(visit, "state.html", items=items)

    async def topic(request: Request, visit: Visit) -> Response:
        try:
            asked = Topic(request.path_params["topic"])
        except ValueError:
            raise NoSuchPage("state") from None
        item = next((one for one in (visit.bar.items if visit.bar is not None else ()) if one.topic is asked), None)
        blocks = await run_in_threadpool(lambda: tuple(facts(agent, asked, visit.language)))
        good = item is not None and item.tone is Tone.GOOD
        return console.render(
            visit,
            "state_topic.html",
            topic=asked,
            item=item,
            blocks=blocks,
            advice=_advice(asked, good),
            conflicts=asked is Topic.CONFLICTS and visit.may(*DECIDERS, AUDITOR),
        )

    return [Route("/state", console.page(overview)), Route("/state/{topic}", console.page(topic))]


def _advice(topic: Topic, good: bool) -> str:
    """Key of what to do."""
    if good:
        return "standing.all_good"
    return f"standing.{'list' if topic in LISTS else topic.value}.todo"


def facts(agent: Agent, topic: Topic, language: str) -> Iterator[Block]:
    """The present facts of a topic; never anything of a traveller. Raises StoreError."""
    report = agent.maintenance.report()
    said = _Said(language)
    match topic:
        case Topic.LINE:
            yield from _line(report, agent.line(), said)
        case Topic.UNSENT:
            yield _unsent(agent.line(), said)
        case Topic.CLOCK:
            yield said.block(
                "standing.now",
                ("standing.clock.time", said.moment(report.clock.at)),
                ("standing.clock.quality", said.code("clock_quality", report.clock.quality.value)),
                ("standing.clock.went_back", said.seconds(report.clock.went_back_seconds)),
                ("standing.clock.jumped", said.seconds(report.clock.jumped_seconds)),
            )
        case Topic.DEVICES:
            yield from _devices(report, said)
        case Topic.CONFLICTS:
            yield _conflicts(agent, said)
        case Topic.POST:
            yield from _post(agent, said)
        case Topic.DECODERS:
            yield from _decoders(agent, report, said)
        case Topic.STORE:
            yield _store(report, said)
        case _:
            yield _list(report, agent.line(), topic, said)


class _Said:
    """Facts in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def block(self, title: str, *lines: tuple[str, str]) -> Block:
        kept = tuple(Said(text(key, self.language), value) for key, value in lines if value)
        return Block(text(title, self.language), kept)

    def moment(self, at: datetime | None) -> str:
        return format_moment(at.astimezone(), self.language) if at is not None else ""

    def number(self, value: float) -> str:
        return format_number(value, self.language)

    def evidence(self, status: ReportingStatus) -> str:
        size = status.evidence_bytes / 1e6
        return text("standing.unsent.pieces", self.language, count=status.evidence_pieces, size=size)

    def seconds(self, value: float) -> str:
        return text("standing.seconds", self.language, seconds=value) if value else ""

    def code(self, prefix: str, code: str) -> str:
        return code_words(code, f"{prefix}.{code}", self.language)

    def yes(self, holds: bool) -> str:
        return text("movements.yes" if holds else "movements.no", self.language)


def _line(report: MaintenanceReport, status: ReportingStatus, said: _Said) -> Iterator[Block]:
    drill = text("standing.line.drill", said.language) if status.paused else ""
    yield said.block(
        "standing.now",
        ("standing.line.state", text(f"standing.{'up' if status.online else 'down'}", said.language)),
        ("standing.line.why", drill),
        ("standing.since", said.moment(status.since)),
        ("standing.line.broker", status.broker),
        ("standing.line.last_ack", said.moment(status.last_ack_at)),
        ("standing.unsent.count", said.number(status.unacknowledged)),
    )
    if status.problems:
        lines = tuple(
            Said(
                said.moment(one.since), " – ".join(filter(None, (one.subject, said.code("problem", one.code.value))))
            )
            for one in status.problems
        )
        yield Block(text("standing.problems", said.language), lines)


def _unsent(status: ReportingStatus, said: _Said) -> Block:
    return said.block(
        "standing.now",
        ("standing.unsent.count", said.number(status.unacknowledged)),
        ("standing.unsent.last", said.number(status.last_sequence)),
        ("standing.unsent.acknowledged", said.number(status.acknowledged)),
        ("standing.unsent.evidence", said.evidence(status)),
        ("standing.line.last_ack", said.moment(status.last_ack_at)),
    )


def _list(report: MaintenanceReport, status: ReportingStatus, topic: Topic, said: _Said) -> Block:
    found = next((one for one in report.lists or () if one.name == topic.value), None)
    coming = next((one for one in status.feeds if one.name == topic.value), None)
    lines = [("standing.list.version", said.number(found.version) if found is not None else "")]
    if found is not None:
        lines += [
            ("standing.list.issued", said.moment(found.issued)),
            ("standing.list.expires", said.moment(found.expires)),
        ]
    if coming is not None:
        lines += [
            ("standing.list.installed", said.moment(coming.installed_at)),
            ("standing.list.wanted", said.number(coming.wanted) if coming.wanted else ""),
            ("standing.list.staged", said.number(coming.staged) if coming.staged else ""),
        ]
    if found is None:
        lines.insert(0, ("standing.list.state", text("standing.list.none", said.language)))
    return said.block("standing.now", *lines)


def _devices(report: MaintenanceReport, said: _Said) -> Iterator[Block]:
    for device in report.devices:
        problem = said.code("error", device.last_problem) if device.last_problem else ""
        lines = (
            Said(text("standing.device.state", said.language), said.code("state", device.state.value)),
            Said(text("standing.device.name", said.language), device.name),
            Said(text("standing.device.problems", said.language), said.number(device.problems)),
            Said(text("standing.device.last_problem", said.language), problem),
        )
        title = text(f"device_role.{device.role.value}", said.language)
        yield Block(title, tuple(line for line in lines if line.value))


def _post(agent: Agent, said: _Said) -> Iterator[Block]:
    status = agent.post_line.status()
    yield said.block(
        "standing.now",
        ("standing.line.state", text(f"standing.{'up' if status.online else 'down'}", said.language)),
        ("standing.since", said.moment(status.since)),
        ("standing.line.broker", status.broker),
        ("standing.problems", "; ".join(said.code("problem", one.code.value) for one in status.problems)),
    )
    for device in agent.counter.devices():
        heard = said.moment(device.heard_at)
        lines = (
            Said(text("standing.presence", said.language), said.code("standing.presence", device.presence.value)),
            Said(text("standing.post.gate", said.language), device.gate),
            Said(text("standing.post.heard", said.language), heard),
            Said(text("health.in_service", said.language), said.yes(device.in_service) if heard else ""),
            Said(text("standing.post.waiting", said.language), said.number(device.waiting) if heard else ""),
        )
        yield Block(device.device, tuple(line for line in lines if line.value))


def _conflicts(agent: Agent, said: _Said) -> Block:
    found = agent.conflicts.all()
    return said.block(
        "standing.now",
        ("standing.conflicts.unseen", said.number(sum(conflict.unseen for conflict in found))),
        ("standing.conflicts.all", said.number(len(found))),
    )


def _decoders(agent: Agent, report: MaintenanceReport, said: _Said) -> Iterator[Block]:
    starts, failed = agent.decoder_starts()
    yield said.block(
        "standing.now",
        ("standing.decoders.ready", said.yes(agent.kiosk.status().ready)),
        ("standing.decoders.starts", said.number(starts)),
        ("standing.decoders.failed", said.number(failed)),
        ("standing.decoders.memory", size_words(report.memory_bytes.get("decoders", 0), said.language)),
    )


def _store(report: MaintenanceReport, said: _Said) -> Block:
    disk = report.disk
    return said.block(
        "standing.now",
        ("standing.store.readable", said.yes(report.lists is not None)),
        ("standing.store.free", size_words(disk.free_bytes, said.language) if disk is not None else ""),
        ("standing.store.total", size_words(disk.total_bytes, said.language) if disk is not None else ""),
    )


def size_words(size: int, language: str) -> str:
    """Bytes as people say them."""
    if size < 1_000_000:
        return text("standing.kilobytes", language, count=round(size / 1000))
    return text("standing.megabytes", language, count=round(size / 1_000_000))
