"""Lists on a stick: the centre's own file into a device's store, and everything that can be wrong with it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from reporting_kit import DEVICE, Post, TrueCentre, wait_for
from stick_kit import AT, Ministry, Traveller, visa

from border_agent.errors import BorneError
from border_agent.reporting.downlink import Downlink
from border_agent.reporting.stick import StickOutcome
from border_agent.store import ListRefused, Lists
from mqtt_schemas.bundle import BundleHead, read_bundle, write_bundle
from mqtt_schemas.centre.errors import BadExport
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.errors import BadSignature, ContractError, Malformed, NotForDevice, NotOpened
from mqtt_schemas.feeds import Feed
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.messages import FeedChunk, decode
from mqtt_schemas.records import WatchRecord
from mqtt_schemas.sealing import sealing_public

VISAS = [visa(number, portrait=bytes([number % 251]) * 300) for number in range(1200)]


@pytest.fixture
def ministry(tmp_path: Path) -> Ministry:
    made = Ministry(tmp_path / "centre")
    made.lists(Feed.VISAS, VISAS)
    made.lists(Feed.WATCHLIST, [WatchRecord(record_id="w1", surname="DOE")])
    return made


@pytest.fixture
def offline(tmp_path: Path, ministry: Ministry) -> Iterator[Traveller]:
    made = Traveller(tmp_path / "device", ministry.root)
    ministry.enrol(DEVICE, made.public)
    yield made
    made.store.close()


@pytest.fixture
def stick(tmp_path: Path, ministry: Ministry, offline: Traveller) -> Path:
    ministry.stick(tmp_path / "lists.borne", devices=[DEVICE])
    return tmp_path / "lists.borne"


def again(stick: Path, spoil: Callable[[BundleHead, list[FeedChunk]], tuple[BundleHead, list[FeedChunk]]]) -> bytes:
    """A stick that somebody has written anew."""
    head, chunks = read_bundle(io.BytesIO(stick.read_bytes()))
    file = io.BytesIO()
    write_bundle(file, *spoil(head, list(chunks)))
    return file.getvalue()


def nothing(offline: Traveller) -> bool:
    """Whether the device's visas are as if there had been no stick."""
    here = offline.staging.position("visas")
    return (here.version, here.staged_version) == (0, 0)


def test_a_stick_brings_every_list_the_device_may_read(stick: Path, offline: Traveller) -> None:
    report = offline.take(stick)
    assert report.ok
    assert {one.feed for one in report.feeds if one.outcome is StickOutcome.INSTALLED} >= {"visas", "watchlist"}
    assert Lists(offline.store).visa(VISAS[7].visa_id).records == (VISAS[7],)
    assert Lists(offline.store).watch_identity("DOE", "", "").records != ()
    assert ("visas", 1200) in offline.installed
    assert b"DOE" not in stick.read_bytes()
    assert b"C0000000" not in stick.read_bytes()
    # The same again changes nothing.
    assert offline.outcome(stick) is StickOutcome.KNOWN


def test_an_older_stick_is_refused_and_a_newer_signature_renews(
    tmp_path: Path, stick: Path, ministry: Ministry, offline: Traveller
) -> None:
    old = shutil.copy(stick, tmp_path / "old")
    ministry.lists(Feed.VISAS, VISAS[:-1])
    ministry.stick(stick, devices=[DEVICE])
    assert offline.outcome(stick) is StickOutcome.INSTALLED
    assert Lists(offline.store).visa(VISAS[-1].visa_id).records == ()
    report = offline.take(Path(old))
    assert not report.ok
    assert [one.outcome for one in report.feeds if one.feed == "visas"] == [StickOutcome.OLDER]
    assert Lists(offline.store).visa(VISAS[-1].visa_id).records == ()
    ministry.stick(stick, devices=[DEVICE], at=AT + timedelta(days=2))
    assert offline.outcome(stick) is StickOutcome.RENEWED


def test_an_old_list_is_taken_and_said_to_be_old(tmp_path: Path, ministry: Ministry, offline: Traveller) -> None:
    ministry.stick(tmp_path / "old", devices=[DEVICE], at=AT - timedelta(days=40), days=30)
    report = offline.take(tmp_path / "old")
    assert report.ok
    assert all(one.expired for one in report.feeds)
    assert Lists(offline.store).visa(VISAS[7].visa_id).records != ()
    ministry.stick(tmp_path / "new", devices=[DEVICE], at=AT - timedelta(days=20), days=30)
    assert not any(one.expired for one in offline.take(tmp_path / "new").feeds)


