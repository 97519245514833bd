"""Errors of trust material: certificates, master lists, revocation lists. A chip's own bytes never raise them."""

from __future__ import annotations

from border_agent.errors import BorneError


class TrustError(BorneError):
    """Base of every error about what is to be trusted."""

    code = "trust"


class CertificateUnreadable(TrustError):
    """Bytes that are no X.509 certificate this reader can make sense of."""

    code = "trust.certificate"


class MasterListUnusable(TrustError):
    """A file that is no master list, or one whose own signature does not hold."""

    code = "trust.master_list"


class RevocationListUnreadable(TrustError):
    """Bytes that are no certificate revocation list."""

    code = "trust.revocation_list"


class TrustFolderUnreadable(TrustError):
    """A folder of trust material that cannot be read."""

    code = "trust.folder"
