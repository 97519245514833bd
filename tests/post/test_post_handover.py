"""A kiosk hands over, a counter takes over: over a true broker, and again after whatever was cut."""

from __future__ import annotations

from hashlib import sha256

import pytest
from msgspec import structs
from post_kit import JPEG, KIOSK, World, wait_for

from border_agent.agent.post.values import PostProblemCode, Presence, RemoteInspection
from border_agent.inspection.machine import Phase
from border_agent.store import StoreFull
from mqtt_schemas.entries import Decision, Inspection
from mqtt_schemas.post import PictureKind


def test_what_the_kiosk_has_finished_is_on_the_counters(world: World) -> None:
    world.start(*world.stations)
    wait_for(lambda: all(station.line.status().online for station in world.stations))
    case = world.kiosk.finish({PictureKind.PAGE: JPEG, PictureKind.LIVE: JPEG})
    for counter in (world.counter, world.second):
        wait_for(lambda counter=counter: counter.remote(case.id))
        remote = counter.remote(case.id)
        assert remote is not None
        assert (remote.device, remote.gate, remote.claim) == (KIOSK, "A3", None)
        assert remote.evidence == case.inspection.evidence
        assert remote.pictures == {PictureKind.PAGE: JPEG, PictureKind.LIVE: JPEG}
        assert remote.finished_at == case.proposed_at
    (entry,) = [one for one in world.kiosk.entries() if isinstance(one, Inspection)]
    assert (entry.outcome, entry.inspection_id, entry.decision) == ("referred", case.id, Decision.UNKNOWN)
    assert world.kiosk.referrals() == {case.id: None}
    assert world.kiosk.recorder.find(case.id) is None
    wait_for(lambda: world.counter.line.devices()[1].presence is Presence.HERE)
    assert [one.device for one in world.counter.line.devices()] == ["uto-counter-2", KIOSK]
    assert not world.counter.problems()
    # Decided at one counter: gone from the other one, settled at the kiosk.
    assert world.counter.line.take(case.id, "4711", "12") is False
    wait_for(lambda: world.second.remote(case.id).claim)  # type: ignore[union-attr]
    world.counter.line.decided(case.id, Decision.ADMIT, "4711")
    wait_for(lambda: world.kiosk.referrals() == {case.id: "admit"})
    wait_for(lambda: world.second.remote(case.id) is None)
    assert world.kiosk.desk.case(case.id).phase is Phase.CANCELLED
    assert world.kiosk.desk.case(case.id).settled_as is Decision.ADMIT


def test_said_again_to_whoever_comes_later(world: World) -> None:
    world.start(world.kiosk)
    case = world.kiosk.finish({PictureKind.LIVE: JPEG})
    wait_for(lambda: world.kiosk.referrals() == {case.id: None})
    world.start(world.counter)
    wait_for(lambda: world.counter.remote(case.id))
    remote = world.counter.remote(case.id)
    assert remote is not None
    assert remote.pictures == {PictureKind.LIVE: JPEG}


def test_a_power_cut_at_the_kiosk(world: World) -> None:
    """What was handed over is told again from the store, with the pictures that are evidence."""
    world.start(world.kiosk, world.counter)
    case = world.kiosk.finish({PictureKind.LIVE: JPEG})
    wait_for(lambda: world.counter.remote(case.id))
    world.kiosk.close()
    world.start(world.kiosk, world.second)
    wait_for(lambda: world.second.remote(case.id))
    remote = world.second.remote(case.id)
    assert remote is not None
    recorded = structs.replace(case.inspection.evidence, pictures={"live": sha256(JPEG).hexdigest()})
    assert (remote.pictures, remote.proposal, remote.evidence) == (
        {PictureKind.LIVE: JPEG},
        Decision.REFER,
        recorded,
    )
    remote = world.counter.remote(case.id)
    assert remote is not None
    assert remote.pictures == {PictureKind.LIVE: JPEG}
    # The kiosk's desk knows nothing of it any more, and it is settled all the same; and once only.
    world.second.line.decided(case.id, Decision.REFUSE, "4711")
    wait_for(lambda: world.kiosk.referrals() == {case.id: "refuse"})
    assert len([one for one in world.kiosk.entries() if isinstance(one, Inspection)]) == 1


def test_decided_while_the_kiosk_was_away(world: World) -> None:
    world.start(world.kiosk, world.counter)
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.remote(case.id))
    world.kiosk.close()
    world.counter.line.decided(case.id, Decision.ADMIT, "4711")
    world.start(world.kiosk)
    wait_for(lambda: world.kiosk.referrals() == {case.id: "admit"})
    assert world.counter.remote(case.id) is None