def test_only_what_changed_since(tmp_path: Path, ministry: Ministry, offline: Traveller, stick: Path) -> None:
    other = Traveller(tmp_path / "other", ministry.root, name="uto-post-2")
    ministry.enrol(other.name, other.public)
    offline.take(stick)
    ministry.lists(Feed.VISAS, [*VISAS, visa(9000)], AT + timedelta(hours=1))
    report = ministry.stick(tmp_path / "since", since=AT + timedelta(minutes=30))
    assert [(one.first, one.version) for one in report.feeds if one.feed == "visas"] == [(1201, 1201)]
    assert report.size < 20_000
    assert offline.outcome(tmp_path / "since") is StickOutcome.INSTALLED
    assert Lists(offline.store).visa(f"{9000:016x}").records == (visa(9000),)
    assert other.outcome(tmp_path / "since") is StickOutcome.GAP
    assert nothing(other)
    other.store.close()


def test_what_the_line_had_begun_is_no_matter(stick: Path, ministry: Ministry, offline: Traveller) -> None:
    with_line = [row for chunk in range(3) for row in (b'{"op":"delete","key":"k%d"}' % chunk,)]
    offline.staging.stage("visas", 1, with_line)
    assert offline.outcome(stick) is StickOutcome.INSTALLED
    assert Lists(offline.store).visa(VISAS[0].visa_id).records == (VISAS[0],)


def test_a_stick_for_others_says_nothing(tmp_path: Path, stick: Path, ministry: Ministry) -> None:
    stranger = Traveller(tmp_path / "stranger", ministry.root, name="uto-post-9")
    with pytest.raises(NotForDevice):
        stranger.take(stick)
    copied = Traveller(tmp_path / "copied", ministry.root)
    with pytest.raises(NotOpened):
        copied.take(stick)
    assert nothing(stranger)
    assert nothing(copied)
    stranger.store.close()
    copied.store.close()


def test_a_kiosk_without_a_tpm_finds_no_watch_list_on_it(tmp_path: Path, ministry: Ministry) -> None:
    kiosk = Traveller(tmp_path / "kiosk", ministry.root, name="uto-kiosk-1")
    ministry.enrol(kiosk.name, kiosk.public, role="kiosk")
    ministry.stick(tmp_path / "lists", devices=[kiosk.name])
    assert kiosk.outcome(tmp_path / "lists", "watchlist") is StickOutcome.NOT_HERE
    assert kiosk.staging.position("watchlist").version == 0
    assert Lists(kiosk.store).visa(VISAS[7].visa_id).records != ()
    ministry.stick(tmp_path / "watch", devices=[kiosk.name], feeds=["watchlist"])
    with pytest.raises(NotForDevice):
        kiosk.take(tmp_path / "watch")
    kiosk.store.close()


def test_one_of_another_country_is_no_list(tmp_path: Path, offline: Traveller) -> None:
    other = Ministry(tmp_path / "elsewhere")
    other.enrol(DEVICE, offline.public)
    other.lists(Feed.VISAS, VISAS[:3])
    other.stick(tmp_path / "foreign", devices=[DEVICE])
    with pytest.raises(BadSignature):
        offline.take(tmp_path / "foreign")
    assert nothing(offline)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda head, chunks: (head, chunks[:1] + chunks[2:]), id="a chunk left out"),
        pytest.param(lambda head, chunks: (head, [chunks[1], chunks[0], *chunks[2:]]), id="wrong order"),
        pytest.param(lambda head, chunks: (head, [chunks[0], chunks[0], *chunks[1:]]), id="a chunk twice"),
        pytest.param(lambda head, chunks: (head, chunks[:1]), id="the end left out"),
        pytest.param(lambda head, chunks: (head, []), id="no chunks"),
        pytest.param(
            lambda head, chunks: (head, [structs.replace(chunks[0], first=chunks[0].first + 1), *chunks[1:]]),
            id="moved",
        ),
        pytest.param(
            lambda head, chunks: (head, [structs.replace(chunks[0], feed="watchlist"), *chunks[1:]]), id="renamed"
        ),
        pytest.param(
            lambda head, chunks: (head, [structs.replace(chunks[0], rows=chunks[0].rows[::-1]), *chunks[1:]]),
            id="corrupt",
        ),
    ],
)
def test_a_stick_that_somebody_has_written_anew(
    stick: Path,
    offline: Traveller,
    spoil: Callable[[BundleHead, list[FeedChunk]], tuple[BundleHead, list[FeedChunk]]],
) -> None:
    with pytest.raises((Malformed, NotOpened, ListRefused)):
        offline.take(again(stick, spoil))
    assert nothing(offline)
    # And the true one afterwards.
    assert offline.outcome(stick) is StickOutcome.INSTALLED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_stick_installs_nothing_that_was_not_signed(
    stick: Path, offline: Traveller, share: float, bit: int, cut: bool
) -> None:
    payload = bytearray(stick.read_bytes())
    place = min(len(payload) - 1, int(share * len(payload)))
    payload[place] ^= 1 << bit
    try:
        report = offline.take(bytes(payload[:place] if cut else payload))
    except (ContractError, BorneError):
        pass
    else:
        assert all(one.version in (0, 1, 1200) for one in report.feeds)
    here = offline.staging.position("visas")
    assert here.version == here.staged_version
    assert here.version in (0, 1200)


