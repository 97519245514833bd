"""PostgreSQL as the store: durable, alone, back after its server was gone; what only a server can do to a centre."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from centre_device import AT, Office, PaperDevice, open_office
from postgres_kit import Cluster, require_postgres

from mqtt_schemas.centre.database import IMPORTING, open_database, stamp
from mqtt_schemas.centre.duties import PUBLISHES, SLOTS, Duties, slot
from mqtt_schemas.centre.errors import (
    AlreadyRunning,
    BadConfiguration,
    BadFolder,
    DiskFull,
    Refused,
    ServerLost,
    StoreFailed,
)
from mqtt_schemas.centre.folder import CentreFolder, StoreSettings, init
from mqtt_schemas.centre.postgres import numbered, socket_address
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.centre.register import devices, enrol
from mqtt_schemas.centre.schema import MIGRATIONS
from mqtt_schemas.centre.service import CentreService
from mqtt_schemas.centre.values import AlarmCode, AlarmNote

NOWHERE = Path("nowhere")


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    made = postgres.fresh()
    yield made
    postgres.give_back(made)


@pytest.fixture
def office(url: str) -> Iterator[Office]:
    made = open_office(url=url)
    yield made
    made.store.database.close()


@pytest.fixture
def device(office: Office) -> PaperDevice:
    made = PaperDevice()
    office.enrol(made)
    office.desk.handle([made.greets()])
    return made


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A server that may be stopped; not started yet."""
    require_postgres()
    cluster = Cluster()
    yield cluster
    cluster.__exit__()


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://borne:secret@/centre?host=/run/postgresql",
        "postgresql:///centre?host=/run/postgresql&password=secret",
        "postgresql:///centre?host=/run/postgresql&passfile=/etc/pass",
        "postgresql://db.example/centre",
        "postgresql://127.0.0.1:5432/centre",
        "postgresql:///centre?host=/run/postgresql,db.example",
        "postgresql:///centre?hostaddr=127.0.0.1",
        "postgresql:///centre?service=other",
        "postgresql:///?host=/run/postgresql",
        "postgresql:///centre?hosst=/run/postgresql",
        "dbname=centre host=/run/postgresql",
        "sqlite:///centre.db",
        "\0",
    ],
)
def test_only_a_socket_of_this_machine_without_a_password(url: str) -> None:
    with pytest.raises(BadConfiguration):
        socket_address(url)
    with pytest.raises(BadConfiguration) as caught:
        open_database(NOWHERE, url)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    store = StoreSettings(url=f"postgresql:///centre?host={tmp_path}")
    with pytest.raises(ServerLost):
        init(tmp_path / "centre", store=store)
    assert not (tmp_path / "centre").exists()


def test_a_database_belongs_to_one_centre(tmp_path: Path, url: str) -> None:
    init(tmp_path / "one", store=StoreSettings(url=url), at=AT)
    with pytest.raises(BadFolder, match="already"):
        init(tmp_path / "two", store=StoreSettings(url=url), at=AT)
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_forgets_is_refused(own: Cluster, setting: str) -> None:
    with (own.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"{setting} = off\n")
    own.start()
    with pytest.raises(BadConfiguration, match="fsync"):
        open_database(NOWHERE, own.url("postgres"))


def test_a_commit_is_on_disk_whatever_the_server_s_default(postgres: Cluster, url: str) -> None:
    name = url.partition("@/")[2].partition("?")[0]
    postgres.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        with open_database(NOWHERE, url) as database:
            assert database.one("SHOW synchronous_commit") == ("on",)
    finally:
        postgres.run(f"ALTER DATABASE {name} RESET synchronous_commit")


def test_a_database_that_is_not_utf8_is_refused(postgres: Cluster) -> None:
    postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(BadConfiguration, match="LATIN1"):
        open_database(NOWHERE, postgres.url("latin"))


def test_a_newer_schema_is_refused_and_an_older_one_completed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqtt_schemas.centre.postgres.MIGRATIONS", MIGRATIONS[:1])
    with open_database(NOWHERE, url) as database, pytest.raises(StoreFailed):
        database.one("SELECT sealing_key FROM device")
    monkeypatch.undo()
    with open_database(NOWHERE, url) as database:
        assert database.one("SELECT max(version) FROM schema_version") == (len(MIGRATIONS),)
        assert database.one("SELECT sealing_key FROM device") is None
        database.execute("INSERT INTO schema_version VALUES (99)")
    with pytest.raises(StoreFailed, match="newer"):
        open_database(NOWHERE, url)


