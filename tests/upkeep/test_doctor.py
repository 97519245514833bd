"""The whole examination: with an agent and without, by the command line, in both languages."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from border_agent.config import ChipReaderSection
from border_agent.store import Store
from border_agent.upkeep.doctor import CHECKS, REGISTRY, Machine, examine
from border_agent.upkeep.doctor.chip_reader import chip_reader_found
from border_agent.upkeep.doctor.devices import check_devices
from border_agent.upkeep.doctor.engine import check_agent
from border_agent.upkeep.doctor.records import check_records
from border_agent.upkeep.doctor.values import RANK, State
from border_agent.words import has, languages
from border_agent.words.catalogue import domain_keys
from mqtt_schemas.lab.pki import LabAuthority
from tests.agent.conftest import Start
from tests.agent.conftest import folder as folder
from tests.agent.conftest import start as start
from tests.upkeep.doctor_kit import DEVICE, FakeMachine, codes, one, write_device

READERS = """
[devices.document_reader]
name = "reader"
port = "reader.port"
[devices.printer]
name = "printer"
port = "printer.port"
[[devices.cameras]]
name = "face"
role = "face"
source = "/dev/video-not-there"
"""


def borne(*words: object, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from border_agent.cli import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "LANGUAGE": language, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
    )


def test_every_code_has_words_and_whatever_is_not_well_has_advice() -> None:
    wanted = {f"doctor.{code}" for code in REGISTRY}
    wanted |= {f"doctor.{code}.advice" for code, state in REGISTRY.items() if state in (State.WARN, State.FAIL)}
    for language in languages():
        assert {key for key in domain_keys("upkeep", language) if key.startswith("doctor.")} == wanted


def test_every_code_is_used_and_every_used_code_is_registered() -> None:
    folder = Path(sys.modules[examine.__module__].__file__ or "").parent
    sources = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py") if file.name != "values.py")
    assert not [code for code in REGISTRY if f'"{code}"' not in sources]


def test_every_reason_of_the_guard_has_words() -> None:
    guard = Path(__file__).resolve().parents[2] / "provisioning" / "roles" / "update" / "files" / "borne_guard"
    source = (guard / "words.py").read_text(encoding="utf-8")
    reasons = re.findall(r'^    "(\w+)": \(', source.split("REASONS")[1].split("}")[0], re.MULTILINE)
    assert "operator" in reasons
    assert not [reason for reason in reasons if not has(f"doctor_update.{reason}")]


def test_advice_is_whole_sentences() -> None:
    from border_agent.words import text

    for language in languages():
        for key in domain_keys("upkeep", language):
            if key.startswith("doctor."):
                words = text(key, language, **_Anything())
                assert words.endswith(".") == key.endswith(".advice"), (language, key, words)


class _Anything(dict[str, str]):
    """A value for every place."""

    def __init__(self) -> None:
        names = "where detail at floor free reserve inodes total key ends begins names days unit times reasons role "
        names += (
            "line host port milliseconds problem unsent recorded lists list since hours version reason made seconds"
        )
        super().__init__(dict.fromkeys(names.split(), "x"))


def test_a_bare_machine_is_examined_too(tmp_path: Path) -> None:
    """No configuration, no agent, no systemd, no /proc: findings, and no crash."""
    report = examine(tmp_path / "agent.toml", FakeMachine(tmp_path / "root"))
    assert report.checks[0].code == "config.unreadable"
    assert not [found for found in report.checks if found.code.startswith("check.")]
    assert {"backup.none", "network.unknown", "update.none"} <= set(codes(report))


def test_the_order_is_the_importance(tmp_path: Path) -> None:
    config = write_device(tmp_path, LabAuthority(tmp_path / "tls").client(DEVICE), extra=READERS)
    ranks = [RANK[found.code] for found in examine(config, FakeMachine(tmp_path / "root")).checks]
    assert ranks == sorted(ranks)
    assert RANK["clock.before_build"] < RANK["certificate.expired"] < RANK["line.our_certificate_expired"]
    assert RANK["network.unplugged"] < RANK["line.no_route"] < RANK["journal.unsent"]


def test_devices_without_an_agent(tmp_path: Path) -> None:
    config = write_device(tmp_path, LabAuthority(tmp_path / "tls").client(DEVICE), extra=READERS)
    report = examine(config, Machine(), checks=(check_devices,))
    assert codes(report, "device.") == ["device.missing"] * 3
    main, line = pty.openpty()
    try:
        (tmp_path / "reader.port").symlink_to(os.ttyname(line))
        (tmp_path / "printer.port").symlink_to(os.ttyname(line))  # there, and mute
        report = examine(config, Machine(), checks=(check_devices,))
    finally:
        os.close(main)
        os.close(line)
    assert codes(report, "device.", "printer.") == ["device.missing", "printer.silent", "device.present"]
    assert "caméra du visage" in one(report, "device.missing").words["fr"]


CHIPS = '[devices.chip_reader]\nname = "puce"\n'


def test_a_chip_reader_stands_on_its_daemon(tmp_path: Path) -> None:
    config = write_device(tmp_path, LabAuthority(tmp_path / "tls").client(DEVICE), extra=CHIPS)
    machine = FakeMachine(tmp_path / "root")
    (said,) = examine(config, machine, checks=(check_devices,)).checks[-1:]
    assert (said.code, said.where) == ("chip_reader.no_daemon", str(tmp_path / "root/run/pcscd/pcscd.comm"))
    assert "pcscd.socket" in said.advice["fr"]
    (tmp_path / "root/run/pcscd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(tmp_path / "root/run/pcscd/pcscd.comm"))
        assert "chip_reader.no_daemon" in codes(examine(config, machine, checks=(check_devices,))), "nobody listens"
        daemon.listen()
        assert "chip_reader.missing" in codes(examine(config, machine, checks=(check_devices,)))


@pytest.mark.parametrize(
    ("state", "code"),
    [("ready", "device.good"), ("failed", "device.failed"), ("absent", "chip_reader.missing")],
)
def test_a_chip_reader_by_the_agents_own_word(tmp_path: Path, state: str, code: str) -> None:
    (tmp_path / "run/pcscd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(tmp_path / "run/pcscd/pcscd.comm"))
        daemon.listen()
        told = {"state": state, "last_problem": "device.busy" if state == "failed" else ""}
        said = chip_reader_found(FakeMachine(tmp_path), ChipReaderSection(name="puce"), told)
    assert (said.code, said.where) == (code, "puce")
    assert said.detail == told["last_problem"]


def test_devices_and_journal_by_the_agents_own_word(start: Start, folder: Path) -> None:
    start(READERS)
    report = examine(folder / "agent.toml", Machine(), checks=(check_agent, check_devices, check_records))
    assert "agent.good" in codes(report) or "agent.out_of_service" in codes(report)
    assert codes(report, "device.missing") == ["device.missing"] * 3
    assert one(report, "journal.unsent").params["unsent"] >= 1, "never acknowledged"
    assert "règles d’entrée" in one(report, "lists.none").words["fr"]


def test_the_journal_without_the_agent(start: Start, folder: Path) -> None:
    start()
    start.stop()
    before = (folder / "store.db").read_bytes()
    report = examine(folder / "agent.toml", Machine(), checks=(check_agent, check_records))
    assert codes(report, "journal.") == ["journal.unsent"]
    assert (folder / "store.db").read_bytes() == before, "a doctor writes nothing"
    later = FakeMachine(folder / "root", Machine().now() + timedelta(days=30))
    assert codes(examine(folder / "agent.toml", later, checks=(check_records,)), "journal.") == ["journal.unsent"]


def test_a_store_that_is_none(tmp_path: Path) -> None:
    config = write_device(tmp_path, LabAuthority(tmp_path / "tls").client(DEVICE))
    assert codes(examine(config, Machine(), checks=(check_records,)), "journal.") == ["journal.none"]
    assert not (tmp_path / "store.db").exists(), "none is made by looking"
    (tmp_path / "store.db").write_bytes(os.urandom(8192))
    report = examine(config, Machine(), checks=(check_records,))
    assert "store.unreadable" in codes(report)
    assert "restaurez aucune sauvegarde" in one(report, "store.unreadable").advice["fr"]
    (tmp_path / "store.db").unlink()
    Store(tmp_path / "store.db", tmp_path / "store.key").close()
    assert codes(examine(config, Machine(), checks=(check_records,)), "journal.") == ["journal.none"]


def test_a_store_that_cannot_be_opened_here_is_not_called_damaged(start: Start, folder: Path) -> None:
    """Watched from a sandbox that sees the disk read-only, with an agent that is down."""
    start()
    start.stop()
    script = (
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && '
        'exec "$2" -c "$3" doctor -c "$1/agent.toml" --json'
    )
    code = "from border_agent.cli import main; main()"
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(folder), sys.executable, code], capture_output=True, text=True
    )
    if not ran.stdout:
        pytest.skip(f"no mount namespaces here: {ran.stderr.strip()[-200:]}")
    found = [check["code"] for check in json.loads(ran.stdout)["checks"]]
    assert "store.unreadable" not in found
    assert {"journal.unknown", "journal.unsent"} & set(found)


def test_without_the_right_to_read_the_configuration(folder: Path) -> None:
    config = write_device(folder, LabAuthority(folder / "tls").client(DEVICE))
    config.chmod(0)
    folder.chmod(0o755)
    # Imported before root's rights are given up: the repository may be in a folder of root's own.
    code = (
        "import os, border_agent.cli.doctor; from border_agent.cli import main\n"
        "if not os.geteuid(): os.setuid(65534)\n"
        "main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "doctor", "-c", str(config), "--json"], capture_output=True, text=True
    )
    assert json.loads(ran.stdout)["checks"][0]["code"] == "config.not_permitted", ran.stderr
    assert ran.returncode == 1


@pytest.mark.parametrize("language", ["fr", "en"])
def test_by_the_command_line(tmp_path: Path, language: str) -> None:
    config = write_device(tmp_path, LabAuthority(tmp_path / "tls").client(DEVICE), extra=READERS)
    ran = borne("doctor", "--config", config, language=language)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ("À réparer, dans cet ordre" if language == "fr" else "To mend, in this order") in ran.stdout
    assert "device.missing" in ran.stdout
    assert "certificate.good" not in ran.stdout
    assert ("Configuration lisible" if language == "fr" else "Configuration readable") in borne(
        "doctor", "--config", config, "--all", language=language
    ).stdout


def test_json_has_stable_keys(tmp_path: Path) -> None:
    config = write_device(tmp_path, LabAuthority(tmp_path / "tls").client(DEVICE))
    ran = borne("doctor", "--config", config, "--json")
    answer = json.loads(ran.stdout)
    assert answer["ok"] is (ran.returncode == 0)
    for check in answer["checks"]:
        assert set(check) == {"code", "state", "where", "detail", "words", "advice"}
        assert set(check["words"]) == {"fr", "en"}
        assert bool(check["advice"]) is (check["state"] in ("warn", "fail"))
        assert has(f"doctor.{check['code']}")


def test_wrong_use_exits_2() -> None:
    assert borne("doctor", "--nothing").returncode == 2


def test_no_check_is_left_out() -> None:
    folder = Path(sys.modules[examine.__module__].__file__ or "").parent
    written = {
        line.split("(")[0].removeprefix("def ")
        for file in folder.glob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("def check_")
    }
    assert written == {check.__name__ for check in CHECKS}
