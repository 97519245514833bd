"""Role centre in a bare root: Mosquitto, PostgreSQL, shards and publisher by their units' own words, true devices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agent_kit import free_port
from centre_kit import Device, as_unit_says, build_release, instance, kill, let_in, until, write_identity
from conftest import Build
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from root_kit import CENTRE, Root, Unavailable
from unit_kit import Running, exposure, running

from mqtt_schemas.centre.authority import Authority, make_pilot
from mqtt_schemas.centre.duties import slot

FOLDER = "/var/lib/borne-centre"
BORNE = "/opt/borne/current/bin/borne"
PORT = free_port()
SHARDS = ("1", "2")
ROLES = ("base", "update", "centre")
FOREIGN = ("cv2", "kivy", "dlib", "numpy", "PIL", "starlette")
"""What a device's machine has and the centre's has not."""

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def centre(build_root: Build) -> Root:
    try:
        return build_root(CENTRE)
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Path]:
    return build_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    (folder / "authority.pem").write_bytes(make_pilot(folder, datetime.now(UTC)).pem())
    return folder


@pytest.fixture(scope="module")
def authority(pki: Path) -> Authority:
    return Authority.load(pki)


@pytest.fixture(scope="module")
def variables(release: tuple[Path, str, Path], pki: Path) -> dict[str, Any]:
    return {
        "borne_release_file": str(release[0]),
        "borne_root": release[1],
        "borne_authority": str(pki / "authority.pem"),
        "centre_broker_port": PORT,
        "centre_shared_buffers": "32MB",
    }


# --- the machine --------------------------------------------------------------------------------------------------


def test_check_mode_on_a_bare_root(centre: Root, variables: dict[str, Any]) -> None:
    assert centre.play(*ROLES, variables=variables, check=True).failures == ()


def test_converges_and_stays(centre: Root, variables: dict[str, Any]) -> None:
    first = centre.play(*ROLES, variables=variables)
    assert first.failures == ()
    second = centre.play(*ROLES, variables=variables)
    assert (second.failures, second.changed_tasks) == ((), ())
    print(f"centre: {first.seconds:.0f} s, again {second.seconds:.0f} s")


def test_files_and_units(centre: Root) -> None:
    assert centre.mode(FOLDER) == "borne-centre borne-centre 0700"
    assert centre.mode("/etc/borne/centre.toml") == "root borne-centre 0640"
    assert centre.mode("/etc/borne/broker.conf") == "root mosquitto 0640"
    assert centre.unit_state("mosquitto.service") == "masked"
    assert "crlfile" not in "".join(
        line for line in centre.read("/etc/borne/broker.conf").splitlines() if not line.startswith("#")
    )
    for unit in (
        "borne-broker.service",
        "borne-centre-database.service",
        "borne-centre-setup.service",
        "borne-centre-setup.timer",
        "borne-centre@1.service",
        "borne-centre@2.service",
        "borne-centre-publisher.service",
    ):
        assert centre.unit_state(unit) == "enabled", unit
    names = ["borne-broker.service", "borne-centre@1.service", "borne-centre-publisher.service"]
    names += ["borne-centre-setup.service", "borne-centre-database.service", "borne-centre-setup.timer"]
    names += ["borne-centre-renewed.path", "postgresql@15-borne.service"]
    assert centre.run("systemd-analyze", "verify", "--man=no", *names, check=False).stderr == ""
    scores = {unit: exposure(centre, unit) for unit in names[:5]}
    print("systemd-analyze security:", scores, "postgresql:", exposure(centre, names[-1]))
    assert max(scores.values()) <= 1.2


def test_the_release_holds_nothing_of_a_device_s_machine(centre: Root) -> None:
    script = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    python = "/opt/borne/current/bin/python"
    assert centre.run(python, "-c", script, *FOREIGN).stdout.strip() == "[]"
    for words in (["centre", "--help"], ["centre", "run", "--help"], ["centre", "devices", "--help"]):
        centre.run(BORNE, *words)


def test_another_number_of_shards(centre: Root, variables: dict[str, Any]) -> None:
    """One more, and back: the shard that is too many goes."""
    assert centre.play("base", "centre", variables={**variables, "centre_shards": 3}).failures == ()
    assert centre.unit_state("borne-centre@3.service") == "enabled"
    assert "user centre-3\n" in centre.read("/etc/borne/broker.acl")
    assert centre.play("base", "centre", variables=variables).failures == ()
    assert centre.unit_state("borne-centre@3.service") != "enabled"
    assert "user centre-3\n" not in centre.read("/etc/borne/broker.acl")


# --- the database -------------------------------------------------------------------------------------------------


def start_postgres(centre: Root) -> None:
    centre.run("pg_ctlcluster", "15", "borne", "start")


def sql(centre: Root, statement: str, database: str = "borne") -> str:
    done = centre.run("runuser", "-u", "postgres", "--", "psql", "-XAtd", database, "-c", statement)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def database(centre: Root) -> Iterator[None]:
    start_postgres(centre)
    yield
    centre.run("pg_ctlcluster", "15", "borne", "stop", "-m", "fast", check=False)


def test_the_cluster(centre: Root, database: None) -> None:
    for _ in range(2):
        as_unit_says(centre, "borne-centre-database.service")
    wanted = {
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "ssl": "off",
    }
    assert {name: sql(centre, f"SHOW {name}") for name in wanted} == wanted
    # Nobody else gets in, not even with the socket before him, and nothing listens on the network.
    for user, base in (("nobody", "borne"), ("borne-centre", "postgres"), ("mosquitto", "borne")):
        refused = centre.run("runuser", "-u", user, "--", "psql", "-d", base, "-c", "SELECT 1", check=False)
        assert refused.returncode != 0
    impostor = ["runuser", "-u", "nobody", "--", "psql", "-U", "borne-centre", "-d", "borne", "-c", "SELECT 1"]
    assert "Peer authentication failed" in centre.run(*impostor, check=False).stderr
    assert ":1538 " not in centre.read("/proc/net/tcp") + centre.read("/proc/net/tcp6")


# --- the centre ---------------------------------------------------------------------------------------------------


def borne(centre: Root, *words: str, check: bool = True) -> Any:
    done = centre.run("runuser", "-u", "borne-centre", "--", BORNE, *words, "--json", check=False)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done


@pytest.fixture(scope="module")
def set_up(centre: Root, database: None, pki: Path, release: tuple[Path, str, Path]) -> bytes:
    """Folder, certificates, keys document: what role pki and the offline root do, here by hand."""
    for name in ("issuing.key", "issuing.pem", "root.pem"):
        centre.write(f"{FOLDER}/pki/{name}", (pki / "pki" / name).read_text(), 0o600)
    centre.run("chown", "-R", "borne-centre:", f"{FOLDER}/pki")
    as_unit_says(centre, "borne-centre-database.service")
    as_unit_says(centre, "borne-centre-setup.service")
    before = centre.read(f"{FOLDER}/tls/broker.pem")
    as_unit_says(centre, "borne-centre-setup.service")
    assert centre.read(f"{FOLDER}/tls/broker.pem") == before
    borne(centre, "centre", "keys", "wanted", "--folder", FOLDER, "--out", f"{FOLDER}/wanted")
    centre.write("/tmp/root.pem", release[2].read_text(), 0o600)
    centre.run(BORNE, "centre", "keys", "sign", f"{FOLDER}/wanted", "--root", "/tmp/root.pem", "--out", "/tmp/signed")
    centre.at("/tmp/root.pem").unlink()
    centre.run("chmod", "644", "/tmp/signed")
    borne(centre, "centre", "keys", "install", "--folder", FOLDER, "/tmp/signed")
    return bytes.fromhex(release[1])


def test_the_folder(centre: Root, set_up: bytes) -> None:
    for name in ("centre-1", "centre-2", "centre-publisher", "broker"):
        assert centre.mode(f"{FOLDER}/tls/{name}.key") == "borne-centre borne-centre 0600"
    assert centre.run("cmp", "/etc/borne/centre.toml", f"{FOLDER}/centre.toml").returncode == 0
    assert not centre.at(f"{FOLDER}/keys/root.pem").exists()


@pytest.fixture(scope="module")
def broker(centre: Root, set_up: bytes) -> Iterator[Running]:
    files = {f"server.{end}": centre.at(f"{FOLDER}/tls/broker.{end}").read_bytes() for end in ("pem", "key")}
    with running(centre, "borne-broker.service", files) as started:
        assert started.told("READY=1", 20), started.log_text()
        yield started


class Processes:
    """Shards and publisher."""

    def __init__(self, centre: Root) -> None:
        self._centre = centre
        self._open: dict[str, ExitStack] = {}
        self.started: dict[str, Running] = {}

    def start(self, name: str) -> None:
        stack = ExitStack()
        if name == "publisher":
            self.started[name] = stack.enter_context(running(self._centre, "borne-centre-publisher.service", {}))
        else:
            self.started[name] = stack.enter_context(instance(self._centre, "borne-centre@.service", name))
        self._open[name] = stack

    def kill(self, name: str) -> None:
        kill(self.started[name])
        self.stop(name)

    def stop(self, name: str) -> None:
        self._open.pop(name).close()

    def stop_all(self) -> None:
        for name in list(self._open):
            self.stop(name)

    def log(self) -> str:
        return "".join(one.log_text() for one in self.started.values())


@pytest.fixture(scope="module")
def processes(centre: Root, broker: Running) -> Iterator[Processes]:
    made = Processes(centre)
    for name in (*SHARDS, "publisher"):
        made.start(name)
    yield made
    made.stop_all()


def named(shard: int) -> Iterator[str]:
    yield from (name for number in range(1, 100) if slot(name := f"uto-borne-{number}") % 2 == shard - 1)


def enrol(centre: Root, device: Device) -> None:
    words = ["centre", "enrol", device.name, "--folder", FOLDER, "--post", "amaurote-aeroport", "--role", "kiosk"]
    borne(centre, *words, "--journal-key", device.public.hex())


def proved(centre: Root, *devices: Device) -> None:
    """Each device's journal is there as the device has it: proved, whole, once."""
    said = borne(centre, "centre", "verify", "--folder", FOLDER)
    assert said["chain_ok"], said
    entries = {one["device"]: one["entries"] for one in said["streams"]}
    assert all(entries[device.name] == device.journal.position().sequence for device in devices)


