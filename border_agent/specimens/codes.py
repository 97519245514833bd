"""E-visas as travellers show them: printed on paper or on a telephone, seen by a hand-held or counter camera."""

from __future__ import annotations

from datetime import date

import cv2
import numpy as np
import segno

from border_agent.specimens.canvas import Pixels
from border_agent.specimens.cast import Shown, Visa
from border_agent.specimens.lettering import Ink, Weight, text, width_of
from border_agent.specimens.views import lay_on_desk

_BLACK: Ink = (26, 22, 20)
_GREY: Ink = (110, 104, 98)
_BLUE: Ink = (118, 70, 34)
_RED: Ink = (48, 40, 176)
_WHITE: Ink = (255, 255, 255)


def code_frames(visa: Visa, payload: str, shown: Shown, seed: int, count: int = 3) -> list[Pixels]:
    """`count` camera frames (720 x 1280 x 3 BGR) of the visa on paper or on a phone; none for the scanner."""
    if shown is Shown.PAPER:
        sheet = paper(visa, payload)
        return [
            lay_on_desk(sheet, seed * 31 + i, tilt=4.0, perspective=0.02, shadow=0.3, noise=4.0, desk=(70, 92, 116))
            for i in range(count)
        ]
    if shown in (Shown.PHONE, Shown.PHONE_DARK):
        screen = phone(visa, payload, dark=shown is Shown.PHONE_DARK)
        return [
            lay_on_desk(
                _glare(screen, seed * 37 + i), seed * 31 + i, tilt=5.0, perspective=0.012, shadow=0.08, noise=4.0
            )
            for i in range(count)
        ]
    return []


def qr_code(payload: str, pixels_per_module: int, *, quiet: int = 4) -> Pixels:
    """The QR code (ISO/IEC 18004, error level M, byte or alphanumeric mode as fits), black on white, BGR."""
    code = segno.make_qr(payload, error="m", boost_error=False)
    modules = np.array([list(row) for row in code.matrix_iter(border=quiet)], np.uint8)
    grey = np.kron(255 * (1 - modules), np.ones((pixels_per_module, pixels_per_module), np.uint8))
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def paper(visa: Visa, payload: str) -> Pixels:
    """The upper part of a printed A4 sheet, 690 x 1080 px."""
    sheet = np.full((690, 1080, 3), 244, np.uint8)
    cv2.rectangle(sheet, (0, 0), (1080, 12), _BLUE, -1)
    text(sheet, "VISA ÉLECTRONIQUE / ELECTRONIC VISA", (48, 74), _BLUE, 34, Weight.BOLD)
    text(sheet, "UTOPIE / UTOPIA", (48, 118), _BLACK, 28, Weight.MEDIUM)
    words = "SPÉCIMEN / SPECIMEN"
    text(sheet, words, (1032 - width_of(words, 26, Weight.BOLD), 118), _RED, 26, Weight.BOLD)
    cv2.line(sheet, (48, 140), (1032, 140), _GREY, 1, cv2.LINE_AA)
    rows = (
        ("N° de visa / Visa No.", visa.visa_id.upper()),
        ("Nom / Surname", visa.surname.upper()),
        ("Prénoms / Given names", visa.given_names.upper()),
        ("Passeport / Passport", f"{visa.passport_issuer} {visa.passport_number}"),
        ("Valable du / Valid from", _day(visa.valid_from)),
        ("au / until", _day(visa.valid_until)),
        ("Entrées / Entries", _entries(visa.stated_entries)),
        ("Durée du séjour / Length of stay", f"{visa.days} jours / days"),
    )
    for i, (label, value) in enumerate(rows):
        text(sheet, label, (48, 178 + i * 56), _GREY, 17)
        text(sheet, value, (48, 204 + i * 56), _BLACK, 24, Weight.MEDIUM)
    code = qr_code(payload, _fitting(payload, 450))
    top, left = 158, 1048 - code.shape[1]
    sheet[top : top + code.shape[0], left : left + code.shape[1]] = np.minimum(
        sheet[top : top + code.shape[0], left : left + code.shape[1]], code
    )
    note = "À présenter au poste-frontière avec le passeport. / Show with the passport at the border."
    text(sheet, note, (48, 656), _GREY, 18)
    return _folded(sheet)


