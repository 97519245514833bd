"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, nothing about the code: neither fails a test. What a
# failure needs to be repeated is printed, as the example base of a CI machine is lost with it.
settings.register_profile("borne", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("borne")

REPOSITORY = Path(__file__).resolve().parent.parent

_MEMORY = Path("/dev/shm")
_ROOM = 6 * 1024**3
_LONG = ("kiosk", "agent", "upkeep", "chaos", "console")
_EXAMPLES = 40
"""Of a property, where its test does not say how many; with `--whole` hypothesis' own 100."""

T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every case of tests that otherwise take samples")


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files in memory, where there is room and nobody has said otherwise.

    What a power cut leaves is the subject of `tests/powercut`, which logs every write and sync; a disk's patience
    under the syncs of eight thousand other tests proves nothing. Worker processes inherit it.
    """
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None
    if not config.getoption("whole"):
        settings.register_profile("borne", settings.get_profile("borne"), max_examples=_EXAMPLES)
        settings.load_profile("borne")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `whole` is run with `--whole` only. What takes long comes first, not last."""
    order = {REPOSITORY / "tests" / name: place for place, name in enumerate(_LONG, -len(_LONG))}
    items.sort(key=lambda item: order.get(item.path.parent, 0))
    if not config.getoption("whole"):
        left_out = [item for item in items if item.get_closest_marker("whole")]
        items[:] = [item for item in items if not item.get_closest_marker("whole")]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def sample(pytestconfig: pytest.Config) -> Callable[[Iterable[T], int], Sequence[T]]:
    """So many of these, evenly, the first and the last among them; all of them with `--whole`."""

    def take(cases: Iterable[T], most: int) -> Sequence[T]:
        every = list(cases)
        if pytestconfig.getoption("whole") or len(every) <= most:
            return every
        return [every[round(number * (len(every) - 1) / (most - 1))] for number in range(most)]

    return take


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of third-party vectors beside the repository; tests that need it skip where it is missing."""
    folder = REPOSITORY.parent / "shared" / "conformance"
    if not folder.is_dir():
        pytest.skip("the third-party conformance set is not beside this repository")
    return folder


@pytest.fixture(scope="session")
def mounting(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A mount namespace of one's own, for tests that fill a small disk; they skip where that is not allowed."""
    folder = tmp_path_factory.mktemp("mounting")
    try:
        tried = subprocess.run(
            ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
            capture_output=True,
            text=True,
        )
    except OSError as error:
        pytest.skip(f"no mount namespaces here: {error}")
    if tried.returncode:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")
