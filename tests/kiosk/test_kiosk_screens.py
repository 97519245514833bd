"""Every screen, drawn in a true window and looked at by code: see `screen_checks`. All of them: `make screens`."""

from __future__ import annotations

import pytest

from tests.kiosk.conftest import last_line


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("size", "languages", "themes"),
    [
        pytest.param("1080x1920", "ar", "reach", marks=pytest.mark.whole),
        pytest.param("1280x800", "pt", "large", marks=pytest.mark.whole),
        ("1280x800", "fr", "contrast"),
    ],
)
def test_no_screen_has_a_fault(display: str, size: str, languages: str, themes: str) -> None:
    found = last_line(
        "tests.kiosk.gallery", "--size", size, "--languages", languages, "--themes", themes, seconds=500
    )
    assert found["wrong"] == {}
    assert found["drawn"] == 51 * len(languages.split(","))


@pytest.mark.timeout(300)
def test_the_checks_see_faults(display: str) -> None:
    """A check that never fails proves nothing: each is shown a screen that breaks it."""
    seen = last_line("tests.kiosk.broken_screens", seconds=200)
    for name, words in (
        ("small", "target"),
        ("outside", "leaves the window"),
        ("box", "empty boxes"),
        ("pale", "contrast"),
        ("covered", "lie over each other"),
        ("long", "overflows"),
        ("high", "above the floor"),
    ):
        assert any(words in fault for fault in seen[name]), (name, seen[name])
    assert seen["good"] == []