def phone(visa: Visa, payload: str, *, dark: bool) -> Pixels:
    """A telephone with the visa on its screen, 684 x 372 px; in dark mode the code is light on black."""
    body = np.full((684, 372, 3), 24, np.uint8)
    ground, ink = ((20, 18, 18), (225, 222, 220)) if dark else ((250, 250, 250), _BLACK)
    cv2.rectangle(body, (12, 14), (359, 669), ground, -1)
    cv2.rectangle(body, (12, 14), (359, 64), _BLUE, -1)
    text(body, "E-visa · Utopie / Utopia", (26, 47), _WHITE, 22, Weight.MEDIUM)
    code = qr_code(payload, _fitting(payload, 344))
    if dark:
        code = np.asarray(255 - code * (230 / 255), np.uint8)
        code = np.where(code > 128, 235, 18).astype(np.uint8)
    size = code.shape[0]
    left = 186 - size // 2
    body[84 : 84 + size, left : left + size] = code
    y = 84 + size + 34
    text(body, visa.surname.upper(), (28, y), ink, 24, Weight.BOLD)
    text(body, visa.given_names, (28, y + 32), ink, 22)
    text(body, f"{visa.passport_issuer} {visa.passport_number}", (28, y + 64), ink, 20)
    text(body, f"{_day(visa.valid_from)} – {_day(visa.valid_until)}", (28, y + 94), ink, 20)
    text(body, "SPÉCIMEN / SPECIMEN", (28, y + 134), (60, 60, 220), 22, Weight.BOLD)
    return _rounded(body, 34)


def _glare(screen: Pixels, seed: int) -> Pixels:
    """A lamp's streak on the glass, and the screen's own fine raster."""
    rng = np.random.default_rng(seed)
    height, width = screen.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope, where = rng.uniform(0.5, 0.9), rng.uniform(0.2, 0.8) * height
    streak = np.exp(-0.5 * ((y - where + slope * (x - width / 2)) / 46) ** 2) * rng.uniform(26, 44)
    raster = 1 + 0.02 * np.sin(x * 2.1 + 0.12 * y)
    return np.asarray(np.clip(screen * raster[..., None] + streak[..., None], 0, 255), np.uint8)


def _rounded(body: Pixels, radius: int) -> Pixels:
    """The body with round corners, on the colour of the desk."""
    height, width = body.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.rectangle(mask, (radius, 0), (width - radius, height), 255, -1)
    cv2.rectangle(mask, (0, radius), (width, height - radius), 255, -1)
    for x in (radius, width - radius):
        for y in (radius, height - radius):
            cv2.circle(mask, (x, y), radius, 255, -1, cv2.LINE_AA)
    alpha = mask.astype(np.float32)[..., None] / 255
    return np.asarray(body * alpha + np.array((40, 38, 36), np.float32) * (1 - alpha), np.uint8)


def _folded(sheet: Pixels) -> Pixels:
    """The sheet was carried folded in four."""
    height, width = sheet.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :, None]
    y = np.arange(height, dtype=np.float32)[:, None, None]
    light = 1 - 0.07 * np.exp(-(((x - width * 0.46) / 7) ** 2)) + 0.02 * np.tanh((x - width * 0.46) / 60)
    light = light - 0.06 * np.exp(-(((y - height * 0.9) / 6) ** 2))
    return np.asarray(np.clip(sheet * light, 0, 255), np.uint8)


def _fitting(payload: str, room: int) -> int:
    """Pixels a module so that the code with its quiet zone fits into `room` pixels."""
    modules = segno.make_qr(payload, error="m", boost_error=False).symbol_size(border=4)[0]
    return max(2, int(room // modules))


def _day(day: date) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year}"


def _entries(count: int) -> str:
    return {0: "multiples / multiple", 1: "une / single"}.get(count, str(count))
