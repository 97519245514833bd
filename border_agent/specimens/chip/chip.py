"""A passport's chip in software: APDUs in, APDUs out, with the state a real chip keeps (9303-10 and 9303-11).

Written from the standard and from the card's point of view; of the terminal's code it shares the ciphers, the curves
and the TLV reader, nothing of the protocols, so that two readings of the standard meet over the wire.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from border_agent.documents.tlv import TlvError, read_tlv, write_tlv
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.card_apdu import Command, Refusal, parse_command
from border_agent.specimens.chip.card_authentication import agree, sign
from border_agent.specimens.chip.card_bac import CardBac
from border_agent.specimens.chip.card_files import Access, CardFiles
from border_agent.specimens.chip.card_messaging import CardMessaging
from border_agent.specimens.chip.card_pace import CAN, MRZ, CardPace, mrz_secret
from border_agent.specimens.chip.der import oid_content
from border_agent.specimens.chip.oids import chip_authentication_oid, pace_oid
from border_agent.specimens.chip.profile import ChipAuthenticationOffer, PaceOffer
from border_agent.specimens.chip.wrong import Wrongs

_ATR = bytes.fromhex("3B8780018031807380014085")
_ATR_SHORT = bytes.fromhex("3B87800180318073800100C5")
"""A contactless chip as PC/SC presents one; its capabilities say whether extended length is known."""
_SHORT_COMMAND, _SHORT_RESPONSE = 5 + 255 + 1, 256 + 2
_LONGEST_CHAIN = 8192


class VirtualChip:
    """One chip on a reader. Faults of its booklet are in force from the first APDU after a reset."""

    def __init__(self, booklet: Booklet, *, random: Callable[[int], bytes] = os.urandom) -> None:
        """`random` gives challenge, nonce and keys, in the order the protocols take them."""
        self.booklet = booklet
        self.wrongs = Wrongs(booklet.faults)
        self._profile = booklet.profile
        self._random = random
        self._files = CardFiles(self.wrongs.files(booklet.files))
        self.reset()

    def reset(self) -> None:
        """Power off and on: nothing is selected, nobody is logged in."""
        self.wrongs.reset()
        self._files.reset()
        self._access = Access.NOTHING
        self._session: CardMessaging | None = None
        self._next_session: CardMessaging | None = None
        self._bac = CardBac(self.booklet.mrz_information, self._random)
        self._pace: CardPace | None = None
        self._key_chosen = False
        self._chain = b""
        self._chained = 0

    def power(self, on: bool) -> None:
        """As a reader's driver asks: switched on or off, nothing of before is left either way."""
        self.reset()

    @property
    def atr(self) -> bytes:
        """What the chip answers to a reset."""
        return _ATR if self._profile.extended else _ATR_SHORT

    @property
    def selected(self) -> str:
        """The current file; empty: none."""
        return self._files.selected

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command APDU: data and status word.

        Raises `CardGone` and `CardSilent` where the booklet has such faults, and nothing else.
        """
        return self.wrongs.around(self, apdu)

    def answer(self, apdu: bytes) -> bytes:
        """As `transmit`, but without the faults of the wire."""
        session = self._session
        try:
            command = parse_command(apdu)
            self._fits(command, len(apdu))
            secured = command.secured
            if secured:
                if session is None:
                    raise Refusal(sw.OBJECTS_MISSING)
                outer = command.ne
                command = session.unwrap(command)
            elif session is not None:
                # A plain command ends the session, and with it all that was granted (9303-11, 9.8.3).
                self._end_session()
        except Refusal as refusal:
            if session is not None:
                self._end_session()
            return refusal.status.to_bytes(2, "big")
        if not secured or session is None:
            data, status = self._try(command, self._largest(command) - 2)
            return data + status.to_bytes(2, "big")
        room = session.room(outer, self._largest(command))
        if command.ne not in (0, 256, 65536) and command.ne > room:
            data, status = b"", sw.WRONG_LENGTH
        else:
            data, status = self._try(command, room)
        answer = session.wrap(*self.wrongs.before_wrapping(session, data, status))
        if self._next_session is not None and status == sw.OK:
            self._session, self._next_session = self._next_session, None
        return answer

    def _try(self, command: Command, room: int) -> tuple[bytes, int]:
        """The plain answer to a plain command, its data no longer than `room`."""
        try:
            if command.cla & ~0x10:
                raise Refusal(sw.UNKNOWN_CLASS)
            whole = self._unchained(command)
            if whole is None:
                return b"", sw.OK
            data, status = self._obey(whole, room)
            return (data, status) if len(data) <= room else (b"", sw.WRONG_LENGTH)
        except Refusal as refusal:
            return b"", refusal.status

    def _obey(self, command: Command, room: int) -> tuple[bytes, int]:
        instruction = command.ins
        if instruction == 0xA4:
            self._files.select(command, self._access)
            return b"", sw.OK
        if instruction == 0xB0 or (instruction == 0xB1 and self._profile.odd_read):
            return self._files.read(command, self._access, room)
        if instruction == 0x84 and self._profile.bac:
            return self._bac.challenge(), sw.OK
        if instruction == 0x82 and self._profile.bac:
            return self._external(command), sw.OK
        if instruction == 0x22:
            self._choose(command)
            return b"", sw.OK
        if instruction == 0x86:
            return self._general(command), sw.OK
        if instruction == 0x88:
            return self._internal(command), sw.OK
        raise Refusal(sw.UNKNOWN_INSTRUCTION)

    # Chaining and lengths

    def _largest(self, command: Command) -> int:
        """Bytes of the longest answer to this command, status word included."""
        return self._profile.largest_response if command.extended else _SHORT_RESPONSE

    def _fits(self, command: Command, length: int) -> None:
        limit = self._profile.largest_command if self._profile.extended else _SHORT_COMMAND
        if length > limit or (command.extended and not self._profile.extended):
            raise Refusal(sw.WRONG_LENGTH)

    def _unchained(self, command: Command) -> Command | None:
        """The whole command once its last link is there; general authentication has its own steps, see `_general`."""
        if self._chained not in (0, command.ins):
            self._chain, self._chained = b"", 0
        if not command.chained and not self._chained:
            return command
        data = self._chain + command.data
        if len(data) > _LONGEST_CHAIN:
            self._chain, self._chained = b"", 0
            raise Refusal(sw.WRONG_LENGTH)
        complete = not command.chained or (command.ins == 0x86 and _is_whole(data))
        if not complete:
            self._chain, self._chained = data, command.ins
            return None
        self._chain, self._chained = b"", 0
        return Command(command.cla, command.ins, command.p1, command.p2, data, command.ne, command.extended)

    # Access

    def _grant(self, access: Access, session: CardMessaging) -> None:
        """A password was proved: the answer is still in clear, all after it is protected."""
        if self._session is None:
            self._session = session
        else:
            self._next_session = session
        self._access = access

    def _end_session(self) -> None:
        self._session = self._next_session = None
        self._access = Access.NOTHING
        self._pace = None
        self._key_chosen = False

    def _external(self, command: Command) -> bytes:
        answer, session = self._bac.authenticate(command.data)
        self._grant(Access.BAC, session)
        return answer

    # Manage security environment, general authenticate

    def _choose(self, command: Command) -> None:
        """MSE:Set AT for PACE (C1A4) and Chip Authentication (41A4), Set KAT (41A6)."""
        objects = _objects(command.data)
        self._pace, self._key_chosen = None, False
        match command.p1, command.p2:
            case 0xC1, 0xA4:
                self._pace = self._begin_pace(objects)
            case 0x41, 0xA4:
                self._check_key(objects)
                if objects.get(0x80) != oid_content(chip_authentication_oid(self._authentication)):
                    raise Refusal(sw.BAD_DATA)
                self._key_chosen = True
            case 0x41, 0xA6:
                self._check_key(objects)
                self._next_session = agree(
                    self._authentication, self.booklet.keys.chip_authentication, objects.get(0x91, b"")
                )
            case _:
                raise Refusal(sw.BAD_PARAMETERS)

    def _begin_pace(self, objects: dict[int, bytes]) -> CardPace:
        offer = self._offer(objects)
        reference = objects.get(0x83, b"")
        if reference == bytes([MRZ]):
            secret = mrz_secret(self.booklet.mrz_information)
        elif reference == bytes([CAN]) and self._profile.can:
            secret = self._profile.can.encode("ascii")
        else:
            raise Refusal(sw.REFERENCE_NOT_FOUND)
        return CardPace(offer, secret, self._random, self.booklet.keys.mapping)

    def _offer(self, objects: dict[int, bytes]) -> PaceOffer:
        """The PACE the terminal chose; its parameters' number may be left out where it says nothing new."""
        fitting = [offer for offer in self._profile.pace if oid_content(pace_oid(offer)) == objects.get(0x80)]
        if number := objects.get(0x84):
            fitting = [offer for offer in fitting if number == bytes([offer.parameter_id])]
        if len(fitting) != 1:
            raise Refusal(sw.BAD_DATA if not fitting else sw.REFERENCE_NOT_FOUND)
        return fitting[0]

    @property
    def _authentication(self) -> ChipAuthenticationOffer:
        if self._profile.chip_authentication is None or self._access is Access.NOTHING:
            raise Refusal(sw.NOT_ALLOWED)
        return self._profile.chip_authentication

    def _check_key(self, objects: dict[int, bytes]) -> None:
        """The key's number, needed only where there is one."""
        key_id = self._authentication.key_id
        named = objects.get(0x84)
        if named is not None and (key_id is None or int.from_bytes(named, "big") != key_id):
            raise Refusal(sw.REFERENCE_NOT_FOUND)

    def _general(self, command: Command) -> bytes:
        """GENERAL AUTHENTICATE: a step of PACE, or Chip Authentication's only one."""
        outer = _objects(command.data)
        if list(outer) != [0x7C]:
            raise Refusal(sw.BAD_DATA)
        objects = _objects(outer[0x7C])
        if self._pace is not None:
            return write_tlv(0x7C, self._pace_step(self._pace, objects))
        if not self._key_chosen or list(objects) != [0x80]:
            raise Refusal(sw.CONDITIONS)
        self._key_chosen = False
        self._next_session = agree(self._authentication, self.booklet.keys.chip_authentication, objects[0x80])
        return write_tlv(0x7C, b"")

    def _pace_step(self, pace: CardPace, objects: dict[int, bytes]) -> bytes:
        try:
            self.wrongs.in_pace(last=0x85 in objects)
            answer, session = pace.answer(objects)
        except Refusal:
            self._pace = None
            raise
        if session is not None:
            self._pace = None
            self._grant(Access.PACE, session)
        return answer

    def _internal(self, command: Command) -> bytes:
        offer = self._profile.active_authentication
        if offer is None:
            raise Refusal(sw.UNKNOWN_INSTRUCTION)
        if self._access is Access.NOTHING:
            raise Refusal(sw.NOT_ALLOWED)
        return sign(offer, self.booklet.keys.active, command.data, self._random)


def _objects(data: bytes) -> dict[int, bytes]:
    """Data objects by tag, in their order; raises `Refusal` 6A80."""
    out: dict[int, bytes] = {}
    rest = data
    try:
        while rest:
            tlv = read_tlv(rest)
            out[tlv.tag] = tlv.value
            rest = rest[tlv.end :]
    except TlvError as error:
        raise Refusal(sw.BAD_DATA) from error
    return out


def _is_whole(data: bytes) -> bool:
    """Whether one data object is there to its end."""
    try:
        return read_tlv(data).end == len(data)
    except TlvError:
        return False
