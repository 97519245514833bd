"""Topics of contract version 1: one builder, one parser. Topics carry no personal data."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from mqtt_schemas.errors import BadTopic, UnknownVersion

PREFIX = "borne"
MAJOR = "v1"
DEVICE_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")
FEED_NAME = re.compile(r"[a-z][a-z_]{1,31}")
LONGEST_TOPIC = 200
RESERVED = frozenset({"all", "post"})
"""Never device ids: `all` owns the retained feed heads, `post` begins the topics of a post's own broker."""

_OTHER_MAJOR = re.compile(r"v[0-9]{1,9}")


class Channel(StrEnum):
    """What travels under a device's topics, in the contract's own words."""

    JOURNAL = "up/journal"
    STATE = "up/state"
    PULL = "up/pull"
    RENEWAL = "up/renewal"
    EVIDENCE = "up/evidence"
    ACK = "down/ack"
    CHUNK = "down/chunk"
    CERTIFICATE = "down/certificate"
    EVIDENCE_ACK = "down/evidence-ack"
    FEED_HEAD = "down/head"

    @property
    def upward(self) -> bool:
        """True where a device writes and the centre reads."""
        return self.value.startswith("up/")


class Topic(Struct, frozen=True):
    """A parsed topic: whose it is (`all` for retained feed heads), what it carries, which feed if any."""

    owner: str
    channel: Channel
    feed: str = ""

    def __str__(self) -> str:
        tail = f"/{self.feed}" if self.feed else ""
        return f"{PREFIX}/{MAJOR}/{self.owner}/{self.channel.value}{tail}"


def device_topic(device: str, channel: Channel) -> str:
    """Topic of one device's channel. Raises BadTopic for what is no device id, and for a feed head."""
    if not DEVICE_ID.fullmatch(device) or device in RESERVED or channel is Channel.FEED_HEAD:
        raise BadTopic(device, f"not a device's {channel.value}")
    return str(Topic(device, channel))


def feed_head_topic(feed: str) -> str:
    """Retained topic that names a feed's newest version."""
    if not FEED_NAME.fullmatch(feed):
        raise BadTopic(feed, "not a feed name")
    return str(Topic("all", Channel.FEED_HEAD, feed))


def subscription(channel: Channel) -> str:
    """The centre's filter for one channel of every device, or a device's filter for every feed head."""
    if channel is Channel.FEED_HEAD:
        return f"{PREFIX}/{MAJOR}/all/{channel.value}/+"
    return f"{PREFIX}/{MAJOR}/+/{channel.value}"


def parse_topic(topic: str) -> Topic:
    """Read a topic. Raises UnknownVersion for another major version, BadTopic for anything else."""
    if len(topic) > LONGEST_TOPIC:
        raise BadTopic(topic[:40], "too long")
    parts = topic.split("/")
    if parts[0] != PREFIX or len(parts) < 2:
        raise BadTopic(topic, "not of this contract")
    if parts[1] != MAJOR and _OTHER_MAJOR.fullmatch(parts[1]):
        # Whatever follows: another major version may have topics of another form.
        raise UnknownVersion(topic, f"this side speaks {MAJOR}")
    if parts[1] != MAJOR or len(parts) < 5:
        raise BadTopic(topic, "not of this contract")
    owner, feed = parts[2], "/".join(parts[5:])
    try:
        channel = Channel("/".join(parts[3:5]))
    except ValueError:
        raise BadTopic(topic, "no such channel") from None
    if channel is Channel.FEED_HEAD:
        if owner != "all" or not FEED_NAME.fullmatch(feed):
            raise BadTopic(topic, "not a feed head")
    elif len(parts) > 5 or owner in RESERVED or not DEVICE_ID.fullmatch(owner):
        raise BadTopic(topic, "not a device's topic")
    return Topic(owner, channel, feed)
