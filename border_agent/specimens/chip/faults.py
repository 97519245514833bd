"""What can be wrong with a chip on the wire, to be switched on one by one or together.

Wrong content (another state's signer, a printed zone that differs, a clone) is made when a booklet is made, see
`booklets`; here is what a chip, or somebody with a soldering iron, does with the APDUs. A fault holds from APDU
`at` on (the first is 1; a reset does not begin anew), for `times` APDUs (0: for ever), and where it names a `file`
only while that file is selected.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """The switches."""

    PULLED = "pulled"
    """The card is taken away: this APDU and all after it find none, until it is put back (a reset). A twin's card
    comes back after `seconds`; 0: it stays away."""
    SILENT = "silent"
    """No answer."""
    SLOW = "slow"
    """Every answer takes `seconds` longer."""
    STATUS = "status"
    """The answer is `status` and no more, without secure messaging; the chip never saw the command."""
    PROTECTED_STATUS = "protected_status"
    """The command fails with `status`, properly under secure messaging."""
    BAD_MAC = "bad_mac"
    """One bit of the answer's checksum is wrong."""
    NO_MAC = "no_mac"
    """The answer comes without its checksum (object 8E)."""
    NO_STATUS = "no_status"
    """The answer comes without its protected status (object 99)."""
    WRONG_SSC = "wrong_ssc"
    """The answer is protected with the send sequence counter of one command before."""
    REPLAYED = "replayed"
    """The answer to the command before is sent again."""
    ENDLESS_MORE = "endless_more"
    """Always 61xx: there is more to fetch, for ever."""
    ENDLESS_LENGTH = "endless_length"
    """Always 6Cxx: ask again with another length, for ever."""
    ENDLESS_FILE = "endless_file"
    """Behind what the file's header says there are more bytes, without end."""
    LENGTH_BOMB = "length_bomb"
    """The file's header claims 64 MiB, and reading never comes to an end."""
    NESTED_BOMB = "nested_bomb"
    """The file is objects within objects, as deep as fits."""
    TRUNCATED = "truncated"
    """The file ends after half of what its header says."""
    OVERLONG = "overlong"
    """More bytes come than were asked for."""
    SHORT = "short"
    """The answer has a single byte: not even a status word."""
    NOISE = "noise"
    """The answer is bytes of no meaning, as long as it should be."""
    PACE_BROKEN = "pace_broken"
    """PACE fails at its last step with `status`, whatever the password; BAC works."""
    PACE_STRIPPED = "pace_stripped"
    """EF.CardAccess is not there, though the chip knows PACE and DG14 says so."""
    HIDDEN_KEYS = "hidden_keys"
    """DG14 and DG15 are neither there nor in EF.COM: a clone that hopes nobody asks."""
    MISSING = "missing"
    """`file` is not there, though EF.COM or EF.SOD names it."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault."""

    kind: FaultKind
    at: int = 1
    """The first APDU it concerns."""
    times: int = 0
    """How many APDUs it concerns; 0: all from there on."""
    file: str = ""
    """Only while this file is selected; empty: always."""
    seconds: float = 0.0
    status: int = 0x6F00

    def holds(self, apdu: int, file: str) -> bool:
        """Whether it concerns this APDU (counted from 1) while `file` is selected."""
        in_time = apdu >= self.at and (self.times == 0 or apdu < self.at + self.times)
        return in_time and (not self.file or self.file == file)
