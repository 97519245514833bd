"""A security key in software: an authenticator of ES256 (WebAuthn level 2, 6.5), attestation `none` or `packed`."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from border_agent.agent.officers.values import KeyAnswer, KeyChallenge

HOST = "uto-nord.example"
ORIGIN = f"https://{HOST}:8443"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class SoftwareKey:
    """What a person puts into the USB port."""

    packed: bool = False
    count: int = 0
    counts: bool = True
    origin: str = ORIGIN
    id: bytes = field(default_factory=lambda: secrets.token_bytes(64))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def makes(self, asked: KeyChallenge) -> KeyAnswer:
        """The answer to `navigator.credentials.create()`."""
        options = json.loads(asked.options)
        client = self._client("webauthn.create", options["challenge"])
        public = self.private.public_key().public_numbers()
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")})
        data = self._data(options["rp"]["id"], 0x41) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        statement: dict[str, Any] = {}
        if self.packed:
            signed = self.private.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
            statement = {"alg": -7, "sig": signed}
        attestation = encode_cbor(
            {"fmt": "packed" if self.packed else "none", "attStmt": statement, "authData": data}
        )
        return self._answer(asked, {"attestationObject": _text(attestation), "clientDataJSON": _text(client)})

    def signs(self, asked: KeyChallenge) -> KeyAnswer:
        """The answer to `navigator.credentials.get()`."""
        options = json.loads(asked.options)
        self.count += self.counts
        client = self._client("webauthn.get", options["challenge"])
        data = self._data(options["rpId"], 0x01)
        signed = self.private.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            asked,
            {"authenticatorData": _text(data), "clientDataJSON": _text(client), "signature": _text(signed)},
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, host: str, flags: int) -> bytes:
        return sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _answer(self, asked: KeyChallenge, response: dict[str, str]) -> KeyAnswer:
        credential = {"id": _text(self.id), "rawId": _text(self.id), "type": "public-key", "response": response}
        return KeyAnswer(token=asked.token, credential=json.dumps(credential))
