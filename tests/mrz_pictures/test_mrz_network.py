"""The network: its file, its arithmetic, and that its training is the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from border_agent.decoding.mrz import train
from border_agent.decoding.mrz.glyphs import CLASSES, HEIGHT, NOTHING, WEIGHTS, WIDTH, Network
from border_agent.decoding.mrz.places import ALLOWED, likely
from border_agent.decoding.mrz.train_pictures import FONT_ROOT, FONTS, load_faces
from border_agent.decoding.values import MRZ_ALPHABET, MRZ_SHAPES

MISSING = [package for package, file, _ in FONTS if not (FONT_ROOT / file).is_file()]
needs_fonts = pytest.mark.skipif(bool(MISSING), reason=f"fonts not installed: {', '.join(MISSING)}")


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 600_000
    with np.load(WEIGHTS) as stored:
        assert all(value.dtype == np.float16 for value in stored.values())


def test_answers_are_probabilities() -> None:
    windows = np.random.default_rng(1).integers(0, 256, (1100, HEIGHT, WIDTH)).astype(np.uint8)
    logs = Network().log_probabilities(windows)
    assert logs.shape == (1100, CLASSES)
    assert np.allclose(np.exp(logs).sum(axis=1), 1.0, atol=1e-4)
    assert Network().log_probabilities(windows[:0]).shape == (0, CLASSES)


def test_light_and_contrast_do_not_matter() -> None:
    windows = np.random.default_rng(2).integers(60, 200, (20, HEIGHT, WIDTH)).astype(np.float32)
    network = Network()
    one, other = network.log_probabilities(windows), network.log_probabilities(windows * 0.5 + 30)
    assert np.abs(np.exp(one) - np.exp(other)).max() < 0.1


def test_a_blank_window_holds_nothing() -> None:
    for level in (0, 128, 255):
        logs = Network().log_probabilities(np.full((1, HEIGHT, WIDTH), level, np.uint8))
        assert logs[0].argmax() == NOTHING


def test_a_clear_letter_stays_a_letter_among_digits() -> None:
    """What belongs in a place is a hint only: it makes no sure digit of a sure letter."""
    letter, doubtful = np.full((2, 44, CLASSES), 1e-6), np.full((2, 44, CLASSES), 1e-6)
    letter[..., MRZ_ALPHABET.index("A")] = 1.0
    doubtful[..., MRZ_ALPHABET.index("O")] = 0.6
    doubtful[..., MRZ_ALPHABET.index("0")] = 0.4
    birth = (1, 13)
    assert MRZ_ALPHABET[likely("TD3", letter)[birth].argmax()] == "A"
    assert MRZ_ALPHABET[likely("TD3", doubtful)[birth].argmax()] == "0"
    sure_letter = np.full((2, 44, CLASSES), 1e-9)
    sure_letter[..., MRZ_ALPHABET.index("O")] = 0.999
    sure_letter[..., MRZ_ALPHABET.index("0")] = 0.001
    assert likely("TD3", sure_letter)[birth].max() < 0.9


def test_every_format_has_its_places() -> None:
    for name, (lines, width) in MRZ_SHAPES.items():
        assert ALLOWED[name].shape == (lines, width, NOTHING)
        assert ALLOWED[name].any(axis=-1).all()


@needs_fonts
def test_slopes_are_right() -> None:
    """Against the difference of two losses, for one weight of every kind."""
    random = np.random.default_rng(2)
    weights = {name: value.astype(np.float64) for name, value in train.fresh_weights(random).items()}
    windows, classes = train.sample(load_faces(), random, 3)
    _, slopes = train.gradients(weights, windows[:40], classes[:40])
    for name, value in weights.items():
        place = np.unravel_index(np.abs(slopes[name]).argmax(), value.shape)
        before, losses = value[place], []
        for step in (1e-4, -1e-4):
            value[place] = before + step
            losses.append(train.gradients(weights, windows[:40], classes[:40])[0])
        value[place] = before
        assert (losses[0] - losses[1]) / 2e-4 == pytest.approx(float(slopes[name][place]), rel=0.05)


@needs_fonts
def test_training_is_the_same_every_time() -> None:
    one, other = (train.train(rounds=1, lines=40) for _ in range(2))
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in other.items()
    }


def test_a_missing_font_is_named(tmp_path: Path) -> None:
    from border_agent.decoding.mrz.train_pictures import FontMissingError

    with pytest.raises(FontMissingError, match="fonts-ocr-b"):
        load_faces(tmp_path)
