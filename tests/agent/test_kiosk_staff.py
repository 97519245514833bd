"""Staff at the kiosk: no default code, lock-outs that cannot be outrun, sessions that end by themselves."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from border_agent.agent import sessions as rooms
from border_agent.agent.sessions import NoStaff, Sessions, StaffLocked, StaffRefused
from border_agent.agent.staff import (
    CodeRefused,
    EntryRefused,
    NumberTaken,
    NumberUnknown,
    StaffFile,
    StaffFileUnusable,
    StaffRole,
    require_good_code,
)
from border_agent.api.client import ApiRefused
from tests.agent.conftest import Start
from tests.agent.kiosk_kit import Diary, Moving, kiosk_socket, noted

CODE = "90817263"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with two people, made once: hashing is slow on purpose."""
    file = StaffFile(tmp_path_factory.mktemp("staff") / "staff.json")
    file.add("4711", "Ama Mensah", StaffRole.TECHNICIAN, CODE, NOW)
    file.add("4712", "Paul Biyong", StaffRole.SUPERVISOR, "46290817", NOW)
    return file.path.read_bytes()


@pytest.fixture
def staff(tmp_path: Path, written: bytes) -> StaffFile:
    file = tmp_path / "staff.json"
    file.write_bytes(written)
    file.chmod(0o600)
    return StaffFile(file)


class Desk:
    """Sessions over a file, with a clock that moves and a diary."""

    def __init__(self, file: StaffFile | None) -> None:
        self.clock, self.diary = Moving(), Diary()
        self.sessions = Sessions(file, self.diary, self.clock)

    def wrong(self, number: str = "4711", times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(StaffRefused):
                self.sessions.sign_in(number, "00000000")

    def locked(self, number: str = "4711", code: str = CODE) -> int:
        with pytest.raises(StaffLocked) as refused:
            self.sessions.sign_in(number, code)
        return int(refused.value.detail)


@pytest.mark.parametrize(
    "code",
    [
        "1234567", "12345678", "87654321", "90123456", "11111111", "12121212", "12341234", "123412341", "13579135",
        "11111122", "2580258", "abcdefgh", "1234567８", "", "9" * 33, "98471198", "47119283", " 9081726",
    ],
)  # fmt: skip
def test_codes_that_anybody_would_try_are_refused(code: str) -> None:
    with pytest.raises(CodeRefused) as refused:
        require_good_code(code, "4711")
    assert code not in str(refused.value) or not code, "a refused code is not repeated"


@pytest.mark.parametrize("code", [CODE, "1029384756", "46290817", "20261125"])
def test_other_codes_are_taken(code: str) -> None:
    require_good_code(code, "4711")


def test_the_file_holds_no_code_and_only_its_owner_reads_it(staff: StaffFile, tmp_path: Path) -> None:
    fresh = StaffFile(tmp_path / "fresh.json")
    assert fresh.entries() == ()
    fresh.add("1001", "Awa Diop", StaffRole.OFFICER, CODE, NOW)
    assert fresh.path.stat().st_mode & 0o777 == 0o600
    text = fresh.path.read_text(encoding="utf-8")
    assert CODE not in text and "$argon2id$v=19$m=65536,t=3,p=4$" in text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(NumberTaken):
        fresh.add("1001", "Somebody Else", StaffRole.OFFICER, CODE, NOW)
    for number, name in (("12", "Short"), ("123456789", "Long"), ("1002", ""), ("1002", "a\nb"), ("1002", "n" * 65)):
        with pytest.raises(EntryRefused):
            fresh.add(number, name, StaffRole.OFFICER, CODE, NOW)
    assert [one.number for one in fresh.entries()] == ["1001"]
    fresh.remove("1001")
    with pytest.raises(NumberUnknown):
        fresh.remove("1001")


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[" * 9000, b"{}}", b'{"staff": [{"number": "4711"}]}', b'{"staff": 7}', b" " * 300_000,
     b'{"staff": [{"number": "4711", "name": "A", "role": "king", "code": "x", "created": "2026-11-25T00:00:00Z"}]}'],
)  # fmt: skip
def test_a_damaged_file_is_a_typed_error_and_lets_nobody_in(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "staff.json"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(StaffFileUnusable):
        Desk(StaffFile(path)).sessions.sign_in("4711", CODE)


def test_a_file_that_others_may_read_lets_nobody_in(staff: StaffFile) -> None:
    staff.path.chmod(0o640)
    with pytest.raises(StaffFileUnusable, match="0640"):
        Desk(staff).sessions.sign_in("4711", CODE)


def test_nobody_signs_in_where_nobody_is_entered(tmp_path: Path) -> None:
    for file in (None, StaffFile(tmp_path / "none.json")):
        with pytest.raises(NoStaff):
            Desk(file).sessions.sign_in("0000", "00000000")


def test_five_wrong_codes_lock_a_number_ever_longer(staff: StaffFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "code_fits", lambda code, _: code == CODE)
    desk = Desk(staff)
    expected = [60, 120, 240, 480, 960, 1920, 3600, 3600]
    for seconds in expected:
        desk.wrong(times=rooms.WRONG_IN_A_ROW)
        assert seconds <= desk.locked() <= seconds + 1, "the right code is not heard either"
        desk.clock.now += seconds + 1
    assert desk.sessions.sign_in("4711", CODE).name == "Ama Mensah"
    desk.wrong(times=rooms.WRONG_IN_A_ROW - 1)
    assert desk.sessions.sign_in("4711", CODE).role is StaffRole.TECHNICIAN, "counted from the last success"


def test_guessing_numbers_locks_the_device(staff: StaffFile) -> None:
    desk = Desk(staff)
    for number in range(2000, 2005):
        desk.wrong(str(number))
    assert desk.locked("4711") > 0
    desk.clock.now += 61.0
    assert desk.sessions.sign_in("4711", CODE).token
    assert desk.diary.events[:6] == [
        *[("staff_refused", {"number": ""})] * 5,
        ("staff_locked", {"scope": "device", "number": "", "seconds": "60"}),
    ]


def test_an_insiders_own_code_does_not_free_another_ones_number(staff: StaffFile) -> None:
    desk = Desk(staff)
    for _ in range(rooms.WRONG_IN_A_ROW):
        desk.wrong("4711")
        desk.sessions.sign_in("4712", "46290817")
    assert desk.locked("4711") > 0
    assert desk.sessions.sign_in("4712", "46290817").token


def test_guesses_at_the_same_time_do_not_outrun_the_lock(staff: StaffFile) -> None:
    desk = Desk(staff)
    outcomes: list[type[Exception]] = []

    def guess() -> None:
        try:
            desk.sessions.sign_in("4711", "00000000")
        except (StaffRefused, StaffLocked) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count(StaffRefused), outcomes.count(StaffLocked)) == (5, 7)


