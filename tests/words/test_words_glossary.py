"""The catalogues keep to the product's terms: the table is data, a breach names the key."""

from __future__ import annotations

import re

import pytest

from border_agent.words.catalogue import catalogue

FRENCH, ENGLISH = (
    {key: words.replace("’", "'") for key, words in catalogue(language).items()} for language in ("fr", "en")
)

FORBIDDEN_FRENCH = {
    r"kiosques?": "borne",
    r"postes? de frontière": "poste-frontière",
    r"officiers?": "agent",
    r"agents? frontaliers?": "agent",
    r"superviseurs?": "chef de poste",
    r"passagers?|passagères?": "voyageur, voyageuse",
    r"bandes? MRZ": "zone de lecture automatique",
    r"évisas?|evisas?": "visa électronique",
    r"QR codes?": "code QR",
    r"validité jusqu'": "valable jusqu'au",
    r"simple entrée": "une entrée",
    r"sceaux?": "cachet électronique visible",
    r"hits?": "correspondance",
    r"watch-?lists?": "fichier des personnes recherchées",
    r"match(s|es|ing)?": "concordance",
    r"référer|référez|référée?": "orienter vers un agent",
    r"inspections? secondaires?": "contrôle de seconde ligne",
    r"trouvailles?": "constat",
    r"overrid\w+": "passer outre",
    r"(le|un|du|votre|ce) reçu|coupons?": "ticket",
    r"portes?": "portique",
    r"déconnectée?s?": "hors ligne, liaison coupée",
    r"data ?cent(er|re)s?": "centre de données",
    r"logs?": "journal",
    r"login": "se connecter",
    r"training": "mode formation",
    r"provisionnement": "mise en service",
    r"backups?": "sauvegarde",
    r"rollback": "retour à la version précédente",
    r"dos|prochaine?": "Retour, Suivant",
    r"SVP": "s'il vous plaît",
}

FORBIDDEN_ENGLISH = {
    r"watch ?lists?": "watch-list",
    r"data ?centers?|datacentres?": "data centre",
    r"evisas?": "e-visa",
    r"passengers?": "traveller",
    r"trust-?lists?(?<! list)": "trust list",
    r"log ?in": "sign in",
    r"frontier posts?": "border post",
    r"secondary control": "secondary inspection",
    r"please kindly": "please",
}

TERMS = [
    (r"kiosks?", r"bornes?"),
    (r"border posts?", r"postes?-frontières?"),
    (r"officers?", r"agents?"),
    (r"supervisor", r"chef de poste"),
    (r"technician", r"technicien"),
    (r"passports?", r"passeports?"),
    (r"data page", r"page d'identité"),
    (r"machine-readable zone", r"zone de lecture automatique"),
    (r"e-visas?", r"visas? électroniques?|e-visas?"),
    (r"seals?", r"cachets?( électroniques?)?"),
    (r"signers?('s)?", r"signataires?"),
    (r"trust list", r"liste de confiance"),
    (r"certificates?", r"certificats?"),
    (r"revoked|revocation", r"révoqué|révocation"),
    (r"watch-list", r"personnes recherchées|liste de surveillance"),
    (r"watch-list hits?", r"correspondances?"),
    (r"face comparison", r"comparaison faciale"),
    (r"secondary inspection", r"seconde ligne"),
    (r"findings?", r"constats?"),
    (r"override", r"passer outre"),
    (r"gate", r"portique"),
    (r"counter", r"guichet"),
    (r"data centre('s)?", r"centre de données"),
    (r"length of stay", r"durée du séjour"),
    (r"number of entries", r"nombre d'entrées"),
    (r"up to date", r"à jour"),
    (r"stale", r"ancienne"),
    (r"out of service", r"hors service"),
    (r"unplugged", r"débranchée?"),
    (r"not answering", r"ne répond pas"),
    (r"acknowledged|acknowledgements?", r"accusés? de réception"),
    (r"training mode", r"mode formation"),
    (r"enrol(led|ment)?", r"enrôl\w*"),
    (r"camera", r"caméra"),
]
"""Where the English text has the first, the French text has the second."""


def whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


@pytest.mark.parametrize(
    ("texts", "forbidden"), [(FRENCH, FORBIDDEN_FRENCH), (ENGLISH, FORBIDDEN_ENGLISH)], ids=["fr", "en"]
)
def test_no_forbidden_word(texts: dict[str, str], forbidden: dict[str, str]) -> None:
    found = [
        f"{key}: {words!r}: say {better!r}"
        for pattern, better in forbidden.items()
        for key, words in texts.items()
        if whole(pattern).search(words)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("english", "french"), TERMS, ids=[row[1] for row in TERMS])
def test_a_term_has_one_name_in_each_language(english: str, french: str) -> None:
    breaches = [
        f"{key}: {ENGLISH[key]!r} / {FRENCH[key]!r}"
        for key in ENGLISH
        if whole(english).search(ENGLISH[key]) and not re.search(french, FRENCH[key], re.IGNORECASE)
    ]
    assert not breaches, "\n".join(breaches)


def test_travellers_are_never_told_why() -> None:
    inner = r"fichier|recherch|fraude|faux|police|watch|wanted|fraud|forged|police|refus"
    for texts in (FRENCH, ENGLISH):
        told = [words for key, words in texts.items() if key.startswith(("traveller.", "ask.", "again."))]
        assert told
        assert not [words for words in told if re.search(inner, words, re.IGNORECASE)]
