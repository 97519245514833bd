"""What does this visa say?

Bytes from a scanner become a `SealedVisa`, or a typed error. Today's format is the ICAO datastructure for
barcodes: text, so every hand-held scanner and every camera reads it, with the signer named in its header.

    decode_seal       a visa                     decode_idb   any seal of the format, message by message
    encode_visa       what a consulate prints    make_signer  a fictional signer, for specimens and tests
    verify_signature  one certificate, yes or no

Reading and verifying are apart on purpose: a seal is shown to an officer even if nobody vouches for it, and
whether its signer may speak for its issuer is decided in `border_agent.trust`. Only `SealError` is ever
raised.
"""

from __future__ import annotations

from border_agent.seals.certificates import SignerCertificate, certificate_reference, read_certificate
from border_agent.seals.errors import (
    CertificateUnusable,
    NotASeal,
    NotAVisa,
    SealError,
    SealMalformed,
    SealTooLong,
    SealUnsupported,
    SealUnwritable,
)
from border_agent.seals.idb import MAX_PAYLOAD, MAX_TEXT, decode_idb, encode_idb
from border_agent.seals.signer import VisaSigner, make_signer
from border_agent.seals.types import (
    IdbMessage,
    IdbSeal,
    SealedVisa,
    SealFormat,
    SignatureCheck,
    VisaContent,
)
from border_agent.seals.verify import check_signature, signed_by, verify_signature
from border_agent.seals.visa import decode_seal, encode_visa, visa_of

__all__ = [
    "MAX_PAYLOAD",
    "MAX_TEXT",
    "CertificateUnusable",
    "IdbMessage",
    "IdbSeal",
    "NotASeal",
    "NotAVisa",
    "SealError",
    "SealFormat",
    "SealMalformed",
    "SealTooLong",
    "SealUnsupported",
    "SealUnwritable",
    "SealedVisa",
    "SignatureCheck",
    "SignerCertificate",
    "VisaContent",
    "VisaSigner",
    "certificate_reference",
    "check_signature",
    "decode_idb",
    "decode_seal",
    "encode_idb",
    "encode_visa",
    "make_signer",
    "read_certificate",
    "signed_by",
    "verify_signature",
    "visa_of",
]
