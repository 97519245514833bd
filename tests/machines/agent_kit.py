"""What a device has once it is enrolled: a release, made of this tree, and an identity, made in a laboratory."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from root_kit import REPOSITORY, Root

from mqtt_schemas.lab.pki import Identity, LabAuthority

RELEASE = "/opt/borne/releases/tree"
PYTHON = f"{RELEASE}/bin/python"
PACKAGES = "/usr/share/borne-third-party"
LAUNCHER = Path(__file__).with_name("sandbox_launcher.py")
FAMILIES = {name: int(getattr(socket, name)) for name in ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK")}


def install_tree(root: Root) -> None:
    """This tree's wheel as the current release; what it needs is lent by this machine's own environment."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        for name in ("border_agent", "firmware_bridge", "kiosk_app", "mqtt_schemas"):
            shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, source / name)
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
        options = ["--no-deps", "--no-index", "--no-build-isolation"]
        subprocess.run([*pip, "wheel", *options, "-w", folder, source], check=True, capture_output=True)
        (wheel,) = Path(folder).glob("borne-*.whl")
        root.run("python3", "-m", "venv", "--without-pip", RELEASE)
        site = root.at(f"{RELEASE}/lib/python3.11/site-packages")
        subprocess.run(
            [*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", site, wheel],
            check=True,
            capture_output=True,
        )
    (site / "third_party.pth").write_text(f"{PACKAGES}\n")
    root.at(PACKAGES).mkdir(parents=True)
    lent = sysconfig.get_path("purelib")
    subprocess.run([*root._inside, "mount", "--bind", "-o", "ro", lent, root.at(PACKAGES)], check=True)
    root.write(
        f"{RELEASE}/bin/borne",
        f"#!{RELEASE}/bin/python\nimport sys\nfrom border_agent.cli import main\nsys.exit(main())\n",
        0o755,
    )
    root.run("ln", "-sfn", "releases/tree", "/opt/borne/current")


def write_identity(root: Root, authority: LabAuthority, *, hosts: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Certificates where the device keeps them; the keys, which systemd would hand over, are returned."""
    device = authority.client(root.device)
    keys = {
        "store.key": secrets.token_bytes(32),
        "journal.key": _pem(Ed25519PrivateKey.generate()),
        "sealing.key": _pem(X25519PrivateKey.generate()),
        "device.key": device.key.read_bytes(),
    }
    _certificate(root, device, "device.pem")
    if hosts:
        server = authority.server(f"{root.device}-server", hosts)
        keys["server.key"] = server.key.read_bytes()
        _certificate(root, server, "server.pem")
    root.write("/etc/borne/authority.pem", authority.ca.read_text())
    return keys


def _pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(root: Root, identity: Identity, name: str) -> None:
    root.write(f"/var/lib/borne/tls/{name}", identity.certificate.read_text(), 0o600)
    root.run("chown", "-R", "borne:borne-api", "/var/lib/borne/tls")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