def test_wrong_numbers_do_not_fill_the_memory(staff: StaffFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "code_fits", lambda *_: False)
    desk = Desk(staff)
    for number in range(rooms.MOST_NUMBERS + 50):
        desk.clock.now += 3601.0
        desk.wrong(f"{number:08}")
    assert len(desk.sessions._numbers) == rooms.MOST_NUMBERS


def test_an_unknown_number_costs_the_same_work(staff: StaffFile, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def check(code: str, hashed: str) -> bool:
        checked.append(hashed)
        return False

    monkeypatch.setattr(rooms, "code_fits", check)
    desk = Desk(staff)
    desk.wrong("4711")
    desk.wrong("9999")
    known, unknown = checked
    assert unknown.rpartition("$")[0].rpartition("$")[0] == known.rpartition("$")[0].rpartition("$")[0]
    assert unknown != known


def test_a_session_ends_when_idle_and_at_last_in_any_case(staff: StaffFile) -> None:
    desk = Desk(staff)
    token = desk.sessions.sign_in("4711", CODE).token
    assert len(token) >= 43 and token not in repr(vars(desk.sessions)), "256 bits, and only their hash is kept"
    desk.clock.now += rooms.IDLE_SECONDS
    assert desk.sessions.require(token, act=False) == "4711"
    desk.clock.now += 1.0
    with pytest.raises(StaffRefused):
        desk.sessions.require(token, act=True)
    token = desk.sessions.sign_in("4711", CODE).token
    for _ in range(3):
        desk.clock.now += rooms.IDLE_SECONDS
        desk.sessions.require(token, act=True)
    desk.clock.now += 1.0
    with pytest.raises(StaffRefused):
        desk.sessions.require(token, act=True)


def test_whoever_is_removed_or_gets_another_code_is_out_at_once(staff: StaffFile) -> None:
    desk = Desk(staff)
    token = desk.sessions.sign_in("4711", CODE).token
    staff.remove("4711")
    with pytest.raises(StaffRefused):
        desk.sessions.require(token, act=True)
    staff.add("4711", "Ama Mensah", StaffRole.TECHNICIAN, "55081726", NOW)
    for gone in (token, "", "x" * 5000, "\u00e9"):
        with pytest.raises(StaffRefused):
            desk.sessions.require(gone, act=True)


def test_there_are_never_more_sessions_than_a_few(staff: StaffFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "code_fits", lambda *_: True)
    desk = Desk(staff)
    tokens = [desk.sessions.sign_in("4711", CODE).token for _ in range(rooms.MOST_SESSIONS + 1)]
    with pytest.raises(StaffRefused):
        desk.sessions.require(tokens[0], act=True)
    assert desk.sessions.require(tokens[-1], act=True)


def test_signing_in_over_the_socket(start: Start, folder: Path, written: bytes) -> None:
    (folder / "staff.json").write_bytes(written)
    (folder / "staff.json").chmod(0o600)
    agent, officer = start('[kiosk]\nstaff = "staff.json"\n')
    with kiosk_socket(agent, folder) as window:
        for call in (window.maintenance, window.reboot, lambda: window.test_device("printer")):
            with pytest.raises(ApiRefused, match="401 staff.refused"):
                call()
        with pytest.raises(ApiRefused, match="401 staff.refused"):
            window.sign_in("4711", "00000000")
        signed = window.sign_in("4711", CODE)
        assert (signed["name"], signed["role"], signed["expires_in"]) == ("Ama Mensah", "technician", 600)
        assert window.maintenance(signed["token"])["device"]
        window.sign_out(signed["token"])
        window.sign_out(signed["token"])
        with pytest.raises(ApiRefused, match="401 staff.refused"):
            window.maintenance(signed["token"])
        for _ in range(5):
            with pytest.raises(ApiRefused, match="401 staff.refused"):
                window.sign_in("4711", "00000000")
        with pytest.raises(ApiRefused, match="429 staff.locked") as locked:
            window.sign_in("4711", CODE)
        assert 50 <= locked.value.seconds <= 60
    with pytest.raises(ApiRefused, match="401 staff.refused"):
        officer.maintenance("a token that is none")
    assert noted(agent, "staff_refused", "staff_signed_in", "staff_signed_out", "staff_locked")[:3] == [
        ("staff_refused", {"number": "4711"}),
        ("staff_signed_in", {"number": "4711", "role": "technician"}),
        ("staff_signed_out", {"number": "4711"}),
    ]
    assert len(noted(agent, "staff_locked")) == 2, "the number and the device"
    with agent._store.reading() as connection:
        bodies = b"".join(bytes(body) for (body,) in connection.execute("SELECT body FROM journal"))
    assert b"Mensah" not in bodies and CODE.encode() not in bodies


def test_without_a_file_nobody_signs_in(start: Start) -> None:
    _, client = start()
    with pytest.raises(ApiRefused, match="409 staff.none"):
        client.sign_in("0000", "00000000")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"number": "47", "code": "90817263"}', b'{"number": 4711, "code": "90817263"}', b"[" * 9000,
     b'{"number": "4711\\n", "code": "90817263"}', json.dumps({"number": "4711", "code": "9" * 33}).encode(),
     b'{"number": "4711", "code": "90817263", "role": "supervisor"}', b" " * 20000],
)  # fmt: skip
def test_rubbish_at_the_sign_in_is_refused(start: Start, folder: Path, body: bytes) -> None:
    start()
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent") as raw:
        answer = raw.post("/v1/staff/sign-in", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "api.bad_request")
