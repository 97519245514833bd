"""`/health` and `/log`: the device for technicians. Nothing here is about a traveller."""

from __future__ import annotations

from enum import StrEnum

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.devices import DeviceRole
from border_agent.api.serving import BadRequest
from border_agent.console.app import Console
from border_agent.console.forms import field, one_of, read_form
from border_agent.console.menu import TECHNICIAN
from border_agent.console.pages import asked
from border_agent.console.pages.state import size_words
from border_agent.console.visit import Visit

LINES = 200


class Level(StrEnum):
    """Log lines from this level on."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_SHOWN = {
    Level.INFO: ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    Level.WARNING: ("WARNING", "ERROR", "CRITICAL"),
    Level.ERROR: ("ERROR", "CRITICAL"),
}


def routes(console: Console) -> list[Route]:
    """How the device is, trying one out, restarting the machine, the last lines of the log."""
    agent = console.agent

    async def health(request: Request, visit: Visit) -> Response:
        report = await run_in_threadpool(agent.maintenance.report)
        return console.render(
            visit,
            "health.html",
            report=report,
            disk_free=size_words(report.disk.free_bytes, visit.language) if report.disk is not None else "",
            disk_total=size_words(report.disk.total_bytes, visit.language) if report.disk is not None else "",
            memory={name: size_words(size, visit.language) for name, size in report.memory_bytes.items()},
            hours=report.uptime_seconds // 3600,
            minutes=report.uptime_seconds // 60 % 60,
        )

    async def try_out(request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        role = one_of("device", field(form, "device"), [one.value for one in DeviceRole])
        trial = await run_in_threadpool(agent.maintenance.test, DeviceRole(role), visit.officer.number)
        if trial.passed:
            console.say(visit, "health.passed", device=role)
        else:
            console.say(visit, "health.not_passed", good=False, device=role, why=trial.code)
        return console.go(visit, "/health")

    async def ask_restart(request: Request, visit: Visit) -> Response:
        return console.render(visit, "restart.html", possible=bool(agent.config.kiosk.reboot))

    async def restart(request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        if field(form, "sure") != "yes":
            raise BadRequest("sure", "a restart is confirmed first")
        await run_in_threadpool(agent.maintenance.reboot, visit.officer.number)
        console.say(visit, "health.restarting")
        return console.go(visit, "/health")

    async def log(request: Request, visit: Visit) -> Response:
        level = asked.choice(request, "level", Level) or Level.INFO
        wanted = asked.word(request, "text")
        lines = await run_in_threadpool(agent.log_lines, LINES)
        # A line is "time level name: message".
        shown = [
            line
            for line in lines
            if line.split(" ", 2)[1:2] and line.split(" ", 2)[1] in _SHOWN[level] and wanted.lower() in line.lower()
        ]
        return console.render(visit, "log.html", lines=shown, level=level, levels=list(Level), text=wanted)

    return [
        Route("/health", console.page(health, TECHNICIAN)),
        Route("/health/try", console.page(try_out, TECHNICIAN), methods=["POST"]),
        Route("/health/restart", console.page(ask_restart, TECHNICIAN)),
        Route("/health/restart", console.page(restart, TECHNICIAN), methods=["POST"]),
        Route("/log", console.page(log, TECHNICIAN)),
    ]
