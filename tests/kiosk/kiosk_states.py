"""Every screen of the kiosk as a state: what galleries draw and checks look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kiosk_app.flow import Comfort, Screen, State, Status, Traveller
from kiosk_app.flow.state import CallState, Guidance, Question, SlipState, Staff
from kiosk_app.ui.look import THEMES

GALLERY_THEMES = {**THEMES, "reach": Comfort(reach=True)}
STEPS = ("document", "chip", "page", "visa", "face", "questions")
DEVICES = ("document_reader", "chip_reader", "code_scanner", "document_camera", "face_camera", "printer")
STATUS = Status(
    device="uto-aeroport-borne-1",
    post="utopia-aeroport",
    ready=True,
    in_service=True,
    steps=STEPS,
    reader="flat",
    code_by=("scanner", "camera"),
    devices=tuple((role, "ready") for role in DEVICES),
    printer="ready",
    gate="A",
    counter="3",
    questions=(
        Question("purpose", ("tourism", "business", "family", "transit", "study", "work", "other")),
        Question("address"),
    ),
)
STAFF = Staff(
    token="specimen",
    name="Awa Specimen",
    role="technician",
    facts=(
        ("line", "up"),
        ("unacknowledged", "12"),
        ("lists", "policy 3 (1 h), trust 2 (1 h), visas 41 (0 h), watchlist 7 (2 h)"),
        ("clock", "synchronised"),
        ("memory", "412 MB"),
        ("disk", "18.2 GB"),
        ("software", "0.1.0"),
        ("system", "Python 3.11.2, Linux 6.1.0"),
        ("network", "eth0 10.20.30.41"),
    ),
    log=tuple(f"INFO border_agent.reporting: batch {n} acknowledged" for n in range(12)),
    tests=(("printer", "passed"), ("face_camera", "running")),
    can_reboot=True,
    can_train=True,
)


def screens(language: str, theme: str) -> Iterator[tuple[str, State]]:
    """Name and state of each screen, in the order a traveller may meet them."""
    traveller = Traveller(
        language=language, comfort=GALLERY_THEMES[theme], inspection="ab" * 16, phase="collecting", slip="K7Q2FD"
    )
    base = State(status=STATUS, traveller=traveller, has_training=True)

    def state(screen: Screen, under: Screen | None = None, **facts: Any) -> State:
        return replace(base, screen=screen, under=under, traveller=replace(traveller, **facts))

    def with_status(screen: Screen, **facts: Any) -> State:
        return replace(base, screen=screen, status=replace(STATUS, **facts))

    def guided(code: str, captured: int) -> Guidance:
        return Guidance(code=code, count=1, captured=captured, wanted=3)

    read = ("document",)
    done = ("document", "page", "visa")
    yield "attract", state(Screen.ATTRACT)
    yield "attract-offline", with_status(Screen.ATTRACT, online=False)
    yield "language", state(Screen.LANGUAGE)
    yield "passport", state(Screen.PASSPORT, step="document")
    chip = {"step": "chip", "answered": read}
    yield "passport-chip-page", state(Screen.PASSPORT, step="page", answered=read, chip=0.4)
    yield "passport-chip", state(Screen.PASSPORT, chip=0.4, **chip)
    yield "passport-chip-lost", state(Screen.PASSPORT, step="page", answered=read, chip=0.4, chip_lost=True)
    put, put_back = (Guidance(code=f"chip.{code}", count=1) for code in ("put", "put_back"))
    yield "passport-chip-back", state(Screen.PASSPORT, chip=0.4, guidance=put_back, **chip)
    beside_the_slot = replace(STATUS, reader="swipe")
    yield "passport-chip-put", replace(state(Screen.PASSPORT, guidance=put, **chip), status=beside_the_slot)
    yield "passport-read", state(Screen.PASSPORT, step="page", answered=("document", "chip"))
    yield "passport-again", state(Screen.PASSPORT, step="document", guidance=Guidance(code="document.again", count=1))
    seen = Guidance(code="document.hold", count=1)
    yield "passport-seen", state(Screen.PASSPORT, step="document", guidance=seen)
    yield "passport-swipe", with_status(Screen.PASSPORT, reader="swipe")
    yield "passport-training", with_status(Screen.PASSPORT, training=True)
    yield "visa", state(Screen.VISA, step="visa", answered=("document", "page"))
    yield "visa-chip", state(Screen.VISA, step="visa", answered=("document", "page"), chip=0.7)
    yield "visa-chip-lost", state(Screen.VISA, step="visa", answered=read, chip=0.7, chip_lost=True)
    yield "visa-again", state(Screen.VISA, step="visa", guidance=Guidance(code="visa.again", count=1))
    for name, code, captured in (
        ("face", "face.none", 0),
        ("face-closer", "face.closer", 0),
        ("face-several", "face.several", 0),
        ("face-dark", "face.too_dark", 0),
        ("face-bright", "face.too_bright", 0),
        ("face-still", "face.hold_still", 1),
        ("face-centre", "face.centre", 1),
        ("face-good", "face.good", 2),
    ):
        yield name, state(Screen.FACE, step="face", answered=done, guidance=guided(code, captured))
    yield "purpose", state(Screen.PURPOSE, step="questions")
    yield "address", state(Screen.ADDRESS, step="questions", told=("purpose",))
    ended = {"phase": "proposed", "answered": done, "paper": SlipState.PRINTED}
    yield "result-gate", state(Screen.GATE, say=("go_on",), **ended)
    yield "result-counter", state(Screen.COUNTER, say=("go_to_counter", "show_visa"), **ended)
    yield "result-officer", state(Screen.OFFICER, say=("see_officer", "come_with_family"), **ended)
    yield "slip", state(Screen.SLIP, say=("go_to_counter",), **ended)
    yield "paper-out", state(Screen.PAPER_OUT, say=("go_to_counter",), **ended)
    yield "goodbye", state(Screen.GOODBYE, say=("go_to_counter",), **ended)
    for below in (Screen.LANGUAGE, Screen.PASSPORT, Screen.VISA, Screen.FACE, Screen.PURPOSE, Screen.ADDRESS):
        name = "help" if below is Screen.FACE else f"help-{below.value}"
        yield name, state(Screen.HELP, below)
    yield "cancel", state(Screen.CANCEL, Screen.FACE)
    yield "settings", state(Screen.SETTINGS, Screen.PASSPORT)
    yield "still-there", state(Screen.STILL_THERE, Screen.PASSPORT)
    yield "help-coming", state(Screen.CALLED, Screen.PASSPORT, called=True)
    coming = state(Screen.CALLED, Screen.PASSPORT, called=True)
    yield "help-answered", replace(coming, status=replace(STATUS, call=CallState.ANSWERED))
    yield "moment", replace(state(Screen.MOMENT, Screen.VISA), status=None)
    yield "out-of-service", with_status(Screen.OUT_OF_SERVICE, in_service=False)
    yield "reader-missing", with_status(Screen.READER_MISSING, devices=(("document_reader", "absent"),))
    yield "sign-in", state(Screen.SIGN_IN)
    yield "sign-in-locked", replace(state(Screen.SIGN_IN), staff=Staff(refused="staff.locked", wait_seconds=57))
    yield "maintenance", replace(state(Screen.MAINTENANCE), staff=STAFF)
