"""Secure messaging, Doc 9303-11 section 9.8: encrypt, then authenticate, with a counter that both sides keep.

A command gets DO 87 (85 for an odd instruction), 97 and 8E; an answer must have 99 and 8E, and 87 or 85 where it has
data. The first answer that does not hold ends the session: the counters of both sides differ from then on, and a chip
that is asked again could be made to help whoever sits in between.
"""

from __future__ import annotations

import hmac
from typing import Final

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, cbc_encrypt, ecb_block, pad, unpad
from border_agent.crypto.errors import PaddingError
from border_agent.crypto.kdf import ENC, MAC, derive
from border_agent.crypto.macs import MAC_SIZE, cmac8, retail_mac
from border_agent.documents.chip.apdu import LONG_ANSWER, SHORT_ANSWER, SHORT_DATA, CommandApdu, ResponseApdu
from border_agent.documents.chip.errors import MessagingError, Reason
from border_agent.documents.tlv import Tlv, TlvError, read_all, write_tlv

WHERE: Final = "secure messaging"
_SECURE: Final = 0x0C
_ENCRYPTED: Final = 0x87
_ENCRYPTED_ODD: Final = 0x85
_LENGTH: Final = 0x97
_STATUS: Final = 0x99
_CHECKSUM: Final = 0x8E
_PLAIN_INDICATOR: Final = b"\x01"
"""DO 87 begins with the kind of its padding: 01 is method 2."""
_COMMAND_OVERHEAD: Final = 3 + 1 + 4 + 10
"""Bytes a command grows by at most, apart from the padding: head and indicator of DO 87, DO 97, DO 8E."""
_ANSWER_OVERHEAD: Final = 3 + 1 + 4 + 10
"""The same for an answer, whose 97 is a 99. A long one needs one more for a length in three bytes; chips may reckon
with lengths in four and with the status word."""


