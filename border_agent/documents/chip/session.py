"""One conversation with one chip: commands out, answers in, each bounded; secure messaging once there are keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from border_agent.documents.chip.apdu import (
    LONG_ANSWER,
    SHORT_ANSWER,
    SHORT_DATA,
    CommandApdu,
    ResponseApdu,
    read_response,
)
from border_agent.documents.chip.errors import ChipProtocolError, Reason
from border_agent.documents.chip.messaging import SecureMessaging

if TYPE_CHECKING:
    from firmware_bridge.roles import CardTransport

MOST_PIECES: Final = 16
"""Times the rest of one answer is fetched (61xx). An answer of 4 KiB in short pieces is the longest there is."""
_CHAINED: Final = 0x10
_GET_RESPONSE: Final = 0xC0


class ChipSession:
    """Speaks to a chip through a transport.

    `watch` is called before every command and may raise: a budget, a cancelled reading. `extended` says whether the
    chip takes extended length: None is not known (used where nothing else will do), False means command chaining and
    short answers. `answer_size`: bytes of data its longest answer has, for reading files (see `capabilities`).
    `apdus` counts commands sent.

    `send` raises `ChipProtocolError` and `MessagingError` for what a chip may not answer; what the transport and
    `watch` raise passes through. An error status is no exception: it is for the caller to judge.
    """

    def __init__(
        self, transport: CardTransport, *, watch: Callable[[], None] | None = None, extended: bool | None = None
    ) -> None:
        self.extended = extended
        self.answer_size = SHORT_ANSWER
        self.messaging: SecureMessaging | None = None
        self.apdus = 0
        self._transport = transport
        self._watch = watch

    def send(self, command: CommandApdu) -> ResponseApdu:
        """The chip's answer, unprotected and in one piece."""
        if self.extended is False:
            if command.ne is not None and command.ne > SHORT_ANSWER:
                command = msgspec.structs.replace(command, ne=SHORT_ANSWER)
            piece = self.messaging.largest_data if self.messaging is not None else SHORT_DATA
            while len(command.data) > piece:
                response = self._exchange(
                    CommandApdu(command.cla | _CHAINED, command.ins, command.p1, command.p2, command.data[:piece])
                )
                if not response.ok:
                    return response
                command = msgspec.structs.replace(command, data=command.data[piece:])
        return self._exchange(command)

    def largest_answer(self, size: int) -> int:
        """Bytes of data an answer of `size` bytes can carry as things are now."""
        return self.messaging.largest_answer(size) if self.messaging is not None else size

    def _exchange(self, command: CommandApdu) -> ResponseApdu:
        messaging = self.messaging
        if messaging is None:
            return self._whole(command)
        protected = messaging.protect(command)
        try:
            response = self._whole(protected)
        except BaseException:
            messaging.dead = True  # the command is counted, and no answer ever will be
            raise
        return messaging.unprotect(response)

    def _whole(self, command: CommandApdu) -> ResponseApdu:
        """The answer in one piece: sent again with the length the chip wants (6Cxx), and what is left fetched (61xx).

        Under secure messaging nothing is sent again: the chip has counted the command.
        """
        response = self._transmit(command)
        if response.sw1 == 0x6C and command.ne is not None and self.messaging is None:
            response = self._transmit(msgspec.structs.replace(command, ne=response.sw & 0xFF or SHORT_ANSWER))
        data = response.data
        for _ in range(MOST_PIECES):
            if response.sw1 != 0x61:
                return ResponseApdu(data, response.sw)
            response = self._transmit(CommandApdu(0x00, _GET_RESPONSE, 0, 0, ne=response.sw & 0xFF or SHORT_ANSWER))
            data += response.data
            if len(data) > LONG_ANSWER or (not response.data and response.sw1 == 0x61):
                break
        raise ChipProtocolError("GET RESPONSE", f"{len(data)} bytes", reason=Reason.chaining)

    def _transmit(self, command: CommandApdu) -> ResponseApdu:
        if self._watch is not None:
            self._watch()
        self.apdus += 1
        return read_response(self._transport.transmit(command.encode()), f"{command.ins:02X}")
