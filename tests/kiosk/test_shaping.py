"""Fonts and shaping: which face draws what, Arabic in the order of drawing, wrapping that loses nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from bidi.mirror import MIRRORED
from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.ui import fonts
from kiosk_app.ui.fonts import Face, FontsMissing, face_for, font, install, ruler, runs
from kiosk_app.ui.shaping import clean, display, is_right_to_left, kivy_markup, lines, marks_first

LANGUAGES = ["fr", "en", "ar", "pt", "es"]
INSTRUCTION = "ضع جواز سفرك مفتوحًا والصورة إلى الأسفل، ثم انتظر (3 ثوان) قرب الشباك K7Q-2FD في 22/11/2026."

COMMON = " \n\t\u00a0()[]&«»0123456789+-/.:،؟ABéçاأبتثجحخدلالمنهويىةءًَُِّْٰـ\u200b\u200c\u200d\u2066\u2069\u202e"
TEXTS = st.text(st.sampled_from(COMMON) | st.characters(), max_size=80)


def joined(line: str) -> str:
    """The letters of a display line as they were before they were joined, from left to right."""
    return "".join(unicodedata.normalize("NFKC", char) for char in line)


def backwards(text: str) -> str:
    return text[::-1]


# fonts


def test_the_faces_are_there() -> None:
    for face in Face:
        for bold in (False, True):
            assert face.file(bold).is_file()


def test_a_missing_font_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FontsMissing, match="fonts-noto-core") as caught:
        Face.arabic.file(folder=tmp_path)
    assert (caught.value.code, caught.value.where) == ("kiosk.fonts_missing", "fonts-noto-core")
    assert "NotoSansArabic-Regular.ttf" in caught.value.detail
    monkeypatch.setattr(Face, "file", lambda *_: tmp_path / "torn.ttf")
    for content in (b"", b"\0\1\0\0\xff\xff", b"no font at all, but longer than a header"):
        (tmp_path / "torn.ttf").write_bytes(content)
        with pytest.raises(FontsMissing):
            font(Face.latin, 19)
        if len(content) < 40:
            with pytest.raises(FontsMissing):
                install(tmp_path / "fonts")


def has_glyph(face: Face, char: str) -> bool:
    letters = font(face, 40)
    return bytes(letters.getmask(char)) != bytes(letters.getmask("\U0010fffe")) or not char.strip()


def test_every_character_of_the_languages_has_a_face_that_draws_it() -> None:
    latin = [chr(code) for code in (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x180))]
    arabic = [chr(code) for code in (*range(0x620, 0x653), *range(0x660, 0x66E), 0x60C, 0x61B, 0x61F)]
    shaped = [char for one in arabic for other in "بلا" for char in display(one + other + one, "ar")]
    for char in (*latin, *arabic, *shaped, *"’‘“”–—…•€ "):
        assert has_glyph(face_for(char), char), hex(ord(char))
    for char in fonts._BOTH - {"\u200c"}:
        assert has_glyph(Face.latin, char) and has_glyph(Face.arabic, char), hex(ord(char))


@given(TEXTS)
def test_runs_are_the_text_divided(text: str) -> None:
    divided = runs(text)
    assert "".join(part for _, part in divided) == text
    assert all(one is not other for (one, _), (other, _) in pairwise(divided))
    for face, part in divided:
        assert part
        for char in part:
            assert face_for(char) is face or char in fonts._BOTH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("12 !", [(Face.latin, "12 !")]),
        ("رقم 3.", [(Face.arabic, "رقم 3.")]),
        ("3. رقم", [(Face.arabic, "3. رقم")]),
        ("رقم K7Q-2FD رقم", [(Face.arabic, "رقم "), (Face.latin, "K7Q-2FD "), (Face.arabic, "رقم")]),
        ("22/11/2026 في", [(Face.latin, "22/11/2026 "), (Face.arabic, "في")]),
        ("في 22/11/2026", [(Face.arabic, "في "), (Face.latin, "22/11/2026")]),
        ("(في)", [(Face.latin, "("), (Face.arabic, "في"), (Face.latin, ")")]),
    ],
)
def test_what_both_have_goes_with_its_neighbours(text: str, expected: list[tuple[Face, str]]) -> None:
    assert runs(text) == expected


def test_a_ruler_measures_like_the_fonts() -> None:
    assert ruler(40)("") == 0
    assert ruler(40)("mmmm") == pytest.approx(4 * ruler(40)("m"), abs=2)
    assert ruler(40, bold=True)("Guichet") > ruler(40)("Guichet")
    assert ruler(80)(display(INSTRUCTION, "ar")) == pytest.approx(2 * ruler(40)(display(INSTRUCTION, "ar")), rel=0.02)


# display order


@pytest.mark.parametrize(
    ("text", "left_to_right"),
    [
        ("شكرا (3)", "(3) " + backwards("شكرا")),
        ("رقم K7Q-2FD هنا", backwards("هنا") + " K7Q-2FD " + backwards("رقم")),
        ("«شكرا»، [نعم]؟", "؟[" + backwards("نعم") + "] ،«" + backwards("شكرا") + "»"),
        ("في 22/11/2026 الساعة 14:05.", ".14:05 " + backwards("الساعة") + " 22/11/2026 " + backwards("في")),
        ("هاتف +237 222 33 44 55.", ".+237 222 33 44 55 " + backwards("هاتف")),
        ("هاتف 222 33 44؟", "؟222 33 44 " + backwards("هاتف")),
        ("من 3 إلى 5", "5 " + backwards("إلى") + " 3 " + backwards("من")),
        ("رمز QR (e-visa) هنا", backwards("هنا") + " QR (e-visa) " + backwards("رمز")),
        ("157\u00a0688 مسافر", backwards("مسافر") + " 157 688"),
        ("Borne (kiosk)", "Borne (kiosk)"),
    ],
)
def test_arabic_from_left_to_right(text: str, left_to_right: str) -> None:
    assert joined(display(text, "ar")) == left_to_right


def test_letters_are_joined() -> None:
    assert display("بيت", "ar") == "\ufe96\ufef4\ufe91"  # final, medial, initial: from left to right
    assert display("لا", "ar") == "\ufefb"  # one letter of two
    assert display("محمد\u200cب", "ar").count("\ufe8f") == 1  # a non-joiner keeps them apart


def test_marks_stand_behind_their_letters_for_kivy_and_before_them_for_pillow() -> None:
    line = display("شكرًا مُحَمَّد", "ar")
    assert line == "\ufeaa\ufee4\u064e\u0651\ufea4\u064e\ufee3\u064f \ufe8d\ufeae\u064b\ufedc\ufeb7"
    assert marks_first(line) == "\ufeaa\u0651\u064e\ufee4\u064e\ufea4\u064f\ufee3 \ufe8d\u064b\ufeae\ufedc\ufeb7"


def test_arabic_words_in_a_latin_text() -> None:
    assert joined(display("Langue : العربية (ar)", "fr")) == "Langue : " + backwards("العربية") + " (ar)"


def test_languages() -> None:
    assert [language for language in LANGUAGES if is_right_to_left(language)] == ["ar"]


# wrapping


def test_lines_are_read_from_the_first_word() -> None:
    wrapped = lines(INSTRUCTION, "ar", 400, ruler(36))
    assert len(wrapped) > 2
    assert joined(wrapped[0]).endswith(backwards("ضع"))
    assert "K7Q-2FD" in " ".join(wrapped) and "22/11/2026" in wrapped[-1]
    # Each line is what its words are by themselves, so no word changed lines.
    words, rebuilt = INSTRUCTION.split(" "), []
    for line in wrapped:
        count = line.count(" ") + 1
        rebuilt.append(display(" ".join(words[:count]), "ar"))
        words = words[count:]
    assert rebuilt == wrapped and not words


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "fr", []),
        (" \n\u200f ", "ar", []),
        ("a b c", "fr", ["a b c"]),
        ("un\n\ndeux\r\ntrois", "fr", ["un", "", "deux", "trois"]),
        ("aaaa bbbb cccc", "fr", ["aaaa bbbb", "cccc"]),
        ("aaaa bbbb\u00a0! cc", "fr", ["aaaa", "bbbb\u00a0! cc"]),
        ("aaa postes-frontières", "fr", ["aaa", "postes-fro", "ntières"]),
        ("Tél. +23 45 67", "fr", ["Tél.", "+23\u00a045\u00a067"]),
        ("e\u0301" * 12, "fr", ["é" * 10, "é" * 2]),
        ("someone@\u200bexample.\u200borg", "fr", ["someone@", "example.", "org"]),
        ("a\u200bb\u200b\n\u200b c", "fr", ["ab", "c"]),
        ("\u200b \n", "fr", []),
        ("aaaa     bbbbbb c", "fr", ["aaaa", "bbbbbb c"]),
    ],
)
def test_where_lines_break(text: str, language: str, expected: list[str]) -> None:
    assert lines(text, language, 10, len) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("aaaa bbbb", "fr", ["aaaa bbbb"]),
        ("aaaa bbbb\n\n", "fr", ["aaaa bbbb"]),
        ("aaaa bbbb cccc dddd", "fr", ["aaaa bbbb", "cccc dddd"]),
        ("aaaa bbbb cccc dddd e", "fr", ["aaaa bbbb", "cccc dddd…"]),
        ("aaaa bbbb ccccc dddd e", "fr", ["aaaa bbbb", "ccccc ddd…"]),
        ("aaaa\nbbbb\ncccc", "fr", ["aaaa", "bbbb…"]),
        ("x" * 10_000, "fr", ["x" * 10, "x" * 9 + "…"]),
        ("ب" * 25, "ar", ["\ufe90" + 8 * "\ufe92" + "\ufe91", "…\ufe90" + 7 * "\ufe92" + "\ufe91"]),
    ],
)
def test_more_lines_than_there_is_room_for_end_in_an_ellipsis(text: str, language: str, expected: list[str]) -> None:
    assert lines(text, language, 10, len, most=2) == expected


def ingredients(text: str) -> Counter[str]:
    """What must not get lost: everything but whitespace, invisible characters and the two ways a bracket looks."""
    plain = unicodedata.normalize("NFKD", clean(text))
    kept = (either_way(char) for char in plain if not char.isspace() and unicodedata.category(char) != "Cf")
    return Counter(kept)


def either_way(char: str) -> str:
    return min(char, unicodedata.normalize("NFKD", MIRRORED.get(char, char)))


@given(TEXTS, st.sampled_from(LANGUAGES), st.integers(1, 40))
def test_nothing_is_lost_and_every_line_fits(text: str, language: str, width: int) -> None:
    def measure(line: str) -> float:
        return sum(not unicodedata.combining(char) for char in line)

    wrapped = lines(text, language, width, measure)
    assert sum((ingredients(line) for line in wrapped), Counter()) == ingredients(text)
    for line in wrapped:
        # A ligature becomes two letters where a word is divided in it.
        assert measure(line) <= max(width, 1) and "\n" not in line
    assert any(line.strip() for line in wrapped) == bool(display(text, language).strip())
    assert wrapped == [] or any(line.strip() for line in wrapped)


@given(TEXTS, st.sampled_from(LANGUAGES))
def test_markup_says_what_the_line_says(text: str, language: str) -> None:
    line = display(text, language)
    marked = kivy_markup(line, language)
    plain = re.sub(r"\[/?font[^\]]*\]", "", marked)
    assert not set(plain) & set("[]")
    assert plain.replace("&bl;", "[").replace("&br;", "]").replace("&amp;", "&") == line
    assert marked.count("[font=") == marked.count("[/font]")
    assert marks_first(line) == marks_first(marks_first(line)) or Counter(marks_first(line)) == Counter(line)


def test_latin_languages_are_plain_text_escaped() -> None:
    assert kivy_markup("Été [a] & « b »", "fr") == "Été &bl;a&br; &amp; « b »"
    assert kivy_markup(display("K7Q", "ar"), "ar") == "[font=NotoSans]K7Q[/font]"
    assert kivy_markup(display("fr العربية", "fr"), "fr").startswith("[font=NotoSans]fr [/font][font=NotoSansArabic]")


@pytest.mark.parametrize("text", ["كلمة " * 2000, "ب" * 10_000, "x" * 10_000, "َ" * 10_000, "( " * 5000])
def test_long_texts_take_no_age(text: str) -> None:
    wrapped = lines(text, "ar", 30, len)
    assert sum((ingredients(line) for line in wrapped), Counter()) == ingredients(text)


# in Kivy itself

SCRIPT = """
import sys
from pathlib import Path
from kivy.config import Config
for name in ("width", "height"):
    Config.set("graphics", name, "100")
