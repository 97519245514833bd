"""Whoever has a certificate of the post's network may speak; who is believed is another matter."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from post_kit import COUNTER, KIOSK, POST, Impostor, Voice, World, wait_for

from border_agent.agent.post.believing import CLOCK_TOLERANCE, FORGOTTEN_SECONDS, Believing
from border_agent.agent.post.errors import NotBelieved
from border_agent.agent.post.register import Register
from border_agent.agent.post.values import PostProblemCode
from border_agent.store import Lists
from mqtt_schemas.entries import Decision
from mqtt_schemas.keys import key_id, public_bytes, sign
from mqtt_schemas.messages import LARGEST_MESSAGE, VERSION, Signed, encode_body
from mqtt_schemas.post import (
    LAST_SERIAL,
    Claim,
    Decided,
    Finished,
    Gone,
    PictureKind,
    PostChannel,
    PostPicture,
    PostState,
    Wanted,
    sign_statement,
)
from mqtt_schemas.records import DeviceState

INSPECTIONS, CLAIMS, STATE = PostChannel.INSPECTIONS, PostChannel.CLAIMS, PostChannel.STATE


@contextmanager
def speaking(world: World, name: str = KIOSK) -> Iterator[Impostor]:
    """Somebody with a good certificate of that name, once the counter listens."""
    wait_for(lambda: world.counter.line.status().online)
    client = Impostor(world.authority, world.broker, name)
    try:
        yield client
    finally:
        client.stop()


def still_works(world: World, client: Impostor) -> None:
    """After whatever came: a good statement of the kiosk is believed."""
    voice = Voice(KIOSK, world.kiosk.key, session=secrets.token_bytes(16))
    inspection = secrets.token_hex(16)
    client.publish(voice.topic(INSPECTIONS), voice.finished(inspection))
    wait_for(lambda: world.counter.remote(inspection))
    assert world.counter.line.status().online


def meets(world: World, code: PostProblemCode) -> None:
    wait_for(lambda: code in world.counter.problems())
    assert world.counter.problems() == {code}
    assert not world.counter.line.waiting()


def test_a_wrong_journal_key(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        voice = Voice(KIOSK, Ed25519PrivateKey.generate())
        client.publish(voice.topic(INSPECTIONS), voice.finished())
        meets(world, PostProblemCode.BAD_SIGNATURE)
        still_works(world, client)


def test_the_right_key_is_named_and_not_had(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        voice = Voice(KIOSK, Ed25519PrivateKey.generate())
        forged = msgspec.msgpack.decode(voice.finished(), type=Signed)
        named = msgspec.structs.replace(forged, key=key_id(public_bytes(world.kiosk.key)))
        client.publish(voice.topic(INSPECTIONS), msgspec.msgpack.encode(named))
        meets(world, PostProblemCode.BAD_SIGNATURE)
        still_works(world, client)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"state": DeviceState.RETIRED}, PostProblemCode.RETIRED_DEVICE),
        ({"state": DeviceState.UNKNOWN}, PostProblemCode.RETIRED_DEVICE),
        ({"post": "uto-sea"}, PostProblemCode.OTHER_POST),
        ({"device": "uto-kiosk-9"}, PostProblemCode.UNKNOWN_DEVICE),
    ],
)
def test_a_device_that_is_not_of_this_post(world: World, more: dict[str, str], code: PostProblemCode) -> None:
    world.counter.open().install([world.counter.record(), world.kiosk.record(**more)])
    world.counter.start()
    with speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        client.publish(voice.topic(INSPECTIONS), voice.finished())
        meets(world, code)


def test_a_device_is_retired_while_it_speaks(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        still_works(world, client)
        records = [one.record() for one in world.stations]
        world.counter.install([*records, world.kiosk.record(state=DeviceState.RETIRED)])
        time.sleep(1.1)
        voice = Voice(KIOSK, world.kiosk.key)
        client.publish(voice.topic(INSPECTIONS), voice.finished())
        wait_for(lambda: PostProblemCode.RETIRED_DEVICE in world.counter.problems())


def test_no_list_of_devices(world: World) -> None:
    world.counter.open().start()
    with speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        client.publish(voice.topic(INSPECTIONS), voice.finished())
        meets(world, PostProblemCode.NO_DEVICES)
        world.counter.install([one.record() for one in world.stations])
        time.sleep(1.1)
        still_works(world, client)
        assert not world.counter.problems()


def test_said_before(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        said, later = voice.finished(), voice.finished()
        for payload in (said, later):
            client.publish(voice.topic(INSPECTIONS), payload)
        wait_for(lambda: len(world.counter.line.waiting()) == 2)
        client.publish(voice.topic(INSPECTIONS), said)
        wait_for(lambda: world.counter.problems() == {PostProblemCode.STALE_STATEMENT})
        # The same on another channel: a signature counts in its role only.
        client.publish(voice.topic(CLAIMS), said)
        wait_for(lambda: PostProblemCode.BAD_SIGNATURE in world.counter.problems())
        still_works(world, client)
        # And the session that is over now is not taken up again, whatever its serial.
        voice.serial = 500
        client.publish(voice.topic(INSPECTIONS), voice.finished())
        wait_for(lambda: world.counter.line.status().counts["refused.post.stale_statement"] == 2)
        assert len(world.counter.line.waiting()) == 3


def test_another_post_in_the_topic(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        client.publish(voice.topic(INSPECTIONS, "uto-sea"), voice.finished())
        still_works(world, client)
        assert len(world.counter.line.waiting()) == 1


def test_under_another_name(world: World) -> None:
    """The broker itself stops it; and a statement says whose it is."""
    world.start(world.counter)
    with speaking(world, "uto-thief-1") as thief, speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        said = voice.finished()
        thief.publish(voice.topic(INSPECTIONS), said)
        thief.publish(f"borne/v1/post/{POST}/uto-thief-1/inspections", said)
        wait_for(lambda: world.counter.problems() == {PostProblemCode.UNKNOWN_DEVICE})
        still_works(world, client)
        assert len(world.counter.line.waiting()) == 1


def test_a_kiosk_neither_claims_nor_decides(world: World) -> None:
    world.start(world.counter, world.second)
    with speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        inspection = secrets.token_hex(16)
        client.publish(voice.topic(INSPECTIONS), voice.finished(inspection))
        wait_for(lambda: world.counter.remote(inspection))
        payloads = (
            voice.say(Claim, inspection_id=inspection, officer="4711", seconds=3600),
            voice.say(Decided, inspection_id=inspection, decision=Decision.ADMIT, officer="4711"),
        )
        for payload in payloads:
            client.publish(voice.topic(CLAIMS), payload)
        wait_for(lambda: world.counter.line.status().counts.get("refused.post.not_its_part") == 2)
        assert world.counter.remote(inspection)
        assert world.counter.line.claim(inspection) is None


def test_a_device_speaks_of_anothers_inspection(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client, speaking(world, "uto-counter-2") as other:
        voice, rival = Voice(KIOSK, world.kiosk.key), Voice("uto-counter-2", world.second.key)
        inspection = secrets.token_hex(16)
        client.publish(voice.topic(INSPECTIONS), voice.finished(inspection))
        wait_for(lambda: world.counter.remote(inspection))
        other.publish(rival.topic(INSPECTIONS), rival.finished(inspection))
        other.publish(rival.topic(INSPECTIONS), rival.say(Gone, inspection_id=inspection))
        wait_for(lambda: world.counter.line.status().counts.get("refused.post.not_its_part") == 2)
        remote = world.counter.remote(inspection)
        assert remote is not None
        assert remote.device == KIOSK


def test_evidence_that_is_none(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        voice = Voice(KIOSK, world.kiosk.key)
        other = msgspec.msgpack.decode(Voice("uto-kiosk-2", world.kiosk.key).finished(), type=Signed)
        foreign = msgspec.json.decode(other.body, type=Finished).evidence
        spoilt = [b"{}", b"[" * 100_000, b"\xff\xfe", foreign, b'{"inspection_id": 3}' + b" " * 190_000]
        for evidence in spoilt:
            client.publish(voice.topic(INSPECTIONS), voice.finished(evidence=evidence))
        wait_for(lambda: world.counter.line.status().counts.get("refused.post.malformed") == len(spoilt))
        meets(world, PostProblemCode.MALFORMED)
        still_works(world, client)


def test_garbage(world: World) -> None:
    world.start(world.counter)
    with speaking(world) as client:
        key, voice = world.kiosk.key, Voice(KIOSK, world.kiosk.key)
        good = voice.finished()
        role = "post:inspections"
        wanted = encode_body(voice.body(Wanted))
        payloads = [
            b"",
            b"\x00",
            good[:-1],
            good + b"\x00",
            b"\x81" * 5000,
            secrets.token_bytes(LARGEST_MESSAGE - 100),
            msgspec.msgpack.encode(sign(key, role, b"not json")),
            msgspec.msgpack.encode(sign(key, role, b"{" * 50_000)),
            msgspec.msgpack.encode(sign(key, role, wanted.replace(f'"{VERSION}"'.encode(), b'"2.0"'))),
            msgspec.msgpack.encode(sign(key, role, wanted.replace(b"wanted", b"sung"))),
        ]
        for payload in payloads:
            client.publish(voice.topic(INSPECTIONS), payload)
        wait_for(lambda: world.counter.line.status().counts.get("refused.post.malformed") == len(payloads))
        meets(world, PostProblemCode.MALFORMED)
        still_works(world, client)


def test_more_than_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One device that floods the post pushes out its own, not what others wait for."""
    monkeypatch.setattr("border_agent.agent.post.shelf.MOST_WAITING", 20)
    monkeypatch.setattr("border_agent.agent.post.shelf.MOST_PICTURE_BYTES", 500_000)
    world.start(world.counter, world.second)
    with speaking(world) as client, speaking(world, "uto-counter-2x"):
        quiet = secrets.token_hex(16)
        other = Voice("uto-counter-2", world.second.key)
        world.second.close()
        with speaking(world, "uto-counter-2") as second:
            other.session = secrets.token_bytes(16)
            second.publish(other.topic(INSPECTIONS), other.finished(quiet))
        voice = Voice(KIOSK, world.kiosk.key)
        picture = PostPicture(kind=PictureKind.LIVE, jpeg=bytes(100_000))
        for _ in range(40):
            client.publish(voice.topic(INSPECTIONS), voice.finished(pictures=(picture,)))
        wait_for(lambda: world.counter.line.status().counts.get("heard.finished") == 41)
        waiting = world.counter.line.waiting()
        assert len(waiting) == 20
        assert quiet in {one.id for one in waiting}
        assert sum(len(jpeg) for one in waiting for jpeg in one.pictures.values()) <= 500_000
        assert waiting[-1].pictures
        assert world.counter.problems() == {PostProblemCode.TOO_MANY}


