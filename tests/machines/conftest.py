"""Fixtures of the machine tests: bare roots, each a device of the example inventory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from root_kit import CACHE, KIOSK, POST, Root, Unavailable, need

Build = Callable[..., Root]
MOST_SECONDS = 1800
"""A machine that does many things at once needs minutes to converge; what hangs is still ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(MOST_SECONDS))


@pytest.fixture(scope="module")
def build_root() -> Iterator[Build]:
    """`build_root(device)`: a bare root that is this device in the inventory; gone after the module's last test."""
    with ExitStack() as stack:

        def build(device: str = POST, **options: Path) -> Root:
            CACHE.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"root-{os.getpid()}-", dir=CACHE))
            return stack.enter_context(Root(folder, device, **options))

        try:
            need()
            _sweep()
            yield build
        except Unavailable as reason:
            pytest.skip(str(reason))


def _sweep() -> None:
    """Folders of tests that were killed; their mounts went with their namespaces."""
    for folder in CACHE.glob("root-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def root(build_root: Build) -> Root:
    """One bare post for the whole module: the tests build on one another, in the order of the file."""
    return _or_skip(build_root, POST)


@pytest.fixture(scope="module")
def kiosk_root(build_root: Build) -> Root:
    return _or_skip(build_root, KIOSK)


def _or_skip(build_root: Build, device: str) -> Root:
    try:
        return build_root(device)
    except Unavailable as reason:
        pytest.skip(str(reason))
