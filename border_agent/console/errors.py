"""What the console itself refuses."""

from __future__ import annotations

from border_agent.errors import BorneError


class FormRefused(BorneError):
    """The form does not come from a page that this session was given."""

    code = "console.form_refused"


class NotForRole(BorneError):
    """None of this person's roles opens this page."""

    code = "console.not_for_role"


class NoSuchPage(BorneError):
    """There is no page here, or it does not take this."""

    code = "console.no_page"


class Fault(BorneError):
    """A fault of this program; `where` is found in the log."""

    code = "console.fault"


class TooLarge(BorneError):
    """More was sent than any page takes."""

    code = "console.too_large"


class TooMany(BorneError):
    """More requests, or more live pages, than one browser may have."""

    code = "console.too_many"


class WrongHost(BorneError):
    """The browser came under a name that is not the console's."""

    code = "console.wrong_host"


class WrongMethod(BorneError):
    """A method that no page takes."""

    code = "console.wrong_method"


class PasswordsDiffer(BorneError):
    """The password was not typed the same way twice."""

    code = "console.passwords_differ"


class ConsoleUnusable(BorneError):
    """The console cannot listen where the configuration says, or not with this certificate."""

    code = "console.unusable"
