"""Signing in through the pages: what a browser is given, what a thief, a guesser or another site gets."""

from __future__ import annotations

import base64
import re

import httpx
import pytest
from PIL import Image

from border_agent.console.tokens import fits, mask, new_visitor
from border_agent.words import text
from tests.console.console_kit import AUDITOR, COOKIE, PASSWORD, SUPERVISOR, Post, sign_in, token_of


def test_a_mask_is_another_each_time_and_fits_its_secret_only() -> None:
    one, other = mask("secret"), mask("secret")
    assert one != other
    assert fits(one, "secret")
    assert fits(other, "secret")
    assert "secret" not in base64.urlsafe_b64decode(one + "==").decode("latin-1")
    for wrong in ("", "secret", one[:-2], one + "AA", "é", mask("secreT"), mask("secrets")):
        assert not fits(wrong, "secret"), wrong
    assert not fits(mask(""), "")


def test_signing_in_gives_one_cookie_that_only_this_console_reads(post: Post) -> None:
    person = post.officer(name="ERIKSSON Anna")
    with post.client() as client:
        answer = sign_in(client, person)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        (cookie,) = answer.headers.get_list("set-cookie")
        name, _, rest = cookie.partition("=")
        assert name == COOKIE
        assert {part.strip().lower() for part in rest.split(";")[1:]} == {
            "httponly",
            "secure",
            "path=/",
            "samesite=strict",
        }
        assert "ERIKSSON Anna" in client.get("/settings").text


def test_everybody_begins_at_a_page_of_theirs(post: Post) -> None:
    with post.client() as client:
        assert sign_in(client, post.officer(AUDITOR)).headers["location"] == "/movements"
    with post.client() as client:
        assert sign_in(client, post.officer(AUDITOR), next="/journal").headers["location"] == "/journal"


def test_a_cookie_that_was_planted_is_not_the_one_that_is_signed_in(post: Post) -> None:
    for planted in (new_visitor(), "visitor.0", "x" * 43):
        with post.client(planted) as client:
            assert sign_in(client, post.officer()).status_code == 303
            assert client.cookies[COOKIE] != planted
        with post.client(planted) as thief:
            assert thief.get("/settings").status_code == 303


def test_a_sign_in_form_of_another_visitor_is_refused(post: Post) -> None:
    person = post.officer()
    with post.client() as attacker, post.client() as victim:
        token = token_of(attacker.get("/sign-in"))
        victim.get("/sign-in")
        fields = {"csrf": token, "number": person.number, "password": PASSWORD, "code": person.shows()}
        answer = victim.post("/sign-in", data=fields)
        assert answer.status_code == 403
        assert "console.form_refused" in answer.text
        assert victim.post("/sign-in", data=fields | {"csrf": ""}).status_code == 403
        victim.cookies.clear()
        assert victim.post("/sign-in", data=fields).status_code == 403


def test_what_is_wrong_is_not_said_and_guessing_is_locked_out(post: Post) -> None:
    person = post.officer()
    with post.client() as client:
        wrong = sign_in(client, person, password="not this one", code="000000")
        nobody = sign_in(client, person, number="9999", password="not this one", code="000000")
        assert wrong.status_code == nobody.status_code == 401
        words = text("error.officer.refused", "fr").split(".")[0]
        assert words in wrong.text
        assert words in nobody.text
        assert "not this one" not in wrong.text
        answers = [sign_in(client, person, password="not this one", code="000000") for _ in range(12)]
        locked = answers[-1]
        assert locked.status_code == 429
        seconds = int(locked.headers["retry-after"])
        assert seconds > 0
        assert re.search(rf"{seconds}.secondes", locked.text.replace("\u00a0", " "))


def test_a_code_serves_once(post: Post) -> None:
    person = post.officer()
    code = person.shows()
    with post.client() as one, post.client() as other:
        assert sign_in(one, person, code=code).status_code == 303
        assert sign_in(other, person, code=code).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:x",
        "",
    ],
)
def test_nobody_is_led_to_another_site(post: Post, path: str) -> None:
    client, person = post.signed_in()
    with client:
        assert client.get("/sign-in", params={"next": path}).headers["location"] == "/"
        assert client.get("/lock", params={"next": path}).headers["location"] == "/"
    with post.client() as other:
        answer = sign_in(other, person, next=path)
        assert answer.status_code in (303, 400)
        assert answer.headers.get("location", "/") == "/"


