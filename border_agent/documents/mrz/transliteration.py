"""National letters written with A to Z (Doc 9303-3 section 6).

Where the standard offers several ways, the first one is taken; where it makes exceptions for one language,
the general rule is, because a name does not say its language. Rows that the standard prints with the wrong
code point (Ђ, Ћ, Ѓ) are put right. African letters it does not list go to the Latin letter they derive
from.
"""

from __future__ import annotations

import unicodedata

from border_agent.documents.mrz.digits import FILLER, LETTERS
from border_agent.documents.mrz.errors import MrzAlphabet


def _table(pairs: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in pairs.split())


_LATIN = _table(
    "Ä:AE Å:AA Æ:AE Ð:D Đ:D Ħ:H Ĳ:IJ Ŀ:L Ł:L Ŋ:N Ö:OE Ø:OE Œ:OE ẞ:SS Ŧ:T Ü:UE Þ:TH "
    "Ɓ:B Ɗ:D Ɖ:D Ǝ:E Ə:E Ɛ:E Ƒ:F Ɣ:G Ɩ:I Ɨ:I Ƙ:K Ɲ:N Ɔ:O Ƥ:P Ƭ:T Ʈ:T Ʉ:U Ʊ:U Ʋ:V Ƴ:Y Ʒ:Z"
)

_CYRILLIC = _table(
    "Ё:E Ђ:D Ѓ:G Є:IE Ѕ:DZ І:I Ї:I Ј:J Љ:LJ Њ:NJ Ћ:C Ќ:K Ў:U Џ:DZ А:A Б:B В:V Г:G Д:D Е:E Ж:ZH "
    "З:Z И:I Й:I К:K Л:L М:M Н:N О:O П:P Р:R С:S Т:T У:U Ф:F Х:KH Ц:TS Ч:CH Ш:SH Щ:SHCH Ъ:IE Ы:Y "
    "Ь: Э:E Ю:IU Я:IA Ѫ:U Ѵ:Y Ґ:G Ғ:G Һ:C"
)

# By code point: right-to-left text in a left-to-right source is a trap for whoever edits it.
_ARABIC = {
    chr(int(code, 16)): latin
    for code, latin in _table(
        "621:XE 622:XAA 623:XAE 624:U 625:I 626:XI 627:A 628:B 629:XTA 62A:T 62B:XTH 62C:J 62D:XH "
        "62E:XKH 62F:D 630:XDH 631:R 632:Z 633:S 634:XSH 635:XSS 636:XDZ 637:XTT 638:XZZ 639:E 63A:G "
        "640: 641:F 642:Q 643:K 644:L 645:M 646:N 647:H 648:W 649:XAY 64A:Y 671:XXA 679:XXT 67C:XRT "
        "67E:P 681:XKE 685:XXH 686:XC 688:XXD 689:XDR 691:XXR 693:XRR 696:XRX 698:XJ 69A:XXS 69C: "
        "6A2: 6A4:V 6A5:XF 6A7: 6A8: 6A9:XKK 6AB:XXK 6AD:XNG 6AF:XGG 6BA:XNN 6BC:XXN 6BE:XDO 6C0:XYH "
        "6C1:XXG 6C2:XGE 6C3:XTG 6CC:XYA 6CD:XXY 6D0:Y 6D2:XYB 6D3:XBE"
    ).items()
}

_TABLE = _LATIN | _CYRILLIC | _ARABIC
_SHADDA = "\N{ARABIC SHADDA}"
_TEH_MARBUTA = "\N{ARABIC LETTER TEH MARBUTA}"
_TEH_MARBUTA_AT_END = "XAH"
_BETWEEN_WORDS = frozenset("-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}" + FILLER)
_LEFT_OUT = frozenset(
    "'.,`\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"
    "\N{MODIFIER LETTER TURNED COMMA}\N{ACUTE ACCENT}\N{MIDDLE DOT}"
)


def transliterate(name: str) -> str:
    """A name with A to Z and single spaces, as a machine readable zone would give it back.

    Hyphens become spaces; apostrophes, full stops and commas go. Raises `MrzAlphabet` on a digit or on a
    letter of a script the standard has no table for (the detail names its code point, not the name).
    """
    words = "".join(" " if _separates(letter) else letter for letter in unicodedata.normalize("NFC", name).upper())
    return " ".join(written for word in words.split() if (written := _write_word(word)))


def _separates(character: str) -> bool:
    return character.isspace() or character in _BETWEEN_WORDS


def _write_word(word: str) -> str:
    written: list[str] = []
    for position, letter in enumerate(unicodedata.normalize("NFC", word)):
        if letter in LETTERS:
            written.append(letter)
        elif letter == _TEH_MARBUTA and position == len(word) - 1:
            written.append(_TEH_MARBUTA_AT_END)
        elif letter == _SHADDA:
            written.extend(written[-1:])
        elif letter in _TABLE:
            written.append(_TABLE[letter])
        elif letter not in _LEFT_OUT and not unicodedata.combining(letter):
            written.append(_base_letters(letter))
    return "".join(written)


def _base_letters(letter: str) -> str:
    """A letter without its marks (É, Ń, Ș), by its canonical decomposition."""
    for part in unicodedata.normalize("NFD", letter):
        if part in LETTERS:
            return part
        if part in _TABLE:
            return _TABLE[part]
    raise MrzAlphabet("name", f"no transliteration for U+{ord(letter):04X}")
