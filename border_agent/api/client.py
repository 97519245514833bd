"""A thin client of the local API: HTTP over the agent's Unix socket. The kiosk's window imports only this."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from border_agent.api.frames import FrameReader, PreviewFrame
from border_agent.errors import BorneError

Json = dict[str, Any]
_PIECE = 65_536


class AgentGone(BorneError):
    """The agent does not answer on its socket, or went away in the middle."""

    code = "api.agent_gone"


class ApiRefused(BorneError):
    """The agent answered no: `reason` is its code (`inspection.busy`, `store.full` …), with the HTTP status."""

    code = "api.refused"

    def __init__(self, where: str, status: int, reason: str, detail: str) -> None:
        self.status = status
        self.reason = reason
        self.seconds = int(detail) if reason == "staff.locked" and detail.isdigit() else 0
        """How long it will be refused; 0 where that is no matter of time."""
        super().__init__(where, f"{status} {reason} {detail}".strip())


class AgentClient:
    """Connections to the agent. Raises AgentGone or ApiRefused; never returns an error as an answer."""

    def __init__(self, socket: str, timeout: float = 10.0, *, as_kiosk: bool = False) -> None:
        """`as_kiosk`: be told no more than a traveller may read, whatever this account's right."""
        self._socket = socket
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=socket),
            base_url="http://agent",
            timeout=timeout,
            headers={"X-Borne-Right": "kiosk"} if as_kiosk else None,
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

    def inspections(self, slip: str = "") -> list[Json]:
        """Inspections in progress or waiting; with the code of a slip, the one it names, if any. For officers."""
        path = "/v1/inspections" + (f"?slip={quote(slip, safe='')}" if slip else "")
        found: list[Json] = self._ask("GET", path)["inspections"]
        return found

    def answer(self, inspection: str, key: str, value: str) -> Json:
        """A traveller's answer to a question of the policy."""
        return self._ask("POST", f"/v1/inspections/{inspection}/answers", {"key": key, "value": value})

    def preview(self, inspection: str) -> Iterator[PreviewFrame]:
        """What the face camera shows, while the inspection is at its face step: whole frames as they come.

        Raises BadPreview, too, for bytes that are no frames.
        """
        path = f"/v1/inspections/{inspection}/preview"
        reader = FrameReader(path)
        try:
            with self._http.stream("GET", path) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    raise _refusal(path, answer)
                for piece in answer.iter_raw():
                    yield from reader.feed(piece)
        except httpx.TransportError as error:
            raise AgentGone(self._socket, str(error)) from None
        if not reader.between_frames:
            raise AgentGone(self._socket, "the preview ended inside a frame")

    def skip(self, inspection: str, step: str) -> Json:
        """Leave a step out; the evidence says so."""
        return self._ask("POST", f"/v1/inspections/{inspection}/skip", {"step": step})

    def read_chip(self, inspection: str) -> Json:
        """Read the document's chip, or read it again; for officers."""
        return self._ask("POST", f"/v1/inspections/{inspection}/chip", {})

    def cancel(self, inspection: str) -> Json:
        """End an inspection without a decision."""
        return self._ask("POST", f"/v1/inspections/{inspection}/cancel", {})

    def decide(self, inspection: str, decision: str, officer: str, reason: str = "") -> Json:
        """Record the officer's decision. The answer comes after the durable commit, or not at all."""
        body = {"decision": decision, "officer": officer, "reason": reason}
        return self._ask("POST", f"/v1/inspections/{inspection}/decision", body)

    def events(self, inspection: str) -> Iterator[Json]:
        """The inspection's stream: first its snapshot, then every change, until it has ended."""
        return self._stream(f"/v1/inspections/{inspection}/events")

    def kiosk(self) -> Json:
        """The device as its window shows it: in service or not, steps, devices, printer, questions, the open call."""
        return self._ask("GET", "/v1/kiosk")

    def alive(self, screen: str, frames: int, memory_bytes: int) -> Json:
        """The window's sign of life, once a second; the answer is what `kiosk` gives."""
        return self._ask(
            "POST", "/v1/kiosk/alive", {"screen": screen, "frames": frames, "memory_bytes": memory_bytes}
        )

    def slip(self, inspection: str, rows: bytes, width: int, height: int, timeout: float = 40.0) -> Json:
        """Print an inspection's slip: rows of `width / 8` bytes, most significant bit first, 1 is black."""
        path = f"/v1/inspections/{inspection}/slip?width={width}&height={height}"
        return self._ask("POST", path, content=rows, timeout=timeout)

    def call_officer(self, inspection: str = "") -> Json:
        """Call an officer; the call that is open already, where there is one."""
        return self._ask("POST", "/v1/calls", {"inspection": inspection})

    def withdraw_call(self, call: str) -> Json:
        """The traveller needs nobody any more."""
        return self._ask("POST", f"/v1/calls/{call}/withdraw", {})

    def calls(self) -> list[Json]:
        """Open calls; for officers."""
        found: list[Json] = self._ask("GET", "/v1/calls")["calls"]
        return found

    def call_events(self) -> Iterator[list[Json]]:
        """Open calls now, and again at every change, for as long as the agent runs; for officers."""
        for snapshot in self._stream("/v1/calls/events"):
            yield snapshot["calls"]

    def answer_call(self, call: str, officer: str) -> Json:
        """Somebody is on the way."""
        return self._ask("POST", f"/v1/calls/{call}/answer", {"officer": officer})

    def end_call(self, call: str, officer: str) -> Json:
        """The officer has dealt with it."""
        return self._ask("POST", f"/v1/calls/{call}/end", {"officer": officer})

    def sign_in(self, number: str, code: str) -> Json:
        """A staff member at the kiosk; the answer has the token for what follows."""
        return self._ask("POST", "/v1/staff/sign-in", {"number": number, "code": code})

    def sign_out(self, token: str) -> None:
        """End a staff member's session."""
        self._ask("POST", "/v1/staff/sign-out", {}, token=token)

    def maintenance(self, token: str = "") -> Json:
        """Everything the maintenance screen shows; `token` of whoever signed in, officers need none."""
        return self._ask("GET", "/v1/maintenance", token=token)

    def test_device(self, device: str, token: str = "", timeout: float = 40.0) -> Json:
        """Make a device do what it is for: whether it passed, else the code of what is wrong."""
        return self._ask("POST", "/v1/maintenance/test", {"device": device}, token=token, timeout=timeout)

    def reboot(self, token: str = "", timeout: float = 20.0) -> Json:
        """Restart the machine."""
        return self._ask("POST", "/v1/maintenance/reboot", {}, token=token, timeout=timeout)

    def bring_lists(self, file: BinaryIO, timeout: float = 900.0) -> Json:
        """Hand over a file of lists from a stick; the answer says what became of each. For officers."""
        pieces = iter(lambda: file.read(_PIECE), b"")
        return self._ask("POST", "/v1/lists", content=pieces, timeout=timeout)

    def _stream(self, path: str) -> Iterator[Json]:
        try:
            with self._http.stream("GET", path, timeout=60.0) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    raise _refusal(path, answer)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line[5:])
        except httpx.TransportError as error:
            raise AgentGone(self._socket, str(error)) from None

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        content: bytes | Iterable[bytes] | None = None,
        token: str = "",
        timeout: float | None = None,
    ) -> Json:
        headers = {"X-Borne-Staff": token} if token else {}
        patience = self._http.timeout if timeout is None else httpx.Timeout(timeout)
        try:
            answer = self._http.request(method, path, json=body, content=content, headers=headers, timeout=patience)
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
