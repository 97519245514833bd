"""What every page and every answer keeps to: rights, tokens, headers, bounds, words instead of faults."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest
from msgspec import structs
from starlette.routing import Route

from border_agent.console.armour import HEADERS, LARGEST_BODY, Rates
from border_agent.console.menu import MENU
from border_agent.console.whence import local_path
from border_agent.words import text
from mqtt_schemas.records import OfficerRole
from tests.console.console_kit import (
    AUDITOR,
    COOKIE,
    OFFICER,
    PASSWORD,
    READER,
    SUPERVISOR,
    TECHNICIAN,
    Post,
    sign_in,
    token_of,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "P<UTO</textarea><svg/onload=alert(1)>",
    "{{7*'7'}}",
)


@pytest.fixture(scope="module")
def officer(post: Post) -> Iterator[httpx.Client]:
    client, _ = post.signed_in(SUPERVISOR)
    with client:
        yield client


def routes_of(post: Post) -> list[Route]:
    app = post.console.app._app  # type: ignore[attr-defined]
    return [route for route in app.routes if isinstance(route, Route)]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "0" * 32, path)


def raw(post: Post, request: bytes) -> bytes:
    """Bytes as no client would send them."""
    plain = socket.create_connection(("127.0.0.1", post.server.port), 10)
    with post.trust.wrap_socket(plain, server_hostname="localhost") as line:
        line.sendall(request)
        answer = b""
        try:
            while piece := line.recv(65536):
                answer += piece
        except TimeoutError:
            assert answer, request[:60]  # whether the line is then closed at once is another matter
        return answer


def test_every_page_wants_a_session_and_every_form_a_token(post: Post, officer: httpx.Client) -> None:
    seen = 0
    with post.client() as stranger:
        for route in routes_of(post):
            path, methods = filled(route.path), route.methods or set()
            if path.startswith(("/static", "/sign-in", "/activate", "/metrics")):
                continue
            seen += 1
            if "GET" in methods:
                answer = stranger.get(path)
                assert answer.status_code == 303, path
                assert answer.headers["location"].startswith("/sign-in"), path
            if "POST" in methods:
                assert stranger.post(path, data={"csrf": "x"}).status_code == 303, path
                for fields in ({}, {"csrf": ""}, {"csrf": "x" * 120}):
                    refused = officer.post(path, data=fields)
                    assert refused.status_code == 403, path
                    assert "console." in refused.text
    assert seen > 20


def test_a_token_serves_its_own_session_only(post: Post) -> None:
    (one, _), (other, _) = post.signed_in(), post.signed_in()
    with one, other:
        mine, theirs = token_of(one.get("/settings")), token_of(other.get("/settings"))
        assert one.post("/settings/theme", data={"csrf": theirs, "theme": "dark"}).status_code == 403
        assert one.post("/settings/theme", data={"csrf": mine, "theme": "dark"}).status_code == 303
        header = {"X-CSRF-Token": mine, "HX-Request": "true"}
        assert one.post("/here", headers=header).status_code == 204
        assert one.post("/here", headers=header | {"X-CSRF-Token": theirs}).status_code == 403
        # A wrong header is not made good by a right field.
        assert one.post("/here", headers=header | {"X-CSRF-Token": ""}, data={"csrf": mine}).status_code == 403
        for origin, status in (("https://evil.example", 403), (post.url, 204), ("null", 204)):
            assert one.post("/here", headers=header | {"Origin": origin}).status_code == status


def test_roles_open_their_pages_and_no_others(post: Post) -> None:
    for role in (OFFICER, SUPERVISOR, TECHNICIAN, AUDITOR, READER):
        client, _ = post.signed_in(role)
        with client:
            for entry in MENU:
                answer = client.get(entry.path)
                if role in entry.roles:
                    assert answer.status_code == 200, (role, entry.path, answer.text[-1500:])
                else:
                    assert answer.status_code == 403, (role, entry.path)
                    assert text("error.console.not_for_role", "fr").split(".")[0] in answer.text


def test_nobody_without_a_known_role_gets_in(post: Post) -> None:
    person = post.officer()
    post.put(structs.replace(post.records[person.number], roles=(OfficerRole.UNKNOWN,)))
    with post.client() as client:
        assert sign_in(client, person).status_code == 401


def test_an_idle_session_is_locked_and_comes_back_to_what_was_open(post: Post) -> None:
    client, person = post.signed_in()
    with client:
        page = client.get("/lookups?name=x")
        post.agent.officers.lock(client.cookies[COOKIE])
        away = client.get("/lookups?name=x")
        assert away.headers["location"] == "/lock?next=/lookups%3Fname%3Dx"
        lock = client.get(away.headers["location"])
        assert lock.status_code == 200
        assert person.name in lock.text
        assert 'id="bar"' not in lock.text
        assert "/events" not in lock.text
        # A form above which there is a page leads back to that page; a script's request to the page it stands on.
        form = client.post("/settings/theme", data={"csrf": token_of(page), "theme": "dark"})
        assert form.headers["location"] == "/lock?next=/settings"
        script = {"HX-Request": "true", "HX-Current-URL": f"{post.url}/movements?page=2"}
        part = client.get("/lookups", headers=script)
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/lock?next=/movements%3Fpage%3D2")
        assert client.get("/events", headers=script).status_code == 401
        fields = {"csrf": token_of(lock), "next": "/lookups?name=x"}
        assert client.post("/lock", data=fields | {"password": "wrong"}).status_code == 401
        back = client.post("/lock", data=fields | {"password": PASSWORD})
        assert back.headers["location"] == "/lookups?name=x"
        assert client.get("/lookups").status_code == 200


def test_three_wrong_passwords_at_the_lock_end_the_session(post: Post) -> None:
    client, _ = post.signed_in()
    with client:
        post.agent.officers.lock(client.cookies[COOKIE])
        fields = {"csrf": token_of(client.get("/lock")), "password": "wrong"}
        assert [client.post("/lock", data=fields).status_code for _ in range(3)] == [401, 401, 303]
        assert client.get("/settings").headers["location"] == "/sign-in?next=/settings"


def test_every_answer_carries_the_headers(post: Post, officer: httpx.Client) -> None:
    with post.client() as stranger:
        static = re.search(r'"(/static/console[^"]+css)"', stranger.get("/sign-in").text)
        assert static
        answers = [
            officer.get("/settings"),
            officer.get("/nothing-here"),
            officer.post("/settings"),
            officer.post("/here"),
            officer.request("TRACE", "/"),
            officer.get("/settings", headers={"Host": "evil.example"}),
            officer.post("/here", content=b"x" * (LARGEST_BODY + 1)),
            stranger.get("/"),
            stranger.get(static[1]),
            stranger.get("/static/none"),
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 403, 405, 421, 413, 303, 200, 404]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (answer.url, name)
        if "console" not in str(answer.url.path):
            assert answer.headers["cache-control"] == "no-store", answer.url
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1", "", "localhost@evil.example", "POST.example."]
)
def test_other_host_names_are_refused(post: Post, host: str) -> None:
    with post.client() as client:
        answer = client.get("/sign-in", headers={"Host": host})
        assert answer.status_code == (200 if host == "POST.example." else 421)


def test_what_is_too_large_is_not_read(post: Post, officer: httpx.Client) -> None:
    token = token_of(officer.get("/settings"))

    def trickle() -> Iterator[bytes]:
        for _ in range(40):
            yield b"a" * 4096

    announced = officer.post("/settings/counter", data={"csrf": token, "counter": "x" * LARGEST_BODY})
    assert announced.status_code == 413
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert officer.post("/settings/counter", content=trickle(), headers=kind).status_code == 413
    many = "&".join(f"f{number}=1" for number in range(5000))
    assert officer.post("/settings/counter", content=f"csrf={token}&{many}", headers=kind).status_code == 400
    assert officer.post("/settings/counter", data={"csrf": token, "counter": "x" * 200}).status_code == 400
    file = officer.post("/settings/counter", data={"csrf": token}, files={"counter": ("a.txt", b"x")})
    assert file.status_code in (400, 403)
    assert officer.get("/settings").status_code == 200


def test_methods_are_what_routes_say(post: Post, officer: httpx.Client) -> None:
    token = token_of(officer.get("/settings"))
    assert officer.get("/settings/theme").status_code == 405
    assert officer.get("/sign-out").status_code == 405
    assert officer.get("/lock/now").status_code == 405
    for name in ("X-HTTP-Method-Override", "X-Method-Override"):
        assert officer.get("/sign-out", headers={name: "POST", "X-CSRF-Token": token}).status_code == 405
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"):
        assert officer.request(method, "/settings", headers={"X-CSRF-Token": token}).status_code in (400, 405)
    assert officer.get("/settings").status_code == 200


def test_bytes_that_are_no_request_do_no_harm(post: Post, officer: httpx.Client) -> None:
    for request in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x00\xa5" * 20 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a" * 60000 + b"\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET https://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ):
        answer = raw(post, request)
        assert b" 500 " not in answer[:40], request[:60]
    for path in ("/%ff%fe", "/inspections/%00", "/movements/" + "%2e%2e%2f" * 5, "/?" + "a=1&" * 2000):
        answer = officer.get(path)
        assert answer.status_code < 500, (path, answer.text[-800:])


def test_a_head_that_trickles_in_is_not_waited_for(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.console.patience.HEAD_SECONDS", 0.5)
    whole = b"GET /static/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for pieces in ([], [b"GET / HTTP/1.1\r\nHost: local"], [whole, b"GET / HT"]):
        plain = socket.create_connection(("127.0.0.1", post.server.port), 5)
        with post.trust.wrap_socket(plain, server_hostname="localhost") as line:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(0.2)
            begun, ended = time.monotonic(), False
            while not ended:
                try:
                    ended = not line.recv(65536)
                except (ConnectionError, ssl.SSLEOFError):
                    ended = True
            assert 0.1 < time.monotonic() - begun < 3.0, pieces


def test_connections_of_one_address_are_bounded(
    post: Post, officer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("border_agent.console.patience.MOST_OF_ONE_ADDRESS", 8)
    held = []
    try:
        for _ in range(12):
            plain = socket.create_connection(("127.0.0.1", post.server.port), 5)
            held.append(post.trust.wrap_socket(plain, server_hostname="localhost"))
        time.sleep(0.3)
        alive = 0
        for line in held:
            line.settimeout(0.2)
            try:
                alive += bool(line.recv(1))
            except TimeoutError:
                alive += 1
            except OSError:
                continue
        assert 1 <= alive <= 8
    finally:
        for line in held:
            line.close()
    time.sleep(0.3)
    assert officer.get("/settings").status_code == 200


def test_old_tls_is_refused(post: Post) -> None:
    context = ssl.create_default_context(cafile=str(post.folder / "tls" / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", post.server.port), 10) as plain,
        pytest.raises((ssl.SSLError, OSError)),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_another_site_can_open_a_page_but_nothing_else(post: Post, officer: httpx.Client) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    with post.client() as client:
        answer = client.get("/sign-in", headers=link)
        # The browser asks again from here, with its cookie: nothing is given out that would replace it.
        assert answer.status_code == 200
        assert 'http-equiv="refresh"' in answer.text
        assert "set-cookie" not in answer.headers
    for other in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}):
        assert officer.get("/settings", headers=link | other).status_code == 403
    assert (
        officer.post("/here", headers=link | {"X-CSRF-Token": token_of(officer.get("/settings"))}).status_code == 403
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_codes_are_text_wherever_they_stand(post: Post, name: str) -> None:
    client, _ = post.signed_in(SUPERVISOR, name=name)
    with client:
        for path in ("/settings", "/", "/help", "/officers", "/nothing"):
            page = client.get(path).text
            assert name not in page, path
            assert "7777777" not in page
        assert name not in client.get("/movements", params={"text": name, "number": name}).text


def test_a_fault_is_a_page_with_words_and_a_mark_and_nothing_else(
    post: Post, officer: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(post.agent.officers, "keys", breaks)
    answer = officer.get("/settings")
    assert answer.status_code == 500
    assert "secret of the inside" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    (record,) = [record for record in caplog.records if "incident" in record.message]
    mark = re.search(r"incident ([0-9a-f]{8})", record.message)
    assert mark
    assert mark[1] in answer.text


def test_errors_of_fragments_stand_beside_the_page(officer: httpx.Client) -> None:
    answer = officer.post("/settings/theme", headers={"HX-Request": "true"}, data={"theme": "x"})
    assert answer.status_code == 403
    assert (answer.headers["hx-retarget"], answer.headers["hx-reswap"]) == ("#messages", "innerHTML")
    assert "<html" not in answer.text
    assert 'role="alert"' in answer.text


def test_requests_of_one_address_are_bounded() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0], rate=10.0, burst=20.0)
    assert sum(rates.allow("a") for _ in range(50)) == 20
    assert rates.allow("b")
    now[0] = 1.0
    assert sum(rates.allow("a") for _ in range(50)) == 10
    for number in range(5000):
        rates.allow(f"peer {number}")
    assert len(rates._left) <= 1024


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "/"),
        ("/movements?a=b&c=%2F#x", "/movements?a=b&c=%2F#x"),
        ("//x", "/"),
        ("/\\x", "/"),
        ("/ x", "/"),
        ("/\nx", "/"),
        ("http:x", "/"),
        ("x", "/"),
        ("/" + "a" * 600, "/"),
        ("/[", "/["),
        ("/é", "/é"),
    ],
)
def test_only_paths_of_this_console_are_gone_back_to(path: str, kept: str) -> None:
    assert local_path(path) == kept