def test_two_programs_open_a_new_database_together(url: str) -> None:
    failed: list[Exception] = []

    def opening() -> None:
        try:
            open_database(NOWHERE, url).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=opening) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_places_for_values() -> None:
    assert numbered("SELECT ?, ? WHERE a = ?") == "SELECT $1, $2 WHERE a = $3"
    assert numbered("VALUES (?1, ?2, ?2)") == "VALUES ($1, $2, $2)"


# --- what is stored -------------------------------------------------------------------------------------------


def test_many_rows_and_few_are_stored_alike(office: Office, device: PaperDevice) -> None:
    """Copied from eight on."""
    device.travellers(40)
    for first, last in ((1, 1), (2, 8), (9, 16), (17, 40)):
        (ack,) = office.acks(device.sent(first, last))
        assert ack.upto == last
    assert [body for _, _, body in office.bodies()] == device.bodies[:40]


def test_text_sorts_by_its_bytes(office: Office) -> None:
    office.enrol(*(PaperDevice(name) for name in ("a-1", "a11", "abc", "a0z")))
    assert [one.id for one in office.store.devices()] == sorted(["a-1", "a11", "abc", "a0z"])


def test_an_alarm_may_quote_what_no_text_can_hold(office: Office) -> None:
    note = AlarmNote(AlarmCode.MALFORMED, "a\0b \N{SNOWMAN}")
    office.store.raise_alarm(note, "kiosk-1", AT)
    (alarm,) = office.store.alarms()
    assert alarm.detail == "a\N{REPLACEMENT CHARACTER}b \N{SNOWMAN}"


def test_more_rows_than_are_fetched_at_once(office: Office) -> None:
    database = office.store.database
    with database.transaction():
        database.insert("feed", ("name", "version", "head"), [(f"f{number:05}", 0, b"") for number in range(1300)])
    with database.reading():
        # Two of them side by side, one of them left early.
        some = database.rows("SELECT name FROM feed ORDER BY name")
        names = [name for (name,) in database.rows("SELECT name FROM feed ORDER BY name DESC")]
        assert next(some) == ("f00000",)
    assert len(names) == 1300
    some.close()
    assert database.one("SELECT 1") == (1,)


def test_reading_sees_one_state(office: Office, url: str) -> None:
    with office.store.database.reading():
        assert office.store.alarms() == []
        with open_database(NOWHERE, url) as other:
            other.execute("INSERT INTO feed (name, version, head) VALUES ('x', 0, ?)", [b""])
        assert office.store.database.one("SELECT count(*) FROM feed") == (0,)
        with pytest.raises(StoreFailed):
            office.store.database.execute("DELETE FROM feed")
    assert office.store.database.one("SELECT count(*) FROM feed") == (1,)


def test_a_statement_that_failed_is_never_committed(office: Office) -> None:
    """PostgreSQL answers such a COMMIT with ROLLBACK, and does not call it an error."""
    database = office.store.database
    with pytest.raises(StoreFailed, match="failed"), database.transaction():
        office.store.raise_alarm(AlarmNote(AlarmCode.FORK, "x"), "kiosk-1", AT)
        with pytest.raises(Refused):
            database.execute("INSERT INTO feed (name, version, head) VALUES ('x', NULL, NULL)")
    assert office.codes() == []


def test_an_error_quotes_no_row(office: Office, device: PaperDevice) -> None:
    """PostgreSQL's details do, and they would go into logs and alarms."""
    with pytest.raises(Refused) as caught, office.store.database.transaction():
        office.store.database.insert("journal", ("stream", "sequence", "body"), [(1, 1, b"secret")] * 9)
    assert "digest" in str(caught.value)
    assert b"secret".hex() not in str(caught.value)


# --- several processes ------------------------------------------------------------------------------------------