def test_killed_in_the_middle_nothing_is_lost_or_doubled(
    centre: Root, processes: Processes, set_up: bytes, authority: Authority, tmp_path: Path
) -> None:
    """Shards, publisher and PostgreSQL itself by SIGKILL, while two true devices send."""
    with ExitStack() as lines:
        devices = []
        for shard in (1, 2):
            device = Device(tmp_path / str(shard), next(named(shard)), PORT, set_up, authority)
            enrol(centre, device)
            devices.append(lines.enter_context(device))
        for device in devices:
            device.write(300)
        until(lambda: min(device.acknowledged() for device in devices) >= 300)
        for round_ in range(3):
            goal = 300 * (round_ + 2)
            for device in devices:
                device.write(300)
            for name in SHARDS:
                processes.kill(name)
            if round_ == 1:
                centre.run(script="kill -9 $(head -n 1 /var/lib/postgresql/15/borne/postmaster.pid)")
                until(lambda: not centre.run("pgrep", "-x", "postgres", check=False).stdout)
                processes.kill("publisher")
                start_postgres(centre)
                processes.start("publisher")
            for name in SHARDS:
                processes.start(name)
            until(lambda goal=goal: min(device.acknowledged() for device in devices) >= goal, 120)
        proved(centre, *devices)
        # The publisher's lists arrive too: the register knows both.
        until(lambda: all(device.holds("devices") for device in devices))
    assert "Traceback" not in processes.log()


