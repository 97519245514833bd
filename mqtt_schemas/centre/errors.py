"""What can go wrong at the data centre."""

from __future__ import annotations

from mqtt_schemas.errors import ContractError


class CentreError(ContractError):
    """Base of the data centre's errors."""

    code = "centre"


class BadConfiguration(CentreError):
    """`centre.toml` cannot be read, or holds a key or a value that does not belong there."""

    code = "centre.configuration"


class BadFolder(CentreError):
    """A folder that is not a data centre's, or is one already where a new one was asked for."""

    code = "centre.folder"


class AlreadyRunning(CentreError):
    """Another process has this folder's lock."""

    code = "centre.already_running"


class BadKeyFile(CentreError):
    """A key that is missing, unreadable, or readable by others than its owner."""

    code = "centre.key_file"


class KeysIncomplete(CentreError):
    """The keys document grants no key for a role that this version signs in, and the root is not here to sign one."""

    code = "centre.keys_incomplete"


class BadEnrolment(CentreError):
    """A device id, post or key that cannot be enrolled."""

    code = "centre.enrolment"


class BadAuthority(CentreError):
    """The authority that issues certificates is missing, is no good, or ends."""

    code = "centre.authority"


class CodeDiffers(CentreError):
    """The request is not the one whose code was read on the device."""

    code = "centre.code_differs"


class OtherMachine(CentreError):
    """A request with other keys than the enrolled ones: another machine, or one that was set up anew."""

    code = "centre.other_machine"


class UnsentUnclear(CentreError):
    """A machine is to be replaced, and nobody has said what becomes of what it may still hold."""

    code = "centre.unsent_unclear"


class BurntKeys(CentreError):
    """A request with the keys of a device that was cloned: whoever has the copy has them too."""

    code = "centre.burnt_keys"


class BadOfficer(CentreError):
    """An officer's record that cannot be: number, name, role, post, or what was asked of it in its state."""

    code = "centre.officer"


class NoSuchOfficer(CentreError):
    """A service number that no record has."""

    code = "centre.no_such_officer"


class NoSuchConflict(CentreError):
    """A number that no conflict has."""

    code = "centre.no_such_conflict"


class NoSuchEvidence(CentreError):
    """A piece of evidence that is not here, or not all of it."""

    code = "centre.no_such_evidence"


class NoSealingDevice(CentreError):
    """Nobody could open an activation: no enrolled device of the officer's posts has a sealing key."""

    code = "centre.no_sealing_device"


class StoreFailed(CentreError):
    """The database refused; nothing of the transaction is stored."""

    code = "centre.store"


class DiskFull(StoreFailed):
    """No room for the database; nothing of the transaction is stored, and nothing is acknowledged."""

    code = "centre.disk_full"


class ServerLost(StoreFailed):
    """The database's server is gone or was never there; nothing is acknowledged until it is back."""

    code = "centre.server_lost"


class Refused(StoreFailed):
    """A row the database's own rules refuse (a trigger, a key); the rest of the transaction may stand."""

    code = "centre.refused"


class BadImport(CentreError):
    """A file that cannot be imported as a whole; nothing of it is stored."""

    code = "centre.import"


class BadImportLine(BadImport):
    """A line that is not the feed's record; nothing of its file is stored."""

    code = "centre.import_line"

    def __init__(self, where: str, line: int, detail: str) -> None:
        """`line` counts from 1."""
        self.line = line
        super().__init__(where, f"line {line}: {detail}")


class RegisterFeed(BadImport):
    """A file for the feed of devices, which is made from the register alone."""

    code = "centre.register_feed"


class BadExport(CentreError):
    """Lists that cannot be written for a stick: a device, a list or a file that cannot be, or nobody to open them."""

    code = "centre.export"
