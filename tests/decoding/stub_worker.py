"""A worker that misbehaves, for tests: `stub_worker.py MODE PARENT`."""

from __future__ import annotations

import struct
import sys
import time

from border_agent.decoding import cage, pipes
from border_agent.decoding.protocol import CodesFound, FacesFound, Hello, PortraitMade, encode, read_request
from border_agent.decoding.values import Confinement, DecodedCode, FoundFace


def face(embedding: tuple[float, ...]) -> FoundFace:
    return FoundFace((0, 0, 10, 10), 1.0, embedding, 10.0, 0.1, 100.0)


def main(mode: str, parent: int) -> None:
    cage.enter(parent, 512 * cage.MEBIBYTE)
    if mode == "dies_at_start":
        sys.exit("no such library")
    if mode == "never_ready":
        time.sleep(60)
    if mode == "garbage_at_start":
        pipes.send(b"\xc1\xc1\xc1")
    pipes.send(encode(Hello(Confinement.none, ("zxing",), None)))
    while (frame := pipes.receive()) is not None:
        number = read_request(frame[0]).number
        if mode == "megabyte_code":
            code = DecodedCode(bytes(200_000), "qrcode", "zxing")
            pipes.send(encode(CodesFound(number, [code])))
        elif mode == "megabyte_frame":
            sys.stdout.buffer.write(struct.pack(">II", 2**32 - 1, 2**32 - 1) + bytes(1_000_000))
            sys.stdout.buffer.flush()
        elif mode == "many_codes":
            pipes.send(encode(CodesFound(number, [DecodedCode(b"x", "qrcode", "zxing")] * 9)))
        elif mode == "nan":
            pipes.send(encode(FacesFound(number, [face((float("nan"),) * 128)])))
        elif mode == "short_embedding":
            pipes.send(encode(FacesFound(number, [face((0.1,) * 127)])))
        elif mode == "code_with_attachment":
            pipes.send(encode(CodesFound(number, [])), b"more")
        elif mode == "portrait_of_nothing":
            pipes.send(encode(PortraitMade(number)))
        elif mode == "portrait_of_anything":
            pipes.send(encode(PortraitMade(number)), b"\x89PNG\r\n\x1a\n" + bytes(1000))
        elif mode == "giant_portrait":
            pipes.send(encode(PortraitMade(number)), b"\xff\xd8\xff" + bytes(3_000_000))
        elif mode == "wide_portrait":
            frame = struct.pack(">BHHB", 8, 1500, 1500, 0)
            start = b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame
            pipes.send(encode(PortraitMade(number)), start + b"\xff\xda\x00\x02" + b"\xff\xd9")
        elif mode == "wrong_number":
            pipes.send(encode(CodesFound(number + 1, [])))
        elif mode == "wrong_answer":
            pipes.send(encode(Hello(Confinement.none, (), None)))
        elif mode == "half_an_answer":
            sys.stdout.buffer.write(struct.pack(">II", 100, 0) + b"half")
            sys.stdout.buffer.flush()
            sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