def test_one_after_another(office: Office, url: str) -> None:
    """As SQLite's: who writes registers and lists waits for who does already; whoever takes journals in does not."""
    order: list[str] = []

    def other() -> None:
        with open_database(NOWHERE, url) as database, database.transaction():
            order.append("second")

    with office.store.database.transaction():
        thread = threading.Thread(target=other)
        thread.start()
        with open_database(NOWHERE, url) as beside, beside.transaction(beside=True):
            beside.execute(
                "INSERT INTO alarm (code, device, subject, detail, latest, times, raised_at, last_at)"
                " VALUES ('fork', 'x', '', '', '', 1, ?1, ?1)",
                [stamp(AT)],
            )
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_many_enrol_at_once(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "centre"
    init(folder, store=StoreSettings(url=url), at=AT)
    failed: list[Exception] = []

    def enrolling(name: str) -> None:
        try:
            enrol(folder, name, "post-1", os.urandom(32))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=enrolling, args=[f"kiosk-{number}"]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(devices(folder)) == 12
    with CentreFolder(folder).database() as database:
        assert database.one("SELECT version FROM feed WHERE name = 'devices'") == (12,)


def test_no_device_has_two_takers(url: str) -> None:
    names = [f"kiosk-{number}" for number in range(500)]
    for shards in (1, 2, 3, 5, 32):
        takers = [sum(Duties(shard, shards, False).takes(name) for shard in range(1, shards + 1)) for name in names]
        assert set(takers) == {1}
    assert {slot(name) for name in names} == set(range(SLOTS))
    # A hash that changed would send devices to another shard while the old one still runs.
    assert [slot(name) for name in ("kiosk-1", "post-2")] == [29, 9]
    with open_database(NOWHERE, url) as one, open_database(NOWHERE, url) as two:
        one.claim(*Duties.of_shard("1/2").claims)
        two.claim(*Duties.of_shard("2/2").claims, *PUBLISHES.claims)
        for duties in (Duties(), Duties.of_shard("1/2"), Duties.of_shard("1/3"), Duties.of_shard("7/32"), PUBLISHES):
            with open_database(NOWHERE, url) as other, pytest.raises(AlreadyRunning):
                other.claim(*duties.claims)


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1/33", "1", "1/2/3", "-1/2", "1/ 2", "a/b", "01/2", "1/0"])
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(BadConfiguration):
        Duties.of_shard(text)


def test_several_processes_need_postgresql(tmp_path: Path) -> None:
    init(tmp_path / "centre", at=AT)
    with pytest.raises(BadConfiguration, match="PostgreSQL"):
        CentreService(CentreFolder(tmp_path / "centre"), PUBLISHES)


def test_an_import_waits_for_the_other(url: str) -> None:
    with open_database(NOWHERE, url) as one, open_database(NOWHERE, url) as two:
        with one.claimed(IMPORTING):
            thread = threading.Thread(target=lambda: two.claimed(IMPORTING).__enter__(), daemon=True)
            thread.start()
            thread.join(0.4)
            assert thread.is_alive()
        thread.join(5)
        assert not thread.is_alive()


# --- a server that goes -------------------------------------------------------------------------------------------


def test_a_connection_that_is_cut_acknowledges_nothing(
    office: Office, device: PaperDevice, postgres: Cluster, url: str
) -> None:
    device.travellers(9)
    store, taken = office.store, office.store.apply

    def cut(*arguments: object) -> None:
        taken(*arguments)  # type: ignore[arg-type]
        postgres.disconnect(url)

    store.apply = cut  # type: ignore[method-assign]
    assert office.acks(device.sent(1, 4)) == []
    assert isinstance(office.desk.trouble, ServerLost)
    store.apply = taken  # type: ignore[method-assign]
    # The next group makes another connection; nothing of the one before is there.
    assert office.bodies() == []
    (ack,) = office.acks(device.sent(1, 10))
    assert ack.upto == 10
    assert office.desk.trouble is None


def test_a_statement_after_the_cut_does_not_commit_by_itself(office: Office, postgres: Cluster, url: str) -> None:
    database = office.store.database
    with pytest.raises(ServerLost), database.transaction():
        office.store.raise_alarm(AlarmNote(AlarmCode.FORK, "before"), "kiosk-1", AT)
        postgres.disconnect(url)
        with pytest.raises(ServerLost):
            office.store.raise_alarm(AlarmNote(AlarmCode.FORK, "while"), "kiosk-1", AT)
        # Now the program knows; it must not begin on a new connection in the middle.
        office.store.raise_alarm(AlarmNote(AlarmCode.FORK, "after"), "kiosk-1", AT)
    assert office.codes() == []


def test_a_connection_lost_while_nobody_asked_is_made_again(
    office: Office, device: PaperDevice, postgres: Cluster, url: str
) -> None:
    postgres.disconnect(url)
    (ack,) = office.acks(device.sent(1, 1))
    assert ack.upto == 1


def test_a_server_stopped_at_once_and_started_again(own: Cluster) -> None:
    own.start()
    url = own.fresh()
    office, device = open_office(url=url), PaperDevice()
    office.enrol(device)
    (ack,) = office.acks(device.greets())
    device.travellers(199)
    for first in range(1, 100, 10):
        (ack,) = office.acks(device.sent(first, first + 9))
    own.stop(signal.SIGQUIT)
    for _ in range(3):
        assert office.acks(device.sent(101, 150), device.greets()) == []
        assert isinstance(office.desk.trouble, ServerLost)
    own.start()
    assert [body for _, _, body in office.bodies()] == device.bodies[: ack.upto]
    (ack,) = office.acks(device.sent(101, 200))
    assert ack.upto == 200
    office.store.database.close()


def test_who_lost_its_claim_stops(url: str, postgres: Cluster) -> None:
    with open_database(NOWHERE, url) as one, open_database(NOWHERE, url) as two:
        one.claim(*PUBLISHES.claims)
        postgres.disconnect(url)
        # Nobody else came: it has it again.
        with one.transaction():
            pass
        with two.transaction():
            pass
        with pytest.raises(AlreadyRunning):
            two.claim(*PUBLISHES.claims)
        postgres.disconnect(url)
        with two.transaction():
            pass
        two.claim(*PUBLISHES.claims)
        with pytest.raises(AlreadyRunning), one.transaction():
            pass


@pytest.mark.usefixtures("mounting")
def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """The tables on a small disk of their own, in a mount namespace of the server's."""
    require_postgres()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk for another user takes root")
    disk = Path("/tmp") / f"borne-pg-disk-{os.getpid()}"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=24m,mode=0700,uid=$0,gid=$1 tmpfs {disk};"
        ' u=$0; g=$1; shift; exec setpriv --reuid "$u" --regid "$g" --clear-groups "$@"'
    )
    cluster = Cluster()
    owner = str(cluster.data.stat().st_uid), str(cluster.data.stat().st_gid)
    cluster._wrapper = ("unshare", "-m", "sh", "-c", script, *owner)
    try:
        cluster.start()
        cluster.run(f"CREATE TABLESPACE small LOCATION '{disk}'", "CREATE DATABASE centre TABLESPACE small")
        office, device = open_office(url=cluster.url("centre")), PaperDevice()
        office.enrol(device)
        office.acks(device.greets())
        device.travellers(499)
        office.acks(device.sent(1, 100))
        filler = Path(f"/proc/{cluster.pid}/root{disk}/filler")
        _fill(filler)
        told = 100
        for first in range(101, 500, 100):
            for ack in office.acks(device.sent(first, first + 99)):
                told = ack.upto
        assert isinstance(office.desk.trouble, DiskFull)
        assert office.acks(device.greets())[0].upto == told < 500
        filler.unlink()
        for first in range(told + 1, 501, 100):
            (ack,) = office.acks(device.sent(first, min(first + 99, 500)))
        assert ack.upto == 500
        assert [body for _, _, body in office.bodies()] == device.bodies
        assert office.codes() == ["disk_full"]
        office.store.database.close()
    finally:
        cluster.__exit__()
        disk.rmdir()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filling:
        try:
            while True:
                filling.write(bytes(8192))
        except OSError:
            pass


