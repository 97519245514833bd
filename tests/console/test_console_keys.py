"""Security keys in a true browser, with an authenticator that Chromium plays: added, used to sign in, taken out."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Page, expect

from border_agent.words import text
from tests.console.conftest import CHROMIUM, Sight
from tests.console.console_kit import COOKIE, PASSWORD, Person, Post, token_of


@pytest.fixture
def page(chromium: Browser, post: Post) -> Iterator[Page]:
    """A tab that trusts the post's certificate: browsers offer no keys behind one they only put up with."""
    certificate = x509.load_pem_x509_certificate((post.folder / "tls" / "console.pem").read_bytes())
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pin = base64.b64encode(sha256(spki).digest()).decode()
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", f"--ignore-certificate-errors-spki-list={pin}"]
    )
    page = browser.new_context(locale="fr-FR").new_page()
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sight = Sight(allowed=["401", "pubKeyCredParams"])
    sight.watch(page)
    yield page
    sight.check(post.url.split("/")[2])
    browser.close()


def enter(page: Page, post: Post, person: Person) -> None:
    token, _ = post.agent.officers.sign_in(person.number, PASSWORD, person.shows())
    cookie = {"name": COOKIE, "value": token, "url": post.url, "secure": True, "httpOnly": True, "sameSite": "Strict"}
    page.context.add_cookies([cookie])  # type: ignore[list-item]


def test_a_key_takes_the_place_of_the_code(page: Page, post: Post) -> None:
    person = post.officer()
    enter(page, post, person)
    page.goto(post.url + "/settings")
    page.get_by_label(text("console.settings.key_name", "fr")).fill("Clé <bleue>")
    page.get_by_role("button", name=text("console.settings.add_key", "fr")).click()
    expect(page.locator("#messages")).to_contain_text(text("console.settings.key_saved", "fr"))
    expect(page.locator("main")).to_contain_text("Clé <bleue>")
    page.context.clear_cookies()

    page.goto(post.url + "/sign-in")
    page.locator("[name=number]").fill(person.number)
    page.locator("[name=password]").fill("not this one")
    page.get_by_role("button", name=text("console.key_instead", "fr")).click()
    expect(page.locator("#refused")).to_be_visible()
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name=text("console.key_instead", "fr")).click()
    page.wait_for_url(post.url + "/")

    page.goto(post.url + "/settings")
    page.get_by_role("button", name="Clé <bleue>").click()
    expect(page.locator("main")).to_contain_text(text("console.settings.no_keys", "fr"))


def test_an_answer_serves_once_and_a_question_says_nothing(post: Post) -> None:
    person = post.officer()
    with post.client() as client:
        token = token_of(client.get("/sign-in"))
        known, nobody = (
            client.post("/sign-in/key", data={"csrf": token, "number": number}) for number in (person.number, "9999")
        )
        assert known.status_code == nobody.status_code == 200
        assert known.json().keys() == nobody.json().keys() == {"token", "options"}
        assert client.post("/sign-in/key", data={"number": person.number}).status_code == 403
        for answer in ("{}", "[]", "not json", '{"id":"AA","response":{}}', "{" * 5000):
            fields = {"csrf": token, "number": person.number, "password": PASSWORD}
            keyed = fields | {"key_token": known.json()["token"], "key_answer": answer}
            assert client.post("/sign-in", data=keyed).status_code in (401, 429)
