"""Reading a chip from beginning to end: access, the files, the chip's own proof, the portrait, what else is wanted.

    reading = read_chip(reader.card, MrzPassword(mrz_information(mrz)), progress=show)

Whatever the card does, a `ChipReading` comes of it, within the allowance. A contact that is lost is taken up again:
the chip is opened anew, proves itself anew (it may be another one), and reading goes on at the byte it stopped at.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from border_agent.documents.chip.agreement import random_private
from border_agent.documents.chip.apdu import SHORT_ANSWER
from border_agent.documents.chip.budget import Allowance, Budget, Metered
from border_agent.documents.chip.errors import (
    AccessRefused,
    ChipBudget,
    ChipError,
    ChipLost,
    ChipProtocolError,
    FileMissing,
    MessagingError,
    PaceFailed,
    Reason,
    Unsupported,
)
from border_agent.documents.chip.files import FileId, PartialFile, read_file, select_application
from border_agent.documents.chip.login import Access, Keys, Offer, log_in, read_offer, withheld
from border_agent.documents.chip.passwords import Password
from border_agent.documents.chip.progress import ACCESS, AUTHENTICATION, BEFORE, Course, after
from border_agent.documents.chip.prove import Proof, infos_of, prove
from border_agent.documents.chip.reading import (
    ChipAuthenticity,
    ChipOutcome,
    ChipProgress,
    ChipReading,
    ChipReadPolicy,
    ChipStage,
)
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.com import read_com
from border_agent.documents.lds.dg1 import read_dg1
from border_agent.documents.lds.errors import LdsError
from border_agent.documents.lds.security_object import read_security_object, read_sod
from border_agent.documents.lds.signed_data import read_signed_data
from firmware_bridge.errors import CardLost
from firmware_bridge.roles import CardTransport

CardOpener = Callable[[float], CardTransport | None]
"""`CardReader.card`: the card, powered up anew, or None after so many seconds."""

LARGEST: Final[dict[str, int]] = {
    FileId.CARD_SECURITY: 16_384,
    FileId.COM: 1_024,
    FileId.SOD: 65_536,
    FileId.DG1: 512,
    FileId.DG14: 16_384,
    FileId.DG15: 16_384,
}
_LARGEST_OTHER: Final = 300_000
_ESSENTIAL: Final = (FileId.DG1,)
_ALWAYS: Final = (FileId.SOD, FileId.DG1, FileId.DG2)
"""What every passport has, whether or not EF.COM says so."""
_LOOK: Final = 0.5
"""Seconds between two looks at whether the reading is still wanted, while there is no card."""


def read_chip(
    open_card: CardOpener,
    password: Password,
    *,
    policy: ChipReadPolicy | None = None,
    allowance: Allowance | None = None,
    progress: Callable[[ChipProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    random: Callable[[int], bytes] = os.urandom,
    private: Callable[[int], int] = random_private,
) -> ChipReading:
    """Read the chip that lies there, or is laid there within `policy.wait` seconds.

    The allowance counts from then on. Never raises for what a card or a reader does; what `progress` raises passes
    through. `cancelled` is asked before every command. `random` and `private` are the terminal's random numbers and
    ephemeral keys (for replays).
    """
    budget = Budget(allowance or Allowance(), cancelled)
    run = _Run(open_card, Keys(password, random, private), policy or ChipReadPolicy(), budget, progress)
    outcome, error = run.outcome()
    return run.reading(outcome, error)


class _Run:
    """One reading, over as many contacts as it takes."""

    def __init__(
        self,
        open_card: CardOpener,
        keys: Keys,
        policy: ChipReadPolicy,
        budget: Budget,
        listener: Callable[[ChipProgress], None] | None,
    ) -> None:
        self._open_card = open_card
        self._keys = keys
        self._policy = policy
        self._budget = budget
        self._course = Course(policy, listener)
        self._offer: Offer | None = None
        self._access: Access | None = None
        self._proof = Proof(ChipAuthenticity.untried)
        self._files: dict[str, bytes] = {}
        self._partial: dict[str, PartialFile] = {}
        self._missing: list[str] = []
        self._named: set[str] = set()  # files that EF.COM or EF.SOD says there are
        self._lines: tuple[str, ...] = ()
        self._resumed = 0
        self._broken: Counter[str] = Counter()  # steps at which the chip left secure messaging
        self._card: Metered | None = None
        self._long_answers: bool | None = None  # None: not tried yet

    def outcome(self) -> tuple[ChipOutcome, str]:
        """How it ends, and the code of the error that ends it."""
        try:
            self._course.wait()
            session = self._connect()
            if session is None:
                return ChipOutcome.absent, ""
            while session is not None:
                session = self._go_on(session)
            self._course.end()
            return ChipOutcome.read, ""
        except (ChipError, LdsError) as error:
            outcome = _outcome_of(error)
            if outcome is ChipOutcome.access_refused and self._access is not None:
                outcome = ChipOutcome.lost  # it was open before: another card was put back, or none to rely on
            return outcome, error.code

    def reading(self, outcome: ChipOutcome, error: str) -> ChipReading:
        stages = {str(stage): round(1000 * seconds, 3) for stage, seconds in self._course.seconds.items()}
        return ChipReading(
            outcome=outcome,
            error=error,
            access=self._access.protocol if self._access is not None else "",
            pace_failed=self._access is not None and self._access.pace_failed,
            access_differs=self._offer is not None and withheld(self._offer, infos_of(self._files)),
            authenticity=self._proof.authenticity,
            proof_file=str(self._proof.file),
            files={str(file): content for file, content in self._files.items()},
            mrz_lines=self._lines,
            missing=tuple(map(str, self._missing)),
            resumed=self._resumed,
            apdus=self._budget.apdus,
            ms={
                "total": round(1000 * self._budget.elapsed, 3),
                "chip": round(1000 * self._budget.waiting, 3),
                **stages,
            },
        )

    def _go_on(self, session: ChipSession) -> ChipSession | None:
        """Do what is not done yet; the new session where contact was lost, None when all is done."""
        try:
            self._log_in(session)
            for file in BEFORE:
                self._read(session, file)
            session = self._prove(session)
            for file in after(self._policy):
                if file in _ALWAYS or file in self._named:
                    self._read(session, file)
            return None
        except CardLost as loss:
            return self._resume(loss)
        except MessagingError as error:
            if error.reason is not Reason.unprotected:
                raise
            # Some chips answer what they cannot do outside secure messaging, and the session is gone.
            self._give_up_where_repeated(error)
            return self._resume(error)

    def _connect(self) -> ChipSession | None:
        """The card, as soon as it lies there."""
        wait = self._policy.wait if self._card is None else min(self._policy.wait, self._budget.remaining)
        while True:
            card = self._open_card(min(wait, _LOOK))
            if card is not None:
                self._budget.begin()
                self._card = Metered(card, self._budget)
                return ChipSession(self._card, watch=self._budget.watch)
            wait -= _LOOK
            if wait <= 0:
                return None
            self._budget.watch()

    def _resume(self, cause: Exception) -> ChipSession:
        """Wait for the card to lie there again. Raises `ChipLost`, or the cause where it is an error of the chip."""
        if self._card is not None and self._card.extended and self._long_answers is None:
            self._long_answers = False  # readers that cannot pass them on lose the card over the first one
        self._resumed += 1
        if self._resumed > self._policy.resumes:
            if isinstance(cause, ChipError):
                raise cause
            raise ChipLost("chip", f"lost {self._resumed} times")
        self._course.wait()
        again = self._connect()
        if again is None:
            raise ChipLost("chip", "the card did not come back") from cause
        return again

    def _give_up_where_repeated(self, error: MessagingError) -> None:
        """The same step breaks the session a second time: do without it, or without the chip."""
        step = self._course.step
        self._broken[step] += 1
        if self._broken[step] < 2:
            return
        if step == AUTHENTICATION:
            self._proof = Proof(ChipAuthenticity.failed)
        elif step == ACCESS or step in _ESSENTIAL:
            raise error
        else:
            self._lack(FileId(step))

    def _log_in(self, session: ChipSession) -> None:
        with self._course.at(ChipStage.access, ACCESS):
            if self._offer is None:
                self._offer = read_offer(session, self._card.atr if self._card is not None else b"")
                if self._offer.card_access:
                    self._files[FileId.CARD_ACCESS] = self._offer.card_access
            access = log_in(session, self._offer, self._keys, bac_after_pace=self._policy.bac_after_pace)
            self._access = access
            if self._long_answers is False:
                session.answer_size = SHORT_ANSWER
        if access.cam is not None:
            self._read(session, FileId.CARD_SECURITY)
        if access.protocol != "bac":
            with self._course.at(ChipStage.access, ACCESS):
                select_application(session)

    def _read(self, session: ChipSession, file: FileId) -> None:
        if file in self._files or file in self._missing:
            return
        partial = self._partial.setdefault(file, PartialFile())
        before = len(partial.data)

        def heard(done: int, total: int) -> None:
            nonlocal before
            if done - before > SHORT_ANSWER:
                self._long_answers = True
            before = done
            self._course.tell(done, total)

        with self._course.at(ChipStage.files, file):
            try:
                largest = LARGEST.get(file, _LARGEST_OTHER)
                self._files[file] = read_file(session, file, largest=largest, partial=partial, progress=heard)
            except (FileMissing, AccessRefused) as error:
                if file in _ESSENTIAL:
                    raise
                self._lack(file, told=isinstance(error, AccessRefused))
            except ChipProtocolError as error:
                if error.reason not in (Reason.truncated, Reason.status_word) or file in _ESSENTIAL:
                    raise
                self._lack(file, told=True)
        if file is FileId.DG1:
            self._lines = read_dg1(self._files[file])
        elif file in self._files:
            self._named |= _named_in(file, self._files[file])

    def _lack(self, file: FileId, *, told: bool = True) -> None:
        """Do without a file; it is reported where somebody says that the chip has it."""
        if told or file in _ALWAYS or file in self._named:
            self._missing.append(file)

    def _prove(self, session: ChipSession) -> ChipSession:
        """Once for every contact, unless it has failed: the chip that lies there now has to prove it."""
        if self._proof.authenticity is ChipAuthenticity.failed or self._access is None:
            return session
        with self._course.at(ChipStage.authentication, AUTHENTICATION):
            self._proof = prove(session, self._access, self._files, self._keys)
        if not self._proof.over:
            return session
        again = self._connect()  # for the record: what a copy shows
        if again is None:
            raise ChipLost("chip", "the card did not come back")
        self._log_in(again)
        return again


_BY_TAG: Final = {
    tag: FileId(f"DG{number}")
    for number, tag in enumerate(
        (0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70), start=1
    )
}


def _named_in(file: FileId, content: bytes) -> set[str]:
    """Files that EF.COM or EF.SOD names. Nobody signs the first; from the second nothing can be taken out unseen."""
    with suppress(LdsError):
        if file is FileId.COM:
            return {_BY_TAG[tag] for tag in read_com(content).tags if tag in _BY_TAG}
        if file is FileId.SOD:
            signed = read_signed_data(read_sod(content), file)
            return {f"DG{number}" for number in read_security_object(signed.content).hashes}
    return set()


def _outcome_of(error: ChipError | LdsError) -> ChipOutcome:
    match error:
        case ChipBudget():
            return ChipOutcome.timed_out
        case ChipLost():
            return ChipOutcome.lost
        case AccessRefused():
            return ChipOutcome.access_refused
        case PaceFailed(reason=Reason.status_word):
            return ChipOutcome.access_refused
        case ChipProtocolError(reason=Reason.truncated | Reason.status_word):
            return ChipOutcome.unreadable
        case LdsError() | Unsupported() | FileMissing():
            return ChipOutcome.unreadable
    return ChipOutcome.hostile
