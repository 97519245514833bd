"""Passport data pages: the picture of the whole page, and what a document camera sees of it.

The layout follows Doc 9303-4 (TD3, 125 x 88 mm); the issuer's own design is invented for all states alike, and
every page says SPÉCIMEN / SPECIMEN.
"""

from __future__ import annotations

from datetime import date

import cv2
import numpy as np

from border_agent.specimens.canvas import Pixels
from border_agent.specimens.cast import Passport
from border_agent.specimens.lettering import Ink, Weight, machine_lines, text, width_of
from border_agent.specimens.security_print import background, tint
from border_agent.specimens.views import lay_on_desk

WIDTH, HEIGHT = 1280, 901
"""A page's size, px: 125 x 88 mm at 10.24 px a millimetre."""
PITCH = 26.0
"""Width of one character of the machine readable zone, px (2.54 mm)."""

_INK: Ink = (44, 26, 20)
_LABEL: Ink = (96, 74, 66)
_RED: Ink = (48, 40, 176)
_PORTRAIT = (62, 192, 340, 437)
"""Left, top, width, height of the portrait, px."""

_STATES = {
    "BFA": ("Burkina Faso", "Burkina Faso"),
    "COD": ("Congo (Rép. dém.)", "Congo (Dem. Rep.)"),
    "CPV": ("Cap-Vert", "Cabo Verde"),
    "GHA": ("Ghana", "Ghana"),
    "IND": ("Inde", "India"),
    "MLI": ("Mali", "Mali"),
    "NGA": ("Nigéria", "Nigeria"),
    "SEN": ("Sénégal", "Senegal"),
    "TCD": ("Tchad", "Chad"),
    "TGO": ("Togo", "Togo"),
    "USA": ("États-Unis", "United States"),
    "UTO": ("Utopie", "Utopia"),
}
_MONTHS = (
    "JAN/JAN", "FÉV/FEB", "MARS/MAR", "AVR/APR", "MAI/MAY", "JUIN/JUN",
    "JUIL/JUL", "AOÛT/AUG", "SEPT/SEP", "OCT/OCT", "NOV/NOV", "DÉC/DEC",
)  # fmt: skip


def data_page(passport: Passport, portrait: Pixels) -> Pixels:
    """The page as printed, 901 x 1280 x 3 BGR."""
    seed = sum(ord(letter) * (i + 3) for i, letter in enumerate(passport.issuer))
    page = background(WIDTH, HEIGHT, seed)
    state_fr, state_en = _STATES.get(passport.issuer, (passport.issuer, passport.issuer))
    dark = tint(seed, 0.26, 0.55)
    text(page, "PASSEPORT / PASSPORT", (62, 70), dark, 40, Weight.BOLD)
    name = state_fr if state_fr == state_en else f"{state_fr} / {state_en}"
    text(page, name.upper(), (62, 118), dark, 32, Weight.MEDIUM)
    _specimen(page, dark)
    _photograph(page, portrait)
    _fields(page, passport)
    _zone(page, passport)
    return page


def page_frame(page: Pixels, seed: int) -> Pixels:
    """The page under a document camera, 720 x 1280 x 3 BGR: a little askew, uneven light, noise."""
    scale = 0.76
    small = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return lay_on_desk(np.asarray(small, np.uint8), seed, tilt=1.4, perspective=0.012, shadow=0.12, noise=2.2)


def printed_date(day: date) -> str:
    """As on bilingual pages: 23 NOV/NOV 2026."""
    return f"{day.day:02d} {_MONTHS[day.month - 1]} {day.year}"


def _photograph(page: Pixels, portrait: Pixels) -> None:
    left, top, width, height = _PORTRAIT
    small = cv2.resize(portrait, (width, height), interpolation=cv2.INTER_AREA)
    feather = np.zeros((height, width, 1), np.float32)
    feather[6:-6, 6:-6] = 1
    feather = cv2.GaussianBlur(feather, (0, 0), 3.5)[..., None]
    part = page[top : top + height, left : left + width]
    # Printed into the paper: the fine lines show through a little.
    part[:] = (part * (1 - 0.95 * feather) + small * 0.95 * feather).astype(np.uint8)
    x = np.linspace(0, 1, 90)
    y = 26 * np.sin(x * 17) * np.exp(-1.4 * x) * (1 - 0.5 * np.sin(x * 41)) - 18 * x
    pen = np.stack([left + 60 + 210 * x, top + height + 40 + y], 1)
    cv2.polylines(page, [np.round(pen * 8).astype(np.int32)], False, (90, 44, 30), 3, cv2.LINE_AA, 3)


def _fields(page: Pixels, passport: Passport) -> None:
    rows: list[list[tuple[int, str, str]]] = [
        [
            (430, "Type / Type", passport.document_code),
            (560, "Code de l’État / State code", passport.issuer),
            (900, "N° du passeport / Passport No.", passport.number),
        ],
        [(430, "Nom / Surname", passport.surname.upper())],
        [(430, "Prénoms / Given names", passport.given_names.upper())],
        [
            (430, "Nationalité / Nationality", passport.nationality),
            (760, "Sexe / Sex", passport.sex),
            (900, "Date de naissance / Date of birth", printed_date(passport.birth)),
        ],
        [(430, "Lieu de naissance / Place of birth", passport.birthplace.upper())],
        [
            (430, "Date de délivrance / Date of issue", printed_date(passport.issued)),
            (900, "Date d’expiration / Date of expiry", printed_date(passport.expiry)),
        ],
        [(430, "Autorité / Authority", "SERVICE FICTIF / FICTIONAL OFFICE")],
    ]
    for row, entries in enumerate(rows):
        for left, label, value in entries:
            text(page, label, (left, 196 + row * 74), _LABEL, 18)
            text(page, value, (left, 228 + row * 74), _INK, 29, Weight.MEDIUM)


def _specimen(page: Pixels, dark: Ink) -> None:
    words = "SPÉCIMEN / SPECIMEN"
    right = WIDTH - 56
    text(page, words, (right - width_of(words, 34, Weight.BOLD), 70), _RED, 34, Weight.BOLD)
    note = "Document fictif, sans valeur / Fictional document, not valid"
    text(page, note, (right - width_of(note, 18), 108), dark, 18)
    # The overprint lies beside the portrait, so that the printed face stays a face.
    stamp = np.zeros((150, 900), np.uint8)
    stamp_colour = cv2.cvtColor(stamp, cv2.COLOR_GRAY2BGR)
    text(np.asarray(stamp_colour), "SPÉCIMEN", (60, 120), (255, 255, 255), 130, Weight.BOLD)
    turned = cv2.getRotationMatrix2D((450, 75), 24, 1.0)
    turned[:, 2] += (820 - 450, 430 - 75)
    cover = cv2.warpAffine(stamp_colour[..., 0], turned, (WIDTH, HEIGHT)).astype(np.float32)[..., None] / 255
    page[:] = (page + (np.array(_RED, np.float32) - page) * cover * 0.16).astype(np.uint8)


def _zone(page: Pixels, passport: Passport) -> None:
    top = HEIGHT - 178
    page[top:] = (page[top:].astype(np.float32) * 0.25 + 0.75 * 246).astype(np.uint8)
    left = round((WIDTH - 44 * PITCH) / 2)
    machine_lines(page, passport.lines, (left, top + 72), PITCH, 65, (30, 24, 22))