def test_an_expired_revocation_list_locks_nobody_out_and_a_retired_device_is_refused(
    centre: Root, processes: Processes, set_up: bytes, authority: Authority, tmp_path: Path
) -> None:
    with Device(tmp_path / "device", list(named(1))[1], PORT, set_up, authority) as device:
        enrol(centre, device)
        device.write(5)
        until(lambda: device.acknowledged() >= 5)
        # What Mosquitto does with `crlfile`, and why the role writes none: a list that is good refuses nobody who is
        # not on it; the same list a month later refuses everybody.
        assert let_in(device.files, PORT)
        for days, welcome in ((30, True), (-1, False)):
            assert _with_crl(centre, authority, days, device.files) is welcome
        # Retired at the centre, the broker still lets it in, and nothing it says is taken.
        retired = ["centre", "devices", "retire", device.name, "--folder", FOLDER, "--by", "test", "--reason", "old"]
        centre.run("runuser", "-u", "borne-centre", "--", BORNE, *retired)
        before = device.journal.position().sequence
        device.write(5)
        until(lambda: "device_retired" in {one["code"] for one in _alarms(centre)})
        assert let_in(device.files, PORT)
        assert device.acknowledged() <= before
        assert sql(centre, f"SELECT max(mark) <= {before} FROM stream WHERE device = '{device.name}'") == "t"


