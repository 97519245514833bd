"""What the chip's files say: the logical data structure of Doc 9303-10, and its pictures of faces.

One reader a file, each bounded, each raising `LdsError` only, whatever the bytes. Nothing here believes what it
reads: see `border_agent.trust.passive`.
"""

from __future__ import annotations

from border_agent.documents.lds.com import Com, read_com
from border_agent.documents.lds.details import (
    AdditionalDocument,
    AdditionalPersonal,
    PersonToNotify,
    read_dg11,
    read_dg12,
    read_dg16,
)
from border_agent.documents.lds.dg1 import read_dg1
from border_agent.documents.lds.dg2 import read_dg2, read_dg7
from border_agent.documents.lds.errors import LdsError, LdsMalformed, LdsNoFace, LdsTooLong, LdsUnsupported
from border_agent.documents.lds.faces import FaceEncoding, FaceRecords, read_face_record
from border_agent.documents.lds.images import ChipImage, ImageFormat, read_image
from border_agent.documents.lds.keys import ActiveAuthenticationKey, read_dg14, read_dg15
from border_agent.documents.lds.public_keys import DhKey, EcKey, PublicKey, RsaKey, read_public_key
from border_agent.documents.lds.security_infos import SecurityInfo, read_security_infos
from border_agent.documents.lds.security_object import SecurityObject, read_security_object, read_sod
from border_agent.documents.lds.signed_data import SignedData, SignerInfo, read_card_security, read_signed_data

__all__ = [
    "ActiveAuthenticationKey",
    "AdditionalDocument",
    "AdditionalPersonal",
    "ChipImage",
    "Com",
    "DhKey",
    "EcKey",
    "FaceEncoding",
    "FaceRecords",
    "ImageFormat",
    "LdsError",
    "LdsMalformed",
    "LdsNoFace",
    "LdsTooLong",
    "LdsUnsupported",
    "PersonToNotify",
    "PublicKey",
    "RsaKey",
    "SecurityInfo",
    "SecurityObject",
    "SignedData",
    "SignerInfo",
    "read_card_security",
    "read_com",
    "read_dg1",
    "read_dg2",
    "read_dg7",
    "read_dg11",
    "read_dg12",
    "read_dg14",
    "read_dg15",
    "read_dg16",
    "read_face_record",
    "read_image",
    "read_public_key",
    "read_security_infos",
    "read_security_object",
    "read_signed_data",
    "read_sod",
]
