"""The refusal notice: one sheet, both languages side by side, from the journal's own entry. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from border_agent.console.pages.refusals import GROUNDS
from border_agent.console.pages.seen_facts import partial_date
from border_agent.documents.mrz.dates import birth_date
from border_agent.errors import BorneError
from border_agent.inspection.slip import QR_PREFIX, slip_code
from border_agent.words import format_moment, text
from mqtt_schemas.entries import Decision, DocumentFacts, Movement
from mqtt_schemas.records import Policy, RefusalNotice

SIDES = ("fr", "en")
"""The order of the columns. Neither is a translation of the other."""

Pair = tuple[str, str]
"""A text in each of `SIDES`."""


class NoNotice(BorneError):
    """What did not end in a refusal has no notice."""

    code = "inspection.no_notice"


class NoticeLine(Struct, frozen=True):
    """A fact: its label in each language, and its value, twice the same where there is nothing to translate."""

    labels: Pair
    values: Pair


class NoticeGround(Struct, frozen=True):
    code: str
    words: Pair
    applies: bool


class SeenNotice(Struct, frozen=True, kw_only=True):
    """A sheet."""

    number: str
    authority: Pair
    facts: tuple[NoticeLine, ...]
    grounds: tuple[NoticeGround, ...]
    remarks: str
    """The officer's own words, in the language they were written in."""
    legal_basis: Pair
    appeal: Pair
    officer: str
    second_officer: str
    reference: str
    """By which the sheet finds its inspection, as a slip does."""


def notice_number(device: str, sequence: int, inspection: str) -> str:
    """Unique among all devices; after a device's journal began anew the slip's code tells two sheets apart."""
    return f"{device}/{sequence:06d}/{slip_code(inspection)}"


def see_notice(
    entry: object, policy: Policy, *, device: str, sequence: int, place: str, local: datetime
) -> SeenNotice:
    """The notice of a refusal. `local`: the moment of the decision in the post's own time. Raises NoNotice."""
    if not isinstance(entry, Movement) or entry.decision is not Decision.REFUSE:
        raise NoNotice(device, str(sequence))
    own = tuple(policy.notice.get(side, RefusalNotice()) for side in SIDES)
    return SeenNotice(
        number=notice_number(device, sequence, entry.inspection_id),
        authority=(
            own[0].authority or text("notice.authority_missing", SIDES[0]),
            own[1].authority or text("notice.authority_missing", SIDES[1]),
        ),
        facts=tuple(_facts(entry, place, local)),
        grounds=tuple(NoticeGround(code, _words(f"refusal.{code}"), code in entry.grounds) for code in GROUNDS),
        remarks=entry.reason,
        legal_basis=(own[0].legal_basis, own[1].legal_basis),
        appeal=(
            own[0].appeal or text("notice.appeal_missing", SIDES[0]),
            own[1].appeal or text("notice.appeal_missing", SIDES[1]),
        ),
        officer=entry.officer,
        second_officer=entry.second_officer,
        reference=f"{QR_PREFIX}{entry.inspection_id}",
    )


def _facts(entry: Movement, place: str, local: datetime) -> Iterator[NoticeLine]:
    if entry.document is not None:
        yield from _document(entry.document, local)
    if entry.visa is not None and (shown := f"{entry.visa.issuer} {entry.visa.visa_id}".strip()):
        yield _line("notice.visa", shown)
    if place:
        yield _line("notice.place", place)
    yield NoticeLine(_words("notice.at"), (format_moment(local, SIDES[0]), format_moment(local, SIDES[1])))


def _document(document: DocumentFacts, local: datetime) -> Iterator[NoticeLine]:
    yield _line("notice.surname", document.surname)
    yield _line("notice.given_names", document.given_names)
    if document.birth:
        birth = birth_date(document.birth, local.date())
        yield NoticeLine(_words("notice.birth"), (partial_date(birth, SIDES[0]), partial_date(birth, SIDES[1])))
    yield NoticeLine(_words("notice.sex"), _words(f"sex.{document.sex.lower()}" if document.sex else "sex.x"))
    yield _line("notice.nationality", document.nationality)
    yield _line("notice.document", f"{document.issuer} {document.number}".strip())


def _line(key: str, value: str) -> NoticeLine:
    return NoticeLine(_words(key), (value, value))


def _words(key: str) -> Pair:
    return text(key, SIDES[0]), text(key, SIDES[1])