def _alarms(centre: Root) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = borne(centre, "centre", "alarms", "--folder", FOLDER, check=False)["alarms"]
    return found


def _with_crl(centre: Root, authority: Authority, days: int, files: tuple[Path, Path, Path]) -> bool:
    """Whether a broker of the same configuration, with a revocation list besides, lets the device in."""
    port, now = free_port(), datetime.now(UTC)
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.issuing.subject)
        .last_update(now - timedelta(days=40))
        .next_update(now + timedelta(days=days))
        .sign(authority._key, hashes.SHA384())
    )
    centre.write("/etc/borne/test.crl", revoked.public_bytes(serialization.Encoding.PEM).decode())
    text = centre.read("/etc/borne/broker.conf").replace(f"listener {PORT}\n", f"listener {port}\n")
    centre.write("/etc/borne/test.conf", text + "crlfile /etc/borne/test.crl\n")
    broker = centre.start("runuser", "-u", "mosquitto", "--", "mosquitto", "-c", "/etc/borne/test.conf")
    try:
        until(lambda: f":{port:04X} " in centre.read("/proc/net/tcp"), 10)
        return let_in(files, port)
    finally:
        broker.terminate()
        broker.wait()


def test_a_stranger_s_certificate_and_a_forged_name(
    centre: Root, processes: Processes, tmp_path: Path, authority: Authority
) -> None:
    (tmp_path / "other").mkdir()
    other = make_pilot(tmp_path / "other", datetime.now(UTC))
    (tmp_path / "theirs").mkdir()
    authority_file, certificate, key = write_identity(tmp_path / "theirs", "uto-borne-1", other)
    authority_file.write_bytes(authority.pem())
    assert not let_in((authority_file, certificate, key), PORT)


def test_a_dump_is_proved_by_restoring_it_aside(centre: Root, processes: Processes) -> None:
    """What `borne backup` does with pg_dump and pg_restore, while everything runs; and a dump that was cut short."""
    user = ["runuser", "-u", "borne-centre", "--"]
    centre.run("install", "-d", "-o", "borne-centre", "-m", "0700", "/var/lib/borne-drill")
    centre.run(*user, "pg_dump", "--format=custom", "--file=/var/lib/borne-drill/dump", "--dbname=borne")
    centre.run(*user, "sh", "-c", "head -c $(($(stat -c %s $0) * 2 / 3)) $0 > $0.cut", "/var/lib/borne-drill/dump")
    url = centre.run("/usr/lib/borne/centre-drill", "make").stdout.strip()
    restore = [*user, "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={url}"]
    assert centre.run(*restore, "/var/lib/borne-drill/dump.cut", check=False).returncode != 0
    assert centre.run("/usr/lib/borne/centre-drill", "make").stdout.strip() == url
    centre.run(*restore, "/var/lib/borne-drill/dump")
    centre.write("/var/lib/borne-drill/centre.toml", f'[store]\nurl = "{url}"\n')
    said = borne(centre, "centre", "verify", "--folder", "/var/lib/borne-drill")
    assert said["chain_ok"]
    assert said["streams"] == borne(centre, "centre", "verify", "--folder", FOLDER)["streams"] != []
    centre.run("/usr/lib/borne/centre-drill", "drop")
    assert "borne_drill" not in sql(centre, "SELECT string_agg(datname, ' ') FROM pg_database", "postgres")


def test_nothing_of_it_is_in_the_server_s_log(centre: Root, processes: Processes) -> None:
    """Journals are personal data: PostgreSQL's log says who came, never what was asked or stored."""
    log = centre.run(script="cat /var/log/postgresql/*.log").stdout
    # With the dump that was cut short there was an error in the middle of the rows.
    assert "connection to client lost" in log
    assert [word for word in ("INSERT", "SELECT", "COPY", r"\\x7b22", "uto-borne") if word in log] == []