class Ears:
    """A counter's judgement alone, with its clock in hand."""

    def __init__(self, world: World) -> None:
        world.counter.open().install([one.record() for one in world.stations])
        self.now = 1000.0
        self.voice = Voice(KIOSK, world.kiosk.key)
        self._believing = Believing(
            post=POST,
            device=COUNTER,
            public=public_bytes(world.counter.key),
            register=Register(Lists(world.counter.store), POST, COUNTER, lambda: self.now),
            monotonic=lambda: self.now,
        )

    def hear(self, payload: bytes, channel: PostChannel = CLAIMS) -> bool:
        """Whether it is believed; False: passed over in silence."""
        return self._believing.believe(self.voice.topic(channel), payload, b"") is not None

    def refuses(self, payload: bytes, channel: PostChannel = CLAIMS) -> PostProblemCode:
        with pytest.raises(NotBelieved) as refused:
            self.hear(payload, channel)
        return refused.value.why


def test_a_session_of_before_this_device_listened(world: World) -> None:
    ears, old = Ears(world), Voice(KIOSK, world.kiosk.key, session=b"o" * 16)
    old.at -= CLOCK_TOLERANCE + timedelta(minutes=1)
    recorded = old.say(Wanted)
    assert ears.hear(ears.voice.say(Wanted))
    assert ears.refuses(recorded) is PostProblemCode.STALE_STATEMENT
    # A device whose clock was set back is believed again, once it has been silent.
    ears.now += FORGOTTEN_SECONDS + 1
    assert ears.hear(recorded)


