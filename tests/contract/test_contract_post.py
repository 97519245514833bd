"""The post's topics and statements: what a device says is believed as its own, and nothing else is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from contract_signers import private
from contract_values import NOON, golden, instances
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mqtt_schemas import post, publish
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.errors import BadSignature, BadTopic, ContractError, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.keys import key_id, public_bytes, sign, statement
from mqtt_schemas.messages import LARGEST_MESSAGE, Signed, decode, encode, encode_body
from mqtt_schemas.post import CHANNEL_OF, Claim, Finished, PictureKind, PostChannel, PostPicture
from mqtt_schemas.topics import DEVICE_ID, LONGEST_TOPIC, RESERVED, parse_topic

MANY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
KEY, OTHER = private("journal"), private("another device")
PUBLIC = public_bytes(KEY)
DEVICE, POST = "post-2", "douala-port"

devices = st.from_regex(DEVICE_ID, fullmatch=True).filter(lambda name: name not in RESERVED)
posts = st.from_regex(post.POST_NAME, fullmatch=True)
channels = st.sampled_from(PostChannel)


def claim(**changes: Any) -> Claim:
    fields: dict[str, Any] = {"device": DEVICE, "session": bytes(16), "serial": 1, "at": NOON}
    fields |= {"inspection_id": "0" * 32, "officer": "0471", "seconds": 60}
    return Claim(**fields | changes)


def signed(body: Struct, role: str, key: Any = KEY) -> Signed:
    return sign(key, role, encode_body(body))


def believe(message: Signed, channel: PostChannel = PostChannel.CLAIMS, device: str = DEVICE) -> Struct:
    return post.open_statement(message, channel, device, PUBLIC)


# --- topics ------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(place=posts, device=devices, channel=channels)
def test_topics_of_a_post_are_read_back(place: str, device: str, channel: PostChannel) -> None:
    topic = post.post_topic(place, device, channel)
    assert post.parse_post_topic(topic, place) == (device, channel)
    assert len(topic) <= LONGEST_TOPIC


_PARTS = ["borne", "v1", "v2", "post", POST, "kye-ossi", DEVICE, "all", *PostChannel, "up", "", "+", "#", "é", "\0"]


@settings(deadline=None)
@given(
    st.text()
    | st.lists(st.sampled_from(_PARTS), max_size=8).map("/".join)
    | st.lists(st.sampled_from(_PARTS), max_size=3).map(lambda tail: "/".join(["borne", "v1", "post", POST, *tail]))
)
def test_any_text_is_a_topic_of_this_post_or_refused(text: str) -> None:
    try:
        device, channel = post.parse_post_topic(text, POST)
    except BadTopic as error:
        assert len(str(error)) < 300, "an error must not repeat a hostile topic"
        return
    assert post.post_topic(POST, device, channel) == text


@pytest.mark.parametrize(
    "topic",
    [
        "borne/v1/post/kye-ossi/post-2/state",
        "borne/v1/post/douala-port/post-2/state/more",
        "borne/v1/post/douala-port/post-2/journal",
        "borne/v1/post/douala-port/+/state",
        "borne/v1/post/douala-port/all/state",
        "borne/v1/post/douala-port/post/state",
        "borne/v1/post/douala-port/post-2\n/state",
        "borne/v2/post/douala-port/post-2/state",
        "borne/v1/post-2/up/state",
        "borne/v1/post/douala-port/" + "a" * 1_000_000,
    ],
)
def test_topics_that_are_not_of_this_post(topic: str) -> None:
    with pytest.raises(BadTopic):
        post.parse_post_topic(topic, POST)


@pytest.mark.parametrize(("place", "device"), [("Douala", DEVICE), ("+", DEVICE), ("d/x", DEVICE), ("d", DEVICE)])
def test_nothing_is_built_for_what_is_no_post(place: str, device: str) -> None:
    with pytest.raises(BadTopic):
        post.post_topic(place, device, PostChannel.STATE)
    with pytest.raises(BadTopic):
        post.post_subscription(place, PostChannel.STATE)


@pytest.mark.parametrize("device", ["all", "post", "", "ab", "Kiosk", "a+b", "kiosk\n", "a" * 41])
def test_nothing_is_built_for_what_is_no_device(device: str) -> None:
    with pytest.raises(BadTopic):
        post.post_topic(POST, device, PostChannel.STATE)


@pytest.mark.parametrize("channel", PostChannel)
def test_a_subscription_takes_in_its_channel_of_every_device_of_its_post(channel: PostChannel) -> None:
    pattern = post.post_subscription(POST, channel).split("/")

    def taken(place: str, device: str, other: PostChannel) -> bool:
        topic = post.post_topic(place, device, other).split("/")
        return all(ours in ("+", theirs) for ours, theirs in zip(pattern, topic, strict=True))

    assert [other for other in PostChannel if taken(POST, "kiosk-01", other)] == [channel]
    assert taken(POST, "kiosk-02", channel)
    assert not taken("kye-ossi", "kiosk-01", channel)


@pytest.mark.parametrize("channel", PostChannel)
def test_the_centres_side_takes_no_topic_of_a_post_for_its_own(channel: PostChannel) -> None:
    with pytest.raises(BadTopic):
        parse_topic(post.post_topic(POST, DEVICE, channel))


# --- statements --------------------------------------------------------------------------------------------


@MANY
@given(data=st.data(), kind=st.sampled_from(publish.STATEMENTS))
def test_every_statement_is_believed_as_it_was_said(data: st.DataObject, kind: type[Struct]) -> None:
    body: Any = data.draw(instances(kind))
    payload = post.sign_statement(KEY, body)
    assert len(payload) <= LARGEST_MESSAGE
    message = decode(Signed, payload)
    assert message.role == f"post:{CHANNEL_OF[kind].value}"
    again = post.open_statement(message, CHANNEL_OF[kind], body.device, PUBLIC)
    assert encode_body(again) == encode_body(body)


def test_every_statement_has_its_channel() -> None:
    assert CHANNEL_OF.keys() == set(publish.STATEMENTS)
    assert set(CHANNEL_OF.values()) == set(PostChannel)


def test_the_largest_statement_fits_a_message() -> None:
    pictures = tuple(PostPicture(kind=PictureKind.PAGE, jpeg=b"\xff" * post.LARGEST_PICTURE) for _ in range(4))
    largest = Finished(
        device="a" * 40,
        session=bytes(16),
        serial=2**53,
        at=NOON,
        inspection_id="0" * 32,
        direction=Direction.ENTRY,
        started_at=NOON,
        finished_at=NOON,
        proposal=Decision.REFUSE,
        evidence=b"\xff" * post.LARGEST_EVIDENCE,
        pictures=pictures,
    )
    payload = post.sign_statement(KEY, largest)
    assert len(payload) <= LARGEST_MESSAGE
    assert post.open_statement(decode(Signed, payload), PostChannel.INSPECTIONS, "a" * 40, PUBLIC) == largest


@pytest.mark.parametrize(
    "changes",
    [
        {"officer": "x" * 1025},
        {"seconds": 0},
        {"serial": 0},
        {"session": b"short"},
        {"device": "Kiosk"},
    ],
)
def test_what_everybody_would_refuse_is_not_said(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        post.sign_statement(KEY, claim(**changes))


def test_what_is_too_large_is_not_said() -> None:
    state = post.PostState(
        device=DEVICE,
        session=bytes(16),
        serial=1,
        at=NOON,
        online=True,
        devices={f"{number}": "x" * 1024 for number in range(1100)},
    )
    with pytest.raises(TooLarge):
        post.sign_statement(KEY, state)


def test_a_statement_under_another_key_is_not_believed() -> None:
    message = signed(claim(), "post:claims", OTHER)
    with pytest.raises(BadSignature):
        believe(message)
    with pytest.raises(BadSignature):  # and gives out to be under the right one
        believe(msgspec.structs.replace(message, key=key_id(PUBLIC)))


def test_another_devices_statement_is_not_believed() -> None:
    with pytest.raises(BadSignature):
        believe(signed(claim(device="kiosk-01"), "post:claims"))
    with pytest.raises(BadSignature):
        believe(signed(claim(), "post:claims"), device="kiosk-01")


def test_a_statement_is_believed_on_its_own_channel_only() -> None:
    message = signed(claim(), "post:claims")
    assert believe(message) == claim()
    for other in set(PostChannel) - {PostChannel.CLAIMS}:
        with pytest.raises(BadSignature):
            believe(message, other)
        with pytest.raises(BadSignature):  # signed for the channel it came by, but not a statement of it
            believe(signed(claim(), f"post:{other.value}"), other)


@pytest.mark.parametrize("role", ["ack", "root", "feed:visas", "post:state", "post", "head"])
def test_a_signature_in_another_role_is_none(role: str) -> None:
    with pytest.raises(BadSignature):
        believe(signed(claim(), role))
    with pytest.raises(BadSignature):
        believe(msgspec.structs.replace(signed(claim(), role), role="post:claims"))


def test_no_statement_is_made_of_a_journals_head() -> None:
    """The journal's key signs both: the words before them must differ for whatever role there is."""
    heads = b"borne/v1/head\0"
    for channel in PostChannel:
        assert not statement(f"post:{channel.value}", b"").startswith(heads)
        assert not heads.startswith(statement(f"post:{channel.value}", b""))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", Malformed),
        (b"{}", UnknownVersion),
        (b"[]", Malformed),
        (b"null", Malformed),
        (b'{"v":"1.2"}', Malformed),
        (b'{"v":"2.0","kind":"claim"}', UnknownVersion),
        (b'{"v":"1.9","kind":"greeting"}', Malformed),
        (b"[" * 100_000, Malformed),
        (b'{"v":"1.2","kind":"claim","x":' + b"[" * 100_000, Malformed),
        (b"\xff\xfe", Malformed),
        (encode_body(claim()).replace(b"60", b"1e400"), Malformed),
        (encode_body(claim())[:-1], Malformed),
        (encode_body(claim()).replace(b"0471", b"\xed\xa0\x80"), Malformed),
    ],
)
def test_a_signed_body_that_is_no_statement_is_a_typed_error(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        believe(sign(KEY, "post:claims", body))


def test_a_giant_body_is_a_typed_error() -> None:
    with pytest.raises(TooLarge):
        believe(sign(KEY, "post:claims", b" " * (LARGEST_MESSAGE + 1)))


@MANY
@given(body=st.binary(max_size=300))
def test_any_signed_bytes_are_a_statement_or_a_typed_error(body: bytes) -> None:
    try:
        believe(sign(KEY, "post:claims", body))
    except ContractError:
        pass


@MANY
@given(data=st.data())
def test_a_bit_changed_anywhere_is_found(data: st.DataObject) -> None:
    payload = bytearray(post.sign_statement(KEY, claim()))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        message = decode(Signed, bytes(payload))
        assert believe(message) == claim()
    except ContractError:
        return
    # Nothing signed has changed: `v` of the envelope is of another minor version, at most.
    assert (message.role, message.body) == ("post:claims", encode_body(claim()))


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(32), b"\xff" * 32])
def test_a_key_that_is_none_believes_nothing(public: bytes) -> None:
    message = msgspec.structs.replace(signed(claim(), "post:claims"), key=key_id(public))
    with pytest.raises(BadSignature):
        post.open_statement(message, PostChannel.CLAIMS, DEVICE, public)


def test_newer_fields_and_values_are_read() -> None:
    value = golden("post-called.full.json")
    text = msgspec.json.encode(value | {"v": "1.9", "state": "transferred", "urgency": 3})
    body = believe(sign(KEY, "post:calls", text), PostChannel.CALLS, value["device"])
    assert isinstance(body, post.Called)
    assert body.state is post.CallState.UNKNOWN
    picture = msgspec.convert({"kind": "palm", "jpeg": b""}, PostPicture)
    assert picture.kind is PictureKind.UNKNOWN


def test_the_envelope_is_what_messages_say() -> None:
    payload = post.sign_statement(KEY, claim())
    assert encode(decode(Signed, payload)) == payload