def test_what_cannot_be_exported(tmp_path: Path, ministry: Ministry) -> None:
    ministry.enrol("uto-bare", b"")
    for more in (
        {"devices": ["nobody"]},
        {"feeds": ["lounge"]},
        {"devices": ["uto-bare"]},
    ):
        with pytest.raises(BadExport):
            ministry.stick(tmp_path / "out", **more)
    ministry.enrol(DEVICE, sealing_public(Traveller(tmp_path / "d", ministry.root).sealing))
    with pytest.raises(BadExport):
        ministry.stick(tmp_path / "missing" / "out")
    report = ministry.stick(tmp_path / "out")
    assert (report.devices, report.without) == ((DEVICE,), ("uto-bare",))
    assert not list(tmp_path.glob(".out*"))


# Beside a line


@pytest.fixture
def sealed(tmp_path: Path, device: Post, centre: TrueCentre) -> Post:
    """A device on the line with a sealing key, and a centre that has its public half."""
    device.sealing = X25519PrivateKey.generate()
    enrol(centre.folder, DEVICE, "airport", public_bytes(device.key), sealing_key=sealing_public(device.sealing))
    return device


def test_a_stick_while_reporting_runs_and_the_line_after_it(tmp_path: Path, sealed: Post, centre: TrueCentre) -> None:
    """What is on its way by line does no harm, and what comes later comes by line."""
    ministry = Ministry(centre.folder, centre.root)
    ministry.lists(Feed.VISAS, VISAS)
    ministry.stick(tmp_path / "stick", devices=[DEVICE])
    with sealed as post:
        with (tmp_path / "stick").open("rb") as file:
            assert post.service.import_lists(file).ok
        assert Lists(post.store).visa(VISAS[7].visa_id).records == (VISAS[7],)
        wait_for(lambda: post.installed("visas") == len(VISAS))
        ministry.lists(Feed.VISAS, [*VISAS, visa(9000)])
        wait_for(lambda: post.installed("visas") == len(VISAS) + 1)
        assert Lists(post.store).visa(f"{9000:016x}").records == (visa(9000),)
        assert post.problems() == set()


def test_a_stick_where_the_line_is_cut_for_days(tmp_path: Path, sealed: Post, centre: TrueCentre) -> None:
    ministry = Ministry(centre.folder, centre.root)
    ministry.lists(Feed.VISAS, VISAS)
    ministry.stick(tmp_path / "stick")
    with sealed as post:
        post.service.pause(3600)
        with (tmp_path / "stick").open("rb") as file:
            assert post.service.import_lists(file).ok
        wait_for(lambda: post.installed("visas") == len(VISAS))
        assert not post.service.status().online


def test_lists_of_people_are_sealed_on_the_line(sealed: Post, centre: TrueCentre) -> None:
    """Whoever reads along at the broker learns nothing of a visa; what is no secret travels in clear."""
    Ministry(centre.folder, centre.root).lists(Feed.VISAS, VISAS[:50])
    heard: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        take = Downlink.chunk

        def chunk(self: Downlink, payload: bytes, now: float) -> None:
            heard.append(payload)
            take(self, payload, now)

        patch.setattr(Downlink, "chunk", chunk)
        with sealed as post:
            wait_for(lambda: post.installed("visas") == 50 and post.installed("devices") > 0)
            assert Lists(post.store).visa(VISAS[7].visa_id).records == (VISAS[7],)
    chunks = [decode(FeedChunk, payload) for payload in heard]
    assert {chunk.encoding for chunk in chunks if chunk.feed == "visas"} == {"rows+zstd+hpke"}
    assert {chunk.encoding for chunk in chunks if chunk.feed == "devices"} == {"rows+zstd"}


def test_a_list_sealed_to_another_key_is_a_problem_that_is_shown(sealed: Post, centre: TrueCentre) -> None:
    Ministry(centre.folder, centre.root).lists(Feed.VISAS, VISAS[:5])
    sealed.sealing = X25519PrivateKey.generate()
    with sealed as post:
        wait_for(lambda: "feed_sealed" in post.problems())
        assert post.installed("visas") == 0
        wait_for(lambda: post.installed("devices") > 0)
