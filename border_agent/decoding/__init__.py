"""Native decoders, each in a cage.

Everything that turns a hostile picture into pixels, codes or faces is large native code (OpenCV, FFmpeg, zbar,
zxing, dlib). It runs in child processes that have no key, no database and no network: a clean environment, three
pipes, resource limits, and, once they have warmed up, a system-call filter that leaves them computing and nothing
else. A child that dies is a typed error here and a finding higher up; the next request meets a fresh child.

    values, errors      what other rooms import
    client              `DecodingWorker`: codes, faces and machine readable zones in a picture
    camera              `CameraProcess`: the capture loop, caged in the same way
    child, protocol     the parent's end of the pipes, and what travels through them
    worker, camera_child  the children's own programs
    keeper              the worker's life: start, greeting, replacement
    cage, confine       limits and the system-call filter; what a child finds when it tries to get out
    headers, jpeg2000   what a picture file announces, before it is decoded
    pictures, codes, faces  the decoders themselves; run in the worker only
    mrz                 the reader of machine readable zones, and its network's training; `mrz.voting` on both sides
    embeddings          averaging of embeddings, on both sides
"""

from __future__ import annotations

from border_agent.decoding.camera import CameraProcess
from border_agent.decoding.client import DecodingWorker
from border_agent.decoding.errors import DecoderCrashed, DecoderError, DecoderRefused, DecoderTimedOut
from border_agent.decoding.values import (
    Confinement,
    DecodedCode,
    EmbeddingMode,
    EncodedPicture,
    FaceModel,
    FoundFace,
    FoundMrz,
    Picture,
    SelfCheck,
)

__all__ = [
    "CameraProcess",
    "Confinement",
    "DecodedCode",
    "DecoderCrashed",
    "DecoderError",
    "DecoderRefused",
    "DecoderTimedOut",
    "DecodingWorker",
    "EmbeddingMode",
    "EncodedPicture",
    "FaceModel",
    "FoundFace",
    "FoundMrz",
    "Picture",
    "SelfCheck",
]
