"""Tokens of forms: whoever posts must have been given the page by us, in this very session.

A page carries the session's secret masked anew each time, so that compressing pages tells nothing about it (BREACH).
Before anybody has signed in, the cookie is a random visitor's name and the secret is derived from it: a page of
another site can make a browser post a sign-in form, but cannot know the token that goes with that browser's cookie.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

_VISITOR = re.compile(r"visitor\.[0-9a-f]{32}(?!\n)")


def mask(secret: str) -> str:
    """The secret as a page may carry it: another text each time."""
    data = secret.encode()
    pad = secrets.token_bytes(len(data))
    return base64.urlsafe_b64encode(pad + _xor(pad, data)).decode().rstrip("=")


def fits(masked: str, secret: str) -> bool:
    """Whether this is the secret, masked."""
    data = secret.encode()
    try:
        raw = base64.urlsafe_b64decode(masked.encode("ascii") + b"=" * (-len(masked) % 4))
    except (binascii.Error, ValueError):
        return False
    if not data or len(raw) != 2 * len(data):
        return False
    return hmac.compare_digest(_xor(raw[: len(data)], raw[len(data) :]), data)


def new_visitor() -> str:
    """A cookie for somebody who has not signed in."""
    return f"visitor.{secrets.token_hex(16)}"


def is_visitor(cookie: str) -> bool:
    return _VISITOR.fullmatch(cookie) is not None


class VisitorSecrets:
    """Secrets of visitors, derived from their cookies: nothing is kept, so nothing can be filled up."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, cookie: str) -> str:
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
