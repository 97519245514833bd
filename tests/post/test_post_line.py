"""The line itself: which broker, what it says of itself, and what is there where no post's network is configured."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from post_kit import COUNTER, JPEG, KIOSK, Impostor, Station, Voice, World, wait_for

from border_agent.agent.post.errors import NoSuchRemoteCall
from border_agent.agent.post.handover import of_case
from border_agent.agent.post.values import ClaimView, PostProblemCode, Presence, line_settings
from border_agent.config import LanSection, Role, load_config
from border_agent.words import has, languages
from mqtt_schemas.entries import Decision
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.post import LARGEST_EVIDENCE, LARGEST_PICTURE, Decided, PictureKind, PostChannel, PostPicture


def test_every_code_has_words() -> None:
    keys = [f"problem.{code.value}" for code in PostProblemCode] + [f"presence.{one.value}" for one in Presence]
    assert languages() == ("en", "fr")
    assert not [key for key in keys if not has(key)]


def test_without_a_posts_network(tmp_path: Path, authority: LabAuthority) -> None:
    """Nobody else is there; an officer at the only counter notices nothing of it."""
    station = Station(tmp_path / COUNTER, COUNTER, Role.POST, authority, (), post="")
    station.open().start()
    line, inspection = station.line, secrets.token_hex(16)
    assert not line.status().configured
    assert line.waiting() == line.calls() == line.devices() == ()
    assert line.take(inspection, "4711", "12") is True
    assert line.claim(inspection) == ClaimView(device=COUNTER, officer="4711", counter="12", alone=True)
    line.keep(inspection)
    line.decided(inspection, Decision.ADMIT, "4711")
    assert not line.holds(inspection)
    line.release(inspection)
    with pytest.raises(NoSuchRemoteCall):
        line.answer_call("0" * 16, "4711")
    station.close()


def test_a_kiosk_without_a_posts_network_refers_nobody(tmp_path: Path, authority: LabAuthority) -> None:
    station = Station(tmp_path / KIOSK, KIOSK, Role.KIOSK, authority, ())
    station.open().start()
    station.finish()
    time.sleep(0.2)
    assert station.referrals() == {}
    station.close()


def test_the_settings_are_the_configurations(tmp_path: Path) -> None:
    config = load_config(written(tmp_path))
    assert line_settings(config) is None
    lan = LanSection(brokers=("mqtts://post.lan:8884",), authority="ca.pem", certificate="a.pem", key="/etc/a.key")
    settings = line_settings(structs.replace(config, lan=lan))
    assert settings is not None
    assert settings.brokers == ("mqtts://post.lan:8884",)
    assert (settings.authority, settings.key) == (tmp_path / "ca.pem", Path("/etc/a.key"))


def test_the_second_broker_of_the_list(world: World) -> None:
    world.counter.brokers = ("mqtts://localhost:1", *world.counter.brokers)
    world.start(world.counter)
    wait_for(lambda: world.counter.line.status().online)
    assert world.counter.line.status().broker == world.counter.brokers[1].removeprefix("mqtts://")


def test_a_broker_that_does_not_know_this_authority(world: World, tmp_path: Path) -> None:
    world.counter.authority = LabAuthority(tmp_path / "other")
    world.start(world.counter)
    wait_for(lambda: PostProblemCode.REFUSED in world.counter.problems())
    assert not world.counter.line.status().online


def test_rules_that_let_nothing_pass(tmp_path: Path, authority: LabAuthority) -> None:
    """A broker with the data centre's rules: it takes the connection and not the words (MQTT 5 says so)."""
    with LabBroker(tmp_path / "centre", authority.server()) as wrong:
        station = Station(tmp_path / COUNTER, COUNTER, Role.POST, authority, (f"mqtts://localhost:{wrong.port}",))
        station.open().start()
        wait_for(lambda: PostProblemCode.NOT_SENT in station.problems())
        station.close()


