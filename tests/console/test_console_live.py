"""The live stream: what it brings, to whom, and that it ends with the session."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from border_agent.agent.calls import HUB_KEY
from border_agent.console.bar import Bar, Tone, Topic
from border_agent.console.live import MOST_OF_ONE, OFFICERS_KEY
from tests.console.console_kit import COOKIE, PASSWORD, SUPERVISOR, TECHNICIAN, Post, token_of


class Stream:
    """Events of one stream, as they come."""

    def __init__(self, client: httpx.Client, show: str = "") -> None:
        self._client = client
        self._show = show
        self.events: list[tuple[str, str]] = []
        self.ended = threading.Event()
        self._changed = threading.Condition()
        self.leave = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with self._client.stream("GET", "/events", params={"show": self._show}) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            assert "content-encoding" not in answer.headers
            name, data = "", []
            for line in answer.iter_lines():
                if self.leave.is_set():
                    return
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data.append(line[6:])
                elif not line and (name or data):
                    with self._changed:
                        self.events.append((name, "\n".join(data)))
                        self._changed.notify_all()
                    name, data = "", []
        self.ended.set()

    def wait(self, words: str, *, after: int = 0, seconds: float = 6.0) -> int:
        """Until an event holds this; how many there were by then."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for number, (name, data) in enumerate(self.events[after:], after + 1):
                    if words in data or words == name:
                        return number
                left = deadline - time.monotonic()
                assert left > 0 and self._changed.wait(left), (words, self.events[after:])


@pytest.fixture
def quiet(post: Post) -> Iterator[None]:
    """Nobody calls, nobody listens, before and after."""
    yield
    call = post.agent.kiosk.calls.current
    if call is not None:
        post.agent.kiosk.calls.end(call.id, "1000")
    deadline = time.monotonic() + 5
    while post.console.live.streams and time.monotonic() < deadline:
        time.sleep(0.05)
    assert post.console.live.streams == 0
    assert not post.agent.hub._listeners.get(HUB_KEY)
    assert not post.agent.hub._listeners.get(OFFICERS_KEY)


def test_it_brings_the_bar_and_says_that_it_is_there(post: Post, quiet: None) -> None:
    client, _ = post.signed_in()
    with client, Stream(client) as stream:
        first = stream.wait('id="bar"')
        assert 'hx-swap-oob="outerMorph"' in stream.events[first - 1][1]
        one = stream.wait("pulse")
        two = stream.wait("pulse", after=one)
        stream.wait("pulse", after=two)
        # What has not changed is not sent again.
        assert sum('id="bar"' in data for _, data in stream.events[first:]) <= 1


def test_a_call_is_there_at_once_and_so_is_its_answer(post: Post, quiet: None) -> None:
    (client, person), (technician, _) = post.signed_in(), post.signed_in(TECHNICIAN)
    with client, technician, Stream(client) as stream, Stream(technician) as other:
        stream.wait("pulse")
        other.wait("pulse")
        begun = time.monotonic()
        call = post.agent.kiosk.calls.raise_call("")
        at = stream.wait(f'data-ring="{call.id}"')
        assert time.monotonic() - begun < 1.5
        page = client.get("/help")
        assert f'data-ring="{call.id}"' in page.text
        fields = {"csrf": token_of(page), "next": "/help"}
        assert client.post(f"/calls/{call.id}/answer", data=fields).headers["location"] == "/help"
        at = stream.wait(person.number, after=at)
        assert "data-ring" not in stream.events[at - 1][1]
        assert client.post(f"/calls/{call.id}/end", data=fields).status_code == 303
        stream.wait("hidden", after=at)
        assert technician.post(f"/calls/{call.id}/end", data=fields).status_code == 403
        assert not any(call.id in data for _, data in other.events)


def test_it_speaks_the_officers_language_as_it_is_now(post: Post, quiet: None) -> None:
    client, _ = post.signed_in(language="fr")
    with client, Stream(client) as stream:
        stream.wait("Liaison")
        post.agent.officers.set_language(client.cookies[COOKIE], "en")
        stream.wait("Rules")


