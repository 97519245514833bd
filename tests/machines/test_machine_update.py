"""Role update in a bare root: the first release, a later one, one that is not believed, one over a line."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_kit import Releases, guard
from root_kit import Root

FIRST, SECOND, THIRD = "0.9.0", "0.10.0", "0.11.0"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    return Releases(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def first(releases: Releases) -> Path:
    return releases.build(FIRST)


def test_check_mode_on_a_bare_root(root: Root, releases: Releases, first: Path) -> None:
    recap = root.play("update", variables=releases.variables(FIRST, first), check=True)
    assert recap.failures == ()
    assert not root.at("/usr/lib/borne").exists() and not root.at("/opt/borne").exists()


def test_a_release_that_is_not_named_or_not_there_is_told(root: Root, releases: Releases, first: Path) -> None:
    variables = releases.variables(FIRST, first)
    unnamed = root.play("update", variables={**variables, "borne_release_file": ""})
    assert len(unnamed.failures) == 1 and "borne_release_file" in unnamed.failures[0]
    absent = root.play("update", variables={**variables, "borne_release_file": "/nowhere/release.tar"})
    assert "introuvable ici" in absent.failures[0] and "not found here" in absent.failures[0]


def test_the_first_release_is_installed_and_stays(
    root: Root, releases: Releases, first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = releases.variables(FIRST, first)
    recap = root.play("update", variables=variables)
    assert recap.failures == ()
    assert root.run("/usr/local/bin/borne", "--version").stdout.split() == ["borne", FIRST]
    status = guard(root, "status")
    assert (status["phase"], status["current"], status["role"]) == ("confirmed", FIRST, "post")
    assert not root.at("/var/lib/borne-update/arrivals").exists()
    again = root.play("update", variables=variables)
    assert (again.failures, again.changed_tasks) == ((), ())
    with capsys.disabled():
        print(f"\n  first release in a bare root {recap.seconds:.0f} s, again {again.seconds:.0f} s")


def test_the_guard_stands_as_it_should(root: Root) -> None:
    assert root.mode("/usr/lib/borne/guard") == "root root 0755"
    assert root.mode("/var/lib/borne-update") == "root root 0700"
    assert root.mode("/etc/borne/update.json") == "root root 0644"
    assert root.unit_state("borne-guard.service") == "enabled"
    assert root.unit_state("borne-guard-confirm.timer") == "enabled"
    settings = json.loads(root.read("/etc/borne/update.json"))
    assert settings["restart"] == ["systemctl", "restart", "borne-agent.service"]
    # Somebody else's account runs it: nothing of a release is root's alone to read, nothing anybody else's to write.
    found = root.run("find", "/opt/borne/", "(", "!", "-perm", "-004", "-o", "-perm", "/022", ")", "!", "-type", "l")
    assert found.stdout == ""
    for unit in ("borne-guard.service", "borne-guard-confirm.service"):
        told = subprocess.run(
            [
                "systemd-analyze",
                "security",
                "--offline=yes",
                "--threshold=20",
                root.at(f"/etc/systemd/system/{unit}"),
            ],
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stdout[-300:]


def test_a_tampered_release_stops_the_run_with_words(root: Root, releases: Releases, first: Path) -> None:
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    bad = first.with_name("tampered.tar")
    bad.write_bytes(data)
    # The wheel that was spoilt is on the device already, whole: take that away.
    root.run("sh", "-c", "rm -rf /var/lib/borne-update/wheels/* /opt/borne/releases/next")
    variables = releases.variables("0.9.9", bad)
    recap = root.play("update", variables=variables)
    # The manifest is whole and says 0.9.0, which runs: it is not the version that was asked for.
    assert len(recap.failures) == 1 and FIRST in recap.failures[0]
    assert guard(root, "status")["current"] == FIRST


def test_another_country_s_release_stops_the_run(root: Root, releases: Releases, first: Path) -> None:
    variables = {**releases.variables("0.9.9", first), "borne_root": "ab" * 32}
    recap = root.play("update", variables=variables)
    assert "racine de ce pays" in recap.failures[0] and "this country's root" in recap.failures[0]
    assert guard(root, "status", check=False)["current"] == FIRST


def test_a_full_disk_stops_the_run_and_leaves_nothing(root: Root, releases: Releases) -> None:
    second = releases.build(SECOND)
    variables = releases.variables(SECOND, second, update_reserve_mb=10**9)
    recap = root.play("update", variables=variables)
    assert "Pas assez de place" in recap.failures[0] and "Not enough room" in recap.failures[0]
    assert [path.name for path in root.at("/opt/borne/releases").iterdir()] == [FIRST]
    assert not root.at("/var/lib/borne-update/arrivals").exists()


def test_a_later_release_waits_for_the_first_start(root: Root, releases: Releases) -> None:
    second = releases.folder / "out" / f"borne-post-{SECOND}.tar"
    assert root.play("update", variables=releases.variables(SECOND, second)).failures == ()
    status = guard(root, "status")
    assert (status["phase"], status["current"], status["previous"]) == ("switched", SECOND, FIRST)
    # Nothing runs here and nothing ever confirms: two starts, then back.
    assert [guard(root, "boot")["tries"] for _ in range(2)] == [1, 2]
    assert guard(root, "boot")["reason"] == "not_confirmed"
    assert root.run("/usr/local/bin/borne", "--version").stdout.split()[-1] == FIRST
    recap = root.play("update", variables=releases.variables(SECOND, second))
    assert "--again" in recap.failures[0], "what was taken back is not tried at every run"


@pytest.fixture
def sshd(root: Root, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The device's own SSH server on the loopback address, and what Ansible needs to come in."""
    root.run(
        script="apt-get -qq install -y --no-install-recommends openssh-server >/dev/null 2>&1; mkdir -p /run/sshd"
    )
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    keys = Path(root.run(script="getent passwd root | cut -d: -f6").stdout.strip(), ".ssh")
    root.write(f"{keys}/authorized_keys", (tmp_path / "key.pub").read_text(), 0o600)
    root.at(str(keys)).chmod(0o700)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = root.start(
        "/usr/sbin/sshd", "-D", "-e", "-p", str(port), "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no",
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "no sshd"
            time.sleep(0.1)
    options = f"-o StrictHostKeyChecking=no -o UserKnownHostsFile={tmp_path}/known -o ControlPath=none"
    yield {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(tmp_path / "key"),
        "ansible_ssh_common_args": options,
    }
    server.terminate()
    server.wait(10)


def test_over_a_line_only_what_is_missing_travels(
    root: Root, releases: Releases, sshd: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    third = releases.build(THIRD)
    variables = releases.variables(THIRD, third, **sshd)
    recap = root.play("update", variables=variables)
    assert recap.failures == ()
    assert guard(root, "status")["target"] == THIRD
    unpacked = third.with_name(f"{third.name}.unpacked")
    small = sum((unpacked / name).stat().st_size for name in ("release.json", "release.sig", "keys.json"))
    own = (unpacked / "wheels" / f"borne-{THIRD}-py3-none-any.whl").stat().st_size
    assert small + own < third.stat().st_size / 50
    with capsys.disabled():
        whole = third.stat().st_size
        print(f"\n  over the line: {(small + own) / 1e6:.2f} MB of {whole / 1e6:.0f} MB, {recap.seconds:.0f} s")
