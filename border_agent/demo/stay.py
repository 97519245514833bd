"""A post to walk about in: the console open, travellers waiting, people who can sign in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from border_agent.api.client import AgentClient
from border_agent.demo.appliance import Appliance
from border_agent.demo.chips import obstacle
from border_agent.demo.counter import Arrival, arrive
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
    if obstacle():
        tell("demo.no_chips", why=obstacle())
    with PostWorld(folder, album, training=True, port=port) as world:
        arrivals = world.start()
        with contextlib.ExitStack() as browsers:
            tell("stay.people")
            people = []
            deciding: Officer | None = None
            for person in PEOPLE:
                officer = browsers.enter_context(Officer(world.url, world.ca))
                officer.activate(person.number, world.codes[person.number], PASSWORD)
                browsers.callback(officer.sign_out)
                people.append(SignIn(person=person, secret=officer.secret))
                if deciding is None and OfficerRole.OFFICER in person.roles:
                    deciding = officer
            tell("stay.filling")
            _fill(world, arrivals)
            # Some have passed before: movements to look up, and hours to count.
            if deciding is not None:
                for inspection in deciding.waiting()[:DECIDED]:
                    deciding.decide(inspection)
        if calls:
            with AgentClient(str(world.kiosks[0].socket), as_kiosk=True) as kiosk:
                kiosk.call_officer()
        yield OpenPost(world=world, people=tuple(people))


def _fill(world: PostWorld, arrivals: Sequence[Arrival]) -> None:
    """Everybody arrives, at whichever device is theirs; nobody decides. Raises what a device raises."""
    failed: list[Exception] = []

    def pass_by(appliance: Appliance, share: Sequence[Arrival]) -> None:
        try:
            for one in share:
                arrive(appliance, one)
        except Exception as error:
            failed.append(error)

    halls = (*world.kiosks, world.counter)
    threads = [
        # Whoever ends the demo meanwhile does not wait for them.
        threading.Thread(target=pass_by, args=(appliance, arrivals[start :: len(halls)]), daemon=True)
        for start, appliance in enumerate(halls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
