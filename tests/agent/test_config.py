"""The configuration: an option nobody reads is an error, and every error names its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from border_agent.config import CameraRole, ConfigError, ReaderShape, Role, load_config

GOOD = """\
[device]
id = "uto-aeroport-g1"

[store]
path = "store.db"
key = "store.key"

[identity]
journal_key = "journal.key"
root = "{root}"

[mqtt]
brokers = ["mqtts://localhost:8883"]
authority = "ca.pem"
certificate = "device.pem"
key = "device.key"

[api]
socket = "/run/borne/agent.sock"
officers = [1001]

[[devices.cameras]]
name = "desk"
role = "document"
source = 0
""".format(root="ab" * 32)


def write(folder: Path, text: str) -> Path:
    file = folder / "agent.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_good_file_is_read_and_paths_start_from_its_folder(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.device.role is Role.POST
    assert config.path(config.store.path) == tmp_path / "store.db"
    assert config.path(config.api.socket) == Path("/run/borne/agent.sock")
    assert config.devices.cameras[0].role is CameraRole.DOCUMENT
    assert config.devices.document_reader is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("[device]", "[device]\nidd = 1"), "idd"),
        (("[api]", "[api]\nport = 80"), "port"),
        (('name = "desk"', 'name = "desk"\ncolour = "red"'), "colour"),
        (("[store]", "[stores]"), "stores"),
        (('path = "store.db"\n', ""), "path"),
        (('id = "uto-aeroport-g1"', 'id = "Poste 1"'), "device.id"),
        (('"mqtts://localhost:8883"', ""), "brokers"),
        (("ab" * 32, "ab" * 31), "root"),
        (("[device]", "folder = '/tmp'\n[device]"), "folder"),
        (("officers = [1001]", 'officers = ["anna"]'), "officers"),
        (("[api]", "[kiosk]\ngates = 'A'\n[api]"), "gates"),
        (("[api]", f"[kiosk]\ngate = '{'A' * 17}'\n[api]"), "kiosk.gate"),
        (("[api]", "[kiosk]\nsilent_seconds = 0\n[api]"), "silent_seconds"),
        (("[api]", "[kiosk]\nreboot = 'systemctl reboot'\n[api]"), "reboot"),
        (("[api]", "[kiosk]\nreboot = ['']\n[api]"), "reboot"),
        (("[api]", "[devices.document_reader]\nname = 'm'\nport = 'p'\nshape = 'round'\n[api]"), "shape"),
        (("[api]", "[devices.code_scanner]\nname = 'm'\nport = 'p'\nshape = 'flat'\n[api]"), "shape"),
        (("[api]", "[devices.printer]\nname = 'm'\nport = 'p'\nwidth = 80\n[api]"), "width"),
    ],
)
def test_what_nobody_reads_or_understands_is_an_error_with_its_name(
    tmp_path: Path, change: tuple[str, str], named: str
) -> None:
    assert change[0] in GOOD
    with pytest.raises(ConfigError, match=named):
        load_config(write(tmp_path, GOOD.replace(*change)))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[[[", b"a = " + b"[" * 60000, b"x" * 100_000])
def test_rubbish_is_a_typed_error(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "agent.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigError):
        load_config(file)


def test_a_kiosks_side_is_read(tmp_path: Path) -> None:
    config = load_config(
        write(
            tmp_path,
            GOOD.replace("[device]", "[device]\ntraining = true")
            + """
[devices.document_reader]
name = "mrz"
port = "/dev/mrz"
shape = "swipe"
[devices.printer]
name = "slips"
port = "/dev/printer"
[kiosk]
gate = "A"
contact_fr = "Le bureau 12"
reboot = ["systemctl", "reboot"]
staff = "staff.json"
""",
        )
    )
    assert config.device.training
    assert config.devices.document_reader is not None
    assert (config.devices.document_reader.shape, config.devices.document_reader.baudrate) == (
        ReaderShape.SWIPE,
        9600,
    )
    assert config.devices.printer is not None and config.devices.printer.baudrate == 115200
    assert (config.kiosk.gate, config.kiosk.in_service, config.kiosk.silent_seconds) == ("A", True, 10.0)
    assert config.kiosk.reboot == ("systemctl", "reboot")
    assert config.path(config.kiosk.staff) == tmp_path / "staff.json"


def test_a_missing_file_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent\.toml"):
        load_config(tmp_path / "agent.toml")
