"""The virtual machine that all files of this folder share, or clear words on why there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.vm.image import NoImage, image
from tests.vm.machine import accelerator, missing
from tests.vm.provision import ANSIBLE
from tests.vm.rehearsal import BUILD, Rehearsal, fresh


@pytest.fixture(scope="session")
def rehearsal(pytestconfig: pytest.Config) -> Iterator[Rehearsal]:
    """Everything is prepared; the machine is off."""
    lacking = missing() or ("" if ANSIBLE.exists() else "no .venv-provisioning: run `.ci/setup vm`")
    if lacking or os.geteuid():
        pytest.skip(f"no virtual machine here: {lacking or 'making its image takes root'}")
    BUILD.mkdir(parents=True, exist_ok=True)
    try:
        made = image(BUILD)
    except NoImage as fault:
        pytest.skip(f"no image of a bare Debian here: {fault}")
    place = Rehearsal(fresh(BUILD / "run"), made)
    try:
        place.prepare()
        place.note("accelerator", accelerator())
        place.note("image of the bare Debian, MB", round(made.used_bytes / 1e6))
        yield place
    finally:
        place.stop()
        sys.stdout.flush()
