"""What can be wrong with an enrolment: with what a device asks for, and with what it is brought."""

from __future__ import annotations

from mqtt_schemas.errors import ContractError


class EnrolmentError(ContractError):
    """Base of what is wrong with an enrolment request or a bundle."""

    code = "enrolment"


class BadRequest(EnrolmentError):
    """A request that does not prove what it says: keys it does not hold, names that are not its own."""

    code = "enrolment.request"


class WrongDevice(EnrolmentError):
    """A bundle for another device or another post."""

    code = "enrolment.wrong_device"


class WrongKeys(EnrolmentError):
    """A bundle for keys this device does not hold: it was enrolled with others, or the bundle answers another one."""

    code = "enrolment.wrong_keys"


class Expired(EnrolmentError):
    """A bundle that was not brought in time, or whose certificates have run out."""

    code = "enrolment.expired"


class Replayed(EnrolmentError):
    """A bundle older than the one this device has taken."""

    code = "enrolment.replayed"


class ForeignAuthority(EnrolmentError):
    """Certificates that do not lead to the authority this device trusts."""

    code = "enrolment.foreign_authority"


class BadCertificate(EnrolmentError):
    """Something that is no certificate, or not one for the use it is meant for."""

    code = "enrolment.certificate"
