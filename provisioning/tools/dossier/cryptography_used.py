"""Cryptography that is used, with the place in the code that uses it. A test opens each place and looks."""

from __future__ import annotations

from msgspec import Struct


class Use(Struct, frozen=True, kw_only=True):
    """One use: what for, with what, and the words that stand in the code."""

    fr: str
    en: str
    algorithm: str
    size: str
    file: str
    needle: str


USES = (
    Use(
        fr="Base chiffrée de l’appareil, sauvegardes",
        en="The device’s encrypted store, backups",
        algorithm="SQLCipher 4: AES-256-CBC, HMAC-SHA-512",
        size="256",
        file="border_agent/store/sqlcipher.py",
        needle="cipher_compatibility = 4",
    ),
    Use(
        fr="Signature du journal, des listes, des accusés de réception, des versions, du support",
        en="Signature of journal, lists, acknowledgements, releases, medium",
        algorithm="Ed25519",
        size="256",
        file="mqtt_schemas/keys.py",
        needle="Ed25519",
    ),
    Use(
        fr="Chaîne du journal et des listes",
        en="Chain of journal and lists",
        algorithm="SHA-256",
        size="256",
        file="mqtt_schemas/chain.py",
        needle="sha256",
    ),
    Use(
        fr="Liaison avec le centre : TLS, certificats des deux côtés",
        en="Line to the centre: TLS, certificates on both sides",
        algorithm="TLS 1.3",
        size="≥ 128",
        file="border_agent/reporting/link.py",
        needle="TLSVersion.TLSv1_3",
    ),
    Use(
        fr="Réseau du poste",
        en="The post’s network",
        algorithm="TLS 1.3",
        size="≥ 128",
        file="provisioning/roles/post/templates/lan-broker.conf.j2",
        needle="tls_version tlsv1.3",
    ),
    Use(
        fr="Clés TLS des appareils",
        en="TLS keys of devices",
        algorithm="ECDSA P-256",
        size="256",
        file="border_agent/upkeep/credentials.py",
        needle="SECP256R1",
    ),
    Use(
        fr="Envoi scellé aux appareils (listes, secrets d’activation)",
        en="Sealed to devices (lists, activation secrets)",
        algorithm="HPKE (RFC 9180): X25519, HKDF-SHA-256, AES-256-GCM",
        size="256",
        file="mqtt_schemas/sealing.py",
        needle="Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)",
    ),
    Use(
        fr="Listes sur une clé USB",
        en="Lists on a USB stick",
        algorithm="AES-256-GCM",
        size="256",
        file="mqtt_schemas/chunks.py",
        needle="AESGCM(key).encrypt",
    ),
    Use(
        fr="Images gardées comme éléments de preuve, une clé par jour",
        en="Pictures kept as evidence, a key for each day",
        algorithm="AES-256-GCM",
        size="256",
        file="border_agent/store/evidence_keys.py",
        needle="AESGCM(key).encrypt",
    ),
    Use(
        fr="Visa électronique : cachet électronique visible (ICAO)",
        en="E-visa: visible digital seal (ICAO)",
        algorithm="ECDSA, P-256 … P-521, Brainpool",
        size="≥ 256",
        file="border_agent/seals/certificates.py",
        needle="library_curve",
    ),
    Use(
        fr="Puce du passeport, accès et échange : ce que la puce demande, choisi par l’État qui l’a émise",
        en="Passport chip, access and exchange: what the chip asks for, as its state chose",
        algorithm="PACE (ECDH, DH), BAC; AES, 3DES",
        size="112 … 256",
        file="border_agent/crypto/ciphers.py",
        needle="TDES",
    ),
    Use(
        fr="Puce du passeport, original ou copie",
        en="Passport chip, original or copy",
        algorithm="Chip Authentication (ECDH, DH), Active Authentication (RSA, ECDSA)",
        size="≥ 192",
        file="border_agent/documents/chip/prove.py",
        needle="authenticate_chip",
    ),
    Use(
        fr="Puce du passeport, authentification passive ; SHA-1, encore en circulation, est signalé",
        en="Passport chip, passive authentication; SHA-1, still in circulation, is reported",
        algorithm="RSA PKCS#1 v1.5, RSASSA-PSS, ECDSA",
        size="≥ 192",
        file="border_agent/trust/passive/codes.py",
        needle="sod.weak_hash",
    ),
    Use(
        fr="Mots de passe des agents, codes du personnel",
        en="Officers’ passwords, staff codes",
        algorithm="Argon2id",
        size="—",
        file="border_agent/agent/staff.py",
        needle="Argon2id",
    ),
    Use(
        fr="Second facteur des agents",
        en="Officers’ second factor",
        algorithm="WebAuthn; TOTP (RFC 6238)",
        size="—",
        file="border_agent/agent/officers/credentials.py",
        needle="pyotp",
    ),
    Use(
        fr="Clés de l’appareil au repos",
        en="The device’s keys at rest",
        algorithm="systemd-creds: AES-256-GCM (TPM2, machine)",
        size="256",
        file="border_agent/upkeep/credentials.py",
        needle="systemd-creds",
    ),
    Use(
        fr="Accès des techniciens",
        en="Technicians’ access",
        algorithm="SSH, Ed25519",
        size="256",
        file="provisioning/roles/harden/templates/sshd.conf.j2",
        needle="PasswordAuthentication no",
    ),
)
