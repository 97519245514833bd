"""Role agent in a bare root, and the real agent started by its unit's own words: account, keys, system calls."""

from __future__ import annotations

import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from agent_kit import PYTHON, free_port, install_tree, write_identity
from root_kit import Root
from unit_kit import Running, exposure, running

from border_agent.api.client import AgentClient
from firmware_bridge.virtual.launch import CameraTwin
from mqtt_schemas.lab.pki import LabAuthority

UNIT = "borne-agent.service"
PORT = "/dev/borne/document-reader"
CARDS = "/run/pcscd/pcscd.comm"
PAGES = free_port()
TOKEN = "0123456789abcdef0123456789abcdef"


def until(done: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def camera() -> Iterator[CameraTwin]:
    with CameraTwin() as twin:
        yield twin


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LabAuthority:
    return LabAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def variables(authority: LabAuthority, camera: CameraTwin) -> dict[str, Any]:
    return {
        "borne_authority": str(authority.ca),
        "borne_brokers": [f"mqtts://127.0.0.1:{free_port()}"],
        "borne_lan_address": "127.0.0.1",
        "borne_readers": {
            "document_reader": {"port": PORT, "shape": "flat"},
            "cameras": [{"name": "visage", "role": "face", "source": camera.url}],
        },
        "borne_chip_reader": {"name": "puce"},
        "agent_lan_port": free_port(),
        "agent_console_port": PAGES,
    }


def test_check_mode_on_a_bare_root(root: Root, variables: dict[str, Any]) -> None:
    recap = root.play("base", "agent", variables=variables, check=True)
    assert recap.failures == ()
    assert not root.at("/etc/borne").exists()


def test_converges_and_stays(root: Root, variables: dict[str, Any]) -> None:
    first = root.play("base", "agent", variables=variables)
    assert first.failures == ()
    second = root.play("base", "agent", variables=variables)
    assert (second.failures, second.changed_tasks) == ((), ())
    print(f"agent: {first.seconds:.0f} s, again {second.seconds:.0f} s")


def test_files_and_accounts(root: Root) -> None:
    assert root.mode("/etc/borne/agent.toml") == "root borne 0640"
    assert root.mode("/etc/borne/authority.pem") == "root root 0644"
    assert root.mode("/var/lib/borne") == "borne borne-api 0700"
    assert root.read("/etc/passwd").count("borne:x:870:870:") == 1
    assert "borne-kiosk" not in root.read("/etc/passwd")
    for unit in (UNIT, "borne-clock.service", "borne-reboot.path", "pcscd.socket"):
        assert root.unit_state(unit) == "enabled"
    assert ":/nonexistent:/usr/sbin/nologin" in root.run("getent", "passwd", "borne-pcscd").stdout


def test_the_units_are_right_and_closed(root: Root) -> None:
    units = (UNIT, "borne-clock.service", "borne-reboot.path", "pcscd.socket", "pcscd.service")
    said = root.run("systemd-analyze", "verify", "--man=no", *units, check=False)
    complaints = [line for line in said.stderr.splitlines() if "/opt/borne/current/bin/borne is not exec" not in line]
    assert complaints == []
    assert exposure(root, UNIT) <= 1.5
    assert exposure(root, "borne-clock.service") <= 0.6
    assert exposure(root, "pcscd.service") <= 1.2


def test_debians_daemon_asks_no_polkit(root: Root) -> None:
    """So the socket's mode is all there is, and nothing else has to be installed or allowed."""
    assert "polkit" not in root.run("pcscd", "--version").stdout
    assert root.run("dpkg-query", "-W", "-f", "${Version}", "polkitd", check=False).stdout == ""
    assert "SocketGroup=borne" in root.read("/etc/systemd/system/pcscd.socket.d/borne.conf")


@pytest.fixture(scope="module")
def reader(root: Root) -> Iterator[subprocess.Popen[str]]:
    """A document reader's twin on a serial line of the root's own, in the group that Debian gives such lines."""
    install_tree(root)
    words = [PYTHON, "-m", "firmware_bridge.virtual.serial_twin", "--link", PORT, "--wire", "{}"]
    root.run("mkdir", "-p", "/dev/borne")
    twin = root.start(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert twin.stdout is not None and twin.stdin is not None
    assert twin.stdout.readline() == "ready\n"
    root.run(script=f"chown root:dialout $(readlink -f {PORT}) && chmod 0660 $(readlink -f {PORT})")
    yield twin
    twin.stdin.close()
    twin.wait(timeout=10)


@pytest.fixture(scope="module")
def cards(root: Root) -> Iterator[Running]:
    """The smart card daemon in its sandbox, at a socket with the rights that systemd would give it."""
    text = root.read("/lib/systemd/system/pcscd.service") + root.read(
        "/etc/systemd/system/pcscd.service.d/borne.conf"
    )
    text = text.replace("--auto-exit $PCSCD_ARGS", "--info")
    root.write("/etc/systemd/system/pcscd-whole.service", text)
    root.run("systemd-tmpfiles", "--create", "borne-pcscd.conf")
    with running(root, "pcscd-whole.service", {}) as started:
        assert until(lambda: root.at(CARDS).exists()), started.log_text()
        root.run(script=f"chown root:borne {CARDS} && chmod 0660 {CARDS}")
        yield started
    root.at("/etc/systemd/system/pcscd-whole.service").unlink()


@pytest.fixture(scope="module")
def agent(root: Root, cards: Running, reader: subprocess.Popen[str], authority: LabAuthority) -> Iterator[Running]:
    keys = write_identity(root, authority, hosts=("127.0.0.1",))
    root.write("/var/lib/borne/metrics.token", f"{TOKEN}\n", 0o600)
    root.run("chown", "borne:borne", "/var/lib/borne/metrics.token")
    with running(root, UNIT, keys) as started:
        yield started
    assert started.process.returncode == 0, started.log_text()


@pytest.fixture
def client(root: Root, agent: Running) -> Iterator[AgentClient]:
    with AgentClient(str(root.at("/run/borne/agent.sock"))) as asked:
        yield asked


def test_the_agent_is_ready_inside_its_filters(agent: Running) -> None:
    assert agent.told("READY=1", 90), agent.log_text()
    assert agent.told("WATCHDOG=1", 10), agent.log_text()


def test_the_decoders_close_their_own_cage_inside(client: AgentClient, agent: Running) -> None:
    assert until(lambda: bool(client.capabilities()["ready"])), agent.log_text()
    decoders = client.state()["decoders"]
    assert decoders["confinement"] == "seccomp"
    assert set(decoders["readers"]) == {"zxing", "pyzbar"}
    assert decoders["starts"] == 1
    memory = client.state()["memory_bytes"]
    print({name: f"{size / 2**20:.0f} MiB" for name, size in memory.items()})
    assert memory["decoders"] > 2**25, "the sandbox hides the children"


def test_camera_and_serial_line_work_inside(
    client: AgentClient, agent: Running, reader: subprocess.Popen[str]
) -> None:
    def devices() -> dict[str, Any]:
        return {device["name"]: device for device in client.capabilities()["devices"]}

    def ready() -> set[str]:
        return {name for name, one in devices().items() if one["state"] == "ready"}

    assert until(lambda: ready() == {"document-reader", "visage"}), (devices(), agent.log_text())
    assert devices()["visage"]["confinement"] == "seccomp"
    assert reader.stdin is not None
    reader.stdin.write(msgspec.json.encode({"emit": b"P<UTO\r", "pace": None}).decode() + "\n")
    reader.stdin.flush()
    assert until(lambda: "a line of 5 bytes is no MRZ line" in agent.log_text(), 10), agent.log_text()


def test_the_agent_reaches_the_smart_card_daemon_and_nobody_else_does(
    root: Root, client: AgentClient, agent: Running, cards: Running
) -> None:
    assert "daemon ready" in cards.log_text()
    code = "from smartcard.scard import *; print(SCardGetErrorMessage(SCardEstablishContext(SCARD_SCOPE_SYSTEM)[0]))"

    def asked(user: str, groups: str) -> str:
        who = ["setpriv", f"--reuid={user}", "--regid=nogroup", f"--groups={groups}"]
        return root.run(*who, PYTHON, "-c", code).stdout.strip()

    assert asked("borne", "borne") == "Command successful."
    assert asked("nobody", "nogroup") != "Command successful."
    pid = root.run("pgrep", "-o", "-u", "borne", "-f", "agent run").stdout.strip()
    # From within the agent's own view of the system, which is read-only.
    look = ["nsenter", "-t", pid, "-m", "--root", "--wd", "--", "setpriv", "--reuid=borne", "--regid=borne"]
    assert root.run(*look, "--clear-groups", PYTHON, "-c", code).stdout.strip() == "Command successful."
    (reader,) = [one for one in client.maintenance()["devices"] if one["role"] == "chip_reader"]
    assert reader["state"] == "absent", "the daemon answers, and no reader is plugged in"


def test_rights_follow_the_account(root: Root, agent: Running) -> None:
    assert root.mode("/run/borne/agent.sock") == "borne borne-api 0660"
    assert root.mode("/run/borne") == "borne borne-api 0750"
    ask = "import sys; from border_agent.api.client import AgentClient as C; C('/run/borne/agent.sock').inspections()"

    def asked(user: str, group: str) -> str:
        who = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        return root.run(*who, PYTHON, "-c", ask, check=False).stderr

    assert "Permission denied" in asked("nobody", "nogroup")
    assert "403" in asked("technicien", "borne-api")
    assert asked("borne", "borne") == ""


def test_the_pages_are_served_by_tls(root: Root, agent: Running) -> None:
    context = ssl.create_default_context(cafile=str(root.at("/etc/borne/authority.pem")))

    def fetch(token: str) -> bytes:
        headers = {"Authorization": f"Bearer {token}", "Host": f"10.25.1.11:{PAGES}"}
        request = urllib.request.Request(f"https://127.0.0.1:{PAGES}/metrics", headers=headers)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return bytes(answer.read())

    assert b"borne_" in fetch(TOKEN)
    with pytest.raises(urllib.error.HTTPError):
        fetch(TOKEN[::-1])
    assert not root.at("/etc/borne/console.port").exists()


def test_the_system_is_read_only_for_it(root: Root, agent: Running) -> None:
    pid = root.run("pgrep", "-o", "-u", "borne", "-f", "agent run").stdout.strip()
    look = ["nsenter", "-t", pid, "-m", "--root", "--wd", "--"]
    for path in ("/etc/borne/x", "/usr/lib/borne/x", "/opt/borne/x", "/var/lib/x"):
        assert "Read-only file system" in root.run(*look, "touch", path, check=False).stderr
    assert root.run(*look, "ls", "/proc/sys", check=False).returncode


def test_a_restart_is_asked_for_by_a_file_that_root_watches(root: Root, agent: Running) -> None:
    command = next(line for line in root.read("/etc/borne/agent.toml").splitlines() if line.startswith("reboot"))
    words = msgspec.json.decode(command.partition("=")[2])
    root.run("setpriv", "--reuid=borne", "--regid=borne-api", "--clear-groups", *words)
    assert f"PathExists={words[-1]}" in root.read("/etc/systemd/system/borne-reboot.path")
    assert root.at(words[-1]).exists()
