"""What the terminal speaks to in these tests: a script, and a card that only knows secure messaging."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, cbc_encrypt, ecb_block, pad, unpad
from border_agent.crypto.macs import cmac8, retail_mac
from border_agent.documents.chip.apdu import CommandApdu, ResponseApdu, read_command
from border_agent.documents.tlv import read_all, write_tlv

KS_ENC, KS_MAC = bytes(range(32)), bytes(range(32, 64))


class Script:
    """Answers in order; where a step names requests, the command must be one of them."""

    def __init__(self, steps: Iterable[tuple[tuple[str, ...], str]]) -> None:
        self.steps = list(steps)
        self.sent: list[str] = []

    @property
    def atr(self) -> bytes:
        return b""

    def transmit(self, apdu: bytes) -> bytes:
        requests, response = self.steps.pop(0)
        self.sent.append(apdu.hex().upper())
        assert not requests or self.sent[-1] in requests
        return bytes.fromhex(response)


def answers(*responses: str) -> Script:
    """A script that does not look at commands."""
    return Script(((), response) for response in responses)


class CardSide:
    """The card's half of secure messaging, written from Doc 9303-11 9.8 and apart from the terminal's."""

    def __init__(self, cipher: SymmetricCipher, ssc: int = 0) -> None:
        self.cipher, self.ssc = cipher, ssc
        self.enc, self.mac = KS_ENC[: cipher.key_size], KS_MAC[: cipher.key_size]

    def _count(self) -> bytes:
        self.ssc += 1
        return self.ssc.to_bytes(self.cipher.block, "big")

    def _iv(self, counter: bytes) -> bytes:
        return bytes(8) if self.cipher is SymmetricCipher.TDES else ecb_block(self.cipher, self.enc, counter)

    def _code(self, data: bytes) -> bytes:
        if self.cipher is SymmetricCipher.TDES:
            return retail_mac(self.mac, data)
        return cmac8(self.mac, pad(data, 16))

    def open(self, command: CommandApdu) -> CommandApdu:
        counter = self._count()
        assert command.cla & 0x0C == 0x0C
        elements = {element.tag: element.value for element in read_all(command.data)}
        covered = command.data[: -len(write_tlv(0x8E, elements[0x8E]))]
        assert elements[0x8E] == self._code(counter + pad(command.header, self.cipher.block) + covered)
        encrypted = elements.get(0x87, b"\x01")[1:] or elements.get(0x85, b"")
        assert (0x85 in elements) <= bool(command.ins & 1)
        data = unpad(cbc_decrypt(self.cipher, self.enc, self._iv(counter), encrypted)) if encrypted else b""
        ne = None
        if 0x97 in elements:
            ne = int.from_bytes(elements[0x97], "big") or 256 ** len(elements[0x97])
        return CommandApdu(command.cla & ~0x0C, command.ins, command.p1, command.p2, data, ne)

    def close(self, response: ResponseApdu, odd: bool = False) -> bytes:
        counter = self._count()
        objects = b""
        if response.data:
            encrypted = cbc_encrypt(self.cipher, self.enc, self._iv(counter), pad(response.data, self.cipher.block))
            objects = write_tlv(0x85, encrypted) if odd else write_tlv(0x87, b"\x01" + encrypted)
        status = response.sw.to_bytes(2, "big")
        objects += write_tlv(0x99, status)
        return objects + write_tlv(0x8E, self._code(counter + objects)) + status


class SecureCard:
    """A card behind secure messaging: `answer` has the plain command and gives the plain answer."""

    def __init__(self, cipher: SymmetricCipher, answer: Callable[[CommandApdu], ResponseApdu]) -> None:
        self.side, self.answer = CardSide(cipher), answer
        self.commands: list[CommandApdu] = []

    @property
    def atr(self) -> bytes:
        return b""

    def transmit(self, apdu: bytes) -> bytes:
        plain = self.side.open(read_command(apdu))
        self.commands.append(plain)
        return self.side.close(self.answer(plain), bool(plain.ins & 1))
