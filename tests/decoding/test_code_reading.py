"""Reading 2D codes: bytes as they were written, whoever reads them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from pyzbar import pyzbar

from border_agent.decoding import codes
from border_agent.decoding.codes import CodeReaders, Grey, Reader, drawn
from border_agent.decoding.protocol import MAX_CODES
from border_agent.decoding.values import DecodedCode

ACCENTS = ["visa électronique", "Ñandú", "Réf. 12345 é", "Éléonore N'Diaye"]
PAYLOADS = [
    *[text.encode("utf-8") for text in ACCENTS],
    *[text.encode("latin-1") for text in ACCENTS],
    b"RDB1BNOI2HEXAZ",
    bytes(range(256)),
    np.random.default_rng(5).bytes(650),
    b"\x00",
]


@pytest.fixture(scope="module")
def readers() -> CodeReaders:
    return CodeReaders()


def bgr(grey: Grey) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2BGR)


def only(readers: CodeReaders, name: str) -> Reader:
    return next(reader for reader in readers._readers if reader.name == name)


def test_both_readers_pass_their_self_test(readers: CodeReaders) -> None:
    assert readers.names == ("zxing", "pyzbar")


@pytest.mark.parametrize("name", ["zxing", "pyzbar"])
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: f"{len(payload)} bytes")
def test_payloads_are_exact(readers: CodeReaders, name: str, payload: bytes) -> None:
    found = only(readers, name).read(drawn(payload))
    assert found == [DecodedCode(payload, "qrcode", name)]


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_any_bytes_survive_both_readers(payload: bytes) -> None:
    picture = drawn(payload)
    for reader in CodeReaders()._readers:
        found = [code.data for code in reader.read(picture)]
        # zbar misses a clean picture now and then; what it reads is right.
        assert found == [payload] or (found == [] and reader.name == "pyzbar")


@pytest.mark.parametrize("symbology", ["DataMatrix", "Aztec"])
def test_stickers_of_other_kinds(readers: CodeReaders, symbology: str) -> None:
    code = zxingcpp.create_barcode(PAYLOADS[0], getattr(zxingcpp.BarcodeFormat, symbology))
    picture = np.array(code.to_image(scale=5), dtype=np.uint8)
    assert readers.find(bgr(picture)) == [DecodedCode(PAYLOADS[0], symbology.lower(), "zxing")]


def test_a_dark_phone_screen_and_a_turned_paper(readers: CodeReaders) -> None:
    upright = drawn(b"RDB1A")
    turned = np.rot90(upright)
    for picture in (255 - upright, turned, turned[:, ::-1]):
        assert [code.data for code in readers.find(bgr(picture))] == [b"RDB1A"]


def test_the_second_reader_is_asked_when_the_first_finds_nothing(
    readers: CodeReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_readers", [Reader("blind", lambda _: []), only(readers, "pyzbar")])
    assert [code.reader for code in readers.find(bgr(drawn(b"RDB1A")))] == ["pyzbar"]


def test_a_reader_that_fails_finds_nothing(readers: CodeReaders, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(_: Grey) -> list[DecodedCode]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a library's own trouble")

    monkeypatch.setattr(readers, "_readers", [Reader("raising", raising), only(readers, "pyzbar")])
    assert [code.reader for code in readers.find(bgr(drawn(b"RDB1A")))] == ["pyzbar"]


def test_number_and_size_are_bounded(readers: CodeReaders, monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(_: Grey) -> list[DecodedCode]:
        kinds = [bytes([n]) for n in range(20)]
        return [DecodedCode(data, "qrcode", "zxing") for data in (bytes(2**20), b"", *kinds, *kinds)]

    monkeypatch.setattr(readers, "_readers", [Reader("generous", generous)])
    found = readers.find(bgr(drawn(b"RDB1A")))
    assert [code.data for code in found] == [bytes([n]) for n in range(MAX_CODES)]


def test_several_codes_in_one_picture(readers: CodeReaders) -> None:
    sheet = np.full((400, 800), 255, np.uint8)
    for column, payload in ((20, b"first"), (420, b"second")):
        code = drawn(payload)
        sheet[50 : 50 + code.shape[0], column : column + code.shape[1]] = code
    assert {code.data for code in readers.find(bgr(sheet))} == {b"first", b"second"}


def test_without_binary_mode_only_text_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another pyzbar, in which the number of the switch means something else."""
    monkeypatch.setattr(pyzbar, "_image_scanner", pyzbar._image_scanner)
    monkeypatch.setattr("pyzbar.wrapper.zbar_image_scanner_set_config", lambda *_: 0)
    monkeypatch.setattr(pyzbar, "_image_scanner", _original_scanner())
    readers = CodeReaders()
    assert readers.names == ("zxing", "pyzbar-text")
    text = only(readers, "pyzbar-text")
    assert [code.data for code in text.read(drawn(b"RDB1A"))] == [b"RDB1A"]
    assert text.read(drawn(codes.SELF_TEST)) == []


def test_without_zbar_the_first_reader_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyzbar.wrapper", None)
    assert CodeReaders().names == ("zxing",)


def _original_scanner() -> object:
    """pyzbar's own, however often it has been replaced in this process."""
    import importlib.util

    spec = importlib.util.find_spec("pyzbar.pyzbar")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module._image_scanner


def test_third_party_photographs(readers: CodeReaders, conformance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = conformance / "qr"
    truth = json.loads((folder / "truth.json").read_text())
    # The truth is text; what its characters were encoded in is not said, nor are blanks at its end kept.
    plain = [entry for entry in truth if entry["expected_text"].isascii()][::3]
    right = other = 0
    for entry in plain:
        found = {code.data.strip() for code in readers.find(cv2.imread(str(folder / entry["file"])))}
        expected = entry["expected_text"].strip().encode()
        right += expected in found
        other += bool(found) and expected not in found
    with capsys.disabled():
        print(f"\n[third-party code pictures: {right} of {len(plain)} exact, {other} otherwise]")
    assert right >= 0.9 * len(plain)
    assert other <= 2
