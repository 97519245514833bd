"""What every route stands on: who may, what a body may be, answers as JSON, errors as codes with words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from border_agent.agent.sessions import StaffLocked
from border_agent.api.peer import Right, right_of
from border_agent.api.views import error_view
from border_agent.config import ApiSection
from border_agent.errors import BorneError
from mqtt_schemas.outside import reader

LARGEST_BODY = 16384
HEARTBEAT_SECONDS = 15.0

STATUS = {
    "api.not_allowed": 403,
    "api.bad_request": 400,
    "inspection.unknown": 404,
    "inspection.busy": 409,
    "inspection.wrong_phase": 409,
    "inspection.closed": 409,
    "inspection.not_ready": 409,
    "inspection.override_needs_reason": 422,
    "inspection.officer_required": 422,
    "inspection.unknown_rules": 409,
    "inspection.visa_used_meanwhile": 409,
    "inspection.not_asked": 400,
    "inspection.no_slip_code": 400,
    "inspection.known": 409,
    "inspection.no_document": 409,
    "chip.no_reader": 409,
    "inspection.foreign_evidence": 400,
    "inspection.same_officer": 422,
    "inspection.held": 409,
    "inspection.not_in_hand": 409,
    "inspection.not_yours": 403,
    "inspection.second_officer_wanted": 422,
    "inspection.no_notice": 404,
    "mending.not_yours": 403,
    "mending.no_such_entry": 404,
    "mending.nothing_changed": 422,
    "mending.annulled": 409,
    "mending.field": 422,
    "mending.value": 422,
    "mending.time": 422,
    "preview.closed": 409,
    "preview.taken": 409,
    "store.full": 507,
    "inspection.no_room": 507,
    "call.unknown": 404,
    "call.closed": 409,
    "slip.spent": 409,
    "printer.refused": 400,
    "printer.none": 409,
    "printer.busy": 409,
    "printer.paper_out": 409,
    "printer.cover_open": 409,
    "printer.absent": 409,
    "printer.failed": 409,
    "staff.refused": 401,
    "staff.locked": 429,
    "staff.none": 409,
    "staff.file": 409,
    "maintenance.no_device": 409,
    "maintenance.no_reboot": 409,
    "drill.running": 409,
    "drill.none": 409,
    "drill.minutes": 400,
    "export.period": 400,
    "statistics.period": 400,
    "officer.refused": 401,
    "officer.locked": 429,
    "officer.expired": 403,
    "officer.not_activated": 403,
    "officer.activation_impossible": 409,
    "officer.activation_over": 409,
    "officer.password_refused": 422,
    "officer.code_wrong": 422,
    "officer.signed_out": 401,
    "officer.session_locked": 423,
    "officer.not_allowed": 403,
    "officer.unknown": 404,
    "officer.reason_wanted": 422,
    "officer.setting_refused": 400,
    "officer.key_refused": 422,
    "console.form_refused": 403,
    "console.not_for_role": 403,
    "console.no_page": 404,
    "console.too_large": 413,
    "console.too_many": 429,
    "console.passwords_differ": 422,
    "post.held_elsewhere": 409,
    "post.decided_elsewhere": 409,
    "post.away": 503,
    "post.call_unknown": 404,
}
"""HTTP statuses of error codes; any other code is 500."""

NO_STORE = {"Cache-Control": "no-store"}

RIGHT_HEADER = "X-Borne-Right"
"""A caller may ask for less than it has, never for more."""

B = TypeVar("B", bound=Struct)
Handler = Callable[[Request], Awaitable[Response]]

Word = Annotated[str, Meta(max_length=64)]
"""Ends in a journal entry, which has bounds: what could not be recorded must not be begun."""


class NotAllowed(BorneError):
    """The caller's user id has no right to this."""

    code = "api.not_allowed"


class BadRequest(BorneError):
    """The request's body is not what the call takes."""

    code = "api.bad_request"


def guarded(section: ApiSection, handler: Handler, least: Right = Right.OFFICER) -> Handler:
    """A handler that runs only for callers with the right to it, and whose errors become answers."""

    async def answer(request: Request) -> Response:
        right = right_of(getattr(request.state, "uid", None), section)
        if right is Right.OFFICER and request.headers.get(RIGHT_HEADER) == Right.KIOSK.value:
            # A window asks to be told no more than a traveller may read, whoever's account it runs under.
            right = Right.KIOSK
        request.state.right = right
        try:
            if right is Right.NONE or (least is Right.OFFICER and right is not Right.OFFICER):
                raise NotAllowed(request.url.path, "this user id may not")
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except BorneError as error:
            # Of its own request a kiosk may learn what is wrong with it; of anything else the code alone.
            open_ = right is Right.OFFICER or isinstance(error, NotAllowed | BadRequest | StaffLocked)
            return as_json(error_view(error, details=open_), STATUS.get(error.code, 500))

    return answer


async def read_bytes(request: Request, most: int = LARGEST_BODY) -> bytes:
    """The body, whole. Raises BadRequest as soon as it is larger than it may be."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise BadRequest("body", f"more than {most} bytes")
    return bytes(data)


async def read_body(request: Request, kind: type[B]) -> B:
    """The body as a value; an empty one is an empty object. Raises BadRequest."""
    data = await read_bytes(request)
    try:
        return reader(kind)(data or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("body", str(error)[:200]) from None


def as_json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, NO_STORE, "application/json")
