#!/usr/bin/python3 -I
"""Ask `borne doctor`, and put its words where people look: the greeting of a session, the journal, the figures.

The system's own Python and nothing else: it must still speak when the release that it asks is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("/run/borne-watch")
FIGURES = Path("/var/lib/prometheus/node-exporter")
LEVELS = {"fail": "<3>", "warn": "<4>", "ok": "<5>"}
VALUES = {"ok": 0, "warn": 1, "fail": 2}
SILENT = {
    "code": "doctor.silent",
    "state": "fail",
    "where": "borne doctor",
    "words": {"fr": "Le diagnostic ne répond pas.", "en": "The doctor does not answer."},
    "advice": {
        "fr": "Lancez « borne doctor » ; s’il échoue, revenez à la version précédente (borne update rollback).",
        "en": "Run `borne doctor`; if it fails, go back to the previous version (borne update rollback).",
    },
}


def ask(borne: str, config: str) -> list[dict]:
    """The doctor's findings, or the one finding that it has none to give."""
    try:
        command = [borne, "doctor", "--config", config, "--json"]
        done = subprocess.run(command, check=False, capture_output=True, timeout=120)
        said = json.loads(done.stdout)
        found = [one for one in said["checks"] if one["state"] in VALUES and one["code"]]
        for one in found:
            sentence(one, "fr"), name(one)
        return found
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError, AttributeError) as error:
        return [{**SILENT, "detail": one_line(str(error))[:300]}]


def sentence(one: dict, language: str) -> str:
    """What is so and what to do, in one language."""
    parts = [one["words"].get(language, ""), (one.get("advice") or {}).get(language, "")]
    return one_line(" ".join(part for part in parts if part))


def one_line(text: str) -> str:
    """A place may be named after what somebody plugged in: nothing of it steers a terminal or a log."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def greeting(wrong: list[dict], languages: list[str], device: str) -> str:
    heads = {
        ("fr", True): "rien à signaler",
        ("en", True): "all is well",
        ("fr", False): "à voir, dans cet ordre",
        ("en", False): "to look at, in this order",
    }
    lines = [f"{device} — " + " / ".join(heads[one, not wrong] for one in languages)]
    for number, one in enumerate(wrong, 1):
        mark = "✗" if one["state"] == "fail" else "!"
        lines += [
            f" {number}. {mark} {sentence(one, languages[0])}",
            *(f"      {sentence(one, other)}" for other in languages[1:]),
        ]
    if wrong:
        lines.append("    sudo borne doctor")
    return "\n".join(lines) + "\n"


def changes(before: dict[str, str], now: list[dict], language: str) -> list[str]:
    """What the journal is told: a finding once as it comes, and once as it goes."""
    lines = []
    left = dict(before)
    for one in now:
        if left.pop(name(one), "") != one["state"] and one["state"] != "ok":
            lines.append(f"{LEVELS[one['state']]}{name(one)}: {sentence(one, language)}")
    lines += [f"{LEVELS['ok']}{gone}: réglé / settled" for gone in left]
    return lines


def name(one: dict) -> str:
    return one_line(f"{one['code']} {one.get('where', '')}")


def figures(now: list[dict], at: float) -> str:
    """For the node exporter; the worst state of each code, and when somebody last looked."""
    worst: dict[str, int] = {}
    for one in now:
        code = "".join(c for c in str(one["code"]) if c.isalnum() or c in "._-")
        worst[code] = max(worst.get(code, 0), VALUES[one["state"]])
    lines = [
        "# HELP borne_check State of a check of the doctor: 0 good, 1 to look at, 2 wrong.",
        "# TYPE borne_check gauge",
    ]
    lines += [f'borne_check{{code="{code}"}} {value}' for code, value in sorted(worst.items())]
    lines += [
        "# HELP borne_watch_timestamp_seconds When the doctor was last asked.",
        "# TYPE borne_watch_timestamp_seconds gauge",
    ]
    return "\n".join([*lines, f"borne_watch_timestamp_seconds {at:.0f}"]) + "\n"


def write(file: Path, text: str) -> None:
    """Whole or not at all; everybody may read it."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    new.replace(file)


def read_before(file: Path) -> dict[str, str]:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return {str(key): str(value) for key, value in said.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="/etc/borne/agent.toml")
    parser.add_argument("--language", choices=["fr", "en"], default="fr")
    parser.add_argument("--borne", default="/usr/local/bin/borne")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args()
    now = ask(options.borne, options.config)
    wrong = [one for one in now if one["state"] != "ok"]
    for line in changes(read_before(options.folder / "state.json"), now, options.language):
        sys.stdout.write(f"{line}\n")
    options.folder.mkdir(exist_ok=True)
    languages = [options.language, *({"fr", "en"} - {options.language})]
    write(options.folder / "motd", greeting(wrong, languages, os.uname().nodename))
    write(options.folder / "state.json", json.dumps({name(one): one["state"] for one in wrong}))
    if options.figures.is_dir():
        write(options.figures / "borne.prom", figures(now, time.time()))


if __name__ == "__main__":
    main()
