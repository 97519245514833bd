"""Switching to a release, and back.

The state is written before the link moves, and the link moves back before the state says so. So whatever moment the
power goes, the machine that starts again knows: no switch under way, one that had not happened or was being taken
back (the link names the old release: leave it), or one that nobody has confirmed (count, and go back after the second
start). The database is never looked at.
"""

from __future__ import annotations

import dataclasses
import subprocess

from borne_guard import health, staging
from borne_guard.fault import Fault
from borne_guard.manifest import BODY, read_manifest, version_key
from borne_guard.settings import Settings
from borne_guard.state import (
    CONFIRMED,
    ROLLED_BACK,
    SWITCHED,
    State,
    current,
    is_whole,
    load_state,
    note,
    point,
    save_state,
)

_RESTART_SECONDS = 180


def apply(settings: Settings, version: str = "", *, again: bool = False, running: bool = True, by: str = "") -> State:
    """Switch to a staged release (`version`: to that one) and see that it is well, else go back.

    `running`: whether anything runs that could be asked; in an image that is being made nothing does, and the first
    start confirms. Raises Fault; a release that was taken back is no fault but a state.
    """
    state = load_state(settings)
    if state.phase == SWITCHED:
        raise Fault("update.unconfirmed", state.target)
    target, here = version or state.target, current(settings)
    if not is_whole(settings, target):
        raise Fault("update.not_staged", target)
    if target in state.refused and not again:
        raise Fault("update.taken_back", target, str(state.refused[target]))
    if target == here:
        return save_state(settings, dataclasses.replace(state, phase=CONFIRMED, target=target, tries=0))
    # What is whole can be gone back to; on a first installation there is nothing.
    previous = here if is_whole(settings, here) else ""
    seen = health.look(settings) if running and settings.socket else None
    state = State(
        phase=SWITCHED,
        target=target,
        previous=previous,
        before=dataclasses.asdict(seen) if seen else {},
        refused={name: why for name, why in state.refused.items() if name != target},
    )
    if not previous:
        point(settings, target)
        note(settings, "installed", version=target, by=by)
        return save_state(settings, dataclasses.replace(state, phase=CONFIRMED))
    note(settings, "switched", version=target, previous=previous, by=by)
    save_state(settings, state)
    point(settings, target)
    return _settle(settings, state) if running else state


def boot(settings: Settings) -> State:
    """Before the agent starts: count an unconfirmed start, or go back. Then `current` names a whole release."""
    state = load_state(settings)
    if state.phase == SWITCHED:
        if current(settings) != state.target:
            state = _taken_back(settings, state, "interrupted", "")
        elif state.tries >= settings.boots:
            state = _go_back(settings, state, "not_confirmed", str(state.tries))
        else:
            state = save_state(settings, dataclasses.replace(state, tries=state.tries + 1))
    if not is_whole(settings, current(settings)):
        state = _mend(settings, state)
    return state


def confirm(settings: Settings) -> State:
    """After the agent has started: what nobody has confirmed yet is confirmed, or taken back."""
    state = load_state(settings)
    if state.phase != SWITCHED:
        return state
    if current(settings) != state.target:
        return _taken_back(settings, state, "interrupted", "")
    code, detail = health.wait(settings, state.target, state.before)
    return _judge(settings, state, code, detail)


def rollback(settings: Settings, *, by: str, running: bool = True) -> State:
    """Go back to the release before, because somebody asks for it: with their name in the history. Raises Fault."""
    state = load_state(settings)
    if not by:
        raise Fault("update.by")
    if not is_whole(settings, state.previous) or state.previous == current(settings):
        raise Fault("update.nothing_before", state.previous)
    state = _go_back(settings, dataclasses.replace(state, target=current(settings)), "operator", by)
    if running:
        _restart(settings)
    return state


def _settle(settings: Settings, state: State) -> State:
    failed = _restart(settings)
    code, detail = ("restart", failed) if failed else health.wait(settings, state.target, state.before)
    return _judge(settings, state, code, detail)


def _judge(settings: Settings, state: State, code: str, detail: str) -> State:
    if code:
        state = _go_back(settings, state, code, detail)
        _restart(settings)
        return state
    state = save_state(settings, dataclasses.replace(state, phase=CONFIRMED, tries=0))
    note(settings, "confirmed", version=state.target)
    staging.tidy(settings)
    return state


def _go_back(settings: Settings, state: State, reason: str, detail: str) -> State:
    point(settings, state.previous)
    return _taken_back(settings, state, reason, detail)


def _taken_back(settings: Settings, state: State, reason: str, detail: str) -> State:
    """The link names the old release again; say so. What was only interrupted may be tried again."""
    refused = state.refused if reason == "interrupted" else {**state.refused, state.target: reason}
    state = dataclasses.replace(state, phase=ROLLED_BACK, reason=reason, detail=detail, tries=0, refused=refused)
    state = save_state(settings, state)
    note(settings, "rolled_back", version=state.target, previous=state.previous, reason=reason, detail=detail)
    return state


def _mend(settings: Settings, state: State) -> State:
    """`current` names nothing that could run: take the release before, else the newest whole one. Raises Fault."""
    found = [folder.name for folder in settings.releases.iterdir() if is_whole(settings, folder.name)]
    found.sort(key=lambda name: (name == state.previous, _order(settings, name)))
    if not found:
        raise Fault("update.no_release_here", str(settings.releases))
    point(settings, found[-1])
    note(settings, "mended", version=found[-1])
    return save_state(settings, dataclasses.replace(state, phase=CONFIRMED, target=found[-1], tries=0))


def _order(settings: Settings, name: str) -> tuple[tuple[int, ...], str, int]:
    return version_key(read_manifest((settings.releases / name / BODY).read_bytes()).version)


def _restart(settings: Settings) -> str:
    """Restart what runs; what went wrong, or nothing."""
    if not settings.restart:
        return ""
    # The command lasts until the agent is ready: a device that is given longer to be well is given it here too.
    seconds = max(_RESTART_SECONDS, settings.health_seconds)
    try:
        ran = subprocess.run(
            settings.restart, check=False, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)[:500]
    return (ran.stderr.strip()[-500:] or str(ran.returncode)) if ran.returncode else ""


def status(settings: Settings) -> dict[str, object]:
    """What runs, what was before, where an update stands."""
    state, here = load_state(settings), current(settings)
    whole = sorted(folder.name for folder in settings.releases.glob("*") if is_whole(settings, folder.name))
    about = read_manifest((settings.releases / here / BODY).read_bytes()) if here in whole else None
    return {
        **dataclasses.asdict(state),
        "current": here,
        "releases": whole,
        "role": about.role if about else "",
        "built": about.built if about else "",
        "contract": about.contract if about else "",
        "store": about.store if about else 0,
    }
