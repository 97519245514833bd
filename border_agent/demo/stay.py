"""A post to walk about in: the console open, travellers waiting, people who can sign in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from border_agent.api.client import AgentClient
from border_agent.demo.counter import arrive
from border_agent.demo.officer import Officer
from border_agent.demo.post_world import PEOPLE, Person, PostWorld
from mqtt_schemas.records import OfficerRole

PASSWORD = "Latérite-et-borne-1992"  # noqa: S105  (of people who do not exist, in a world that ends with the demo)
DECIDED = 4
"""Travellers who have passed before you come."""

Tell = Callable[..., None]


class SignIn(Struct, frozen=True, kw_only=True):
    """How one of the post's people signs in."""

    person: Person
    password: str
    secret: str
    """Of the authenticator."""


class OpenPost(Struct, frozen=True, kw_only=True):
    """A post that is open."""

    world: PostWorld
    people: tuple[SignIn, ...]


@contextlib.contextmanager
def open_post(folder: Path, album: Path, tell: Tell, *, port: int = 0, calls: bool = True) -> Iterator[OpenPost]:
    """Start a post in training, fill its queue and let its people sign in for the first time. `port`: of the console.

    Raises DemoFailed, and what the parts raise.
    """
    with PostWorld(folder, album, training=True, port=port) as world:
        arrivals = world.start()
        tell("stay.people")
        people = tuple(_first_sign_in(world, person) for person in PEOPLE)
        tell("stay.filling")
        halls = (*world.kiosks, world.counter)
        shares = [arrivals[start :: len(halls)] for start in range(len(halls))]
        threads = [
            threading.Thread(target=lambda a=appliance, s=share: [arrive(a, one) for one in s])
            for appliance, share in zip(halls, shares, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _decide_some(world, people)
        if calls:
            with AgentClient(str(world.kiosks[0].socket), as_kiosk=True) as kiosk:
                kiosk.call_officer()
        yield OpenPost(world=world, people=people)


def _first_sign_in(world: PostWorld, person: Person) -> SignIn:
    with Officer(world.url, world.ca) as officer:
        officer.activate(person.number, world.codes[person.number], PASSWORD)
        return SignIn(person=person, password=PASSWORD, secret=officer.secret)


def _decide_some(world: PostWorld, people: tuple[SignIn, ...]) -> None:
    """Some have passed before: movements to look up, and hours to count."""
    who = next(one for one in people if OfficerRole.OFFICER in one.person.roles)
    with Officer(world.url, world.ca) as officer:
        officer.sign_in(who.person.number, who.password, who.secret)
        for inspection in officer.waiting()[:DECIDED]:
            officer.decide(inspection)
