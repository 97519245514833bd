"""Role agent: what it writes is what the agent reads, on every device; and the service is as closed as it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from role_kit import PROVISIONING, devices, exposure, groups, render, variables_of

from border_agent.config import Config, Role, load_config

POST = "amaurote-aeroport-g1"
KIOSK = "amaurote-aeroport-b1"
ROLE = PROVISIONING / "roles" / "agent"


def configuration(folder: Path, device: str, **more: object) -> Config:
    file = folder / "agent.toml"
    file.write_text(render("agent", "agent.toml.j2", device, **more), encoding="utf-8")
    return load_config(file)


@pytest.mark.parametrize("device", devices())
def test_every_device_of_the_example_reads_its_configuration(tmp_path: Path, device: str) -> None:
    config = configuration(tmp_path, device)
    kiosk = device in groups()["kiosks"]
    assert config.device.id == device
    assert config.device.role is (Role.KIOSK if kiosk else Role.POST)
    assert (config.console is None) is kiosk
    assert config.lan is not None and config.lan.brokers[0].startswith("mqtts://")
    assert config.api.kiosks == ((871,) if kiosk else ())
    assert config.path(config.store.key) == Path("/run/credentials/borne-agent.service/store.key")


def test_every_option_of_the_agent_can_be_set(tmp_path: Path) -> None:
    readers = {
        "document_reader": {"port": "/dev/ttyS1", "shape": "swipe", "baudrate": 19200, "name": "lecteur"},
        "printer": {"port": "/dev/borne/printer", "rtscts": True},
        "cameras": [
            {"name": "visage", "role": "face", "source": 0},
            {"name": "é", "role": "document", "source": "x"},
        ],
    }
    config = configuration(
        tmp_path,
        POST,
        borne_readers=readers,
        borne_chip_reader={"name": "puce", "reader": 'Elyctis "CL"'},
        borne_training=True,
        borne_gate='"A" \\',
        agent_officers=["agent1"],
        agent_mqtt_version="3.1.1",
        agent_console_port=443,
        agent_contact_fr="Délégué « à »",
        agent_in_service=False,
        agent_silent_seconds=5,
        agent_times={"document": 60, "face": 12.5},
        agent_reboot=[],
    )
    assert config.device.training
    assert config.devices.document_reader is not None and config.devices.document_reader.baudrate == 19200
    assert config.devices.code_scanner is None
    assert config.devices.printer is not None and config.devices.printer.rtscts
    assert config.devices.chip_reader is not None
    assert (config.devices.chip_reader.name, config.devices.chip_reader.reader) == ("puce", 'Elyctis "CL"')
    assert config.devices.cameras[0].source == 0 and config.devices.cameras[1].name == "é"
    assert config.api.officers == (1001,)
    assert config.kiosk.gate == '"A" \\'
    assert config.kiosk.reboot == () and not config.kiosk.in_service
    assert (config.times.document, config.times.page, config.times.face) == (60.0, 8.0, 12.5)
    assert config.console is not None and config.console.port == 443


def test_nothing_of_the_configuration_is_out_of_reach() -> None:
    """An option that somebody adds to the agent must be asked for here, or be left out on purpose."""
    text = (ROLE / "templates" / "agent.toml.j2").read_text(encoding="utf-8")
    written = {line.split(" = ")[0] for line in text.splitlines() if " = " in line and line[0].isalpha()}
    for section in Config.__struct_fields__:
        kind = Config.__annotations__[section]
        if section == "folder":
            continue
        fields = {
            "device": {"id", "role", "post", "training"},
            "devices": {"name", "port", "reader", "role", "source"},
            "times": set(),
        }.get(section)
        if fields is None:
            import border_agent.config as module

            name = kind.removesuffix(" | None")
            fields = set(getattr(module, name).__struct_fields__)
        assert fields <= written, section


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize(("device", "most"), [(POST, 1.5), (KIOSK, 1.5)])
def test_the_agents_service_is_closed(tmp_path: Path, device: str, most: float) -> None:
    unit = tmp_path / "borne-agent.service"
    unit.write_text(render("agent", "borne-agent.service.j2", device), encoding="utf-8")
    assert exposure(unit) <= most


def test_without_a_chip_reader_nothing_of_it_is_there(tmp_path: Path) -> None:
    assert configuration(tmp_path, KIOSK).devices.chip_reader is not None
    assert configuration(tmp_path, KIOSK, borne_chip_reader={}).devices.chip_reader is None
    assert "pcscd" in render("agent", "borne-agent.service.j2", KIOSK)
    assert "pcscd" not in render("agent", "borne-agent.service.j2", KIOSK, borne_chip_reader={})
    assert "pcscd.socket" in variables_of(KIOSK, "agent")["agent_units"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_smart_card_daemon_is_closed(tmp_path: Path) -> None:
    """Debian's unit, which is little more than this line, with what the role adds."""
    debian = "[Service]\nExecStart=/usr/sbin/pcscd --foreground --auto-exit\n"
    unit = tmp_path / "pcscd.service"
    unit.write_text(debian + (ROLE / "files" / "pcscd.service.conf").read_text(encoding="utf-8"), encoding="utf-8")
    assert exposure(unit) <= 1.2
    socket = (ROLE / "files" / "pcscd.socket.conf").read_text(encoding="utf-8")
    assert "SocketMode=0660" in socket and "SocketGroup=borne\n" in socket


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_clock_watcher_is_closed() -> None:
    assert exposure(ROLE / "files" / "borne-clock.service") <= 0.6


def test_the_agent_speaks_with_the_inventorys_addresses_only() -> None:
    readers = {
        "cameras": [
            {"name": "a", "role": "face", "source": "http://u:p@10.25.1.60:8080/mjpeg"},
            {"name": "b", "role": "document", "source": 0},
        ]
    }
    unit = render("agent", "borne-agent.service.j2", POST, borne_readers=readers)
    allowed = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("IPAddressAllow=")]
    assert allowed == ["localhost", "10.25.1.0/24", "192.0.2.0/26", "192.0.2.53", "198.51.100.0/24", "10.25.1.60"]
    assert "IPAddressDeny=any" in unit


def test_a_serial_port_of_the_board_is_opened_by_its_name() -> None:
    readers = {"document_reader": {"port": "/dev/ttyS1"}, "code_scanner": {"port": "/dev/ttyUSB0"}}
    unit = render("agent", "borne-agent.service.j2", POST, borne_readers=readers)
    assert "DeviceAllow=/dev/ttyS1 rw" in unit
    assert "/dev/ttyUSB0" not in unit


def test_the_server_key_is_on_posts_only() -> None:
    assert "server.key" in variables_of(POST, "agent")["agent_credentials"]
    assert "server.key" not in variables_of(KIOSK, "agent")["agent_credentials"]
    assert "server.key" not in render("agent", "borne-agent.service.j2", KIOSK)


def test_readers_are_told_apart_by_what_the_inventory_says() -> None:
    usb = {"document-reader": {"port": "1-1.2"}, "camera-face": {"vendor": "046d", "product": "0825", "serial": "A"}}
    rules = render("agent", "70-borne.rules.j2", KIOSK, agent_usb=usb).splitlines()
    assert (
        'SUBSYSTEM=="tty", SUBSYSTEMS=="usb", KERNELS=="1-1.2", SYMLINK+="borne/document-reader", TAG+="systemd"'
        in rules
    )
    camera = next(line for line in rules if "camera-face" in line and "SYMLINK" in line)
    assert 'ATTR{index}=="0"' in camera and 'ENV{ID_SERIAL_SHORT}=="A"' in camera
