"""Passive authentication: did the state that issued this chip write what it holds?

`judge_sod` holds a chip's security object against its files, and its signer against the authorities of a `CscaStore`.
The README of `border_agent.trust` tells what each finding means and which verdict it leads to.
"""

from __future__ import annotations

from border_agent.trust.passive.authorities import CscaStore, issued
from border_agent.trust.passive.certificates import Certificate, read_certificate
from border_agent.trust.passive.codes import CODES, verdict_of
from border_agent.trust.passive.countries import same_state
from border_agent.trust.passive.errors import (
    CertificateUnreadable,
    MasterListUnusable,
    RevocationListUnreadable,
    TrustError,
    TrustFolderUnreadable,
)
from border_agent.trust.passive.folder import TrustFolder, load_files, load_folder
from border_agent.trust.passive.judge import judge_card_security, judge_sod, open_sod
from border_agent.trust.passive.judgement import PassiveFinding, PassiveJudgement, PassiveVerdict
from border_agent.trust.passive.master_list import MasterList, read_master_list
from border_agent.trust.passive.revocation import RevocationList, read_revocation_list

__all__ = [
    "CODES",
    "Certificate",
    "CertificateUnreadable",
    "CscaStore",
    "MasterList",
    "MasterListUnusable",
    "PassiveFinding",
    "PassiveJudgement",
    "PassiveVerdict",
    "RevocationList",
    "RevocationListUnreadable",
    "TrustError",
    "TrustFolder",
    "TrustFolderUnreadable",
    "issued",
    "judge_card_security",
    "judge_sod",
    "load_files",
    "load_folder",
    "open_sod",
    "read_certificate",
    "read_master_list",
    "read_revocation_list",
    "same_state",
    "verdict_of",
]
