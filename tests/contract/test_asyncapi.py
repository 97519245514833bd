"""The AsyncAPI document says what topics.py, messages.py and the published schemas say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from contract_values import golden

from mqtt_schemas import enrolment, feeds, messages, post, publish
from mqtt_schemas.keys import ACK, KEYS_FEED, ROOT
from mqtt_schemas.post import CHANNEL_OF, PostChannel
from mqtt_schemas.topics import Channel, Topic, device_topic, feed_head_topic, parse_topic

FILE = Path(publish.__file__).with_name("asyncapi.yaml")
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
OPERATIONS: dict[str, Any] = DOCUMENT["operations"]
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]

CARRIED: dict[str, tuple[Channel, str, type[Any], type[Any] | None]] = {
    "journal": (Channel.JOURNAL, "journalBatch", messages.JournalBatch, None),
    "state": (Channel.STATE, "state", messages.State, None),
    "pull": (Channel.PULL, "pull", messages.Pull, None),
    "ack": (Channel.ACK, "ack", messages.Signed, messages.Ack),
    "evidence": (Channel.EVIDENCE, "evidencePiece", messages.EvidencePiece, None),
    "evidenceAck": (Channel.EVIDENCE_ACK, "evidenceAck", messages.Signed, messages.EvidenceAck),
    "chunk": (Channel.CHUNK, "feedChunk", messages.FeedChunk, None),
    "feedHead": (Channel.FEED_HEAD, "feedHead", messages.Signed, messages.FeedHead),
    "renewal": (Channel.RENEWAL, "enrolmentRequest", messages.Signed, enrolment.EnrolmentRequest),
    "certificate": (Channel.CERTIFICATE, "enrolmentAnswer", enrolment.EnrolmentAnswer, None),
    "keys": (Channel.FEED_HEAD, "keys", messages.Signed, messages.KeysDocument),
}
AT_THE_POST = {f"post{channel.value.capitalize()}": channel for channel in PostChannel}
RETAINED = (Channel.STATE, Channel.FEED_HEAD, PostChannel.STATE)


def resolve(node: Any) -> Any:
    """What a reference inside the document points at."""
    while isinstance(node, dict) and "$ref" in node:
        where: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            where = where[step]
        node = where
    return node


def test_it_is_of_this_version() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["version"] == messages.VERSION + ".0"
    assert DOCUMENT["id"] == publish.URN
    assert "://" not in FILE.read_text(encoding="utf-8"), "names a host"


def test_every_channel_of_the_code_is_there_and_no_other() -> None:
    assert set(CHANNELS) == set(CARRIED) | set(AT_THE_POST)
    assert {channel for channel, *_ in CARRIED.values()} == set(Channel)


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_has_its_broker(name: str) -> None:
    server = "postBroker" if name in AT_THE_POST else "broker"
    assert CHANNELS[name]["servers"] == [{"$ref": f"#/servers/{server}"}]


@pytest.mark.parametrize("name", CARRIED)
def test_addresses_are_those_that_are_built_and_parsed(name: str) -> None:
    channel, *_ = CARRIED[name]
    address: str = CHANNELS[name]["address"]
    parameters = CHANNELS[name].get("parameters", {})
    assert set(re.findall(r"{(\w+)}", address)) == set(parameters)
    examples = {key: resolve(parameter)["examples"] for key, parameter in parameters.items()}
    if name == "keys":
        assert address == feed_head_topic(KEYS_FEED)
        assert parse_topic(address) == Topic("all", Channel.FEED_HEAD, KEYS_FEED)
    elif name == "feedHead":
        assert set(examples) == {"feed"}
        for feed in examples["feed"]:
            assert address.format(feed=feed) == feed_head_topic(feed)
            assert parse_topic(address.format(feed=feed)) == Topic("all", channel, feed)
    else:
        assert set(examples) == {"device"}
        for device in examples["device"]:
            assert address.format(device=device) == device_topic(device, channel)
            assert parse_topic(address.format(device=device)) == Topic(device, channel)


@pytest.mark.parametrize("name", AT_THE_POST)
def test_a_posts_addresses_are_those_that_are_built_and_parsed(name: str) -> None:
    examples = {key: resolve(parameter)["examples"] for key, parameter in CHANNELS[name]["parameters"].items()}
    assert set(examples) == {"post", "device"}
    for place, device in zip(examples["post"], examples["device"], strict=True):
        address = CHANNELS[name]["address"].format(post=place, device=device)
        assert address == post.post_topic(place, device, AT_THE_POST[name])
        assert post.parse_post_topic(address, place) == (device, AT_THE_POST[name])


@pytest.mark.parametrize("name", AT_THE_POST)
def test_a_posts_messages_are_those_of_the_code(name: str) -> None:
    channel, published = AT_THE_POST[name], MESSAGES[name]
    assert CHANNELS[name]["messages"] == {name: {"$ref": f"#/components/messages/{name}"}}
    assert (published["name"], published["contentType"]) == ("Signed", "application/msgpack")
    schema = published["payload"]["schema"]
    assert [_file(part) for part in schema["allOf"]] == ["message-signed.json"]
    assert schema["properties"]["role"] == {"const": f"post:{channel.value}"}
    body = schema["properties"]["body"]
    assert body["contentMediaType"] == "application/json"
    kinds = {kind for kind, its in CHANNEL_OF.items() if its is channel}
    assert {_file(part) for part in body["contentSchema"]["anyOf"]} == {
        f"post-{publish.words(kind)}.json" for kind in kinds
    }


@pytest.mark.parametrize("verb", ["Sends", "Receives"])
@pytest.mark.parametrize("name", AT_THE_POST)
def test_a_device_both_says_and_hears_it(name: str, verb: str) -> None:
    operation = OPERATIONS[f"device{verb}{name[0].upper()}{name[1:]}"]
    assert operation["action"] == verb.lower().removesuffix("s")
    assert operation["channel"] == {"$ref": f"#/channels/{name}"}
    assert operation["messages"] == [{"$ref": f"#/channels/{name}/messages/{name}"}]
    assert operation["tags"] == [{"name": "device"}]
    binding = operation["bindings"]["mqtt"]
    assert (binding["qos"], binding["retain"]) == (1, AT_THE_POST[name] in RETAINED)


def test_every_feed_is_named() -> None:
    assert DOCUMENT["components"]["parameters"]["feed"]["examples"] == [feed.value for feed in feeds.Feed]


@pytest.mark.parametrize("name", CARRIED)
def test_messages_are_those_of_the_code(name: str) -> None:
    _, message, kind, body = CARRIED[name]
    assert CHANNELS[name]["messages"] == {message: {"$ref": f"#/components/messages/{message}"}}
    published = MESSAGES[message]
    assert published["name"] == kind.__name__
    packed = kind not in messages.JSON_MESSAGES
    assert published["contentType"] == ("application/msgpack" if packed else "application/json")
    assert published["payload"]["schemaFormat"] == "application/schema+json;version=draft-2020-12"
    schema = published["payload"]["schema"]
    assert _file(schema["allOf"][0] if body else schema) == f"message-{publish.words(kind)}.json"
    if body:
        inner = schema["properties"]["body"]
        assert inner["contentMediaType"] == "application/json"
        assert _file(inner["contentSchema"]) == f"message-{publish.words(body)}.json"


def _file(node: dict[str, str]) -> str:
    path = FILE.parent / node["$ref"]
    assert path.is_file(), path
    assert path.parent == publish.FOLDER
    return path.name


def test_every_message_of_the_code_is_reached() -> None:
    text = FILE.read_text(encoding="utf-8")
    for kind in publish.MESSAGES:
        assert f"schemas/message-{publish.words(kind)}.json" in text, kind


@pytest.mark.parametrize(
    ("name", "role"), [("ack", ACK), ("evidenceAck", ACK), ("feedHead", feeds.feed_role("visas")), ("keys", ROOT)]
)
def test_signed_messages_name_their_role(name: str, role: str) -> None:
    schema = json.loads(json.dumps(MESSAGES[name]["payload"]["schema"]))
    schema["allOf"] = [
        json.loads((FILE.parent / part["$ref"]).read_text(encoding="utf-8")) for part in schema["allOf"]
    ]
    del schema["properties"]["body"]
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    signed = golden("message-signed.full.json")
    assert validator.is_valid(signed | {"role": role})
    for other in {ACK, "feed:visas", ROOT} - {role}:
        assert not validator.is_valid(signed | {"role": other})


@pytest.mark.parametrize("side", ["device", "centre"])
@pytest.mark.parametrize("name", CARRIED)
def test_both_sides_have_their_operation(side: str, name: str) -> None:
    channel, message, *_ = CARRIED[name]
    sends = channel.upward is (side == "device")
    key = f"{side}{'Sends' if sends else 'Receives'}{name[0].upper()}{name[1:]}"
    operation = OPERATIONS[key]
    assert operation["action"] == ("send" if sends else "receive")
    assert operation["channel"] == {"$ref": f"#/channels/{name}"}
    assert operation["messages"] == [{"$ref": f"#/channels/{name}/messages/{message}"}]
    assert operation["tags"] == [{"name": side}]
    binding = operation["bindings"]["mqtt"]
    assert binding["qos"] == 1
    assert binding["retain"] is (channel in RETAINED)


def test_no_operation_is_left_over() -> None:
    assert len(OPERATIONS) == 2 * len(CHANNELS)


def test_every_reference_inside_it_leads_somewhere() -> None:
    found = re.findall(r'"(#/[^"]+)"', FILE.read_text(encoding="utf-8"))
    assert found
    for reference in found:
        assert resolve({"$ref": reference}), reference


@pytest.mark.parametrize(("name", "state"), [("broker", "state"), ("postBroker", "postState")])
def test_only_certificates_open_a_broker(name: str, state: str) -> None:
    server = DOCUMENT["servers"][name]
    assert server["protocol"] == "secure-mqtt"
    assert [resolve(scheme)["type"] for scheme in server["security"]] == ["X509"]
    will = server["bindings"]["mqtt"]["lastWill"]
    assert will["topic"] == CHANNELS[state]["address"]
    assert (will["qos"], will["retain"]) == (1, True)


@pytest.mark.parametrize(
    "part",
    [*CHANNELS.values(), *OPERATIONS.values(), *MESSAGES.values(), *DOCUMENT["servers"].values()],
    ids=[*CHANNELS, *OPERATIONS, *(f"message {name}" for name in MESSAGES), *DOCUMENT["servers"]],
)
def test_a_person_can_read_it_in_both_languages(part: dict[str, Any]) -> None:
    assert part["summary"], "French"
    assert part.get("title") or part.get("description"), "English"
    assert part["summary"] != part.get("title")


def test_the_readme_has_every_topic() -> None:
    text = FILE.with_name("README.md").read_text(encoding="utf-8")
    rows = {
        name: next(line for line in text.splitlines() if line.startswith(f"| `{_shown(channel['address'])}` |"))
        for name, channel in CHANNELS.items()
    }
    for name, at_post in AT_THE_POST.items():
        assert f"`Signed`(`post:{at_post.value}`)" in rows[name]
        for kind in (kind for kind, its in CHANNEL_OF.items() if its is at_post):
            assert f"`{kind.__name__}`" in rows[name]
        assert rows[name].endswith("| yes |") is (at_post in RETAINED)
    for name, row in rows.items():
        if name in AT_THE_POST:
            continue
        _, _, kind, body = CARRIED[name]
        assert f"`{kind.__name__}`" in row
        assert body is None or f"`{body.__name__}`" in row
        assert ("JSON" in row) is (kind in messages.JSON_MESSAGES)
        assert row.endswith("| yes |") is (CARRIED[name][0] in RETAINED)
    for feed, record in feeds.RECORDS.items():
        assert f"| `{feed.value}` | `{record.__name__}` |" in text


def _shown(address: str) -> str:
    return address.replace("{", "<").replace("}", ">")
