"""Every protocol against the specimen chip, which was written from the standard apart from the terminal."""

from __future__ import annotations

from functools import lru_cache

import msgspec
import pytest

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.crypto.curves import PACE_PARAMETERS
from border_agent.documents.chip.active_authentication import authenticate_active
from border_agent.documents.chip.bac import establish_bac
from border_agent.documents.chip.chip_authentication import (
    ProofMethod,
    authenticate_chip,
    choose_chip_key,
    verify_cam,
)
from border_agent.documents.chip.errors import AccessRefused, ChipCloned, ChipProtocolError, Reason, Unsupported
from border_agent.documents.chip.files import FileId, read_file, select_application
from border_agent.documents.chip.pace import PaceResult, choose_pace, establish_pace
from border_agent.documents.chip.passwords import CanPassword, MrzPassword
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.keys import read_dg14, read_dg15
from border_agent.documents.lds.security_infos import PaceInfo, SecurityInfo, read_security_infos
from border_agent.documents.lds.signed_data import read_card_security
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.personalise import cloned
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ActiveKind,
    ChipAuthenticationOffer,
    ChipProfile,
    Mapping,
    PaceOffer,
    Written,
)
from border_agent.specimens.chip.sample import sample_booklet

CAN = "271828"
GROUPS, CURVES = (0, 1, 2), tuple(range(8, 19))
CIPHERS = tuple(SymmetricCipher)


@lru_cache(maxsize=64)
def booklet(profile: ChipProfile) -> Booklet:
    return sample_booklet(profile)


def offers(mapping: Mapping) -> list[PaceOffer]:
    """Every cipher on one curve and one group, every set of parameters with one cipher."""
    ciphers = [
        cipher
        for cipher in CIPHERS
        if cipher is not SymmetricCipher.TDES or mapping is not Mapping.CHIP_AUTHENTICATION
    ]
    parameters = CURVES if mapping is Mapping.CHIP_AUTHENTICATION else GROUPS + CURVES
    pairs = {(cipher, number) for cipher in ciphers for number in (0, 13) if number in parameters}
    pairs |= {(SymmetricCipher.AES128, number) for number in parameters}
    if mapping is Mapping.INTEGRATED:
        pairs.discard((SymmetricCipher.AES128, 10))  # secp224r1 has no integrated mapping
    return [PaceOffer(mapping=mapping, cipher=cipher, parameter_id=number) for cipher, number in sorted(pairs)]


def open_pace(chip: Booklet, password: MrzPassword | CanPassword) -> tuple[ChipSession, PaceResult]:
    session = ChipSession(VirtualChip(chip))
    info = choose_pace(read_security_infos(read_file(session, FileId.CARD_ACCESS, largest=4_096)))
    assert info is not None
    return session, establish_pace(session, info, password)


def open_bac(chip: Booklet) -> ChipSession:
    session = ChipSession(VirtualChip(chip))
    select_application(session)
    establish_bac(session, chip.mrz_information)
    return session


def name(value: object) -> str:
    if isinstance(value, PaceOffer):
        return f"{value.cipher}-{PACE_PARAMETERS[value.parameter_id].name}"
    return str(value)


@pytest.mark.parametrize("mapping", Mapping)
def test_pace_with_every_cipher_and_all_parameters(mapping: Mapping) -> None:
    tried = offers(mapping)
    assert len(tried) > 10
    for offer in tried:
        chip = booklet(ChipProfile(pace=(offer,), can=CAN))
        session, result = open_pace(chip, MrzPassword(chip.mrz_information))
        assert (result.access, result.cipher) == (f"pace-{mapping}", offer.cipher), name(offer)
        assert result.parameters == PACE_PARAMETERS[offer.parameter_id].name
        select_application(session)
        assert read_file(session, FileId.COM, largest=1_000) == chip.files["EF.COM"]
        if mapping is Mapping.CHIP_AUTHENTICATION:
            proof = verify_cam(result.cam_data, read_card_security(chip.files["EF.CardSecurity"]))
            assert (proof.method, proof.algorithm) == (ProofMethod.CHIP_AUTHENTICATION_MAPPING, result.parameters)
        else:
            assert result.cam_data is None


