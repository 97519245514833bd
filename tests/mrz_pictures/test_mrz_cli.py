"""`borne read mrz`: results as JSON and in words, and what a person can do wrong."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from border_agent.cli.read_mrz import mrz
from border_agent.documents.mrz import MrzFormat
from tests.mrz_pictures.pictures import CONDITIONS, some_lines, take

PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(mrz, [str(argument) for argument in arguments])


def results(*arguments: object, status: int) -> list[dict[str, object]]:
    done = run(*arguments, "--json")
    assert done.exit_code == status, done.output
    found: list[dict[str, object]] = json.loads(done.stdout)["results"]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of one document, one picture without a zone, a torn one, and a text."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(21)
    lines = some_lines(MrzFormat.TD3, random)
    (folder / "lines.txt").write_text("\n".join(lines))
    for number, name in enumerate(("cam16", "cam12", "jpeg25")):
        taken = take(lines, MrzFormat.TD3, CONDITIONS[name], random)
        cv2.imwrite(str(folder / f"frame{number}.jpg"), taken.pixels)
    cv2.imwrite(str(folder / "none.png"), np.full((300, 400, 3), 200, np.uint8))
    (folder / "torn.jpg").write_bytes((folder / "frame0.jpg").read_bytes()[:-500])
    return folder


@pytest.mark.parametrize("between", ["\n", "\\n", "\r\n"])
def test_a_typed_text(between: str) -> None:
    (result,) = results("--text", between.join(PASSPORT), status=0)
    assert (result["found"], result["valid"], result["format"], result["confidence"]) == (True, True, "TD3", None)
    assert result["lines"] == list(PASSPORT)
    fields = result["fields"]
    assert isinstance(fields, dict)
    assert (fields["surname"], fields["number"], fields["birth"]["raw"]) == ("ERIKSSON", "L898902C3", "740812")
    assert result["suggestions"] == []


def test_a_check_digit_that_fails_is_said_and_not_repaired() -> None:
    wrong = PASSPORT[1].replace("L8989", "LB989")
    (result,) = results("--text", f"{PASSPORT[0]}\\n{wrong}", status=1)
    assert result["valid"] is False and result["lines"] == [PASSPORT[0], wrong]
    checks, suggested = result["checks"], result["suggestions"]
    assert isinstance(checks, list) and isinstance(suggested, list)
    assert [check["field"] for check in checks if not check["ok"]] == ["number", "composite"]
    assert any((one["found"], one["proposed"], one["position"]) == ("B", "8", 2) for one in suggested)


@pytest.mark.parametrize("typed", ["", "x", "P<UTO\\nx", "A" * 100_000, "P\x00" * 44])
def test_a_text_that_is_no_zone(typed: str) -> None:
    (result,) = results("--text", typed, status=2)
    assert result["found"] is False and str(result["error"]).startswith("mrz.")


def test_pictures_one_by_one(folder: Path) -> None:
    truth = (folder / "lines.txt").read_text().split("\n")
    found, none = results(folder / "frame0.jpg", folder / "none.png", status=1)
    assert found["lines"] == truth and found["valid"] is True
    assert isinstance(found["confidence"], float) and 0 < found["confidence"] <= 1
    characters = found["characters"]
    assert isinstance(characters, list) and [len(line) for line in characters] == [44, 44]
    assert min(min(line) for line in characters) == found["confidence"]
    assert none["found"] is False and none["error"] == "" and none["lines"] == []


def test_frames_of_one_document(folder: Path) -> None:
    frames = [folder / f"frame{number}.jpg" for number in range(3)]
    (voted,) = results("--frames", *frames, folder / "none.png", folder / "torn.jpg", status=0)
    assert voted["lines"] == (folder / "lines.txt").read_text().split("\n")
    (nothing,) = results("--frames", folder / "none.png", folder / "torn.jpg", status=1)
    assert nothing["found"] is False


def test_what_is_no_picture(folder: Path) -> None:
    torn, text = results(folder / "torn.jpg", folder / "lines.txt", status=2)
    assert torn["error"] == text["error"] == "decoder.refused"
    assert "Traceback" not in run(folder / "torn.jpg").output


def test_wrong_use(folder: Path) -> None:
    for arguments in ((), ("--text", "x", folder / "none.png"), ("--text", "x", "--frames"), ("missing.jpg",)):
        assert run(*arguments).exit_code == 2


def test_in_words(folder: Path) -> None:
    said = run(folder / "frame0.jpg", *([folder / "none.png"] * 6))
    assert said.exit_code == 1
    first = (folder / "lines.txt").read_text().split("\n")[0]
    assert first in said.stdout
    assert said.stdout.count("none.png") == 6
