"""The inventory of the virtual machine: one post with one counter, its readers and cameras, its country's centre."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.vm.machine import HOST

DEVICE = "utopia-essai-g1"
POST = "utopia-essai"
BROKER_PORT = 8883
CAMERA_PORTS = {"document": 8081, "face": 8082}
USB = {"document-reader": "1-1", "code-scanner": "1-2"}
"""Where QEMU plugs the two serial adapters in, first and second port."""
GATEWAY = "10.0.2.2"
"""Where SSH comes from, as the guest sees it."""


def variables(root: str, authority: Path, release: str, release_file: Path, admin_key: str) -> dict[str, Any]:
    """What the technician would have answered for this device."""
    return {
        "borne_country": "UTO",
        "borne_language": "fr",
        "borne_timezone": "Africa/Douala",
        "borne_training": False,
        "borne_root": root,
        "borne_authority": str(authority.resolve()),
        "borne_brokers": [f"mqtts://{HOST}:{BROKER_PORT}"],
        "borne_time_sources": [{"address": HOST}],
        "borne_centre_networks": [f"{HOST}/32"],
        "borne_dns_servers": ["10.0.2.3"],
        "borne_admin_networks": [f"{GATEWAY}/32"],
        "borne_admin_keys": [admin_key],
        "borne_post": POST,
        "borne_lan_network": "10.0.2.0/24",
        "borne_lan_host": DEVICE,
        "borne_lan_address": "127.0.0.1",
        "borne_console_names": [f"{POST}.example", "127.0.0.1"],
        "borne_counter": "1",
        "borne_readers": {
            "document_reader": {"port": "/dev/borne/document-reader", "shape": "flat", "baudrate": 9600},
            "code_scanner": {"port": "/dev/borne/code-scanner", "baudrate": 9600},
            "cameras": [
                {"name": role, "role": role, "source": f"http://{HOST}:{port}/video"}
                for role, port in CAMERA_PORTS.items()
            ],
        },
        "borne_release": release,
        "borne_release_file": str(release_file.resolve()),
        "storage_device": "/dev/vdb",
        "agent_times": {"document": 600, "page": 240, "visa": 600, "face": 600},
        "update_health_seconds": 1800,
        "agent_usb": {name: {"port": port} for name, port in USB.items()},
        "agent_more_networks": [f"{HOST}/32"],
        "harden_outbound": [
            {"name": "cameras", "protocol": "tcp", "port": port, "networks": [f"{HOST}/32"]}
            for port in CAMERA_PORTS.values()
        ],
    }


def write(folder: Path, values: Mapping[str, Any]) -> Path:
    """The inventory as a folder; YAML, of which JSON is a part."""
    (folder / "group_vars").mkdir(parents=True, exist_ok=True)
    groups = {"posts": {"hosts": {DEVICE: {}}}, "poste_utopia_essai": {"hosts": {DEVICE: {}}}}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": groups}}, indent=1))
    (folder / "group_vars" / "all.yml").write_text(json.dumps(dict(values), indent=1))
    return folder