def test_secp224r1_has_no_integrated_mapping() -> None:
    offer = PaceOffer(mapping=Mapping.INTEGRATED, parameter_id=10)
    infos = read_security_infos(booklet(ChipProfile(pace=(offer,))).files["EF.CardAccess"])
    assert choose_pace(infos) is None
    with pytest.raises(Unsupported):
        establish_pace(
            ChipSession(VirtualChip(booklet(ChipProfile()))),
            next(info for info in infos if isinstance(info, PaceInfo)),
            CanPassword(CAN),
        )


def test_the_card_access_number_opens_the_chip_as_well() -> None:
    chip = booklet(ChipProfile(pace=(PaceOffer(),), can=CAN))
    _, result = open_pace(chip, CanPassword(CAN))
    assert result.access == "pace-gm"


@pytest.mark.parametrize("password", [CanPassword("000000"), MrzPassword("L898902C<369080619406236")])
@pytest.mark.parametrize("mapping", Mapping)
def test_a_wrong_password_is_refused_as_such(mapping: Mapping, password: MrzPassword | CanPassword) -> None:
    chip = booklet(ChipProfile(pace=(PaceOffer(mapping=mapping),), can=CAN))
    with pytest.raises(AccessRefused) as refused:
        open_pace(chip, password)
    assert refused.value.reason is Reason.status_word and refused.value.where == "PACE tokens"


def test_the_best_offer_is_chosen() -> None:
    worst_to_best = [
        PaceOffer(mapping=Mapping.INTEGRATED, cipher=SymmetricCipher.AES256, parameter_id=2),
        PaceOffer(mapping=Mapping.GENERIC, cipher=SymmetricCipher.TDES, parameter_id=0),
        PaceOffer(mapping=Mapping.INTEGRATED, cipher=SymmetricCipher.AES256, parameter_id=16),
        PaceOffer(mapping=Mapping.GENERIC, cipher=SymmetricCipher.TDES, parameter_id=13),
        PaceOffer(mapping=Mapping.GENERIC, cipher=SymmetricCipher.AES128, parameter_id=12),
        PaceOffer(mapping=Mapping.GENERIC, cipher=SymmetricCipher.AES256, parameter_id=12),
        PaceOffer(mapping=Mapping.CHIP_AUTHENTICATION, cipher=SymmetricCipher.AES128, parameter_id=12),
    ]
    infos = [
        info
        for offer in worst_to_best
        for info in read_security_infos(booklet(ChipProfile(pace=(offer,))).files["EF.CardAccess"])
    ]
    known = [info for info in infos if choose_pace([info]) is not None]
    for count in range(1, len(known) + 1):
        assert choose_pace(known[:count]) == choose_pace(known[count - 1 :: -1]) == known[count - 1]
    assert choose_pace([]) is None


def test_basic_access() -> None:
    chip = booklet(ChipProfile())
    session = open_bac(chip)
    assert read_file(session, FileId.DG1, largest=1_000) == chip.files["DG1"]
    with pytest.raises(AccessRefused) as refused:
        establish_bac(ChipSession(VirtualChip(chip)), "L898902C<369080619406236")
    assert refused.value.where == "EXTERNAL AUTHENTICATE"
    with pytest.raises(ChipProtocolError):
        establish_bac(ChipSession(VirtualChip(booklet(ChipProfile(bac=False, pace=(PaceOffer(),))))), "")


@pytest.mark.parametrize("written", Written)
@pytest.mark.parametrize("key_id", [None, 1, 300])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_chip_authentication_with_every_cipher(cipher: SymmetricCipher, key_id: int | None, written: Written) -> None:
    offer = ChipAuthenticationOffer(cipher=cipher, key_id=key_id, written=written)
    chip_authentication(ChipProfile(chip_authentication=offer))


@pytest.mark.parametrize("number", GROUPS + CURVES)
@pytest.mark.parametrize("cipher", [SymmetricCipher.TDES, SymmetricCipher.AES256])
def test_chip_authentication_with_all_parameters(number: int, cipher: SymmetricCipher) -> None:
    chip_authentication(ChipProfile(chip_authentication=ChipAuthenticationOffer(cipher=cipher, parameter_id=number)))


