"""The post's devices as each other's witnesses: each says where its journal ends, signed, and the others keep that.

Whoever later writes a device's journal anew, with its own keys even, is contradicted by what its neighbours hold: no
line to the centre is needed for it. One statement of each device and hour is kept (see `store.witness`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from border_agent.agent.post.believing import Heard
from border_agent.agent.post.parts import Say
from border_agent.store import Store, StoreError, witness
from border_agent.store.streams import current_stream
from mqtt_schemas.journal_file import LARGEST_STATEMENT
from mqtt_schemas.post import PostState

_log = logging.getLogger(__name__)

KEEP_SECONDS = 3600.0


class Witnesses:
    """A `Part`."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._kept: dict[tuple[str, bytes], float] = {}

    def stands(self) -> dict[str, object]:
        """Where this device's own journal ends, in the words of `PostState`; empty where that cannot be read."""
        try:
            with self._store.reading() as connection:
                stream = current_stream(connection)
        except StoreError as error:
            _log.error("the post is not told where the journal ends: %s", error.code)
            return {}
        if stream is None or not stream.sequence:
            return {}
        return {
            "journal_epoch": stream.epoch,
            "journal_sequence": stream.sequence,
            "journal_head": stream.head,
        }

    def up(self, now: float) -> None:
        """Nothing is to be said anew."""

    def down(self) -> None:
        """What was heard stays heard."""

    def heard(self, heard: Heard, now: float) -> None:
        """Keep a device's word, once an hour and when it begins another epoch. Raises StoreError."""
        state = heard.body
        if heard.record is None or not isinstance(state, PostState):
            return
        epoch, head = state.journal_epoch, state.journal_head
        if epoch is None or head is None or not state.journal_sequence or len(heard.statement) > LARGEST_STATEMENT:
            return
        last = self._kept.get((state.device, epoch))
        if last is not None and now - last < KEEP_SECONDS:
            return
        with self._store.writing() as connection:
            witness.keep(
                connection,
                stream=None,
                epoch=epoch,
                sequence=state.journal_sequence,
                head=head,
                at=self._now(),
                source=state.device,
                statement=heard.statement,
            )
        self._kept[state.device, epoch] = now

    def turn(self, say: Say, now: float) -> float | None:
        """Nothing to say: the state says it."""
        return None
