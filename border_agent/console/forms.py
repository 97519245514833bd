"""What a browser posts, read with bounds."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from border_agent.agent.officers.values import KeyAnswer
from border_agent.api.serving import BadRequest

MOST_FIELDS = 200
LONGEST_PASSWORD = 1024
LARGEST_ANSWER = 16384


async def read_form(request: Request) -> FormData:
    """The form's fields; the same ones again when asked again. Files are not taken. Raises BadRequest."""
    try:
        return await request.form(max_files=0, max_fields=MOST_FIELDS)
    except (HTTPException, UnicodeDecodeError, ValueError) as error:
        raise BadRequest("form", str(error)[:200]) from None


def field(form: FormData, name: str, most: int = 200, *, lines: bool = False) -> str:
    """One field, without the spaces around it; empty where it is not there. Raises BadRequest for one that is too
    long or holds control characters (line ends only where `lines` allows them)."""
    value = form.get(name, "")
    if not isinstance(value, str):
        raise BadRequest(name, "a file")
    return checked(name, value, most, lines=lines)


def fields(form: FormData, name: str, most: int = 200, number: int = 50) -> tuple[str, ...]:
    """Every value of a field that may be there several times. Raises BadRequest."""
    values = [value for value in form.getlist(name) if isinstance(value, str)]
    if len(values) > number:
        raise BadRequest(name, f"more than {number}")
    return tuple(checked(name, value, most) for value in values)


def checked(name: str, value: str, most: int = 200, *, lines: bool = False) -> str:
    """A text from outside, in the composed form and without the spaces around it. Raises BadRequest."""
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if len(value) > most:
        raise BadRequest(name, f"more than {most} characters")
    if any(_control(character) and not (lines and character == "\n") for character in value):
        raise BadRequest(name, "control characters")
    return value


def one_of(name: str, value: str, allowed: Iterable[str]) -> str:
    """A choice. Raises BadRequest for anything that was not offered."""
    if value not in allowed:
        raise BadRequest(name, "not one of the choices")
    return value


def secret(form: FormData, name: str) -> str:
    """A password as it was typed, spaces and all."""
    value = form.get(name, "")
    return value[:LONGEST_PASSWORD] if isinstance(value, str) else ""


def key_answer(form: FormData) -> KeyAnswer | None:
    """What a security key has answered in place of a code; None: there is no such answer. Raises BadRequest."""
    token = field(form, "key_token", 128)
    if not token:
        return None
    return KeyAnswer(token=token, credential=field(form, "key_answer", LARGEST_ANSWER))


def peer(request: Request) -> str:
    """The browser's address, as the connection has it: a header is not believed."""
    return request.client.host if request.client is not None else ""


def _control(character: str) -> bool:
    # Bidirectional controls among them: they make a text look like another one.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character != "\u200d"
