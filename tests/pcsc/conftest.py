"""The true PC/SC daemon with a virtual reader, shut away in namespaces; tests skip where those are not allowed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from border_agent.specimens.chip.handle import PassportTwin
from firmware_bridge.devices.pcsc import PcscReader
from firmware_bridge.virtual.pcsc_stack import PcscStack


@pytest.fixture(scope="session")
def stack() -> Iterator[PcscStack]:
    """One for all tests of this process: libpcsclite asks only once where its daemon is."""
    if reason := PcscStack.obstacle():
        pytest.skip(f"no PC/SC stack of our own: {reason}")
    with PcscStack() as running:
        before = {name: os.environ.get(name) for name in running.environment}
        os.environ.update(running.environment)
        yield running
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture
def passport(stack: PcscStack) -> Iterator[PassportTwin]:
    """What lays booklets on the reader."""
    with PassportTwin(enter=stack.entering) as twin:
        yield twin
    # pcscd looks every 0.4 s: a booklet swapped quicker, as no hand can, is taken for the old one gone mute.
    time.sleep(1.0)


@pytest.fixture
def reader(stack: PcscStack) -> Iterator[PcscReader]:
    device = PcscReader("card_reader", patience=1.0)
    device.open()
    yield device
    device.close()
