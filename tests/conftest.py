"""Fixtures every test may use."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, nothing about the code: neither fails a test. What a
# failure needs to be repeated is printed, as the example base of a CI machine is lost with it.
settings.register_profile("borne", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("borne")

REPOSITORY = Path(__file__).resolve().parent.parent


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
