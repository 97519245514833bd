"""Errors of the contract: what (the code), where, and the detail an operator needs."""

from __future__ import annotations

from typing import ClassVar


class ContractError(Exception):
    """Base of every error raised on a message, a signature, a chain or a topic.

    `code` is stable and is the key of the words a person reads (`error.<code>`, French and English).
    `where` names the topic, field or device; `detail` is for the log.
    """

    code: ClassVar[str] = "contract"

    def __init__(self, where: str, detail: str = "") -> None:
        self.where = where
        self.detail = detail
        super().__init__(f"{self.code}: {where}" + (f": {detail}" if detail else ""))


class UnknownVersion(ContractError):
    """A topic or a message of a major version this side does not speak."""

    code = "contract.unknown_version"


class Malformed(ContractError):
    """Bytes that are not the message they should be (shape, size, encoding)."""

    code = "contract.malformed"


class TooLarge(ContractError):
    """A message, or what it unpacks to, beyond its bound."""

    code = "contract.too_large"


class BadTopic(ContractError):
    """A topic that is not one of the contract's."""

    code = "contract.bad_topic"


class BadSignature(ContractError):
    """A signature that does not hold, or whose key may not sign this."""

    code = "contract.bad_signature"


class ChainBroken(ContractError):
    """Entries that do not follow the head they claim to follow."""

    code = "contract.chain_broken"


class RolledBack(ContractError):
    """A signed document or feed older than one already believed."""

    code = "contract.rolled_back"


class NotOpened(ContractError):
    """A sealed box that this key does not open: made for another device or purpose, or damaged."""

    code = "contract.not_opened"


class NotForDevice(ContractError):
    """A list, or a stick with lists, that was not made for this device."""

    code = "contract.not_for_device"
