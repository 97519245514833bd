"""The slip: bounded whatever the texts, readable by machine, laid out from the right in Arabic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk_app.slip import MAX_ROWS, WIDTH, SlipContent, SlipRows, render_slip

QR = "borne:0123456789abcdef0123456789abcdef"
FRENCH = SlipContent(
    title="Bienvenue au Cameroun",
    where="Guichet 3",
    code="K7Q-2FD",
    qr=QR,
    moment="22/11/2026 à 14 h 05",
    lines=(
        "Gardez ce ticket et votre passeport à la main.",
        "Allez au guichet 3.",
        "Montrez ce ticket à l’agent.",
    ),
    contact_title="Vos données",
    contact="Délégation générale à la Sûreté nationale, Yaoundé. Tél. +237 222 22 22 22, donnees@example.org",
)
ENGLISH = SlipContent(
    title="Welcome to Cameroon",
    where="Counter 3",
    code="K7Q-2FD",
    qr=QR,
    moment="22 Nov 2026, 14:05",
    lines=("Keep this slip and your passport at hand.", "Go to counter 3.", "Show this slip to the officer."),
    contact_title="Your data",
    contact="General Delegation for National Security, Yaoundé. Tel. +237 222 22 22 22, data@example.org",
)
ARABIC = SlipContent(
    title="مرحبًا بكم في الكاميرون",
    where="الشباك 3",
    code="K7Q-2FD",
    qr=QR,
    moment="22/11/2026 الساعة 14:05",
    lines=("احتفظ بهذه التذكرة وبجواز سفرك في يدك.", "اذهب إلى الشباك 3 (الممر A).", "أظهر هذه التذكرة للموظف."),
    contact_title="بياناتكم",
    contact="المندوبية العامة للأمن الوطني، ياوندي. الهاتف +237 222 22 22 22، البريد data@example.org",
)
SLIPS = {"fr": FRENCH, "en": ENGLISH, "ar": ARABIC}
EMPTY = SlipContent("", "", "", "", "")
MARGIN = 12


def black(slip: SlipRows) -> npt.NDArray[np.bool_]:
    """Rows and columns, true where it burns."""
    return np.unpackbits(np.frombuffer(slip.data, np.uint8)).reshape(slip.height, slip.width).astype(bool)


def codes(slip: SlipRows) -> list[str]:
    picture = np.where(black(slip), 0, 255).astype(np.uint8)
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def in_bounds(slip: SlipRows) -> bool:
    """The right shape, nothing burnt outside the margins or behind the last row."""
    dots = black(slip)
    return (
        slip.width == WIDTH
        and slip.height <= MAX_ROWS
        and len(slip.data) == slip.height * WIDTH // 8
        and not dots[:, :MARGIN].any()
        and not dots[:, -MARGIN:].any()
        and not dots[-12:].any()
    )


@pytest.mark.parametrize("language", SLIPS)
def test_a_slip(language: str) -> None:
    slip = render_slip(SLIPS[language], language)
    assert in_bounds(slip)
    assert 900 < slip.height < 1300
    assert codes(slip) == [QR]
    share = black(slip).mean()
    assert 0.05 < share < 0.2  # ink where it says something, no black fields that cost heat and paper curl


@pytest.mark.parametrize("language", SLIPS)
def test_the_code_reads_from_a_worn_print(language: str) -> None:
    """Every fiftieth column dead, as of a head with burnt-out dots, and some noise."""
    slip = render_slip(SLIPS[language], language)
    dots = black(slip).copy()
    dots[:, ::50] = False
    dots ^= np.random.default_rng(7).random(dots.shape) < 0.005
    assert codes(SlipRows(WIDTH, slip.height, np.packbits(dots).tobytes())) == [QR]


def test_the_short_code_is_large_and_the_same_in_every_language() -> None:
    """A seventh of the width for each letter, and Arabic does not turn it round."""
    alone = SlipContent("", "", "K7Q-2FD", "", "")
    slips = [black(render_slip(alone, language))[110:] for language in SLIPS]
    assert all(np.array_equal(slips[0], other) for other in slips[1:])
    inside = slips[0][10:-40, 40:-40]
    columns = np.flatnonzero(inside.any(axis=0))
    assert columns[-1] - columns[0] > 400
    rows = np.flatnonzero(inside.any(axis=1))
    assert rows[-1] - rows[0] > 80  # 10 mm


def test_arabic_begins_at_the_right() -> None:
    def ends(slip: SlipRows) -> tuple[float, float]:
        """White at the left and at the right, on average of the rows of text, without the lines across."""
        dots = black(slip)
        rows = [np.flatnonzero(row) for row in dots if row.any() and row.sum() < 400]
        return float(np.mean([row[0] for row in rows])), float(np.mean([WIDTH - 1 - row[-1] for row in rows]))

    steps = ("أ ب ت", "ب ت أ", "ت أ ب")
    left, right = ends(render_slip(SlipContent("", "", "", "", "", steps), "ar"))
    assert right < left / 3
    left, right = ends(render_slip(SlipContent("", "", "", "", "", ("a b c", "b c a", "c a b")), "fr"))
    assert left < right / 3


@pytest.mark.parametrize("language", SLIPS)
def test_hostile_texts_are_cut_and_the_code_stays(language: str) -> None:
    long = [
        "Bienvenue " * 1000,
        "x" * 10_000,
        "كلمة " * 2000,
        "ب" * 10_000,
        "\x00\x07\x1b\n" * 2500,
        "\u202e[(" * 3000,
        "e\u0301\u0302\u0303" * 2500,
        "\ud800" * 10_000,
        "\n" * 10_000 + "end",
    ]
    for text in long:
        slip = render_slip(SlipContent(text, text, text, QR, text, (text,) * 50, text, text), language)
        assert in_bounds(slip)
        assert codes(slip) == [QR]


def test_long_texts_wrap_before_they_are_cut() -> None:
    where = "Guichet des voyageurs accompagnés, niveau 1"
    wrapped = render_slip(SlipContent("", where, "", "", ""), "fr")
    short = render_slip(SlipContent("", "Guichet 3", "", "", ""), "fr")
    assert in_bounds(wrapped) and wrapped.height > short.height


@pytest.mark.parametrize("qr", ["", "x" * 121, "é" * 61])
def test_a_code_that_would_be_too_fine_is_left_out(qr: str) -> None:
    slip = render_slip(SlipContent("T", "W", "K7Q-2FD", qr, "M"), "fr")
    assert in_bounds(slip) and codes(slip) == []


def test_an_empty_slip_is_a_slip() -> None:
    assert in_bounds(render_slip(EMPTY, "fr"))


TEXTS = st.text(max_size=120) | st.text("ab )[1،بلامَ\n…", max_size=500)


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=8, max_size=8), st.sampled_from(["fr", "ar", "en"]), st.integers(0, 5))
def test_any_texts_stay_on_the_paper(texts: list[str], language: str, steps: int) -> None:
    title, where, code, qr, moment, step, contact_title, contact = texts
    content = SlipContent(title, where, code, qr, moment, (step,) * steps, contact_title, contact)
    slip = render_slip(content, language)
    assert in_bounds(slip)
    assert slip == render_slip(content, language)