def test_decided_and_both_were_started_again(world: World) -> None:
    """The counter's journal knows: nobody decides a second time about somebody who has gone through."""
    world.start(world.kiosk, world.counter)
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.remote(case.id))
    remote = world.counter.remote(case.id)
    assert remote is not None
    world.kiosk.close()
    adopt(world, remote)
    world.counter.desk.decide(case.id, Decision.REFUSE, "4711", "another photo")
    world.counter.close()  # before anybody was told
    world.start(world.counter, world.kiosk)
    wait_for(lambda: world.kiosk.referrals() == {case.id: "refuse"})
    assert world.counter.remote(case.id) is None


def test_decided_at_the_kiosk_itself_or_cancelled_there(world: World) -> None:
    world.start(world.kiosk, world.counter)
    one, other = world.kiosk.finish(), world.kiosk.finish()
    wait_for(lambda: len(world.counter.line.waiting()) == 2)
    world.kiosk.desk.decide(one.id, Decision.REFUSE, "4711", "another photo")
    world.kiosk.desk.cancel(other.id)
    wait_for(lambda: not world.counter.line.waiting())
    assert world.kiosk.referrals() == {one.id: "refuse", other.id: "cancelled"}


def test_taken_over_and_gone_at_the_kiosk(world: World) -> None:
    """What a counter has on its screen ends there too, without an entry."""
    world.start(world.kiosk, world.counter)
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.remote(case.id))
    remote = world.counter.remote(case.id)
    assert remote is not None
    adopt(world, remote)
    world.kiosk.desk.cancel(case.id)
    wait_for(lambda: world.counter.desk.case(case.id).ended)
    assert not [one for one in world.counter.entries() if isinstance(one, Inspection)]


def test_nobody_comes_for_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.agent.post.kiosk_side.KEPT_SECONDS", 3.0)
    monkeypatch.setattr("border_agent.agent.post.kiosk_side.LOOK_SECONDS", 0.05)
    world.start(world.kiosk, world.counter)
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.remote(case.id))
    wait_for(lambda: world.kiosk.referrals() == {case.id: "expired"})
    wait_for(lambda: not world.counter.line.waiting())
    assert world.kiosk.desk.case(case.id).ended
    assert not world.kiosk.problems()


def test_what_was_left_over_expires_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from when it was finished, over a restart of the kiosk."""
    world.start(world.kiosk, world.counter)
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.remote(case.id))
    world.kiosk.close()
    monkeypatch.setattr("border_agent.agent.post.kiosk_side.KEPT_SECONDS", 0.0)
    world.start(world.kiosk)
    wait_for(lambda: world.kiosk.referrals() == {case.id: "expired"})
    wait_for(lambda: not world.counter.line.waiting())


def test_a_full_disk_hands_nothing_over_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.agent.post.kiosk_side.LOOK_SECONDS", 0.05)
    world.start(world.kiosk, world.counter)
    refer = world.kiosk.recorder.refer

    def full(*_: object) -> None:
        raise StoreFull("store.db")

    monkeypatch.setattr(world.kiosk.recorder, "refer", full)
    case = world.kiosk.finish()
    wait_for(lambda: PostProblemCode.STORE in world.kiosk.problems())
    assert world.counter.remote(case.id) is None
    monkeypatch.setattr(world.kiosk.recorder, "refer", refer)
    wait_for(lambda: world.counter.remote(case.id))
    wait_for(lambda: PostProblemCode.STORE not in world.kiosk.problems())


def test_a_kiosk_that_goes_is_seen_to_go(world: World) -> None:
    world.start(world.kiosk, world.counter)

    def presence() -> Presence:
        return {one.device: one.presence for one in world.counter.line.devices()}[KIOSK]

    wait_for(lambda: presence() is Presence.HERE)
    world.kiosk.condition = structs.replace(world.kiosk.condition, in_service=False, out_of_service=("store",))
    wait_for(lambda: world.counter.line.devices()[1].out_of_service == ("store",))
    world.kiosk.close()
    wait_for(lambda: presence() is Presence.GONE)
    assert world.counter.line.devices()[1].gate == "A3"
    world.broker.kill()
    wait_for(lambda: presence() is Presence.UNKNOWN)


def adopt(world: World, remote: RemoteInspection) -> None:
    world.counter.desk.adopt(
        inspection_id=remote.id,
        origin=remote.device,
        evidence=remote.evidence,
        pictures=remote.pictures,
        finished_at=remote.finished_at,
    )
