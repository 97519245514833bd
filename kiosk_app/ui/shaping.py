"""From text as it is stored to lines as they are drawn, left to right: wrapping, joining, the order of letters.

A line is wrapped before its letters change places, else the beginning of a sentence would end up on its last line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice

from arabic_reshaper import ArabicReshaper
from bidi import get_display
from bidi.mirror import MIRRORED

from kiosk_app.ui.fonts import Face, runs

Measure = Callable[[str], float]

RIGHT_TO_LEFT = frozenset({"ar"})

_reshaper = ArabicReshaper(configuration={"delete_harakat": False, "support_zwj": False})

_BREAKS = re.compile(r"\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
# Where a line may break. No-break spaces are not among them.
_SPACES = " \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u200b\u205f\u3000"
_GAPS = re.compile(f"([{_SPACES}]+)")
# Joiners, marks and overrides of direction, variation selectors: no letters, and some would be drawn as boxes.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180b-\u180f\u200d-\u200f\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
_NOT_DRAWN = re.compile("[\u200b\u202a-\u202e\u2066-\u2069]")  # has done its work when a line is drawn
_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_MARKS = "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff"
_LETTERS = "\u0620-\u064a\u066e-\u06d5\u06ee-\u06ff\u0750-\u077f\u08a0-\u08c7\ufb50-\ufdff\ufe70-\ufefc"
_LETTER = re.compile(f".[{_MARKS}\u0300-\u036f]*", re.DOTALL)
_MARKS_FIRST = re.compile(f"([{_MARKS}]+)([{_LETTERS}])")
_MARKS_LAST = re.compile(f"([{_LETTERS}])([{_MARKS}]+)")
# A telephone number stays in one piece and keeps its order: a plus sign and groups, or at least three groups.
_NUMBERS = re.compile(r"\+[0-9]+(?:[ \u00a0\u202f-][0-9]+)*|(?<![0-9+])[0-9]+(?:[ \u00a0\u202f-][0-9]+){2,}(?![0-9])")
_TAG = "\U000e0100"  # invisible, so never in cleaned text; stands on the level of the character before it
_MIRRORED = "".join(map(re.escape, MIRRORED))
_TAGGED = re.compile(f"{_TAG}([{_MIRRORED}])|([{_MIRRORED}]){_TAG}")


def is_right_to_left(language: str) -> bool:
    return language in RIGHT_TO_LEFT


def clean(text: str) -> str:
    """Without control characters and other invisible ones; line breaks are LF, tabs spaces."""
    text = _INVISIBLE.sub("", _BREAKS.sub("\n", text).replace("\t", " "))
    return "".join(_drawable(char) for char in unicodedata.normalize("NFC", text))


def _drawable(char: str) -> str:
    kind = unicodedata.category(char)
    if kind == "Cc" and char != "\n":
        return ""
    return "\ufffd" if kind in ("Cs", "Cn") else char  # surrogates end in an error, what is not assigned in a box


def lines(text: str, language: str, width: float, measure: Measure, most: int | None = None) -> list[str]:
    """Display lines no wider than `width` as `measure` has it; nothing for text without visible characters.

    Lines break at spaces, zero-width spaces and line ends. A word that is wider than a line is divided where the
    line is full, so a line is only ever too wide where a single letter is. Where there would be more lines than
    `most`, the last ends in an ellipsis.
    """
    text = clean(text).strip(f"\n{_SPACES}")
    text = _NUMBERS.sub(lambda number: number[0].replace(" ", "\u00a0"), text)

    def fits(line: str) -> bool:
        return measure(_shaped(line, language)) <= width

    paragraphs = text.split("\n") if _NOT_DRAWN.sub("", text).strip() else []
    wrapped = (line for paragraph in paragraphs for line in _wrapped(paragraph.strip(_SPACES), fits))
    kept = list(islice(wrapped, most))
    if kept and next(wrapped, None) is not None:
        kept[-1] = _elided(kept[-1], fits)
    return [_shaped(line, language) for line in kept]


def display(text: str, language: str) -> str:
    """All of the text as one display line."""
    return _shaped(clean(text).replace("\n", " "), language)


def kivy_markup(line: str, language: str) -> str:
    """A display line for a label with `markup: True`: escaped, each run in its face.

    In languages written from left to right a line that needs no other font than the label's own (Noto Sans) stays
    unmarked. The names of the faces must be registered; see `fonts.install`.
    """
    marked = runs(line)
    if not is_right_to_left(language) and all(face is Face.latin for face, _ in marked):
        return _escaped(line)
    return "".join(f"[font={face.value}]{_escaped(part)}[/font]" for face, part in marked)


def marks_first(line: str) -> str:
    """A display line for renderers that set every glyph by itself, as Pillow does without Raqm."""
    return _MARKS_LAST.sub(lambda found: found[2][::-1] + found[1], line)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("[", "&bl;").replace("]", "&br;")


def _wrapped(paragraph: str, fits: Callable[[str], bool]) -> Iterator[str]:
    line = gap = ""
    for word in _GAPS.split(paragraph):
        if _GAPS.fullmatch(word):
            gap = word
            continue
        if line and fits(line + gap + word):
            line += gap + word
            continue
        if line:
            yield line
        line = word
        if not fits(word):
            pieces = _divided(word, fits)
            line = next(pieces)
            for piece in pieces:
                yield line
                line = piece
    yield line


def _divided(word: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """A word in pieces that fit, each of at least one letter with its marks."""
    piece = ""
    for letter in _LETTER.findall(word):
        if piece and not fits(piece + letter):
            yield piece
            piece = ""
        piece += letter
    yield piece


def _elided(line: str, fits: Callable[[str], bool]) -> str:
    letters = _LETTER.findall(line)
    while letters and not fits("".join(letters).rstrip() + "…"):
        letters.pop()
    return "".join(letters).rstrip() + "…"


def _shaped(line: str, language: str) -> str:
    right_to_left = is_right_to_left(language)
    if not right_to_left and not _RIGHT.search(line):
        return _NOT_DRAWN.sub("", line)
    joined = _reshaper.reshape(line)
    if right_to_left:
        joined = _NUMBERS.sub("\u2066\\g<0>\u2069", joined)
    tagged = re.sub(f"[{_MIRRORED}]", f"\\g<0>{_TAG}", joined)
    ordered = get_display(tagged, base_dir="R" if right_to_left else "L")
    # get_display leaves brackets as they are, and does not say which way a character runs. The tag does: it comes
    # out before its bracket where the text runs to the left.
    mirrored = _TAGGED.sub(lambda found: MIRRORED[found[1]] if found[1] else found[2], ordered)
    # Fonts expect a mark behind its letter, whichever way the text runs.
    marked = _MARKS_FIRST.sub(lambda found: found[2] + found[1][::-1], mirrored)
    return _NOT_DRAWN.sub("", marked)
