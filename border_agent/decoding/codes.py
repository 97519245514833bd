"""2D codes in a picture: zxing-cpp first, zbar (through pyzbar) where it found nothing. Runs in the worker only.

zxing-cpp reads far more damaged codes and is ten times as quick; zbar reads a few that it misses. Payloads are
bytes. zbar guesses a character encoding and gives the payload recoded, unless its binary mode is on, and pyzbar 0.1.9
has no way to switch that on: it is done here, proved by reading known bytes back at start, and where the proof fails
only plain ASCII payloads (which no guess can alter) are taken from it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

from border_agent.decoding.pictures import Pixels
from border_agent.decoding.protocol import MAX_CODE_BYTES, MAX_CODES
from border_agent.decoding.values import DecodedCode

_log = logging.getLogger(__name__)

Grey = npt.NDArray[np.uint8]
"""Height x width."""

ZXING: Final = "zxing"
PYZBAR: Final = "pyzbar"
PYZBAR_TEXT: Final = "pyzbar-text"

_FORMATS: Final = (
    zxingcpp.BarcodeFormat.QRCode,
    zxingcpp.BarcodeFormat.DataMatrix,
    zxingcpp.BarcodeFormat.Aztec,
)

SELF_TEST: Final = "réf. É 5 — ".encode() + bytes(range(0x78, 0x9A)) + b"\x00\xff\xfe"
"""Accents in UTF-8, the range where Windows and ISO code pages differ, and bytes that are no text at all."""


class Reader(NamedTuple):
    """One way to read codes; `name` is what is reported of it."""

    name: str
    read: Callable[[Grey], list[DecodedCode]]


def _read_zxing(grey: Grey) -> list[DecodedCode]:
    found = zxingcpp.read_barcodes(grey, formats=_FORMATS)
    return [
        DecodedCode(data=bytes(code.bytes), symbology=code.symbology.name.lower(), reader=ZXING) for code in found
    ]


def _pyzbar_reader() -> Reader | None:
    """pyzbar in the best mode that its self-test proves, or None where it or libzbar is missing or reads nothing."""
    try:
        from pyzbar import pyzbar
        from pyzbar.wrapper import ZBarConfig, ZBarSymbol, zbar_image_scanner_set_config
    except ImportError as error:
        _log.warning("pyzbar is not usable: %s", error)
        return None
    symbols = [ZBarSymbol.QRCODE]
    original_scanner = pyzbar._image_scanner

    @contextmanager
    def binary_scanner() -> Iterator[Any]:
        with original_scanner() as scanner:
            # zbar's configuration 4 is "binary"; pyzbar 0.1.9 still calls that number CFG_NUM.
            zbar_image_scanner_set_config(scanner, ZBarSymbol.QRCODE, ZBarConfig.CFG_NUM, 1)
            yield scanner

    def read(grey: Grey) -> list[DecodedCode]:
        return [
            DecodedCode(data=bytes(code.data), symbology="qrcode", reader=PYZBAR)
            for code in pyzbar.decode(grey, symbols=symbols)
        ]

    def read_text(grey: Grey) -> list[DecodedCode]:
        return [code for code in read(grey) if code.data.isascii()]

    pyzbar._image_scanner = binary_scanner
    if _reads(read, SELF_TEST):
        return Reader(PYZBAR, read)
    pyzbar._image_scanner = original_scanner
    if _reads(read_text, b"RDB1A"):
        return Reader(PYZBAR_TEXT, read_text)
    return None


def drawn(payload: bytes) -> Grey:
    """A clean QR code of these bytes, for the self-test."""
    code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode)
    picture: Grey = np.array(code.to_image(scale=4, add_quiet_zones=True), dtype=np.uint8)
    return picture


def _reads(read: Callable[[Grey], list[DecodedCode]], payload: bytes) -> bool:
    return [code.data for code in read(drawn(payload))] == [payload]


class CodeReaders:
    """The readers that passed their self-test, in the order in which they are tried."""

    def __init__(self) -> None:
        readers = [Reader(ZXING, _read_zxing), _pyzbar_reader()]
        self._readers = [reader for reader in readers if reader and self._passes(reader)]

    @staticmethod
    def _passes(reader: Reader) -> bool:
        passed = _reads(reader.read, b"RDB1A" if reader.name == PYZBAR_TEXT else SELF_TEST)
        if not passed:
            _log.error("%s failed its self-test and is not used", reader.name)
        return passed

    @property
    def names(self) -> tuple[str, ...]:
        """Who reads."""
        return tuple(reader.name for reader in self._readers)

    def find(self, pixels: Pixels) -> list[DecodedCode]:
        """The codes of the first reader that finds any: at most MAX_CODES, each payload once.

        A payload longer than any such code can hold is a reader gone wrong and is left out.
        """
        grey: Grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        for reader in self._readers:
            # Whatever trouble a reader has with a picture, it has found nothing in it: the next one may do better.
            try:
                found = reader.read(grey)
            except Exception as error:
                _log.warning("%s could not read a picture: %s", reader.name, type(error).__name__)
                continue
            unique = {code.data: code for code in found if 0 < len(code.data) <= MAX_CODE_BYTES}
            if unique:
                return list(unique.values())[:MAX_CODES]
        return []
