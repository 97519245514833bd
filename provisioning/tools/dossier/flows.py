"""What travels, between whom: the contract's own channels, and a drawing of them made here."""

from __future__ import annotations

from html import escape
from typing import Any

from msgspec import Struct

from dossier.places import REPOSITORY, read_yaml
from mqtt_schemas.post import PostChannel


class Flow(Struct, frozen=True, kw_only=True):
    """One channel of the contract."""

    address: str
    upward: bool
    fr: str
    en: str


def flows() -> list[Flow]:
    """Every channel between devices and centre, as published."""
    channels: dict[str, Any] = read_yaml(REPOSITORY / "mqtt_schemas" / "asyncapi.yaml")["channels"]
    return [
        Flow(
            address=one["address"],
            upward="/up/" in one["address"],
            fr=" ".join(one["summary"].replace("'", "’").split()),
            en=_first_sentence(one["description"]),
        )
        for one in channels.values()
        if not one["address"].startswith("borne/v1/post/")
    ]


def post_channels() -> list[str]:
    """What the post's devices tell each other."""
    return [channel.value for channel in PostChannel]


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".") + "."


_WIDTH, _HEIGHT = 900, 470
_STYLE = """
.z{fill:#f6f3ee;stroke:#c9bfae;stroke-dasharray:5 4}.b{fill:#fff;stroke:#111;stroke-width:1.6}
.c{fill:#0b4a45;stroke:#0b4a45}.t{font:600 15px 'Noto Sans',sans-serif;fill:#111}.w{fill:#fff}
.s{font:12px 'Noto Sans',sans-serif;fill:#444}.sw{fill:#d8e8e6}.h{font:600 12px 'Noto Sans',sans-serif;fill:#7a6a50}
.l{font:11px 'DejaVu Sans Mono',monospace;fill:#0b4a45}.a{stroke:#0b4a45;stroke-width:2;fill:none}
.p{stroke:#b4532a;stroke-width:1.6;fill:none;stroke-dasharray:2 4}.pt{font:11px 'Noto Sans',sans-serif;fill:#b4532a}
"""


def draw(language: str) -> str:
    """The drawing, with the contract's channels on its arrows."""

    def w(fr: str, en: str) -> str:
        return escape(fr if language == "fr" else en)

    up = [flow.address.split("/", 3)[3] for flow in flows() if flow.upward]
    down = [flow.address.split("/", 3)[3].replace("{feed}", "…") for flow in flows() if not flow.upward]
    local = post_channels()
    stick = w("clé USB : mêmes octets, signés", "USB stick: the same bytes, signed")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{w("Flux de données", "Data flows")}"><style>{_STYLE}</style>',
        '<defs><marker id="m" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="#0b4a45"/></marker></defs>',
        _zone(12, 12, 400, 446, w("POSTE-FRONTIÈRE", "BORDER POST")),
        _zone(632, 12, 256, 446, w("SOL NATIONAL, CENTRE DE DONNÉES", "NATIONAL SOIL, DATA CENTRE")),
        _box(36, 58, 150, 78, w("Borne", "Kiosk"), w("agent, fenêtre", "agent, window")),
        _box(36, 330, 150, 78, w("Guichet", "Counter"), w("agent, pages HTTPS", "agent, HTTPS pages")),
        _box(240, 190, 150, 84, w("Courtier du poste", "Post’s broker"), "TLS 1.3 · 8883"),
        _arrow(112, 136, 240, 214),
        _arrow(112, 330, 240, 250),
        _labels(30, 172, local[: (len(local) + 1) // 2]),
        _labels(30, 172 + 15 * ((len(local) + 1) // 2), local[(len(local) + 1) // 2 :]),
        _box(656, 86, 208, 84, w("Courtiers nationaux", "National brokers"), "TLS 1.3 · 8883"),
        _box(
            656,
            290,
            208,
            96,
            w("Centre de données", "Data centre"),
            "PostgreSQL · " + w("registre", "register"),
            dark=True,
        ),
        _arrow(760, 170, 760, 290),
        '<path class="a" d="M186 84H656" marker-end="url(#m)"/>',
        '<path class="a" d="M656 150H606V384H186" marker-end="url(#m)"/>',
        _labels(424, 18, up),
        _labels(424, 222, down),
        '<path class="p" d="M186 398C300 448 520 452 656 372" marker-end="url(#m)"/>',
        f'<text class="pt" x="424" y="452">{stick}</text>',
        "</svg>",
    ]
    return "".join(parts)


def _zone(x: int, y: int, width: int, height: int, name: str) -> str:
    return (
        f'<rect class="z" x="{x}" y="{y}" width="{width}" height="{height}" rx="12"/>'
        f'<text class="h" x="{x + 16}" y="{y + 24}">{name}</text>'
    )


def _box(x: int, y: int, width: int, height: int, name: str, below: str, *, dark: bool = False) -> str:
    colour = "b c" if dark else "b"
    white, pale = (" w", " sw") if dark else ("", "")
    middle = x + width // 2
    return (
        f'<rect class="{colour}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
        f'<text class="t{white}" x="{middle}" y="{y + height // 2 - 3}" text-anchor="middle">{name}</text>'
        f'<text class="s{pale}" x="{middle}" y="{y + height // 2 + 17}" text-anchor="middle">{below}</text>'
    )


def _arrow(x1: int, y1: int, x2: int, y2: int) -> str:
    return f'<path class="a" d="M{x1} {y1}L{x2} {y2}" marker-start="url(#m)" marker-end="url(#m)"/>'


def _labels(x: int, y: int, names: list[str]) -> str:
    return "".join(
        f'<text class="l" x="{x}" y="{y + 15 * index}">{escape(name)}</text>' for index, name in enumerate(names)
    )