def test_the_largest_handover_goes_through(world: World) -> None:
    world.start(world.kiosk, world.counter)
    wait_for(lambda: world.counter.line.status().online)
    largest = b"\xff\xd8\xff" + bytes(LARGEST_PICTURE - 3)
    case = world.kiosk.finish(dict.fromkeys((PictureKind.PAGE, PictureKind.VISA, PictureKind.LIVE), largest))
    wait_for(lambda: world.counter.remote(case.id))
    remote = world.counter.remote(case.id)
    assert remote is not None
    assert set(remote.pictures) == {PictureKind.PAGE, PictureKind.VISA, PictureKind.LIVE}
    # Evidence may grow to its bound beside them, and not beyond; a picture too large is left out.
    answers = {"purpose": "x" * (LARGEST_EVIDENCE - len(remote.evidence.inspection_id) - 2000)}
    evidence = structs.replace(case.inspection.evidence, answers=answers)
    grown = structs.replace(case, inspection=structs.replace(case.inspection, evidence=evidence))
    handover = of_case(grown, world.kiosk.clock.now())
    assert handover is not None
    fields = handover.fields({PictureKind.PAGE: largest + b"\0", PictureKind.LIVE: JPEG})
    assert fields["pictures"] == (PostPicture(kind=PictureKind.LIVE, jpeg=JPEG),)
    evidence = structs.replace(evidence, answers={"purpose": "x" * LARGEST_EVIDENCE})
    grown = structs.replace(case, inspection=structs.replace(case.inspection, evidence=evidence))
    assert of_case(grown, world.kiosk.clock.now()) is None


def test_what_no_reader_would_take_is_not_said(world: World) -> None:
    """A fault of ours in one statement does not bring the line down."""
    world.start(world.counter, world.second)
    wait_for(lambda: world.counter.line.status().online and world.second.line.status().online)
    world.counter.line.decided("no inspection's id", Decision.ADMIT, "4711")
    wait_for(lambda: world.counter.problems() == {PostProblemCode.INTERNAL})
    since = world.counter.line.status().since
    inspection = secrets.token_hex(16)
    world.counter.line.take(inspection, "4711")
    wait_for(lambda: world.second.line.claim(inspection))
    assert world.counter.line.status().since == since


def test_decided_twice_during_an_outage(world: World) -> None:
    world.start(world.counter)
    wait_for(lambda: world.counter.line.status().online)
    inspection = secrets.token_hex(16)
    world.counter.line.decided(inspection, Decision.ADMIT, "4711")
    other = Impostor(world.authority, world.broker, world.second.device)
    voice = Voice(world.second.device, world.second.key)
    said = voice.say(Decided, inspection_id=inspection, decision=Decision.REFUSE, officer="0815")
    other.publish(voice.topic(PostChannel.CLAIMS), said)
    wait_for(lambda: world.counter.problems() == {PostProblemCode.DECIDED_TWICE})
    other.stop()


def test_a_kiosk_that_is_silent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.agent.post.state.SILENT_SECONDS", 0.5)
    world.start(world.kiosk, world.counter)
    wait_for(lambda: world.counter.line.devices()[1].presence is Presence.HERE)
    connection = world.kiosk.line._connection
    assert connection is not None
    monkeypatch.setattr(connection, "_speak", lambda: None)
    wait_for(lambda: world.counter.line.devices()[1].presence is Presence.SILENT)
    heard = world.counter.line.devices()[1].heard_at
    assert heard is not None
    assert world.counter.clock.now() - heard < timedelta(minutes=5)


def test_what_goes_on_is_told_at_the_hub(world: World) -> None:
    """Pages follow by the inspection's own key, the queue's, and the post's."""
    world.start(world.kiosk, world.counter)
    told: list[str] = []
    for key in ("queue", "post", "calls"):
        world.counter.hub.tell(key, lambda key=key: told.append(key))
    wait_for(lambda: world.counter.line.status().online)
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.remote(case.id))
    wait_for(lambda: {"queue", "post"} <= set(told))
    world.kiosk.calls.raise_call(case.id)
    wait_for(lambda: "calls" in told)


def written(folder: Path) -> Path:
    file = folder / "agent.toml"
    file.write_text(
        f"""\
[device]
id = "{COUNTER}"
[store]
path = "store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
root = "{"00" * 32}"
[mqtt]
brokers = ["mqtts://localhost"]
authority = "ca.pem"
certificate = "a.pem"
key = "a.key"
[api]
socket = "agent.sock"
""",
        encoding="utf-8",
    )
    return file
