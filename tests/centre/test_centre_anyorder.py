"""Whatever the line does to batches, the centre ends with exactly the device's entries, each once."""

from __future__ import annotations

from centre_device import PaperDevice, open_office
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mqtt_schemas.centre.desk import Incoming
from mqtt_schemas.messages import Problem

ENTRIES = 12
NAMES = ("kiosk-1", "kiosk-2")

pieces = st.tuples(
    st.sampled_from(NAMES), st.integers(1, ENTRIES), st.integers(0, 5), st.sampled_from(("", "", "", "bad"))
)


def made(device: PaperDevice, first: int, more: int, fault: str) -> Incoming:
    sent = device.sent(first, min(first + more, ENTRIES))
    if not fault:
        return sent
    # One byte of the signature or of the rows turned over, wherever that is.
    place = len(sent.payload) // 2
    payload = sent.payload[:place] + bytes([sent.payload[place] ^ 1]) + sent.payload[place + 1 :]
    return Incoming(sent.topic, payload)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(groups=st.lists(st.lists(pieces, min_size=1, max_size=6), max_size=8))
def test_any_order_loss_and_repetition(groups: list[list[tuple[str, int, int, str]]]) -> None:
    office = open_office()
    devices = {name: PaperDevice(name) for name in NAMES}
    office.enrol(*devices.values())
    for device in devices.values():
        device.travellers(ENTRIES - 1)
        office.desk.handle([device.greets()])
    for group in groups:
        acks = office.acks(*(made(devices[name], *rest) for name, *rest in group))
        stored = office.bodies()
        for ack in acks:
            device = devices[ack.device]
            # What is acknowledged is stored, and is what the device wrote.
            assert ack.head == device.heads[ack.upto]
            assert [body for name, _, body in stored if name == ack.device] == device.bodies[: ack.upto]
    # The devices do as the protocol says: from the acknowledged mark on, again, until all is through.
    for device in devices.values():
        (ack,) = office.acks(device.greets())
        while ack.upto < ENTRIES:
            before = ack.upto
            (ack,) = office.acks(device.sent(ack.want, min(ack.want + 3, ENTRIES)))
            assert ack.problem is Problem.NONE
            assert ack.upto > before
    if not any(fault for group in groups for *_, fault in group):
        assert office.codes() == []
    expected = sorted((name, i + 1, body) for name in NAMES for i, body in enumerate(devices[name].bodies))
    assert sorted(office.bodies()) == expected
    office.store.database.close()


@settings(max_examples=80, deadline=None)
@example(payload=b"\x80", channel="journal")
@given(payload=st.binary(max_size=400), channel=st.sampled_from(("journal", "state", "pull")))
def test_no_bytes_stop_the_desk(payload: bytes, channel: str) -> None:
    office = open_office()
    device = PaperDevice()
    office.enrol(device)
    office.desk.handle([device.greets()])
    answers = office.acks(Incoming(f"borne/v1/kiosk-1/up/{channel}", payload))
    # A map without a version is a batch of a version that is not known.
    assert all(ack.problem is Problem.VERSION for ack in answers)
    assert "internal" not in office.codes()
    (ack,) = office.acks(device.sent(1, 1))
    assert ack.upto == 1
    office.store.database.close()
