"""X.509 for the lines: what a device asks for, what it is given, and what is believed of it. Since 1.3.

Keys are P-256, made on the device. A device's certificate names it twice: the common name, by which brokers know it,
and a URI, `urn:borne:device:<device>`. Its server certificate is for the console's pages and the post's own broker.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from mqtt_schemas.enrolment_errors import BadCertificate, BadRequest, ForeignAuthority

MOST_NAMES = 16
LARGEST_REQUEST = 4096
LARGEST_CERTIFICATE = 4096

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def device_urn(device: str) -> str:
    """The name a device has in its certificate."""
    return f"urn:borne:device:{device}"


def host_name(name: str) -> x509.GeneralName:
    """A server's name as a certificate has it: a host's name or an address. Raises BadRequest."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if len(name) <= 253 and _HOST.fullmatch(name) and not name.replace(".", "").isdigit():
            return x509.DNSName(name)
        raise BadRequest(
            name[:80], "not a host's name (small letters, digits, hyphens, dots) nor an address"
        ) from None


def public_der(key: ec.EllipticCurvePublicKey) -> bytes:
    """A TLS key's public half (SubjectPublicKeyInfo)."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def make_csr(key: ec.EllipticCurvePrivateKey, device: str, names: Sequence[str] = ()) -> bytes:
    """A signing request (PKCS #10, DER): for the line where there are no `names`, for a server where there are.

    Raises BadRequest for a name that is none.
    """
    wanted = [host_name(name) for name in names] or [x509.UniformResourceIdentifier(device_urn(device))]
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)]))
        .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def read_csr(csr: bytes, device: str, *, server: bool) -> tuple[ec.EllipticCurvePublicKey, tuple[str, ...]]:
    """The key a request proves to hold, and the server's names it wants. Raises BadRequest.

    Of what else it may ask for nothing is looked at, and nothing given: the authority writes the certificate.
    """
    try:
        request = x509.load_der_x509_csr(csr)
        key = request.public_key()
        held = request.is_signature_valid
        subject = [(attribute.oid, attribute.value) for attribute in request.subject]
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        raise BadRequest(device, str(error)[:200]) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadRequest(device, "a TLS key that is not P-256")
    if not held:
        raise BadRequest(device, "a TLS key it does not prove to hold")
    if subject != [(NameOID.COMMON_NAME, device)]:
        raise BadRequest(device, "a signing request in another name")
    if not server:
        if list(found) != [x509.UniformResourceIdentifier(device_urn(device))]:
            raise BadRequest(device, "a signing request for other names")
        return key, ()
    names = tuple(str(name.value) for name in found if isinstance(name, x509.DNSName | x509.IPAddress))
    if not 0 < len(names) <= MOST_NAMES or len(names) != len(list(found)):
        raise BadRequest(device, "names that are not a server's, or too many")
    for name in names:
        host_name(name)
    return key, names


def load_certificate(der: bytes) -> x509.Certificate:
    """A certificate from DER. Raises BadCertificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Parsed only when they are asked for: a fault in them belongs here, not to whoever looks at them later.
        _ = certificate.extensions, certificate.public_key(), certificate.subject.rfc4514_string()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadCertificate("certificate", str(error)[:200]) from None
    return certificate


def load_chain(pem: bytes, where: str) -> list[x509.Certificate]:
    """Certificates of a PEM file, at least one. Raises BadCertificate."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadCertificate(where, str(error)[:200]) from None
    return found


def common_name(certificate: x509.Certificate) -> str:
    """The name a broker knows the holder by."""
    return next((str(name.value) for name in certificate.subject if name.oid == NameOID.COMMON_NAME), "")


def server_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Names and addresses a server's certificate serves for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found if isinstance(name, x509.DNSName | x509.IPAddress))


def halfway(certificate: x509.Certificate) -> datetime:
    """From when on it is to be renewed: half its life is over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin + (end - begin) / 2


def holds_key(certificate: x509.Certificate, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether the certificate is for this key."""
    public = certificate.public_key()
    return isinstance(public, ec.EllipticCurvePublicKey) and public_der(public) == public_der(key)


def verify_device(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    device: str,
    at: datetime,
) -> None:
    """Raises ForeignAuthority or BadCertificate unless this is `device`'s own, under one of `anchors`, at `at`."""
    try:
        verified = (
            PolicyBuilder()
            .store(Store(list(anchors)))
            .time(at)
            .build_client_verifier()
            .verify(certificate, list(chain))
        )
    except (VerificationError, ValueError) as error:
        raise _refused(certificate, anchors, chain, error) from None
    names = verified.subjects or []
    if names != [x509.UniformResourceIdentifier(device_urn(device))] or common_name(certificate) != device:
        raise BadCertificate(device, f"a certificate of {common_name(certificate)[:60]}")


def verify_server(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
) -> tuple[str, ...]:
    """The names it serves for. Raises ForeignAuthority or BadCertificate, as `verify_device` does."""
    names = server_names(certificate)
    if not names:
        raise BadCertificate(common_name(certificate)[:60], "serves for no name")
    policy = PolicyBuilder().store(Store(list(anchors))).time(at)
    for name in names:
        subject = host_name(name)
        assert isinstance(subject, x509.DNSName | x509.IPAddress)
        try:
            policy.build_server_verifier(subject).verify(certificate, list(chain))
        except (VerificationError, ValueError) as error:
            raise _refused(certificate, anchors, chain, error) from None
    return names


def _refused(
    certificate: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    chain: Sequence[x509.Certificate],
    error: Exception,
) -> BadCertificate | ForeignAuthority:
    """Whether it is another authority's certificate, or one of ours that is no good for this."""
    where, detail = common_name(certificate)[:60], str(error)[:200]
    issuers = [authority for authority in (*anchors, *chain) if _issued(certificate, authority)]
    ours = any(issuer in anchors or any(_issued(issuer, anchor) for anchor in anchors) for issuer in issuers)
    return BadCertificate(where, detail) if ours else ForeignAuthority(where, detail)


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
