"""A sanity check on third-party pictures: the wiring is right. Far too few for an accuracy figure."""

from __future__ import annotations

import csv
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from border_agent.decoding import DecodingWorker, EncodedPicture, FaceModel, FoundFace
from border_agent.faces import FaceComparison, ReferenceKind, Zone, choose_face, compare_faces, load_calibration

IDENTITIES = 12


@pytest.fixture(scope="module")
def people(conformance: Path) -> list[list[Path]]:
    """Two grey pictures each of some people, taken evenly from the list."""
    folder = conformance / "faces"
    pictures: dict[str, list[Path]] = defaultdict(list)
    with (folder / "labels.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["colour"] == "grey":
                pictures[row["identity"]].append(folder / row["file"])
    several = [files[:2] for _, files in sorted(pictures.items()) if len(files) > 1]
    return several[:: len(several) // IDENTITIES][:IDENTITIES]


def test_one_person_is_near_and_strangers_are_far(
    people: list[list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    calibration = load_calibration()
    with DecodingWorker() as worker:
        found = [
            [
                choose_face(worker.find_faces(EncodedPicture(file.read_bytes()), 30.0, upsample=1, most=1))
                for file in pair
            ]
            for pair in people
        ]
        model = worker.model
    faces = [[face for face in pair if face] for pair in found]
    assert sum(len(pair) for pair in faces) >= 2 * len(people) - 2

    genuine = [_compared(*pair, model) for pair in faces if len(pair) == 2]
    strangers = [_compared(one[0], other[0], model) for one, other in combinations(filter(None, faces), 2)]

    for name, results in (("one person", genuine), ("strangers", strangers)):
        zones = {zone.value: sum(result.zone is zone for result in results) for zone in Zone}
        middle = sorted(result.distance for result in results)[len(results) // 2]
        with capsys.disabled():
            print(f"\n[faces, {name}: {len(results)} pairs, median distance {middle:.3f}, {zones}]", end="")
    assert calibration.provisional
    assert _share(genuine, Zone.no_match) <= 0.1
    assert _share(genuine, Zone.match) >= 0.4
    assert _share(strangers, Zone.no_match) >= 0.97
    assert _share(strangers, Zone.match) <= 0.01


def _compared(one: FoundFace, other: FoundFace, model: FaceModel | None) -> FaceComparison:
    return compare_faces(one, [other], ReferenceKind.visa_record, load_calibration(), model=model)


def _share(results: list[FaceComparison], zone: Zone) -> float:
    return sum(result.zone is zone for result in results) / len(results)
