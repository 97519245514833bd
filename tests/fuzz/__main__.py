"""`python -m tests.fuzz [--seconds N] [--repeat FILE] [NAME…]`: hostile input, found by coverage (Atheris).

Each target runs in a process of its own, as the fuzzer never returns, on seeds that are made anew; what it found
worth keeping stays in build/fuzz/NAME between runs, and input that breaks a target in build/fuzz/NAME.found. Exit
code 1 where a target broke. Without names every target runs, about a minute each.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("build", "fuzz")
SLOWEST = 10
"""Seconds one input may take."""
MEMORY = 2048
"""Megabytes one target may take."""
WATCHED = [
    "border_agent.documents",
    "border_agent.trust",
    "border_agent.crypto",
    "border_agent.decoding.mrz",
    "asn1crypto",
    "mqtt_schemas.bundle",
    "mqtt_schemas.chunks",
    "mqtt_schemas.columns",
]
"""What the fuzzer watches the ways through."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="hostile input for every parser")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--repeat", type=Path, help="run one target on one file, without the fuzzer")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="targets; without any, all of them")
    chosen = parser.parse_args()
    if chosen.child:
        _fuzz(chosen.names[0], chosen.seconds)
        return 0

    from tests.fuzz.targets import TARGETS, check

    names = chosen.names or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if chosen.repeat:
        check(names[0], chosen.repeat.read_bytes())
        return 0
    broken = [name for name in names if not _run(name, chosen.seconds)]
    print(f"broken: {', '.join(broken)}" if broken else f"{len(names)} targets, nothing broke", flush=True)
    return 1 if broken else 0


def _run(name: str, seconds: int) -> bool:
    """One target in a process of its own; its own words only where it broke."""
    from tests.fuzz.targets import seeds_of

    corpus, found = FOLDER / name, FOLDER / f"{name}.found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for seed in seeds_of(name):
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    command = [sys.executable, "-m", "tests.fuzz", "--child", "--seconds", str(seconds), name]
    began = time.monotonic()
    ran = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    runs = next(
        (
            line.split()[1]
            for line in reversed(ran.stderr.splitlines())
            if line.startswith("stat::number_of_executed")
        ),
        "?",
    )
    print(
        f"{name:14} {'good' if ran.returncode == 0 else 'BROKEN'}  {runs} runs  {time.monotonic() - began:.0f} s",
        flush=True,
    )
    if ran.returncode:
        print("\n".join(ran.stderr.splitlines()[-40:]), flush=True)
    return ran.returncode == 0


def _fuzz(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=WATCHED):
        from tests.fuzz.targets import TARGETS, check

    def one(data: bytes) -> None:
        check(name, data)

    corpus, found = FOLDER / name, FOLDER / f"{name}.found"
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f"-artifact_prefix={found}/",
            f"-max_total_time={seconds}",
            f"-max_len={TARGETS[name].longest}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MEMORY}",
            "-print_final_stats=1",
        ],
        one,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
