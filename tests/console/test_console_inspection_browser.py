"""The officer's pages in a true Chromium, by keyboard, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from border_agent.faces import Zone
from border_agent.inspection.evidence import FaceEvidence
from border_agent.inspection.findings import finding
from border_agent.inspection.machine import Phase
from border_agent.inspection.verdict import Proposal
from border_agent.words import languages, text
from mqtt_schemas.entries import Decision
from mqtt_schemas.records import FourEyes
from tests.console.conftest import OpenTab, Sight
from tests.console.console_kit import PASSWORD, Post
from tests.console.inspection_kit import EXPIRED, HOSTILE, REGIMES, found, movements, proposing, recorded
from tests.inspection.inspection_cases import compared, hit, passport

expect.set_options(timeout=15_000)  # on a busy machine


@pytest.fixture(autouse=True)
def quiet(post: Post, sight: Sight) -> Iterator[None]:
    sight.allowed.append("Failed to fetch")  # a stream that was just being opened when the page was left
    post.rule(regimes=REGIMES)
    yield
    for case in post.agent.desk.cases():
        post.agent.desk.cancel(case.id)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("language", languages())
def test_admitted_with_one_key_and_the_next_one_is_there(post: Post, tab: OpenTab, language: str) -> None:
    person = post.officer(language=language)
    page = tab(person, path="/")
    case = proposing(post, Proposal.ADMIT)
    row = page.locator(f"#row-{case.id}")
    expect(row).to_contain_text("TRAORE AWA")  # by the live stream: nobody has loaded anything
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("TRAORE")
    press(page, "a")
    expect(page.get_by_role("status").filter(has_text=person.number)).to_be_visible()
    passage = recorded(post, case)
    assert passage is not None and (passage.decision, passage.officer) == (Decision.ADMIT, person.number)
    said = text("decide.recorded", language, decision="admit", sequence=passage.sequence)
    expect(page.locator("#in-hand")).to_contain_text(said.replace("\N{NO-BREAK SPACE}", " "))
    press(page, "f")
    page.wait_for_url(f"{post.url}/")
    expect(page.locator(f"#row-{case.id}")).to_have_count(0)


@pytest.mark.parametrize("language", languages())
def test_refused_by_keyboard_with_a_notice_of_one_sheet(
    post: Post, tab: OpenTab, language: str, tmp_path: Path
) -> None:
    case = proposing(post, Proposal.REFUSE, EXPIRED)
    page = tab(post.officer(language=language), path=f"/inspections/{case.id}")
    press(page, "r")
    page.wait_for_url("**/decide/refuse")
    expect(page.locator('[value="no_document"]')).to_be_checked()
    expect(page.locator("[name=grounds]").first).to_be_focused()
    press(page, "Enter")
    page.wait_for_url(f"**/inspections/{case.id}")
    assert movements(post, case) == 1
    press(page, "i")
    page.wait_for_url("**/notice")
    sheet = page.locator(".sheet")
    expect(sheet).to_contain_text("Refus d’entrée")
    expect(sheet).to_contain_text("Refusal of entry")
    pdf = tmp_path / "notice.pdf"
    page.pdf(path=str(pdf), prefer_css_page_size=True)
    assert re.findall(rb"/Count (\d+)", pdf.read_bytes()) == [b"1"]


def test_overridden_with_a_reason_and_a_second_officer(post: Post, tab: OpenTab, sight: Sight) -> None:
    sight.allowed.append("401")
    post.rule(regimes=REGIMES, second_officer=(FourEyes.ADMIT_OVER_REFUSE,))
    agreeing = post.officer()
    case = proposing(post, Proposal.REFUSE, EXPIRED)
    page = tab(post.officer(), path=f"/inspections/{case.id}")
    press(page, "a")
    page.wait_for_url("**/decide/admit")
    expect(page.locator("[name=reason]")).to_be_focused()
    page.keyboard.type("laissez-passer présenté")
    page.locator("[name=second_number]").fill(agreeing.number)
    page.locator("[name=second_password]").fill("wrong")
    page.locator("[name=second_code]").fill("000000")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("[name=reason]")).to_have_value("laissez-passer présenté")
    expect(page.locator("[name=second_password]")).to_have_value("")
    assert recorded(post, case) is None
    page.locator("[name=second_password]").fill(PASSWORD)
    page.locator("[name=second_code]").fill(agreeing.shows())
    press(page, "Enter")
    page.wait_for_url(f"**/inspections/{case.id}")
    passage = recorded(post, case)
    assert passage is not None and passage.decision is Decision.ADMIT


def test_escape_goes_back_from_a_decision(post: Post, tab: OpenTab) -> None:
    case = proposing(post, Proposal.ADMIT)
    page = tab(post.officer(), path=f"/inspections/{case.id}/decide/refuse")
    press(page, "Escape")
    page.wait_for_url(f"**/inspections/{case.id}")
    assert recorded(post, case) is None


def test_a_hostile_name_runs_nowhere(post: Post, tab: OpenTab) -> None:
    case = found(post, surname=HOSTILE)
    page = tab(post.officer(), path="/")
    for path in ("/", f"/inspections/{case.id}", f"/inspections/{case.id}/decide/refuse"):
        page.goto(post.url + path)
        expect(page.locator("main")).to_contain_text("<IMG SRC=X ONERROR=ALERT(1)>")
        assert page.locator("img[src=x]").count() == 0
    page.goto(f"{post.url}/")
    other = found(post, surname="</td><script>parent.hacked=1</script>")  # through the live stream
    expect(page.locator(f"#row-{other.id}")).to_contain_text("<SCRIPT>PARENT.HACKED=1</SCRIPT>")
    assert page.evaluate("window.hacked") is None


def test_two_browsers_on_one_inspection(post: Post, tab: OpenTab) -> None:
    case = proposing(post, Proposal.ADMIT)
    first = tab(post.officer(name="SARR Fatou"), path=f"/inspections/{case.id}")
    second = tab(post.officer(name="HAROUN Zénaba"), path=f"/inspections/{case.id}")
    expect(second.locator("#hand")).to_contain_text("SARR Fatou")
    expect(second.locator(".decide")).to_have_count(0)
    press(second, "a")
    press(first, "f")
    first.wait_for_url(f"{post.url}/")
    expect(second.locator("#hand").get_by_role("button")).to_be_visible()  # told by the stream
    assert recorded(post, case) is None
    press(second, "p")
    second.wait_for_load_state()
    expect(second.locator(".decide")).to_be_visible()
    expect(first.locator(f"#row-{case.id}")).to_contain_text("HAROUN Zénaba")
    press(second, "a")
    expect(second.locator("#in-hand")).to_contain_text("Enregistré")
    assert movements(post, case) == 1


def test_decided_elsewhere_an_open_page_says_so_by_itself(post: Post, tab: OpenTab) -> None:
    person = post.officer()
    case = proposing(post, Proposal.ADMIT)
    page = tab(person, path=f"/inspections/{case.id}")
    second = page.context.new_page()
    second.goto(f"{post.url}/inspections/{case.id}")
    press(page, "a")
    expect(page.locator("#in-hand")).to_contain_text("Enregistré")
    expect(second.locator("#in-hand")).to_contain_text("Enregistré")
    expect(second.locator(".decide")).to_have_count(0)


def test_leaving_by_the_menu_gives_the_traveller_back(post: Post, tab: OpenTab) -> None:
    case = found(post)
    page = tab(post.officer(), path=f"/inspections/{case.id}")
    assert post.agent.counter.holder(case.id) is not None
    press(page, "o")  # within the inspection's own pages nothing is given back
    expect(page.locator("#in-hand")).to_contain_text("Enregistré")
    other = found(post)
    page.goto(f"{post.url}/inspections/{other.id}")
    page.get_by_role("navigation").get_by_role("link", name="Mouvements").click()
    page.wait_for_url("**/movements")
    for _ in range(50):
        if post.agent.counter.holder(other.id) is None:
            break
        page.wait_for_timeout(100)
    assert post.agent.counter.holder(other.id) is None


def test_started_by_keyboard_and_typed_by_hand_where_nothing_reads(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer(), path="/")
    press(page, "n")
    expect(page.get_by_label("Entrée")).to_be_focused()
    press(page, "ArrowRight", "Enter")
    page.wait_for_url("**/inspections/*")
    inspection = page.url.rpartition("/")[2]
    post.agent.desk._join(inspection)
    page.reload()
    press(page, "t")
    lines = page.locator("#lines")
    expect(lines).to_be_focused()
    document = passport(nationality="BFA", issuer="BFA").lines
    lines.fill(document[0][:40])
    expect(page.locator("#lines-said")).to_contain_text("40 caractères sur 44")
    lines.fill("\n".join(document))
    expect(page.locator("#lines-said")).to_contain_text("justes")
    press(page, "Tab", "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("MENSAH")
    case = post.agent.desk.case(inspection)
    assert case.inspection.evidence.direction.value == "exit" and case.phase is Phase.PROPOSED
    assert "document.typed" in (case.inspection.verdict.codes if case.inspection.verdict else ())


@pytest.mark.parametrize("decided", ["admit", "refuse"])
def test_a_slip_scanned_on_a_traveller_s_page_decides_nothing_and_opens_the_other(
    post: Post, tab: OpenTab, decided: str
) -> None:
    case = proposing(post, Proposal(decided), *([EXPIRED] if decided == "refuse" else []))
    other = found(post, surname="SARR")
    page = tab(post.officer(), path=f"/inspections/{case.id}")
    page.keyboard.type(f"borne:{other.id}")  # the scanner's keys: `b`, `o`, `r` among them
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("SARR")
    assert recorded(post, case) is None and recorded(post, other) is None
    assert post.agent.counter.holder(case.id) is None, "given back"


def test_faces_are_laid_over_each_other_and_blink(post: Post, tab: OpenTab) -> None:
    case = found(post)
    page = tab(post.officer(), path=f"/inspections/{case.id}")
    page.locator("[data-overlay]").locator("xpath=ancestor::details/summary").click()
    upper = page.locator("[data-overlay] .pair img").nth(1)
    expect(upper).to_have_css("opacity", "0.5")
    page.locator("[data-overlay] input").fill("100")
    expect(upper).to_have_css("opacity", "1")
    page.locator("[data-blink]").click()
    expect(upper).to_have_css("opacity", "0")
    expect(upper).to_have_css("opacity", "1")
    page.locator(".frame.of-live a").click()
    expect(page.locator("dialog.zoomer img")).to_be_visible()


def test_with_the_server_gone_for_a_while_nothing_is_decided_and_then_once(
    post: Post, tab: OpenTab, sight: Sight
) -> None:
    sight.allowed += ["net::ERR", "Failed to load", "ERR_FAILED"]
    case = proposing(post, Proposal.ADMIT)
    page = tab(post.officer(), path=f"/inspections/{case.id}")
    page.context.set_offline(True)
    press(page, "a")
    page.wait_for_timeout(500)
    assert recorded(post, case) is None
    page.context.set_offline(False)
    page.goto(f"{post.url}/inspections/{case.id}")
    press(page, "a")
    expect(page.locator("#in-hand")).to_contain_text("Enregistré")
    assert movements(post, case) == 1


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.whole)])
def test_pages_are_accessible(post: Post, tab: OpenTab, theme: str) -> None:
    post.rule(regimes=REGIMES, second_officer=(FourEyes.REFUSE, FourEyes.LATE_ENTRY))
    face = FaceEvidence(comparisons=(compared(Zone.match, provisional=True),))
    case = proposing(post, Proposal.REFUSE, EXPIRED, finding("clock.holdover"), face=face, hits=(hit(),))
    person = post.officer()
    page = tab(person, path="/", color_scheme=theme)
    axe = Axe()
    for path in ("/", f"/inspections/{case.id}", f"/inspections/{case.id}/decide/refuse", "/late"):
        page.goto(post.url + path)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        found_wrong = axe.run(page)
        assert not found_wrong.violations_count, f"{path}: {found_wrong.generate_report()}"


@pytest.mark.parametrize("path", ["/", "/inspections/{id}", "/inspections/{id}/decide/refuse", "/late"])
def test_pages_fit_1024_by_600(post: Post, tab: OpenTab, path: str) -> None:
    case = proposing(post, Proposal.REFUSE, EXPIRED, finding("document.check_digit", fields="birth,number,composite"))
    page = tab(post.officer(), path=path.format(id=case.id))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    if path == "/inspections/{id}":
        box = page.locator(".decide").bounding_box()
        assert box is not None and box["y"] + box["height"] <= 600, "the decision is always in sight"