class SecureMessaging:
    """One session: both keys and the send sequence counter.

    `ssc` counts commands and answers alike and is what the last of them had; `dead` says that one did not hold.
    """

    def __init__(self, cipher: SymmetricCipher, ks_enc: bytes, ks_mac: bytes, ssc: int = 0) -> None:
        self.cipher = cipher
        self.ssc = ssc
        self.dead = False
        self._ks_enc = ks_enc
        self._ks_mac = ks_mac

    @classmethod
    def from_secret(cls, cipher: SymmetricCipher, secret: bytes) -> SecureMessaging:
        """The session after PACE or Chip Authentication: keys from the shared secret, counter 0."""
        return cls(cipher, derive(secret, ENC, cipher), derive(secret, MAC, cipher))

    @property
    def largest_data(self) -> int:
        """Bytes of command data that fit a short command."""
        block = self.cipher.block
        return (SHORT_DATA - _COMMAND_OVERHEAD) // block * block - 1

    def largest_answer(self, size: int) -> int:
        """Bytes of plain data that fit an answer of `size` bytes (status word not counted)."""
        block = self.cipher.block
        overhead = _ANSWER_OVERHEAD if size <= SHORT_ANSWER else _ANSWER_OVERHEAD + 6
        return max(1, (size - overhead) // block * block - 1)

    def protect(self, command: CommandApdu) -> CommandApdu:
        """The protected command. Raises `MessagingError` where the session is over."""
        if self.dead:
            raise MessagingError(WHERE, reason=Reason.dead)
        self._count()
        cla = command.cla | _SECURE
        head = bytes((cla, command.ins, command.p1, command.p2))
        objects = b""
        if command.data:
            encrypted = cbc_encrypt(self.cipher, self._ks_enc, self._iv(), pad(command.data, self.cipher.block))
            odd = command.ins & 1
            objects += write_tlv(_ENCRYPTED_ODD, encrypted) if odd else write_tlv(_ENCRYPTED, b"\x01" + encrypted)
        if command.ne is not None:
            width = 2 if command.ne > SHORT_ANSWER else 1
            objects += write_tlv(_LENGTH, (command.ne % 256**width).to_bytes(width, "big"))
        checksum = self._checksum(pad(head, self.cipher.block) + objects)
        data = objects + write_tlv(_CHECKSUM, checksum)
        extended = len(data) > SHORT_DATA or (command.ne or 0) > SHORT_ANSWER
        ne = LONG_ANSWER if extended else SHORT_ANSWER
        return CommandApdu(cla, command.ins, command.p1, command.p2, data, ne)

    def unprotect(self, response: ResponseApdu) -> ResponseApdu:
        """The plain answer. Raises `MessagingError`, and the session is over, unless everything holds."""
        if self.dead:
            raise MessagingError(WHERE, reason=Reason.dead)
        self.dead = True
        self._count()
        if not response.data:
            raise MessagingError(WHERE, reason=Reason.unprotected, sw=response.sw)
        encrypted, status, checksum, covered = _read_objects(response.data)
        if not hmac.compare_digest(checksum, self._checksum(covered)):
            raise MessagingError(WHERE, reason=Reason.mac)
        if status != response.sw:
            raise MessagingError(WHERE, f"{status:04X} inside", reason=Reason.status_word, sw=response.sw)
        data = self._decrypt(encrypted) if encrypted is not None else b""
        self.dead = False
        return ResponseApdu(data, status)

    def decrypt_with(self, iv_block: bytes, data: bytes) -> bytes:
        """`data` (whole blocks) under the encryption key, its IV the encryption of a block: what PACE-CAM sends."""
        return cbc_decrypt(self.cipher, self._ks_enc, ecb_block(self.cipher, self._ks_enc, iv_block), data)

    def token(self, data: bytes) -> bytes:
        """The code of some bytes under the MAC key: PACE's authentication token."""
        if self.cipher is SymmetricCipher.TDES:
            return retail_mac(self._ks_mac, data)
        return cmac8(self._ks_mac, data)

    def _count(self) -> None:
        self.ssc = (self.ssc + 1) % 256**self.cipher.block

    def _counter(self) -> bytes:
        return self.ssc.to_bytes(self.cipher.block, "big")

    def _iv(self) -> bytes:
        """0 with 3DES, the encrypted counter with AES."""
        if self.cipher is SymmetricCipher.TDES:
            return bytes(self.cipher.block)
        return ecb_block(self.cipher, self._ks_enc, self._counter())

    def _checksum(self, covered: bytes) -> bytes:
        """Padded before the code is made; the retail MAC does so by itself."""
        counted = self._counter() + covered
        if self.cipher is SymmetricCipher.TDES:
            return retail_mac(self._ks_mac, counted)
        return cmac8(self._ks_mac, pad(counted, self.cipher.block))

    def _decrypt(self, encrypted: bytes) -> bytes:
        if not encrypted or len(encrypted) % self.cipher.block:
            raise MessagingError(WHERE, f"{len(encrypted)} bytes encrypted", reason=Reason.length)
        padded = cbc_decrypt(self.cipher, self._ks_enc, self._iv(), encrypted)
        try:
            return unpad(padded)
        except PaddingError:
            raise MessagingError(WHERE, reason=Reason.padding) from None


def _read_objects(data: bytes) -> tuple[bytes | None, int, bytes, bytes]:
    """Encrypted data (None without any), status word, checksum, and the bytes the checksum covers.

    The order is the standard's: 87 or 85, 99, 8E; none twice, nothing else, nothing after.
    """
    try:
        objects = read_all(data, WHERE, most=4)
    except TlvError as error:
        raise MessagingError(WHERE, error.detail, reason=Reason.structure) from None
    encrypted = None
    if objects and objects[0].tag in (_ENCRYPTED, _ENCRYPTED_ODD):
        encrypted = _encrypted(objects[0])
        objects = objects[1:]
    if [one.tag for one in objects] != [_STATUS, _CHECKSUM]:
        found = " ".join(f"{one.tag:02X}" for one in objects)
        raise MessagingError(WHERE, f"objects {found}", reason=Reason.structure)
    status, checksum = objects
    if len(status.value) != 2 or len(checksum.value) != MAC_SIZE:
        raise MessagingError(WHERE, "a status or checksum of another length", reason=Reason.structure)
    return encrypted, int.from_bytes(status.value, "big"), checksum.value, data[: status.end]


def _encrypted(found: Tlv) -> bytes:
    if found.tag == _ENCRYPTED_ODD:
        return found.value
    if found.value[:1] != _PLAIN_INDICATOR:
        raise MessagingError(WHERE, "another padding than method 2", reason=Reason.structure)
    return found.value[1:]