def test_whoever_is_suspended_loses_the_stream(post: Post, quiet: None) -> None:
    (client, person), (chief, chief_person) = post.signed_in(), post.signed_in(SUPERVISOR)
    with client, chief, Stream(client) as stream, Stream(chief) as other:
        stream.wait("pulse")
        by = post.agent.officers.session(chief.cookies[COOKIE], touch=False)
        begun = time.monotonic()
        post.agent.officers.suspend(by, person.number, "left the post")
        stream.wait("ended", seconds=4.0)
        assert stream.ended.wait(3.0)
        assert time.monotonic() - begun < 4.0
        other.wait("pulse", after=len(other.events))
        post.suspend(chief_person)
        post.agent.hub.publish(OFFICERS_KEY)
        other.wait("ended", seconds=1.5)


def test_a_locked_session_sees_nothing_more(post: Post, quiet: None) -> None:
    client, _ = post.signed_in()
    with client, Stream(client) as stream:
        stream.wait("pulse")
        post.agent.officers.lock(client.cookies[COOKIE])
        at = stream.wait("locked", seconds=4.0)
        assert stream.ended.wait(3.0)
        assert not stream.events[at:]
        post.agent.officers.unlock(client.cookies[COOKIE], PASSWORD)
        assert client.get("/settings").status_code == 200


def test_the_stream_is_no_sign_of_life(post: Post, quiet: None) -> None:
    client, _ = post.signed_in()
    with client:
        before = post.agent.officers.session(client.cookies[COOKIE], touch=True).lock_seconds
        with Stream(client) as stream:
            at = stream.wait("pulse")
            stream.wait("pulse", after=at)
            left = post.agent.officers.session(client.cookies[COOKIE], touch=False).lock_seconds
        assert left < before
        client.post("/here", headers={"HX-Request": "true", "X-CSRF-Token": token_of(client.get("/help"))})
        assert post.agent.officers.session(client.cookies[COOKIE], touch=False).lock_seconds >= before - 1


def test_sections_are_those_there_are_and_by_role(post: Post, quiet: None) -> None:
    (client, _), (technician, _) = post.signed_in(), post.signed_in(TECHNICIAN)
    with client, technician:
        for show in ("nothing", "queue:" + "x" * 65, "queue,queue,queue,queue,queue", "../bar"):
            assert client.get("/events", params={"show": show}).status_code == 400
        with Stream(client, "queue:all") as stream, Stream(technician, "queue:all") as other:
            stream.wait('id="queue"')
            other.wait("pulse", after=other.wait("pulse"))
            assert not any('id="queue"' in data for _, data in other.events)


def test_streams_of_one_session_are_bounded(post: Post, quiet: None) -> None:
    client, _ = post.signed_in()
    with client:
        streams = [Stream(client).__enter__() for _ in range(MOST_OF_ONE)]
        try:
            for stream in streams:
                stream.wait("pulse")
            assert client.get("/events").status_code == 429
            assert client.get("/settings").status_code == 200
        finally:
            for stream in streams:
                stream.leave.set()
            for stream in streams:
                stream.__exit__()


def test_the_bar_says_what_is_so_and_has_no_good_news_by_default(post: Post) -> None:
    items = {item.topic: item for item in Bar(post.agent).view().items}
    assert items[Topic.LINE].tone is Tone.BAD
    assert items[Topic.UNSENT].tone is Tone.WARN
    assert int(items[Topic.UNSENT].params["count"]) > 0
    assert {items[topic].tone for topic in (Topic.VISAS, Topic.TRUST)} == {Tone.BAD}
    assert items[Topic.DEVICES].key == "console.bar.devices.none"
    assert Topic.POST not in items


def test_a_bar_is_shared_for_half_a_second_and_no_longer(post: Post) -> None:
    now = [0.0]
    bar = Bar(post.agent, lambda: now[0])
    first = bar.view()
    now[0] = 0.4
    assert bar.view() is first
    now[0] = 0.6
    assert bar.view() is not first
