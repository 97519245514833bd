"""Secure messaging, the card's end of it (9303-11, 9.8): a protected command in, a protected answer out."""

from __future__ import annotations

import hmac
from dataclasses import replace

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, cbc_encrypt, ecb_block, pad, unpad
from border_agent.crypto.errors import PaddingError
from border_agent.crypto.kdf import ENC, MAC, derive
from border_agent.crypto.macs import mac
from border_agent.documents.tlv import TlvError, read_tlv, write_tlv
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.card_apdu import Command, Refusal

CIPHERED, CIPHERED_ODD, EXPECTED, STATUS, CHECKSUM = 0x87, 0x85, 0x97, 0x99, 0x8E
_ORDER = (CIPHERED, CIPHERED_ODD, EXPECTED, CHECKSUM)
_OVERHEAD = 4 + 4 + 1 + 4 + 10
"""Bytes of an answer that are not cryptogram: head of object 87 with its marker, 99, 8E."""


class CardMessaging:
    """Session keys and the counter of one session."""

    def __init__(self, cipher: SymmetricCipher, secret: bytes, counter: bytes | None = None) -> None:
        """Keys from the shared secret; the counter starts at zero unless given (BAC)."""
        self.cipher = cipher
        self.block = cipher.block
        self.encryption = derive(secret, ENC, cipher)
        self.authentication = derive(secret, MAC, cipher)
        self._counter = int.from_bytes(counter, "big") if counter else 0
        self._odd = False
        self.with_status = True
        """Whether answers carry their status inside, as they must (a faulty chip's do not)."""

    def unwrap(self, command: Command) -> Command:
        """The plain command; raises `Refusal` 6987 (objects missing) or 6988 (wrong)."""
        self._counter += 1
        objects = _objects(command.data)
        checksum = objects.get(CHECKSUM)
        if checksum is None:
            raise Refusal(sw.OBJECTS_MISSING)
        body = b"".join(write_tlv(tag, value) for tag, value in objects.items() if tag != CHECKSUM)
        covered = pad(command.header, self.block) + body if body else command.header
        if not hmac.compare_digest(self._mac(covered), checksum):
            raise Refusal(sw.OBJECTS_WRONG)
        self._odd = bool(command.ins & 1)
        return replace(
            command, cla=command.cla & ~0x0C, data=self._data(objects, self._odd), ne=_expected(objects, command)
        )

    def wrap(self, data: bytes, status: int) -> bytes:
        """The protected answer: data and status, status word behind."""
        self._counter += 1
        body = b""
        if data:
            cryptogram = cbc_encrypt(self.cipher, self.encryption, self._iv(), pad(data, self.block))
            body = write_tlv(CIPHERED_ODD, cryptogram) if self._odd else write_tlv(CIPHERED, b"\x01" + cryptogram)
        if self.with_status:
            body += write_tlv(STATUS, status.to_bytes(2, "big"))
        return body + write_tlv(CHECKSUM, self._mac(body)) + status.to_bytes(2, "big")

    def room(self, ne: int, largest: int) -> int:
        """How many plain bytes fit into an answer of at most `ne` bytes and `largest` bytes with status word."""
        total = min(ne, largest - 2) - _OVERHEAD
        # Padding always takes at least a byte.
        return max(0, total // self.block * self.block - 1)

    def step_back(self) -> None:
        """One command less on the counter (for a faulty chip)."""
        self._counter -= 2

    def _iv(self) -> bytes:
        if self.cipher is SymmetricCipher.TDES:
            return bytes(8)
        return ecb_block(self.cipher, self.encryption, self._counter.to_bytes(16, "big"))

    def _mac(self, data: bytes) -> bytes:
        """Of the counter and the padded data."""
        message = (self._counter % (1 << 8 * self.block)).to_bytes(self.block, "big") + data
        # CMAC pads by rules of its own, yet secure messaging pads before it all the same; for 3DES once is enough.
        if self.cipher is not SymmetricCipher.TDES:
            message = pad(message, self.block)
        return mac(self.cipher, self.authentication, message)

    def _data(self, objects: dict[int, bytes], odd: bool) -> bytes:
        if CIPHERED in objects:
            marker, cryptogram = objects[CIPHERED][:1], objects[CIPHERED][1:]
            if marker != b"\x01":
                raise Refusal(sw.OBJECTS_WRONG)
        elif CIPHERED_ODD in objects and odd:
            cryptogram = objects[CIPHERED_ODD]
        elif CIPHERED_ODD in objects:
            raise Refusal(sw.OBJECTS_WRONG)
        else:
            return b""
        if not cryptogram or len(cryptogram) % self.block:
            raise Refusal(sw.OBJECTS_WRONG)
        try:
            return unpad(cbc_decrypt(self.cipher, self.encryption, self._iv(), cryptogram))
        except PaddingError as error:
            raise Refusal(sw.OBJECTS_WRONG) from error


def _objects(data: bytes) -> dict[int, bytes]:
    """The data objects of a protected command, in the order they came; raises `Refusal`."""
    out: dict[int, bytes] = {}
    rest = data
    try:
        while rest:
            tlv = read_tlv(rest)
            if tlv.tag not in _ORDER or tlv.tag in out:
                raise Refusal(sw.OBJECTS_WRONG)
            out[tlv.tag] = tlv.value
            rest = rest[tlv.end :]
    except TlvError as error:
        raise Refusal(sw.OBJECTS_WRONG) from error
    if list(out) != sorted(out, key=_ORDER.index):
        raise Refusal(sw.OBJECTS_WRONG)
    return out


def _expected(objects: dict[int, bytes], command: Command) -> int:
    """Greatest length of the plain answer; raises `Refusal` on an object that says none."""
    value = objects.get(EXPECTED)
    if value is None:
        return 0
    if len(value) not in (1, 2):
        raise Refusal(sw.OBJECTS_WRONG)
    return int.from_bytes(value, "big") or (65536 if len(value) == 2 or command.extended else 256)
