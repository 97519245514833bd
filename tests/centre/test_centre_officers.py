"""Officers at the centre: records, activations sealed to the devices of their posts, and the register as a feed."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from centre_device import AT
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mqtt_schemas.activation import open_activation, typed_code
from mqtt_schemas.centre import officers
from mqtt_schemas.centre.errors import (
    BadEnrolment,
    BadImport,
    BadOfficer,
    NoSealingDevice,
    NoSuchOfficer,
    RegisterFeed,
)
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder, StoreSettings, init
from mqtt_schemas.centre.importing import import_feed, record_key
from mqtt_schemas.centre.register import devices, enrol, publish_devices, retire
from mqtt_schemas.errors import NotOpened
from mqtt_schemas.feeds import Feed, read_change, read_record
from mqtt_schemas.records import DeviceRecord, DeviceState, OfficerRecord, OfficerRole, OfficerState
from mqtt_schemas.sealing import sealing_public


@pytest.fixture
def folder(tmp_path: Path, store: StoreSettings) -> Path:
    init(tmp_path / "centre", store=store, at=AT)
    return tmp_path / "centre"


class Machine:
    """A device with its keys, enrolled."""

    def __init__(self, folder: Path, name: str, post: str = "douala-port", *, seals: bool = True) -> None:
        self.name = name
        self.key = X25519PrivateKey.generate()
        self.journal = secrets.token_bytes(32)
        sealing = sealing_public(self.key) if seals else b""
        enrol(folder, name, post, self.journal, role="post", sealing_key=sealing, at=AT)


def add(folder: Path, number: str = "0471", **changes: object) -> OfficerRecord:
    values = {"name": "NGO BASSA Thérèse", "roles": ["officer"], "posts": ["douala-port"]} | changes
    return officers.put_officer(folder, number, **values, at=AT)  # type: ignore[arg-type]


def record(folder: Path, number: str = "0471") -> OfficerRecord:
    return next(one for one in officers.officers(folder) if one.number == number)


def fed(folder: Path) -> dict[str, DeviceRecord]:
    """The feed of devices as devices read it."""
    with CentreFolder(folder).database() as database:
        feeds = FeedStore(database)
        version, _ = feeds.position(Feed.DEVICES)
        changes = map(read_change, feeds.changes(Feed.DEVICES, 1, version, 1 << 30))
        return {change.key: read_record(DeviceRecord, change.record) for change in changes}


# --- activations -------------------------------------------------------------------------------------------


def test_an_activation_is_opened_by_the_devices_of_the_posts_and_no_other(folder: Path) -> None:
    ours, same, kiosk = Machine(folder, "post-1"), Machine(folder, "post-2"), Machine(folder, "kiosk-1", seals=False)
    elsewhere = Machine(folder, "post-9", "kye-ossi")
    gone = Machine(folder, "post-3")
    retire(folder, "post-3")
    add(folder, posts=["douala-port", "garoua"])
    made = officers.activate(folder, "0471", days=3, at=AT)
    assert (made.devices, made.posts_without) == (("post-1", "post-2"), ("garoua",))
    held = record(folder)
    assert (held.activation, len(held.activations)) == (made.activation, 2)
    opened = [open_activation(machine.key, held, machine.name) for machine in (ours, same)]
    assert opened[0] == opened[1]
    assert opened[0] is not None
    assert (opened[0].number, opened[0].code) == ("0471", typed_code(made.code))
    assert opened[0].not_after == made.not_after == AT + timedelta(days=3)
    for other in (kiosk, elsewhere, gone):
        assert open_activation(other.key, held, other.name) is None
        with pytest.raises(NotOpened):
            open_activation(other.key, held, "post-1")


def test_the_code_is_kept_nowhere(folder: Path) -> None:
    Machine(folder, "post-1")
    add(folder)
    code = officers.activate(folder, "0471").code
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    with CentreFolder(folder).database() as database:
        kept += b"".join(change for (change,) in database.rows("SELECT change FROM feed_change"))
    for spelling in (code, typed_code(code), typed_code(code).lower()):
        assert spelling.encode() not in kept
    assert b"0471" in kept


def test_a_new_activation_takes_the_place_of_the_one_before(folder: Path) -> None:
    machine = Machine(folder, "post-1")
    add(folder)
    first = officers.activate(folder, "0471")
    old = record(folder)
    second = officers.activate(folder, "0471")
    assert first.activation != second.activation
    assert first.code != second.code
    opened = open_activation(machine.key, record(folder), "post-1")
    assert opened is not None
    assert opened.code == typed_code(second.code)
    with pytest.raises(NotOpened):  # the old box under the new id
        open_activation(machine.key, msgspec.structs.replace(old, activation=second.activation), "post-1")


def test_no_activation_where_nobody_could_open_it(folder: Path) -> None:
    add(folder)
    with pytest.raises(NoSealingDevice, match="douala-port"):
        officers.activate(folder, "0471")
    Machine(folder, "kiosk-1", seals=False)
    Machine(folder, "post-9", "kye-ossi")
    with pytest.raises(NoSealingDevice):
        officers.activate(folder, "0471")
    assert record(folder).activation == ""


def test_no_activation_at_more_devices_than_a_record_holds(folder: Path) -> None:
    for number in range(64):
        Machine(folder, f"post-{number}")
    add(folder)
    assert len(officers.activate(folder, "0471").devices) == 64
    Machine(folder, "post-64")
    with pytest.raises(BadOfficer, match="65"):
        officers.activate(folder, "0471")


@pytest.mark.parametrize("days", [0, -1, 367])
def test_an_activation_has_its_days(folder: Path, days: int) -> None:
    Machine(folder, "post-1")
    add(folder)
    with pytest.raises(BadOfficer):
        officers.activate(folder, "0471", days=days)


# --- records -----------------------------------------------------------------------------------------------


def test_officers_are_entered_and_changed(folder: Path) -> None:
    Machine(folder, "post-1")
    made = add(folder, roles=["officer", "supervisor", "officer"], language="en")
    assert made == OfficerRecord(
        number="0471",
        name="NGO BASSA Thérèse",
        roles=(OfficerRole.OFFICER, OfficerRole.SUPERVISOR),
        posts=("douala-port",),
        language="en",
    )
    activation = officers.activate(folder, "0471").activation
    add(folder, "0512", name="  ESSONO\u00a0 Paul ")
    moved = add(folder, roles=["auditor"], posts=["kye-ossi"])
    assert (moved.roles, moved.posts, moved.language) == ((OfficerRole.AUDITOR,), ("kye-ossi",), "en")
    assert moved.activation == activation
    assert [(one.number, one.name) for one in officers.officers(folder)] == [
        ("0471", "NGO BASSA Thérèse"),
        ("0512", "ESSONO Paul"),
    ]


def test_the_same_again_is_no_change(folder: Path) -> None:
    add(folder)
    add(folder)
    officers.reinstate(folder, "0471")
    with CentreFolder(folder).database() as database:
        assert FeedStore(database).position(Feed.OFFICERS)[0] == 1


def test_suspended_retired_and_back(folder: Path) -> None:
    Machine(folder, "post-1")
    add(folder)
    activation = officers.activate(folder, "0471").activation
    officers.suspend(folder, "0471")
    assert (record(folder).state, record(folder).activation) == (OfficerState.SUSPENDED, activation)
    with pytest.raises(BadOfficer, match="suspended"):
        officers.activate(folder, "0471")
    add(folder, name="NGO BASSA Marie")
    assert record(folder).state is OfficerState.SUSPENDED, "another name lifts no suspension"
    officers.reinstate(folder, "0471")
    assert record(folder).state is OfficerState.ACTIVE
    officers.retire(folder, "0471")
    held = record(folder)
    assert (held.state, held.activation, held.activations) == (OfficerState.RETIRED, "", ())
    for refused in (lambda: add(folder), lambda: officers.suspend(folder, "0471")):
        with pytest.raises(BadOfficer, match="retired"):
            refused()
    officers.reinstate(folder, "0471")
    assert record(folder).activation == "", "who comes back begins with a new activation"


@pytest.mark.parametrize("act", [officers.suspend, officers.reinstate, officers.retire, officers.activate])
@pytest.mark.parametrize("number", ["9999", "", "x" * 1000, "é"])
def test_nobody_has_this_number(folder: Path, act, number: str) -> None:
    with pytest.raises(NoSuchOfficer):
        act(folder, number)


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("471", {}),
        ("047100000", {}),
        ("04a1", {}),
        ("٠٤٧١", {}),
        ("0471\n", {}),
        ("0471", {"name": ""}),
        ("0471", {"name": " \t"}),
        ("0471", {"name": "x" * 65}),
        ("0471", {"name": "NGO\u202eBASSA"}),
        ("0471", {"name": "NGO\0BASSA"}),
        ("0471", {"roles": []}),
        ("0471", {"roles": ["boss"]}),
        ("0471", {"roles": ["unknown"]}),
        ("0471", {"posts": []}),
        ("0471", {"posts": ["Douala"]}),
        ("0471", {"posts": [f"post-{number}" for number in range(65)]}),
        ("0471", {"language": "french"}),
    ],
)
def test_a_record_that_cannot_be(folder: Path, number: str, changes: dict[str, object]) -> None:
    with pytest.raises(BadOfficer):
        add(folder, number, **changes)
    assert officers.officers(folder) == []


# --- from a file -------------------------------------------------------------------------------------------


def test_a_file_of_the_staff_signs_nobody_out(folder: Path, tmp_path: Path) -> None:
    Machine(folder, "post-1")
    for number in ("0471", "0512"):
        add(folder, number)
        officers.activate(folder, number)
    before = record(folder)
    file = tmp_path / "staff.jsonl"
    lines = [
        {"number": "0471", "name": "NGO BASSA Thérèse", "roles": ["supervisor"], "posts": ["douala-port"]},
        {"number": "0512", "name": "ESSONO Paul", "roles": [], "posts": ["douala-port"], "state": "retired"},
        {"number": "0600", "name": "MVONDO Luc", "roles": ["reader"], "posts": []},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    report = import_feed(folder, "officers", file)
    assert (report.added, report.changed, report.deleted) == (1, 2, 0)
    after = record(folder)
    assert after.roles == (OfficerRole.SUPERVISOR,)
    assert (after.activation, after.activations) == (before.activation, before.activations)
    assert record(folder, "0512").activation == ""
    assert import_feed(folder, "officers", file).unchanged == 3


def test_devices_are_not_imported(folder: Path, tmp_path: Path) -> None:
    Machine(folder, "post-1")
    file = tmp_path / "devices.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in fed(folder).values()))
    with pytest.raises(RegisterFeed) as caught:
        import_feed(folder, "devices", file)
    assert isinstance(caught.value, BadImport)
    assert len(fed(folder)) == 1


def test_records_have_their_keys(folder: Path) -> None:
    Machine(folder, "post-1")
    assert record_key(add(folder)) == "0471"
    assert [record_key(one) for one in fed(folder).values()] == ["post-1"]


# --- the register as a feed --------------------------------------------------------------------------------


def test_the_feed_of_devices_is_the_register(folder: Path) -> None:
    machine = Machine(folder, "post-1")
    enrol(folder, "kiosk-1", "douala-port", b"\2" * 32, role="kiosk")
    assert fed(folder) == {
        "post-1": DeviceRecord(
            device="post-1",
            post="douala-port",
            role="post",
            journal_key=machine.journal,
            sealing_key=sealing_public(machine.key),
        ),
        "kiosk-1": DeviceRecord(device="kiosk-1", post="douala-port", role="kiosk", journal_key=b"\2" * 32),
    }
    retire(folder, "kiosk-1")
    assert fed(folder)["kiosk-1"].state is DeviceState.RETIRED
    enrol(folder, "kiosk-1", "kye-ossi", b"\2" * 32)
    assert (fed(folder)["kiosk-1"].state, fed(folder)["kiosk-1"].post) == (DeviceState.ENROLLED, "kye-ossi")
    version = publish_devices(folder)
    enrol(folder, "kiosk-1", "kye-ossi", b"\2" * 32)
    assert publish_devices(folder) == version == 4


def test_what_is_left_out_stays_for_the_same_machine_only(folder: Path) -> None:
    machine = Machine(folder, "post-1")
    enrol(folder, "post-1", "garoua", machine.journal)
    (device,) = devices(folder)
    assert (device.role, device.sealing_key, device.post) == ("post", sealing_public(machine.key), "garoua")
    enrol(folder, "post-1", "garoua", b"\3" * 32, replace=True)
    (device,) = devices(folder)
    assert (device.role, device.sealing_key) == ("post", b"")
    assert fed(folder)["post-1"].sealing_key == b""


@pytest.mark.parametrize(
    ("role", "key"),
    [
        ("counter", b""),
        ("post", b"short"),
        ("post", bytes(33)),
        ("post", bytes(32)),  # a point of low order: whatever is sealed to it anybody opens
        ("post", b"\2" * 32),  # the journal's key
    ],
)
def test_roles_and_sealing_keys_that_are_none(folder: Path, role: str, key: bytes) -> None:
    with pytest.raises(BadEnrolment):
        enrol(folder, "post-1", "douala-port", b"\2" * 32, role=role, sealing_key=key)
    assert devices(folder) == []
    assert fed(folder) == {}
