"""Pages to PDF by Debian's Chromium, for the field card and the dossier. Nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Route, sync_playwright

CHROMIUM = "/usr/bin/chromium"


def print_pdf(pages: Sequence[tuple[Path, Path]], *, footer: str = "") -> None:
    """Print each HTML file to a PDF, on the paper its style sheet sets; `footer`: a template with page numbers."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            for source, target in pages:
                page = browser.new_page()
                page.route("**/*", _only_files)
                page.goto(source.resolve().as_uri())
                page.pdf(
                    path=target,
                    prefer_css_page_size=True,
                    print_background=True,
                    tagged=True,
                    outline=True,
                    display_header_footer=bool(footer),
                    header_template="<span></span>",
                    footer_template=footer or "<span></span>",
                )
                page.close()
        finally:
            browser.close()


def _only_files(route: Route) -> None:
    if route.request.url.startswith("file:"):
        route.continue_()
    else:
        route.abort()