# --- killed -------------------------------------------------------------------------------------------------------

_WRITER = """
import sys
sys.path[:0] = {paths!r}
from centre_device import PaperDevice, open_office
office, device = open_office(url={url!r}), PaperDevice()
office.enrol(device)
office.acks(device.greets())
print(device.public.hex(), flush=True)
while True:
    device.travellers(20)
    last = len(device.bodies) - 1
    (ack,) = office.acks(device.sent(last - 19, last))
    print(ack.upto, ack.head.hex(), flush=True)
"""


def test_killed_in_the_middle_what_was_told_is_there(tmp_path: Path, own: Cluster) -> None:
    """The centre's process and the server, both at once and without warning."""
    own.start()
    init(tmp_path / "centre", store=StoreSettings(url=own.fresh()), at=AT)
    url = CentreFolder(tmp_path / "centre").settings.store.url
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER.format(paths=sys.path, url=url)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    lines = [writer.stdout.readline() for _ in range(12)]
    own.stop(signal.SIGQUIT)
    writer.kill()
    lines += writer.stdout.read().splitlines()
    writer.wait()
    upto, head = [line.split() for line in lines if line.strip()][-1]
    own.start()
    (report,) = verify(tmp_path / "centre")
    assert report.ok
    assert report.entries >= int(upto)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT head FROM journal WHERE sequence = %s", [int(upto)]).fetchone()
    assert row is not None
    assert row[0].hex() == head
