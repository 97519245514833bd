"""What is fuzzed: a name, seeds, and a function that may raise nothing but the errors its readers promise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from border_agent.documents.lds import LdsError, read_card_security, read_image, read_public_key, read_signed_data
from border_agent.documents.lds.security_object import read_security_object
from border_agent.documents.mrz import MrzError, parse_mrz
from border_agent.documents.tlv import TlvError, read_all
from border_agent.trust.passive import (
    CscaStore,
    TrustError,
    judge_card_security,
    judge_sod,
    read_certificate,
    read_master_list,
    read_revocation_list,
)
from mqtt_schemas.errors import ContractError
from tests.fuzz import chips, entries, pictures, sticks
from tests.lds.lds_samples import DG1, FILES, INFOS, TD3, codestream, ec_info, jp2, jpeg
from tests.passive.pki import container, crl, csca, dsc, hash_list, master_list, rsa_key, sod

TODAY = date(2026, 11, 26)
_DG = {1: DG1, 2: b"DG2"}


@dataclass(frozen=True)
class Target:
    """`run` takes any bytes and returns, or raises one of `may_raise`. `longest`: longer input is not worth its
    time."""

    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    may_raise: tuple[type[Exception], ...] = ()
    longest: int = 8192


def _tlv(data: bytes) -> None:
    read_all(data)


def _lds(data: bytes) -> None:
    """The first byte chooses the reader."""
    if data:
        readers = [reader for reader, _ in FILES.values()]
        readers[data[0] % len(readers)](data[1:])


def _lds_seeds() -> list[bytes]:
    return [bytes((number,)) + content for number, (_, content) in enumerate(FILES.values())]


@lru_cache(maxsize=1)
def _store() -> CscaStore:
    authority = csca()
    return CscaStore.from_certificates([authority.der, csca("ZZ", key=rsa_key()).der], [crl(authority, [5])])


def _sod(data: bytes) -> None:
    judge_sod(data, _DG, _store(), at=TODAY, dg1_issuer="UTO")
    judge_card_security(data[4:], _store(), at=TODAY)


def _sod_seeds() -> list[bytes]:
    authority = csca()
    signer = dsc(authority)
    strong = dsc(authority, key=rsa_key(pss=True))
    return [sod(_DG, signer), sod(_DG, strong), sod(_DG, signer, by_key_identifier=True, copies=2)]


def _container(data: bytes) -> None:
    read_signed_data(data, "container")


def _card_security(data: bytes) -> None:
    read_card_security(data)


def _certificate(data: bytes) -> None:
    read = read_certificate(data)
    _store().vouching(read, [read])


def _crl(data: bytes) -> None:
    read = read_revocation_list(data)
    for authority in _store().authorities:
        read.signed_by(authority)


def _master_list(data: bytes) -> None:
    read_master_list(data).anchored_by(_store())


def _mrz(data: bytes) -> None:
    parse_mrz(data, today=TODAY)


def _mrz_seeds() -> list[bytes]:
    lines = [TD3[:44] + "\r\n" + TD3[44:], "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\n"]
    return [*(line.encode() for line in lines), TD3.encode()]


def _image(data: bytes) -> None:
    read_image(data)


TARGETS: dict[str, Target] = {
    "tlv": Target(_tlv, lambda: [content for _, content in FILES.values()], (TlvError,)),
    "lds": Target(_lds, _lds_seeds, (LdsError,)),
    "image": Target(_image, lambda: [jpeg(), jp2(), codestream()]),
    "key": Target(
        lambda data: read_public_key("key", data),
        lambda: [ec_info(), ec_info(explicit=True), rsa_key().info()],
        (LdsError,),
        4096,
    ),
    "hash-list": Target(read_security_object, lambda: [hash_list(_DG)], (LdsError,)),
    "container": Target(_container, lambda: [one[4:] for one in _sod_seeds()], (LdsError,)),
    "card-security": Target(
        _card_security, lambda: [container("0.4.0.127.0.7.3.2.1", INFOS, dsc(csca()))], (LdsError,)
    ),
    "sod": Target(_sod, _sod_seeds),
    "certificate": Target(_certificate, lambda: [csca().der, dsc(csca(), key=rsa_key()).der], (TrustError,)),
    "crl": Target(_crl, lambda: [crl(csca(), [5, 6])], (TrustError,)),
    "master-list": Target(
        _master_list, lambda: [master_list([csca().der], dsc(csca(), extended=["2.23.136.1.1.3"]))], (TrustError,)
    ),
    "mrz": Target(_mrz, _mrz_seeds, (MrzError,), 512),
    "apdu": Target(chips.messages, chips.message_seeds, longest=1024),
    "chip": Target(chips.wild_chip, chips.wild_seeds, longest=4096),
    "chip-answers": Target(chips.bent_answers, chips.bent_seeds, longest=512),
    "chip-files": Target(chips.strange_files, chips.file_seeds, longest=4096),
    "columns": Target(entries.unpacked, entries.seeds, (ContractError,), 32768),
    "lists": Target(sticks.opened, sticks.seeds, (ContractError,), 16384),
    "mrz-picture": Target(pictures.find_zone, pictures.seeds, longest=4096),
}


def check(name: str, data: bytes) -> None:
    """One run. Raises whatever the target must not raise."""
    target = TARGETS[name]
    try:
        target.run(data)
    except target.may_raise:
        pass


def seeds_of(name: str) -> list[bytes]:
    """At most a hundred seeds of a target."""
    return list(itertools.islice(TARGETS[name].seeds(), 100))
