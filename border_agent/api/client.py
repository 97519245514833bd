"""A thin client of the local API: HTTP over the agent's Unix socket. The kiosk's window imports only this."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from border_agent.errors import BorneError

Json = dict[str, Any]


class AgentGone(BorneError):
    """The agent does not answer on its socket, or went away in the middle."""

    code = "api.agent_gone"


class ApiRefused(BorneError):
    """The agent answered no: `reason` is its code (`inspection.busy`, `store.full` …), with the HTTP status."""

    code = "api.refused"

    def __init__(self, where: str, status: int, reason: str, detail: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(where, f"{status} {reason} {detail}".strip())


class AgentClient:
    """Connections to the agent. Raises AgentGone or ApiRefused; never returns an error as an answer."""

    def __init__(self, socket: str, timeout: float = 10.0) -> None:
        self._socket = socket
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=socket),
            base_url="http://agent",
            timeout=timeout,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def capabilities(self) -> Json:
        """What this agent can do: role, steps, languages, devices and their states, versions."""
        return self._ask("GET", "/v1/capabilities")

    def state(self) -> Json:
        """Line, entries not yet acknowledged, lists and their ages, clock, devices, memory."""
        return self._ask("GET", "/v1/state")

    def start(
        self, *, direction: str = "entry", purpose: str = "", group: str = "", accompanied: bool = False
    ) -> Json:
        """Start an inspection; the answer is its snapshot."""
        body = {"direction": direction, "purpose": purpose, "group": group, "accompanied": accompanied}
        return self._ask("POST", "/v1/inspections", body)

    def inspection(self, inspection: str) -> Json:
        """Snapshot of an inspection."""
        return self._ask("GET", f"/v1/inspections/{inspection}")

    def skip(self, inspection: str, step: str) -> Json:
        """Leave a step out; the evidence says so."""
        return self._ask("POST", f"/v1/inspections/{inspection}/skip", {"step": step})

    def cancel(self, inspection: str) -> Json:
        """End an inspection without a decision."""
        return self._ask("POST", f"/v1/inspections/{inspection}/cancel", {})

    def decide(self, inspection: str, decision: str, officer: str, reason: str = "") -> Json:
        """Record the officer's decision. The answer comes after the durable commit, or not at all."""
        body = {"decision": decision, "officer": officer, "reason": reason}
        return self._ask("POST", f"/v1/inspections/{inspection}/decision", body)

    def events(self, inspection: str) -> Iterator[Json]:
        """The inspection's stream: first its snapshot, then every change, until it has ended."""
        try:
            with self._http.stream("GET", f"/v1/inspections/{inspection}/events", timeout=60.0) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    raise _refusal(f"/v1/inspections/{inspection}/events", answer)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line[5:])
        except httpx.TransportError as error:
            raise AgentGone(self._socket, str(error)) from None

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise AgentGone(self._socket, str(error)) from None
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise _refusal(path, answer)
        result: Json = answer.json()
        return result


def _refusal(path: str, answer: httpx.Response) -> ApiRefused:
    try:
        error = answer.json()
        return ApiRefused(path, answer.status_code, str(error["error"]), str(error.get("detail", "")))
    except (ValueError, KeyError, TypeError):
        return ApiRefused(path, answer.status_code, "", answer.text[:200])
