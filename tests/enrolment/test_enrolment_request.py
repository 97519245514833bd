"""A request proves each of its keys, or is none; whatever bytes come, the answer is a typed error."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from enrolment_kit import AT, DEVICE, NAMES, POST, TrialDevice
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from mqtt_schemas.certificates import make_csr
from mqtt_schemas.enrolment import (
    REQUEST_ROLE,
    EnrolmentRequest,
    MachineFacts,
    open_answer,
    open_request,
    request_code,
    same_code,
)
from mqtt_schemas.enrolment_errors import BadRequest
from mqtt_schemas.errors import ContractError
from mqtt_schemas.keys import public_bytes, sign
from mqtt_schemas.messages import Signed, decode, encode, encode_body

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JOURNAL = Ed25519PrivateKey.generate()
TLS = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return TrialDevice(tmp_path_factory.mktemp("device"), b"\1" * 32).request()


def asked(**more: object) -> EnrolmentRequest:
    return structs.replace(
        EnrolmentRequest(
            device=DEVICE,
            post=POST,
            role="post",
            nonce=b"n" * 16,
            made_at=AT,
            journal_key=public_bytes(JOURNAL),
            csr=make_csr(TLS, DEVICE),
        ),
        **more,  # type: ignore[arg-type]
    )


def signed(request: EnrolmentRequest, key: Ed25519PrivateKey = JOURNAL, role: str = REQUEST_ROLE) -> bytes:
    return encode(sign(key, role, encode_body(request)))


def test_a_request_says_what_the_device_is(payload: bytes) -> None:
    opened = open_request(payload)
    request = opened.request
    assert (request.device, request.post, request.role, request.renewal) == (DEVICE, POST, "post", False)
    assert opened.names == NAMES
    assert opened.server is not None
    assert len(request.sealing_key) == 32


def test_no_private_key_travels(payload: bytes, tmp_path: Path) -> None:
    device = TrialDevice(tmp_path, b"\1" * 32)
    sent = device.request()
    for file in (device.folder / "keys").iterdir():
        content = file.read_bytes()
        if file.name == "store.key":
            secrets = [content]
        else:
            key = serialization.load_pem_private_key(content, None)
            number = (
                key.private_numbers().private_value.to_bytes(32, "big")
                if isinstance(key, ec.EllipticCurvePrivateKey)
                else key.private_bytes_raw()  # type: ignore[union-attr]
            )
            secrets = [number]
        assert all(secret not in sent for secret in secrets)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"csr": make_csr(TLS, "uto-poste-2")}, "another name"),
        ({"csr": make_csr(TLS, DEVICE, ["a.example"])}, "other names"),
        ({"server_csr": make_csr(TLS, DEVICE, ["a.example"])}, "one TLS key"),
        ({"server_csr": make_csr(ec.generate_private_key(ec.SECP256R1()), DEVICE)}, "not a server's"),
        ({"csr": b"rubbish"}, "DER|ASN|error"),
        ({"sealing_key": b"short"}, "sealing"),
        ({"sealing_key": public_bytes(JOURNAL)}, "sealing"),
        ({"device": "all", "csr": make_csr(TLS, "all")}, "device's name"),
    ],
)
def test_what_is_not_its_own_is_refused(change: dict[str, object], detail: str) -> None:
    with pytest.raises(BadRequest, match=detail):
        open_request(signed(asked(**change)))
    open_request(signed(asked()))


def test_another_key_or_role_signs_no_request() -> None:
    stranger = Ed25519PrivateKey.generate()
    with pytest.raises(BadRequest, match="another key"):
        open_request(signed(asked(), stranger))
    with pytest.raises(BadRequest, match="role"):
        open_request(signed(asked(), role="post:state"))
    honest = decode(Signed, signed(asked()))
    forged = structs.replace(honest, body=honest.body.replace(POST.encode(), b"maroua"))
    with pytest.raises(BadRequest, match="does not hold"):
        open_request(encode(forged))


def test_a_tls_key_must_be_held_and_p256() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE)])
    urn = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:borne:device:{DEVICE}")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(urn, critical=False)
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        csr = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        with pytest.raises(BadRequest, match="P-256"):
            open_request(signed(asked(csr=csr)))
    stolen = bytearray(make_csr(TLS, DEVICE))
    stolen[-1] ^= 1
    with pytest.raises(BadRequest, match="prove|DER|ASN"):
        open_request(signed(asked(csr=bytes(stolen))))


@pytest.mark.parametrize(
    "name", ["UPPER.example", "a b", "*.example", "-a", "a..b", "http://x", "", "a" * 64, "1.2.3"]
)
def test_names_that_are_no_hosts(name: str) -> None:
    with pytest.raises(BadRequest):
        make_csr(TLS, DEVICE, [name])


def test_seventeen_names_are_too_many() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    for count, good in ((16, True), (17, False)):
        csr = make_csr(other, DEVICE, [f"h{number}.example" for number in range(count)])
        if good:
            open_request(signed(asked(server_csr=csr)))
        else:
            with pytest.raises(BadRequest, match="too many"):
                open_request(signed(asked(server_csr=csr)))


def test_the_code_is_of_the_whole_and_typed_as_people_type(payload: bytes) -> None:
    code = open_request(payload).code
    assert len(code) == 9
    assert code[4] == "-"
    assert code == request_code(decode(Signed, payload).body)
    assert code != request_code(decode(Signed, payload).body + b" ")
    assert same_code(code.lower().replace("-", " "), code)
    assert same_code("0l1o-0000", "0110-0000")
    assert not same_code("", code)
    assert not same_code(code[:-1], code)


def test_facts_name_a_machine_and_no_person() -> None:
    assert set(MachineFacts.__struct_fields__) == {
        "maker",
        "model",
        "serial",
        "processor",
        "memory_mib",
        "system",
        "software",
        "sealed_to",
    }


@QUICK
@given(data=st.binary(max_size=400))
def test_any_bytes_end_in_a_typed_error(data: bytes) -> None:
    for read in (open_request, open_answer):
        with pytest.raises(ContractError):
            read(data)


@QUICK
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_one_byte_changed_is_refused_or_means_the_same(payload: bytes, place: int, value: int) -> None:
    changed = bytearray(payload)
    changed[place % len(changed)] = value
    honest = open_request(payload)
    try:
        assert open_request(bytes(changed)).body == honest.body
    except ContractError:
        pass


@QUICK
@given(cut=st.integers(0, 4000), csr=st.binary(min_size=1, max_size=200))
def test_cut_or_foreign_csrs_are_refused(payload: bytes, cut: int, csr: bytes) -> None:
    with pytest.raises(ContractError):
        open_request(payload[: cut % len(payload)])
    with pytest.raises(ContractError):
        open_request(signed(asked(csr=csr)))


def test_a_file_of_any_size_is_not_read(payload: bytes) -> None:
    with pytest.raises(BadRequest):
        open_request(payload + b"\0" * 70_000)
    with pytest.raises(ContractError):
        open_answer(b"\0" * 70_000)
