"""Frames between the agent and its children: bounded, and read strictly on both sides."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.decoding import protocol
from border_agent.decoding.protocol import (
    MAX_ATTACHMENT,
    MAX_MESSAGE,
    CameraProblem,
    CapturedFrame,
    Capturing,
    CheckCage,
    CodesFound,
    DescribeFace,
    FacesFound,
    FindCodes,
    FindFaces,
    OpenCamera,
    PictureShape,
    ProtocolError,
    Refused,
    WantFrame,
    encode,
    header,
    lengths,
    read_camera_reply,
    read_camera_request,
    read_reply,
    read_request,
)
from border_agent.decoding.values import Confinement, DecodedCode, EmbeddingMode, FoundFace
from firmware_bridge.roles import Fault

SHAPE = PictureShape(4, 3)
REQUESTS = [
    FindCodes(1, 2.0, SHAPE),
    FindFaces(2, 2.0, SHAPE, 1, EmbeddingMode.plain, 4),
    DescribeFace(3, 2.0, SHAPE, (-3, 0, 2, 2), EmbeddingMode.mirrored),
    CheckCage(4, 1.0),
]
REPLIES = [CodesFound(1, [DecodedCode(b"\xff\0", "qrcode", "zxing")]), Refused(2, "picture", "torn")]
CAMERA = [Capturing(Confinement.seccomp, [CameraProblem(Fault.noise, "x", 1.0)]), CapturedFrame(SHAPE)]


def test_round_trips() -> None:
    assert [read_request(encode(message)) for message in REQUESTS] == REQUESTS
    assert [read_reply(encode(message)) for message in REPLIES] == REPLIES
    assert [read_camera_reply(encode(message)) for message in CAMERA] == CAMERA
    for message in (OpenCamera("front", 0), OpenCamera("hall", "http://camera/"), WantFrame()):
        assert read_camera_request(encode(message)) == message


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_lengths_are_bounded(message: int, attachment: int) -> None:
    raw = struct.pack(">II", message, attachment)
    if message <= MAX_MESSAGE and attachment <= MAX_ATTACHMENT:
        assert lengths(raw) == (message, attachment)
        return
    with pytest.raises(ProtocolError):
        lengths(raw)


def test_nothing_too_long_is_sent() -> None:
    with pytest.raises(ProtocolError):
        header(bytes(MAX_MESSAGE + 1), 0)
    with pytest.raises(ProtocolError):
        header(b"", MAX_ATTACHMENT + 1)


READERS = [read_request, read_reply, read_camera_request, read_camera_reply]


@given(st.binary(max_size=200), st.sampled_from(READERS))
def test_any_bytes_are_a_message_or_refused(data: bytes, reader: object) -> None:
    assert callable(reader)
    with pytest.raises(ProtocolError):
        reader(data)


@given(st.sampled_from(REPLIES), st.data())
def test_altered_replies_are_typed_or_refused(reply: protocol.Reply, data: st.DataObject) -> None:
    raw = bytearray(encode(reply))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_reply(bytes(raw))
    except ProtocolError:
        pass


@pytest.mark.parametrize("edge", [-(2**63), -20_000, 20_000, 2**63 - 1])
def test_a_face_lies_somewhere_near_the_picture(edge: int) -> None:
    face = FoundFace((0, 0, 10, edge), 1.0, (), 10.0, 0.1, 100.0)
    with pytest.raises(ProtocolError):
        read_reply(encode(FacesFound(1, [face])))


def test_a_camera_s_child_may_not_tell_stories() -> None:
    with pytest.raises(ProtocolError):
        read_camera_reply(encode(Capturing(Confinement.none, [CameraProblem(Fault.noise, "x" * 201, 1.0)])))
    many = [CameraProblem(Fault.noise, "", 1.0)] * 65
    with pytest.raises(ProtocolError):
        read_camera_reply(encode(Capturing(Confinement.none, many)))
