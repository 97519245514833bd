"""Several frames, one zone."""

from __future__ import annotations

import pytest
from msgspec import structs

from border_agent.decoding import FoundMrz
from border_agent.decoding.mrz.voting import vote

LINES = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<")


def reading(lines: tuple[str, ...] = LINES, share: float = 0.9, format: str = "MRVB") -> FoundMrz:
    return FoundMrz(
        format=format,
        lines=lines,
        confidence=tuple((share,) * len(line) for line in lines),
        runner_up=tuple("Q" * len(line) for line in lines),
        corners=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
    )


def misread(place: int, character: str, share: float, sure: float = 0.9) -> FoundMrz:
    """One character of the second line wrong, with a confidence of its own."""
    wrong = LINES[1][:place] + character + LINES[1][place + 1 :]
    one = reading((LINES[0], wrong), sure)
    own = tuple(share if at == place else sure for at in range(len(wrong)))
    return structs.replace(one, confidence=(one.confidence[0], own))


def test_one_frame_is_its_own_vote() -> None:
    voted = vote([reading()])
    assert voted.lines == LINES
    assert voted.least == pytest.approx(0.9)


def test_the_many_win_over_the_one() -> None:
    assert vote([reading(), misread(3, "B", 0.9), reading()]).lines == LINES


def test_the_sure_win_over_the_unsure() -> None:
    voted = vote([misread(3, "B", 0.6), misread(3, "B", 0.6), misread(3, "8", 0.99)])
    assert voted.lines == LINES
    assert voted.runner_up[1][3] == "B"


def test_dissent_lowers_confidence_and_agreement_does_not_raise_it() -> None:
    assert vote([reading(), reading(), reading()]).least == pytest.approx(0.9)
    assert vote([reading(), misread(3, "B", 0.85)]).confidence[1][3] < 0.7


def test_another_document_among_the_frames_is_left_out() -> None:
    other = reading(("V<FRADUPONT<<JEAN<<<<<<<<<<<<<<<<<<<", "1234567897FRA5001012M2801014<<<<<<<<"), 0.99)
    passport = reading(("P" * 44, "0" * 44), 0.99, "TD3")
    assert vote([reading(), other, reading(), passport]).lines == LINES


def test_no_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        vote([])
