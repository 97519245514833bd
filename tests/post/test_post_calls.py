"""A traveller calls at a kiosk, the counters ring, an officer answers, the kiosk shows it."""

from __future__ import annotations

import pytest
from post_kit import COUNTER, KIOSK, World, wait_for

from border_agent.agent.calls import CallState as AtKiosk
from border_agent.agent.post.errors import NoSuchRemoteCall, PostAway
from mqtt_schemas.post import CallState


def test_raised_answered_ended(world: World) -> None:
    world.start(*world.stations)
    wait_for(lambda: all(one.line.status().online for one in world.stations))
    call = world.kiosk.calls.raise_call("")
    wait_for(lambda: world.counter.line.calls() and world.second.line.calls())
    (remote,) = world.counter.line.calls()
    assert (remote.id, remote.device, remote.gate, remote.counter) == (call.id, KIOSK, "A3", "12")
    assert remote.state is CallState.RAISED
    world.counter.line.answer_call(call.id, "4711")
    wait_for(lambda: world.kiosk.calls.call(call.id).state is AtKiosk.ANSWERED)
    wait_for(
        lambda: [(one.state, one.officer) for one in world.second.line.calls()] == [(CallState.ANSWERED, "4711")]
    )
    world.second.line.end_call(call.id, "0815")
    wait_for(lambda: world.kiosk.calls.call(call.id).state is AtKiosk.ENDED)
    assert world.kiosk.calls.call(call.id).officer == "0815"
    wait_for(lambda: not world.counter.line.calls() and not world.second.line.calls())
    assert world.kiosk.noted == ["officer_called", "call_answered", "call_ended"]


def test_withdrawn(world: World) -> None:
    world.start(world.kiosk, world.counter)
    wait_for(lambda: world.kiosk.line.status().online)
    call = world.kiosk.calls.raise_call("no inspection's id: it rings all the same")
    wait_for(lambda: world.counter.line.calls())
    world.kiosk.calls.withdraw(call.id)
    wait_for(lambda: not world.counter.line.calls())
    with pytest.raises(NoSuchRemoteCall):
        world.counter.line.answer_call(call.id, "4711")


def test_raised_while_the_broker_is_away(world: World) -> None:
    world.start(world.kiosk, world.counter)
    wait_for(lambda: world.counter.line.status().online)
    known = world.kiosk.calls.raise_call("")
    wait_for(lambda: world.counter.line.calls())
    world.broker.kill()
    wait_for(lambda: not world.counter.line.status().online)
    with pytest.raises(PostAway):
        world.counter.line.answer_call(known.id, "4711")
    world.broker.start()
    wait_for(lambda: world.counter.line.status().online)
    wait_for(lambda: [one.id for one in world.counter.line.calls()] == [known.id])


def test_a_call_of_before_the_kiosk_was_started_again_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls live in memory: the kiosk forgets them, and says nothing of it."""
    monkeypatch.setattr("border_agent.agent.post.shelf.UNSAID_SECONDS", 0.5)
    monkeypatch.setattr("border_agent.agent.post.state.STATE_SECONDS", 0.2)
    world.start(world.kiosk, world.counter)
    wait_for(lambda: world.counter.line.status().online)
    world.kiosk.calls.raise_call("")
    case = world.kiosk.finish()
    wait_for(lambda: world.counter.line.calls() and world.counter.remote(case.id))
    world.kiosk.close()
    world.start(world.kiosk)
    wait_for(lambda: not world.counter.line.calls())
    assert world.counter.remote(case.id) is not None
    assert world.counter.device == COUNTER
