"""What browsers load: vendored files as they came, names by contents, nothing else of the disk."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest

from border_agent.console.assets import FOLDER
from tests.console.console_kit import Post

VENDOR = FOLDER / "vendor"


def test_vendored_files_are_those_that_were_taken_in() -> None:
    lines = [line.split() for line in (VENDOR / "CHECKSUMS").read_text("ascii").splitlines()]
    assert {name for _, name in lines} == {path.name for path in VENDOR.iterdir()} - {"CHECKSUMS"}
    for digest, name in lines:
        assert sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
    assert "Zero-Clause BSD" in (VENDOR / "LICENSE-htmx.txt").read_text("utf-8")


def test_a_file_is_named_by_its_contents_and_kept_for_ever(post: Post) -> None:
    with post.client() as client:
        page = client.get("/sign-in").text
        urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert len(urls) >= 5
        for url in urls:
            answer = client.get(url)
            assert answer.status_code == 200, url
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-encoding"] == "gzip"
            assert sha256(answer.content).hexdigest()[:12] in url


@pytest.mark.parametrize(
    "path",
    [
        "/static/../agent.toml",
        "/static/%2e%2e/agent.toml",
        "/static/..%2fagent.toml",
        "/static/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/static//etc/passwd",
        "/static/console.css",
        "/static/vendor/CHECKSUMS",
        "/static/%00",
        "/static/",
    ],
)
def test_no_path_leads_to_another_file(post: Post, path: str) -> None:
    with post.client() as client:
        answer = client.send(client.build_request("GET", post.url).__class__("GET", post.url + path))
        assert answer.status_code == 404
        assert "root:" not in answer.text
        assert "store.key" not in answer.text