def test_what_the_broker_keeps_is_no_offence(world: World) -> None:
    """A retained state comes again at each connection, and a last will after the device is back."""
    ears = Ears(world)
    state = ears.voice.say(PostState, online=True)
    will = sign_statement(
        world.kiosk.key, msgspec.structs.replace(ears.voice.body(PostState, online=False), serial=LAST_SERIAL)
    )
    assert ears.hear(state, STATE)
    assert not ears.hear(state, STATE)
    again = Voice(KIOSK, world.kiosk.key, session=b"n" * 16)
    assert ears.hear(again.say(PostState, online=True), STATE)
    assert not ears.hear(will, STATE)
    # While it is the present session's, nothing of that session comes after it.
    assert ears.hear(
        sign_statement(
            world.kiosk.key, msgspec.structs.replace(again.body(PostState, online=False), serial=LAST_SERIAL)
        ),
        STATE,
    )
    assert ears.refuses(again.say(Wanted)) is PostProblemCode.STALE_STATEMENT


def test_a_topic_of_another_kind(world: World) -> None:
    ears = Ears(world)
    for topic in ("", "borne/v1/post", f"borne/v1/post/{POST}/all/claims", f"borne/v1/post/{POST}/{KIOSK}/songs"):
        with pytest.raises(NotBelieved) as refused:
            ears._believing.believe(topic, ears.voice.say(Wanted), b"")
        assert refused.value.why in (PostProblemCode.OTHER_POST, PostProblemCode.UNKNOWN_DEVICE)


def test_words_of_this_device_are_its_own_sessions(world: World) -> None:
    ears = Ears(world)
    own = Voice(COUNTER, world.counter.key, at=datetime.now(UTC))
    said = own.say(Wanted)
    assert ears._believing.believe(own.topic(CLAIMS), said, own.session) is not None
    assert ears._believing.believe(own.topic(CLAIMS), said, b"another session!") is None
    thief = Voice(COUNTER, world.kiosk.key)
    with pytest.raises(NotBelieved) as refused:
        ears._believing.believe(own.topic(CLAIMS), thief.say(Wanted), own.session)
    assert refused.value.why is PostProblemCode.BAD_SIGNATURE
