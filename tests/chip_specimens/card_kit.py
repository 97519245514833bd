"""A terminal before a chip in software, and a plain voice for what no terminal would say."""

from __future__ import annotations

from border_agent.documents.chip.bac import establish_bac
from border_agent.documents.chip.files import FileId, read_file, select_application, select_master_file
from border_agent.documents.chip.pace import PaceResult, choose_pace, establish_pace
from border_agent.documents.chip.passwords import MrzPassword, Password
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds import read_security_infos
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip

APPLICATION = bytes.fromhex("00A4040C07A0000002471001")
LARGEST = 1 << 20


def opened_by_bac(booklet: Booklet) -> tuple[VirtualChip, ChipSession]:
    """Application chosen, logged in by BAC."""
    chip = VirtualChip(booklet)
    session = session_with(chip)
    select_application(session)
    establish_bac(session, booklet.mrz_information)
    return chip, session


def opened_by_pace(booklet: Booklet, password: Password | None = None) -> tuple[VirtualChip, ChipSession, PaceResult]:
    """Logged in by the best PACE there is, application chosen."""
    chip = VirtualChip(booklet)
    session = session_with(chip)
    select_master_file(session)
    infos = read_security_infos(read_file(session, FileId.CARD_ACCESS, largest=LARGEST))
    info = choose_pace(infos)
    assert info is not None
    result = establish_pace(session, info, password or MrzPassword(booklet.mrz_information))
    select_application(session)
    return chip, session, result


def session_with(chip: VirtualChip) -> ChipSession:
    """A session that knows what the chip's profile says of lengths."""
    profile = chip.booklet.profile
    session = ChipSession(chip, extended=profile.extended)
    if profile.extended:
        session.answer_size = profile.largest_response - 2
    return session


def say(chip: VirtualChip, apdu: str) -> str:
    """A command as hexadecimal digits; the answer likewise."""
    return chip.transmit(bytes.fromhex(apdu)).hex().upper()