def test_the_page_speaks_the_language_of_the_browser_or_the_chosen_one(post: Post) -> None:
    with post.client() as client:
        assert '<html lang="fr"' in client.get("/sign-in").text
        assert '<html lang="en"' in client.get("/sign-in", headers={"Accept-Language": "de, en-GB;q=0.8"}).text
        assert '<html lang="en"' in client.get("/sign-in?language=en").text
        page = client.get("/sign-in?language=en")
        refused = client.post(
            "/sign-in", data={"csrf": token_of(page), "language": "en", "number": "12", "password": "x"}
        )
        assert '<html lang="en"' in refused.text
        assert client.get("/sign-in?language=xx%00").status_code == 200


def test_the_first_sign_in_by_its_pages(post: Post) -> None:
    person = post.publish(SUPERVISOR, name="O'BRIEN <Zoé>")
    with post.client() as client:
        first = client.post(
            "/activate",
            data={
                "csrf": token_of(client.get("/activate")),
                "number": person.number,
                "activation": person.code.lower(),
            },
        )
        assert first.status_code == 200
        assert first.headers["cache-control"] == "no-store"
        assert first.headers["content-encoding"] == "identity"
        assert "O&#39;BRIEN &lt;Zoé&gt;" in first.text
        assert person.secret in first.text
        token = re.search(r'name="token" value="([^"]+)"', first.text)
        assert token
        fields = {
            "csrf": token_of(first),
            "token": token[1],
            "password": PASSWORD,
            "again": PASSWORD,
            "code": "000000",
        }
        for changes, status, words in (
            ({"again": "another one entirely"}, 422, "error.console.passwords_differ"),
            ({"password": "short", "again": "short"}, 422, "error.officer.password_refused"),
            ({}, 422, "error.officer.code_wrong"),
        ):
            again = client.post("/activate/finish", data=fields | changes)
            assert again.status_code == status
            assert text(words, "fr").split(":")[0].split(".")[0].replace("'", "&#39;") in again.text
            assert person.secret in again.text
        done = client.post("/activate/finish", data=fields | {"code": person.shows()})
        assert (done.status_code, done.headers["location"]) == (303, "/")
        assert client.get("/settings").status_code == 200
    with post.client() as other:
        used = other.post(
            "/activate",
            data={"csrf": token_of(other.get("/activate")), "number": person.number, "activation": person.code},
        )
        assert used.status_code == 401


def test_the_picture_of_the_secret_is_read_by_a_camera(post: Post) -> None:
    import io

    import resvg_py
    import zxingcpp

    person = post.publish()
    with post.client() as client:
        page = client.post(
            "/activate",
            data={"csrf": token_of(client.get("/activate")), "number": person.number, "activation": person.code},
        )
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page.text)
    assert found
    svg = base64.b64decode(found[1]).decode()
    image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))).convert("L")
    (code,) = zxingcpp.read_barcodes(image)
    assert code.text.startswith("otpauth://totp/")
    assert f"secret={person.secret}" in code.text


def test_signing_out_ends_the_session_and_gives_back_what_was_in_hand(post: Post) -> None:
    client, _ = post.signed_in()
    with client:
        token = client.cookies[COOKIE]
        page = client.get("/settings")
        answer = client.post("/sign-out", data={"csrf": token_of(page)})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert client.cookies[COOKIE] != token
    with post.client(token) as thief:
        assert thief.get("/settings").headers["location"].startswith("/sign-in")


def test_a_suspended_officer_is_out_at_the_next_request(post: Post) -> None:
    client, person = post.signed_in()
    with client:
        assert client.get("/settings").status_code == 200
        post.suspend(person)
        answer = client.get("/settings")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/settings")


def test_settings_hold_from_now_on(post: Post) -> None:
    client, _ = post.signed_in()
    with client:
        page = client.get("/settings")
        for path, fields, seen in (
            ("/settings/language", {"language": "en"}, '<html lang="en"'),
            ("/settings/theme", {"theme": "contrast"}, 'data-theme="contrast"'),
            ("/settings/counter", {"counter": "G<3>"}, "G&lt;3&gt;"),
        ):
            answer = client.post(path, data={"csrf": token_of(page), **fields})
            assert answer.status_code == 303, answer.text
            assert seen in client.get("/settings").text
        refused = client.post("/settings/theme", data={"csrf": token_of(page), "theme": "neon"})
        assert refused.status_code == 400
        assert httpx.codes.is_error(
            client.post("/settings/counter", data={"csrf": token_of(page), "counter": "x\u202ey"}).status_code
        )
