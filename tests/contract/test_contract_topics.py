"""Topics: what is built is read back, and any text at all is a topic of the contract or a typed refusal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas.errors import BadTopic, UnknownVersion
from mqtt_schemas.topics import (
    DEVICE_ID,
    FEED_NAME,
    LONGEST_TOPIC,
    RESERVED,
    Channel,
    Topic,
    device_topic,
    feed_head_topic,
    parse_topic,
    subscription,
)

OF_A_DEVICE = [channel for channel in Channel if channel is not Channel.FEED_HEAD]
devices = st.from_regex(DEVICE_ID, fullmatch=True).filter(lambda name: name not in RESERVED)
feeds = st.from_regex(FEED_NAME, fullmatch=True)


@settings(deadline=None)
@given(device=devices, channel=st.sampled_from(OF_A_DEVICE))
def test_device_topics_are_read_back(device: str, channel: Channel) -> None:
    topic = device_topic(device, channel)
    assert parse_topic(topic) == Topic(device, channel)
    assert len(topic) <= LONGEST_TOPIC


@settings(deadline=None)
@given(feed=feeds)
def test_feed_heads_are_read_back(feed: str) -> None:
    assert parse_topic(feed_head_topic(feed)) == Topic("all", Channel.FEED_HEAD, feed)


_PARTS = ["borne", "v1", "v2", "v12345678901", "V1", "", "all", "post", "kiosk-01", "up", "down", "journal", "state"]
_PARTS += ["pull", "ack", "chunk", "head", "visas", "+", "#", "KIOSK", "\0", "é", "a" * 60, "kiosk-01\n"]


@settings(deadline=None)
@given(
    st.text()
    | st.lists(st.sampled_from(_PARTS), max_size=8).map("/".join)
    | st.lists(st.sampled_from(_PARTS), max_size=5).map(lambda tail: "/".join(["borne", "v1", *tail]))
)
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    try:
        topic = parse_topic(text)
    except (BadTopic, UnknownVersion):
        return
    assert str(topic) == text
    rebuilt = (
        feed_head_topic(topic.feed)
        if topic.channel is Channel.FEED_HEAD
        else device_topic(topic.owner, topic.channel)
    )
    assert rebuilt == text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("borne/v2/kiosk-01/up/journal", UnknownVersion),
        ("borne/v2/wholly/new", UnknownVersion),  # another major version may look otherwise
        ("borne/v2", UnknownVersion),
        ("borne/v0/kiosk-01/up/state", UnknownVersion),
        ("borne/latest/kiosk-01/up/state", BadTopic),
        ("borne/v1", BadTopic),
        ("borne", BadTopic),
        ("", BadTopic),
        ("other/v1/kiosk-01/up/state", BadTopic),
        ("/borne/v1/kiosk-01/up/state", BadTopic),
        ("borne/v1/kiosk-01/up/state/", BadTopic),
        ("borne/v1/kiosk-01/up/state/more", BadTopic),
        ("borne/v1/kiosk-01/up/evidences", BadTopic),
        ("borne/v1/kiosk-01/down/head", BadTopic),
        ("borne/v1/kiosk-01/down/head/visas", BadTopic),
        ("borne/v1/all/down/head", BadTopic),
        ("borne/v1/all/down/head/", BadTopic),
        ("borne/v1/all/down/head/Visas", BadTopic),
        ("borne/v1/all/down/head/visas/x", BadTopic),
        ("borne/v1/all/down/head/visas\n", BadTopic),
        ("borne/v1/all/up/journal", BadTopic),
        ("borne/v1/post/up/journal", BadTopic),
        ("borne/v1/+/up/journal", BadTopic),
        ("borne/v1/ab/up/journal", BadTopic),
        ("borne/v1/-ab/up/journal", BadTopic),
        ("borne/v1/Kiosk/up/journal", BadTopic),
        ("borne/v1/kiosk-01\n/up/journal", BadTopic),
        ("borne/v1/" + "a" * 41 + "/up/journal", BadTopic),
        ("borne/v1/" + "a" * 1_000_000, BadTopic),
    ],
)
def test_what_is_refused_and_how(text: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        parse_topic(text)
    assert len(str(caught.value)) < 300, "an error must not repeat a hostile topic"


@pytest.mark.parametrize(
    "device", ["all", "post", "", "ab", "a" * 41, "Kiosk", "a/b/c", "a+b", "kiosk\n", "-ab", "kiösk"]
)
def test_no_topic_is_built_for_what_is_no_device(device: str) -> None:
    with pytest.raises(BadTopic):
        device_topic(device, Channel.JOURNAL)


@pytest.mark.parametrize("feed", ["", "v", "Visas", "visas/x", "visas+", "visas1", "a" * 33, "visas\n", "_visas"])
def test_no_topic_is_built_for_what_is_no_feed(feed: str) -> None:
    with pytest.raises(BadTopic):
        feed_head_topic(feed)


def test_feed_heads_are_no_device_channel() -> None:
    with pytest.raises(BadTopic):
        device_topic("kiosk-01", Channel.FEED_HEAD)


@pytest.mark.parametrize("channel", list(Channel))
def test_subscriptions_take_in_their_channel_and_no_other(channel: Channel) -> None:
    def matches(pattern: str, topic: str) -> bool:
        ours, theirs = pattern.split("/"), topic.split("/")
        return len(ours) == len(theirs) and all(o in ("+", t) for o, t in zip(ours, theirs, strict=True))

    every = {each: device_topic("kiosk-01", each) for each in OF_A_DEVICE}
    every[Channel.FEED_HEAD] = feed_head_topic("visas")
    taken = [each for each, topic in every.items() if matches(subscription(channel), topic)]
    assert taken == [channel]


def test_which_way_a_channel_goes() -> None:
    assert [channel for channel in Channel if channel.upward] == [
        Channel.JOURNAL,
        Channel.STATE,
        Channel.PULL,
        Channel.RENEWAL,
        Channel.EVIDENCE,
    ]