Config.set("graphics", "multisamples", "0")
from kivy.core.window import Window
from kivy.core.text import LabelBase
from kivy.core.text.markup import MarkupLabel
from kiosk_app.ui.fonts import install, ruler
from kiosk_app.ui.shaping import display, kivy_markup

for name, (regular, bold) in install(Path(sys.argv[1])).items():
    LabelBase.register(name, str(regular), fn_bold=str(bold))

def drawn(text, language, bold):
    line = display(text, language)
    label = MarkupLabel(text=kivy_markup(line, language), font_name="NotoSans", font_size=40, bold=bold)
    label.refresh()
    width, height = label.texture.size
    alpha = label.texture.pixels[3::4]
    rows = [any(alpha[row * width : (row + 1) * width]) for row in range(height)]
    if not label.texture.tex_coords[1]:
        rows.reverse()
    return width, height, rows.index(True), height - 1 - rows[::-1].index(True), ruler(40, bold)(line)

for bold in (False, True):
    for language, text in (word.split(":", 1) for word in sys.argv[2:]):
        print(*drawn(text, language, bold))
"""


def test_kivy_sets_both_faces_on_one_line_and_is_no_wider_than_measured(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "SDL_VIDEODRIVER": "offscreen",
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_CONFIG": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    french = "Posez votre passeport ouvert, photo vers le bas. ÀÉÎÔÜÇ"
    texts = ("fr:HK3", "ar:HK3", "ar:HK3 د", "ar:د", f"ar:{INSTRUCTION}", f"fr:{french}")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "fonts"), *texts]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    answers = [[float(word) for word in line.split()] for line in run.stdout.splitlines()]
    assert len(answers) == 12
    for latin, marked, both, arabic, instruction, sentence in (answers[:6], answers[6:]):
        assert latin == marked
        assert {height for _, height, *_ in (latin, both, arabic, instruction, sentence)} == {latin[1]}
        # H stands on the base line; the arabic letter reaches as far below it, alone or beside H.
        assert both[2] == min(latin[2], arabic[2]) and both[3] == max(latin[3], arabic[3])
        for width, *_, measured in (latin, both, arabic, instruction, sentence):
            assert measured - 0.05 * width - 2 <= width <= measured + 1
