"""What the tests of look-ups need: records, a store that holds them, synthetic names of nobody."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from border_agent.agent.lookups.births import Birth, read_birth
from border_agent.agent.lookups.names import words_of
from border_agent.agent.lookups.people import People
from border_agent.store import Staging, Store, create_key
from mqtt_schemas.feeds import extend_feed, feed_genesis, put
from mqtt_schemas.messages import FeedHead
from mqtt_schemas.records import Handling, WatchRecord

FEED = "watchlist"
AT = datetime(2027, 3, 1, tzinfo=UTC)
PIECE = 2000

_GIVEN_NAMES = """
MOHAMED AHMED AMADOU IBRAHIMA OUSMANE SOULEYMANE ALIOU MOUSSA ISSA YOUSSOUF HAMIDOU BOUBACAR FATOUMATA AICHA
KADIATOU MARIAM AMINATA BINTOU RAMATOU HAWA DJENEBA ROKIA OUMOU NENE COUMBA JEAN PIERRE PAUL MARIE ANNE ROSE
SOLANGE CLAUDE BERNARD ERIC PATRICK FABRICE HERVE CHANTAL ODILE GRACE JOYCE EMMANUEL SAMUEL DANIEL GABRIEL
SYLVAIN ARMEL LANDRY KOFFI KOUAME YAO AKISSI ADJOUA AFFOUE NGOZI CHINEDU EMEKA UCHE IFEANYI TUNDE SEGUN BOLA
FOLAKE ABDELKADER ABDOULKARIM THIERNO SALIOU LAMINE MODIBO SEKOU BAKARY ZOUMANA DRAMANE LASSINA SALIMATA
ASSITAN NAFISSATOU HADIZA RAKIA ZARA HAOUA GERTRUDE BLANDINE EDITH THEOPHILE ACHILLE RODRIGUE GHISLAIN LUCIEN
PASCAL ROLAND MIREILLE VIVIANE ESTHER RACHEL
"""
_FAMILY_NAMES = """
DIALLO BARRY SOW BALDE BAH CAMARA KEITA TRAORE COULIBALY DIARRA KONE SISSOKO DEMBELE TOURE CISSE SANOGO
OUATTARA OUEDRAOGO SAWADOGO KABORE ZONGO COMPAORE NDIAYE DIOP FALL GUEYE FAYE SARR NGOM THIAM SYLLA KABA CONDE
DRAME FOFANA NGUEMA OBIANG MBA ONDO ESSONO NKOULOU MVONDO ATANGANA ETOUNDI BIYIK EKWALLA MANGA TCHOUMI KAMGA
FOTSO TCHATCHOUA NJOYA MBOUOMBOUO BELLO GARBA DANJUMA OKONKWO EZE NWOSU ADEYEMI OGUNLEYE BALOGUN MENSAH OWUSU
BOATENG ASANTE ADDO KOUASSI KOUADIO NGUESSAN BROU YEBOUA ABDERAMANE MAHAMAT DJIBRINE IDRISS HAGGAR ISSOUFOU
MAIGA CISSOKHO KANTE DOUMBIA BENALI HADDAD BOUAZZA MANSOURI SLIMANI FERNANDES GOMES LOPES TAVARES SEMEDO
MOREIRA DASILVA MARTIN BERNARD LEROY
"""
_SYLLABLES = """
B D F G K L M N R S T W Y Z NG MB ND NK KW GB TCH SH J P
"""
GIVEN, FAMILY, _ONSETS = _GIVEN_NAMES.split(), _FAMILY_NAMES.split(), _SYLLABLES.split()
_VOWELS = ["A", "E", "I", "O", "U", "OU", "A", "A"]
_ENDS = ["", "", "", "N", "M", "S", "L"]


def person(number: int, name: str, birth: str = "", **more: object) -> WatchRecord:
    """A record; `name` as `SURNAME, GIVEN NAMES`."""
    surname, _, given = name.partition(", ")
    fields: dict[str, object] = {"handling": Handling.STOP, "grounds": "court_order"} | more
    return WatchRecord(
        record_id=f"UTO-{number:07d}",
        surname=surname,
        given_names=given,
        birth=birth,
        **fields,  # type: ignore[arg-type]
    )


def document(number: str, issuer: str = "UTO", **more: object) -> WatchRecord:
    """A lost document."""
    fields: dict[str, object] = {"handling": Handling.STOP, "grounds": "document_lost"} | more
    return WatchRecord(
        record_id=f"DOC-{issuer}-{number}",
        document_issuer=issuer,
        document_number=number,
        **fields,  # type: ignore[arg-type]
    )


def points(name: str, record: str, birth: str = "", recorded: str = "") -> float:
    """Points of a name beside one record's; 0 where the record is not even a candidate."""
    date = read_birth(birth) or Birth()
    found = People([(1, person(1, record, recorded))]).find(words_of(name), date)
    return found[0].points if found else 0.0


def made_names(count: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Surnames and given names as many lists have them: a few very common ones, a long tail of rare ones."""
    chance = random.Random(seed)

    def rare() -> str:
        parts = [chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(chance.randint(2, 4))]
        return "".join(parts) + chance.choice(_ENDS)

    for _ in range(count):
        surname = chance.choice(FAMILY) if chance.random() < 0.6 else rare()
        given = [
            chance.choice(GIVEN) if chance.random() < 0.75 else rare() for _ in range(chance.choice((1, 1, 2, 2, 3)))
        ]
        yield surname, " ".join(given)


def made_birth(chance: random.Random) -> str:
    """A birth date as lists have them: most whole, some the year alone, some unknown."""
    year, kind = chance.randint(1945, 2005), chance.random()
    if kind < 0.1:
        return ""
    if kind < 0.25:
        return f"{year}-XX-XX"
    return f"{year}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"


def open_store(folder: Path) -> Store:
    """A new store in a folder."""
    create_key(folder / "store.key")
    return Store(folder / "store.db", folder / "store.key", reserve_bytes=0)


class WatchFeed:
    """The watch-list's feed: changes put after one another and installed, only the head kept in mind."""

    def __init__(self, store: Store) -> None:
        self._staging = Staging(store)
        self.version, self.head = 0, feed_genesis(FEED)

    def stage(self, rows: Iterable[bytes]) -> None:
        """Put changes after what is there; they do not answer yet."""
        waiting: list[bytes] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == PIECE:
                self._put(waiting)
                waiting = []
        self._put(waiting)

    def install(self) -> None:
        """Let everything staged answer."""
        issued = AT + timedelta(seconds=self.version)
        target = FeedHead(
            feed=FEED, version=self.version, head=self.head, issued=issued, expires=issued + timedelta(1)
        )
        assert self._staging.install(target, AT)

    def add(self, *records: WatchRecord) -> None:
        """Put records and install them."""
        self.stage(put(record.record_id, record) for record in records)
        self.install()

    def _put(self, rows: list[bytes]) -> None:
        if rows:
            self._staging.stage(FEED, self.version + 1, rows)
            for row in rows:
                self.version += 1
                self.head = extend_feed(self.head, self.version, row)
