"""Names made comparable: what somebody typed or an MRZ says, as words whose spelling no longer matters much.

Four steps, each on purpose simple enough to be explained to an officer:

1. letters: whatever script, to A to Z as in an MRZ (Doc 9303-3 section 6); what is no letter parts words;
2. words: names of service (ABD EL KADER, ABDOULKADER, ABDELKADER) become one word, particles are marked light;
3. sound: one spelling for what French, English, Portuguese and Arabic habits write differently: OU and U, DIA and JA,
   THI and CH, CH and SH, K, C, Q and KH, silent H and E, doubled letters; three vowels (A, I, U) are left;
4. the same name: a table of forms that no such rule finds (see `same_names`).

The 9303 spelling of Arabic script has no short vowels, so the consonants of a word are compared as well.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from border_agent.agent.lookups.same_names import ARTICLES, LIGHT, SAME_NAMES, SERVANT
from border_agent.documents.mrz import MrzAlphabet, transliterate

MOST_CHARACTERS: Final = 256
"""Of a name that is looked at: twice as many as a record has."""
MOST_WORDS: Final = 12
_LONGEST_WORD: Final = 40
_SERVANT_SIGN: Final = "_"
_LIGHT_WEIGHT: Final = 0.25
_SHORT_WEIGHT: Final = 0.4

_SERVANT_WORD: Final = re.compile(r"ABD(?:[EAIOU]L|OUL|[EAIU]?([RSNZTD])(?=\1)|(?:OU|[EIU])(?=R))(?=.{4})")

_GAPS: Final = re.compile(r"[\s<\-\u2010-\u2015]+")
_ARABIC: Final = re.compile("[\u0600-\u06ff]")
"""In this script the article is a part of its word."""

_RULES: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Arabic as Doc 9303 writes it, and its letters with two dots or rings.
        ("XTH", "TH"), ("XKH", "KH"), ("XSH", "SH"), ("XSS", "S"), ("XD[HZ]", "D"), ("XTT", "T"), ("XZZ", "Z"),
        ("XAH$|XTA$|XAY$", "A"), ("XA[AE]", "A"), ("XH", "H"), ("UXX", "U"), ("NXX", "N"), ("X", "KS"),
        # Consonants, the longest spelling first; from here on X is the sound of SH.
        (r"([BCDFGJKLMNPRSTVZ])\1+", r"\1"),
        ("SCH|TCH|TSH|SH|CH", "X"), ("TH?I(?=[AEOU])", "X"), ("D[IY](?=[AEOU])|DJ", "J"),
        ("CK|Q|KH", "K"), ("PH", "F"), ("([BDGKRT])H", r"\1"),
        ("C(?=[EIY])|Z", "S"), ("C", "K"), ("GU(?=[EI])", "G"), ("(?<=..)H$", ""),
        # Vowels written with two letters.
        ("OU(?=[AEIO])", "W"), ("OU|OO", "U"), ("EE", "I"), ("AA", "A"), ("A[YI]E?$|[AE][YI](?=[^AEIOU]|$)", "E"),
        ("[AO]E", "E"), ("(?<=[^AEIOUWY])UE", "U"), ("U(?=[AIO])", "W"), ("(?<![^AEOU])I(?=[AEOU])", "Y"),
        ("(?:GN|NY|NI)(?=[AEOU])", "N"), ("(?<=[AEIOU])H(?=[^AEIOUYH])", ""),
        ("W(?=U)|(?<=.)W$", ""), ("(?<=[^AEIOUY])W(?=[^AEIOUY])", "U"), ("V", "W"),
        (r"([A-Z])\1+", r"\1"), ("(?<=..)E$", ""),
        # Three vowels.
        ("(?<=[^AEIOUY])Y|Y(?=[^AEIOUY]|$)", "I"), ("E", "I"), ("O", "U"), (r"([A-Z])\1+", r"\1"),
    )
)  # fmt: skip


class Word(NamedTuple):
    """One word of a name."""

    plain: str
    """As in an MRZ."""
    sound: str
    weight: float
    """1 for a word that tells people apart, less for particles, titles and initials."""


def words_of(text: str) -> tuple[Word, ...]:
    """A name's words, at most `MOST_WORDS`. Never raises: what cannot be a name has none."""
    return tuple(_word(plain) for plain in _joined(_letters(text)[:MOST_WORDS]))


def squashed(words: tuple[Word, ...]) -> str:
    """The sounds without gaps: where somebody parted or joined words otherwise."""
    return "".join(word.sound for word in words).replace(_SERVANT_SIGN, "ABDUL")


@lru_cache(maxsize=4096)
def sound(plain: str) -> str:
    """One spelling for words that sound alike; A to Z and the sign of a name of service."""
    servant = plain.removesuffix("H") not in _GROUP_OF_PLAIN and _SERVANT_WORD.match(plain)
    spelt = plain[servant.end() :] if servant else plain
    for pattern, replacement in _RULES:
        spelt = pattern.sub(replacement, spelt)
    return (_SERVANT_SIGN + spelt if servant else spelt) or plain


def consonants(sounding: str) -> str:
    """What is left of a sound without its vowels; empty where that is too little to say anything."""
    left = re.sub("[AIU]", "", sounding)
    if len(left) < 3:
        return ""
    return ("A" if sounding[0] in "AIU" else "") + left


def group_of(sounding: str) -> int:
    """Which line of the table of same names holds this sound; 0: none."""
    return _GROUPS.get(sounding, 0)


def _letters(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS])
    written: list[str] = []
    for word in _GAPS.split(text):
        try:
            latin = transliterate(word)
        except MrzAlphabet:
            latin = "".join(_letter(letter) for letter in word)
        if _ARABIC.search(word) and len(latin) > 4:
            latin = latin.removeprefix("AL")
        written.extend(latin.split())
    return [word[:_LONGEST_WORD] for word in written if word]


def _letter(letter: str) -> str:
    """One character of a word that is not all letters: what is none parts it."""
    try:
        return transliterate(letter)
    except MrzAlphabet:
        return " "


def _joined(words: list[str]) -> list[str]:
    joined: list[str] = []
    index = 0
    while index < len(words):
        word, index = words[index], index + 1
        if word in SERVANT and index < len(words):
            while words[index] in ARTICLES and index + 1 < len(words):
                index += 1
            word, index = f"ABDUL{words[index]}"[:_LONGEST_WORD], index + 1
        joined.append(word)
    return joined


def _word(plain: str) -> Word:
    light = plain in LIGHT or len(plain) == 1
    return Word(plain, sound(plain), _LIGHT_WEIGHT if light else _SHORT_WEIGHT if len(plain) == 2 else 1.0)


_GROUP_OF_PLAIN: Final = {form: number for number, line in enumerate(SAME_NAMES, start=1) for form in line}
_GROUPS: Final = {sound(form): number for form, number in _GROUP_OF_PLAIN.items()}
