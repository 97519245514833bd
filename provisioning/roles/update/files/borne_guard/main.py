"""The guard's command line. Exit codes: 0 good, 1 the answer is no, 2 wrong use or unreadable input."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

from borne_guard import staging, switching
from borne_guard.fault import Fault
from borne_guard.manifest import Manifest
from borne_guard.settings import FILE, Settings, load_settings
from borne_guard.state import ROLLED_BACK, State, held
from borne_guard.words import told, words

_UNREADABLE = frozenset({"update.settings", "update.no_release", "update.unreadable", "update.manifest"})


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        answer, code = _run(asked), 0
        if asked.command in ("apply", "confirm", "boot") and answer.get("phase") == ROLLED_BACK:
            code = 1 if asked.command != "boot" else 0
    except Fault as fault:
        answer = {"code": fault.code, "where": fault.where, "detail": fault.detail, "words": words(fault.code)}
        code = 2 if fault.code in _UNREADABLE else 1
    answer = {"ok": code == 0, **answer}
    if asked.json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        _say(answer)
    return code


def _run(asked: argparse.Namespace) -> dict[str, object]:
    if asked.command == "verify":
        # A controlling machine and a medium verify as a device does, without being one.
        settings = (
            Settings(role="", root=asked.root, work="/nonexistent") if asked.root else load_settings(asked.settings)
        )
        return _manifest(staging.verify(settings, asked.release))
    settings = load_settings(asked.settings)
    os.umask(0o022)  # releases are read by the agent's account, whoever stages them
    if asked.command == "status":
        return _with_words(switching.status(settings))
    with contextlib.suppress(ValueError, OSError):
        # A line to the technician that drops must not end a switch half way.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with held(settings):
        match asked.command:
            case "missing":
                found = staging.missing(settings, asked.release)
                return {"missing": found, "count": len(found)}
            case "stage":
                return _manifest(staging.stage(settings, asked.release, older=asked.older, by=asked.by))
            case "apply":
                state = switching.apply(
                    settings, asked.version, again=asked.again, running=not asked.offline, by=asked.by
                )
            case "rollback":
                state = switching.rollback(settings, by=asked.by, running=not asked.offline)
            case "boot":
                state = switching.boot(settings)
            case _:
                state = switching.confirm(settings)
    return _state(state)


def _manifest(manifest: Manifest) -> dict[str, object]:
    return {
        "version": manifest.version,
        "role": manifest.role,
        "built": manifest.built,
        "wheels": len(manifest.wheels),
    }


def _state(state: State) -> dict[str, object]:
    return _with_words(dataclasses.asdict(state))


def _with_words(found: dict[str, object]) -> dict[str, object]:
    names = ("phase", "target", "previous", "reason")
    return {**found, "words": told(*(str(found[name]) for name in names))}


def _say(answer: dict[str, object]) -> None:
    texts = answer.pop("words", None)
    out = sys.stdout if answer["ok"] else sys.stderr
    if isinstance(texts, dict):
        out.write(f"{texts['fr']}\n{texts['en']}\n")
    out.write(
        "  " + "  ".join(f"{name}={value}" for name, value in answer.items() if value not in ("", {}, 0)) + "\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guard", description="Versions de Borne / releases of Borne")
    parser.add_argument("--settings", type=Path, default=FILE)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "verify": "vérifie une version sans rien écrire / verify a release, write nothing",
        "missing": "dit quels paquets doivent encore venir / which wheels must still come",
        "stage": "prépare une version / make a release ready",
        "apply": "passe à la version prête / switch to the release that is ready",
        "rollback": "revient à la version précédente / go back to the release before",
        "boot": "au démarrage, avant l’agent / at start, before the agent",
        "confirm": "après le démarrage de l’agent / after the agent has started",
        "status": "dit où en est la mise à jour / where an update stands",
    }
    made = {name: commands.add_parser(name, help=text, parents=[shared]) for name, text in texts.items()}
    for name in ("verify", "missing", "stage"):
        made[name].add_argument("release", type=Path)
    made["verify"].add_argument("--root", default="")
    made["stage"].add_argument("--older", action="store_true")
    made["apply"].add_argument("--version", default="")
    made["apply"].add_argument("--again", action="store_true")
    for name in ("stage", "apply", "rollback"):
        made[name].add_argument("--by", default="")
    for name in ("apply", "rollback"):
        made[name].add_argument("--offline", action="store_true")
    return parser