def chip_authentication(profile: ChipProfile) -> None:
    offer = profile.chip_authentication
    assert offer is not None
    chip = booklet(profile)
    session = open_bac(chip)
    before = session.messaging
    proof = authenticate_chip(session, read_dg14(chip.files["DG14"]))
    assert proof.method is ProofMethod.CHIP_AUTHENTICATION and proof.algorithm.endswith(offer.cipher)
    assert session.messaging is not None and session.messaging is not before
    assert session.messaging.cipher is offer.cipher
    assert read_file(session, FileId.DG1, largest=1_000) == chip.files["DG1"]
    with pytest.raises(ChipCloned) as refused:
        authenticate_chip(open_bac(cloned(chip)), read_dg14(chip.files["DG14"]))
    assert refused.value.reason in (Reason.unprotected, Reason.mac)


def test_a_chip_that_refuses_what_it_offers_has_not_proved_itself() -> None:
    offer = ChipAuthenticationOffer()
    infos = read_dg14(booklet(ChipProfile(chip_authentication=offer)).files["DG14"])
    with pytest.raises(ChipCloned) as refused:
        authenticate_chip(open_bac(booklet(ChipProfile())), infos)
    assert refused.value.reason is Reason.status_word
    with pytest.raises(Unsupported):
        authenticate_chip(open_bac(booklet(ChipProfile())), ())
    assert choose_chip_key(()) is None


def test_a_key_without_a_protocol_means_3des() -> None:
    chip = booklet(ChipProfile(chip_authentication=ChipAuthenticationOffer(cipher=SymmetricCipher.TDES)))
    keys_only = [info for info in read_dg14(chip.files["DG14"]) if type(info).__name__.endswith("PublicKeyInfo")]
    session = open_bac(chip)
    assert authenticate_chip(session, keys_only).algorithm.endswith("3des")


def test_mapping_data_of_another_chip_do_not_prove_this_one() -> None:
    offer = PaceOffer(mapping=Mapping.CHIP_AUTHENTICATION)
    chip = booklet(ChipProfile(pace=(offer,)))
    infos = read_card_security(chip.files["EF.CardSecurity"])
    other = cloned(chip)
    _, result = open_pace(other, MrzPassword(other.mrz_information))
    for cam, keys, reason in (
        (result.cam_data, infos, Reason.signature),
        (result.cam_data, (), Reason.key),
        (None, infos, Reason.structure),
    ):
        with pytest.raises(ChipCloned) as refused:
            verify_cam(cam, keys)
        assert refused.value.reason is reason
    assert result.cam_data is not None
    zero = msgspec.structs.replace(result.cam_data, data=0)
    with pytest.raises(ChipCloned):
        verify_cam(zero, infos)


@pytest.mark.parametrize(
    "offer",
    [
        *(ActiveAuthenticationOffer(kind=ActiveKind.RSA, digest=digest, bits=1024) for digest in ("sha1", "sha256")),
        ActiveAuthenticationOffer(kind=ActiveKind.RSA, digest="sha512", bits=2048),
        *(ActiveAuthenticationOffer(parameter_id=number) for number in CURVES),
        ActiveAuthenticationOffer(digest="sha512", parameter_id=18),
    ],
    ids=str,
)
def test_active_authentication(offer: ActiveAuthenticationOffer) -> None:
    chip = booklet(ChipProfile(active_authentication=offer))
    key = read_dg15(chip.files["DG15"]).key
    infos: tuple[SecurityInfo, ...] = read_dg14(chip.files["DG14"]) if "DG14" in chip.files else ()
    proof = authenticate_active(open_bac(chip), key, infos)
    assert proof.method is ProofMethod.ACTIVE_AUTHENTICATION and proof.algorithm.endswith(offer.digest)
    with pytest.raises(ChipCloned) as refused:
        authenticate_active(open_bac(cloned(chip)), key, infos)
    assert refused.value.reason is Reason.signature
