"""`make bench-mrz`: our reader of machine readable zones beside tesserocr and PassportEye. No verdict.

The same pictures for all: a generated set (a font ours was not trained on), the conformance set's photos and scans
where it lies beside the project, and generated ones beyond what anybody must read. PassportEye gets the whole
picture, as ours does. tesserocr finds no zones: it gets the zone, straightened, from where ours found it. Each reader
runs on one core in this process; times are CPU time. A reader that is not installed is left out.

    mrz.py [--each N] [--seed N] [--own] [--show]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_THREAD_LIMIT", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from border_agent.decoding.mrz.read import MrzReader  # noqa: E402
from border_agent.decoding.values import MRZ_ALPHABET, MRZ_SHAPES  # noqa: E402
from border_agent.documents.mrz import MrzError, parse_mrz  # noqa: E402
from tests.mrz_pictures.pictures import BEYOND, CONDITIONS, PAGE, Condition, some_lines, take  # noqa: E402

CONFORMANCE = ROOT.parent / "shared" / "conformance" / "mrz"
TESSDATA = "/usr/share/tesseract-ocr/5/tessdata"
TODAY = date(2026, 11, 26)

Lines = tuple[str, ...]
Read = Callable[[np.ndarray], Lines]
OWN = MrzReader()


def cpu_seconds() -> float:
    """Of this process and the ones it started: PassportEye runs Tesseract as a program."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def own(pixels: np.ndarray) -> Lines:
    found = OWN.find(pixels)
    return found.lines if found else ()


def tesserocr_reader() -> Read | None:
    try:
        import tesserocr
        from PIL import Image
    except ImportError:
        return None
    engine = tesserocr.PyTessBaseAPI(path=TESSDATA, lang="eng", psm=tesserocr.PSM.SINGLE_BLOCK)
    engine.SetVariable("tessedit_char_whitelist", MRZ_ALPHABET)

    def read(pixels: np.ndarray) -> Lines:
        begun = cpu_seconds()
        found = OWN.find(pixels)
        read.not_counted = cpu_seconds() - begun  # type: ignore[attr-defined]
        if found is None:
            return ()
        rows, width = MRZ_SHAPES[found.format]
        size = (width * 24, rows * 56)
        edges = np.array([[0, 8], [size[0], 8], [size[0], size[1] - 8], [0, size[1] - 8]], np.float32) + 24
        matrix = cv2.getPerspectiveTransform(np.array(found.corners, np.float32), edges)
        straight = cv2.warpPerspective(pixels, matrix, (size[0] + 48, size[1] + 48), borderMode=cv2.BORDER_REPLICATE)
        engine.SetImage(Image.fromarray(cv2.cvtColor(straight, cv2.COLOR_BGR2GRAY)))
        return tuple(line.replace(" ", "") for line in engine.GetUTF8Text().split("\n") if line.strip())

    return read


def passporteye_reader() -> Read | None:
    try:
        from passporteye import read_mrz
    except ImportError:
        return None

    def read(pixels: np.ndarray) -> Lines:
        stream = io.BytesIO(cv2.imencode(".png", pixels)[1].tobytes())
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                found = read_mrz(stream)
            except Exception:  # it raises what comes: no zone for us
                return ()
        return tuple(str(found.aux["text"]).split("\n")) if found is not None and "text" in found.aux else ()

    return read


def generated(conditions: dict[str, Condition], each: int, seed: int) -> Iterator[tuple[str, np.ndarray, Lines]]:
    for number, (name, condition) in enumerate(conditions.items()):
        for place, format in enumerate(PAGE):
            for copy in range(each):
                random = np.random.default_rng([seed, number, place, copy])
                taken = take(some_lines(format, random), format, condition, random)
                yield f"{name} {format} {copy}", taken.pixels, taken.lines


def real() -> Iterator[tuple[str, np.ndarray, Lines]]:
    if not CONFORMANCE.is_dir():
        return
    for entry in json.loads((CONFORMANCE / "pictures" / "truth.json").read_text()):
        if entry["kind"] == "document":
            pixels = cv2.imread(str(CONFORMANCE / "pictures" / entry["file"]))
            yield entry["file"], pixels, tuple(entry["lines"])
    for entry in json.loads((CONFORMANCE / "images" / "manifest.json").read_text())["images"]:
        yield entry["file"], cv2.imread(str(CONFORMANCE / "images" / entry["file"])), tuple(entry["lines"])


def is_valid(lines: Lines) -> bool:
    try:
        return parse_mrz("\n".join(lines), today=TODAY).valid
    except MrzError:
        return False


class Tally:
    """What one reader made of one set."""

    def __init__(self) -> None:
        self.count = self.exact = self.valid = self.wrong = 0
        self.seconds: list[float] = []

    def add(self, read: Lines, truth: Lines, seconds: float) -> bool:
        valid, exact = is_valid(read), read == truth
        self.count += 1
        self.exact += exact
        self.valid += valid
        self.wrong += valid and not exact
        self.seconds.append(seconds)
        return exact

    def row(self) -> str:
        mean, slow = 1000 * np.mean(self.seconds), 1000 * np.percentile(self.seconds, 95)
        shares = f"{100 * self.exact / self.count:>6.1f} %"
        return (
            f"{self.count:>6}  {self.exact:>6} {shares}  {self.valid:>6}  {self.wrong:>6}  {mean:>7.0f}  {slow:>7.0f}"
        )


def measure(title: str, pictures: list[tuple[str, np.ndarray, Lines]], readers: dict[str, Read], show: bool) -> None:
    for name, read in readers.items():
        tally = Tally()
        for picture, pixels, truth in pictures:
            begun = cpu_seconds()
            lines = read(pixels)
            seconds = cpu_seconds() - begun - getattr(read, "not_counted", 0.0)
            if not tally.add(lines, truth, seconds) and show and read is own:
                print(f"    {picture}: {lines} instead of {truth}")
        print(f"{title:<12} {name:<12} {tally.row()}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=3, help="pictures of each condition and format")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--own", action="store_true", help="ours only")
    parser.add_argument("--show", action="store_true", help="what ours read wrongly")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    OWN.warm_up()
    readers: dict[str, Read] = {"ours": own}
    if not options.own:
        for name, reader in (("tesserocr", tesserocr_reader()), ("PassportEye", passporteye_reader())):
            if reader is None:
                print(f"{name} is not installed and left out", file=sys.stderr)
            else:
                readers[name] = reader
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}")
    heads = f"{'n':>6}  {'exact':>15}  {'valid':>6}  {'wrong*':>6}  {'ms mean':>7}  {'ms 95 %':>7}"
    print(f"{'set':<12} {'reader':<12} {heads}")
    measure("generated", list(generated(CONDITIONS, options.each, options.seed)), readers, options.show)
    measure("real", list(real()), readers, options.show)
    measure("beyond", list(generated(BEYOND, options.each, options.seed)), readers, options.show)
    print("* check digits and dates hold, and yet a character is wrong")


if __name__ == "__main__":
    main()
