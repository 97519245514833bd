"""What a populated post does not show: a device on its first day, a part that breaks, an agent that goes silent."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Page

from tests.console.console_kit import OFFICER, PASSWORD, SUPERVISOR, TECHNICIAN, Post, running
from tests.console.console_stage import Stage
from tests.console.page_checks import Sight
from tests.console.page_gallery import Gallery

LOST = "() => document.documentElement.dataset.live === 'lost'"
PATIENCE_MS = 15_000
EMPTY = {"empty-queue": "/", "empty-statistics": "/statistics", "empty-state": "/state", "empty-health": "/health"}


def bare_screens(gallery: Gallery, stage: Stage) -> None:
    """Draw them."""
    if not any(gallery.wants(name) for name in (*EMPTY, "failed", "lost")):
        return
    with tempfile.TemporaryDirectory(prefix="borne-") as name, running(Path(name)) as post:
        for language in gallery.languages:
            with _tab(stage, post, language) as (page, sight):
                for screen, path in EMPTY.items():
                    if gallery.wants(screen):
                        page.goto(post.url + path)
                        gallery.draw(page, screen, language, sight)
                if gallery.wants("failed"):
                    with patch.object(post.agent, "log_lines", _broken):
                        page.goto(post.url + "/log")
                        gallery.draw(page, "failed", language, sight, 500)
                if gallery.wants("lost"):
                    page.goto(post.url + "/help")
                    with post.console.bar._lock:
                        page.wait_for_function(LOST, timeout=PATIENCE_MS)
                        gallery.draw(page, "lost", language, sight)


def _broken(lines: int) -> Any:
    raise OSError("the log is gone")


@contextlib.contextmanager
def _tab(stage: Stage, post: Post, language: str) -> Iterator[tuple[Page, Sight]]:
    person = post.officer(OFFICER, SUPERVISOR, TECHNICIAN, language=language)
    token, _ = post.agent.officers.sign_in(person.number, PASSWORD, person.shows())
    page = stage.new_tab(post.url, token, language)
    try:
        yield page, Sight(page, post.url.partition("://")[2])
    finally:
        page.context.close()
