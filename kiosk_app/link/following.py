"""One inspection's stream, for as long as the flow follows it: a thread that ends with the stream, or is let go."""

from __future__ import annotations

import threading
from collections.abc import Callable

from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from kiosk_app.flow.events import Event, InspectionLost
from kiosk_app.link.reading import inspection

Post = Callable[[Event], None]


class Following:
    """Posts every view of one inspection. `end` stops the posting now, the thread at the next word."""

    def __init__(self, socket: str, id_: str, post: Post) -> None:
        self.id = id_
        self._socket = socket
        self._post = post
        self._ended = threading.Event()
        self._client = AgentClient(socket, as_kiosk=True)
        threading.Thread(target=self._run, name=f"follow-{id_[:6]}", daemon=True).start()

    def end(self) -> None:
        """The flow follows something else."""
        self._ended.set()
        self._client.close()

    def _run(self) -> None:
        try:
            with self._client as client:
                for view in client.events(self.id):
                    if self._ended.is_set():
                        return
                    self._post(inspection(view))
        except ApiRefused as error:
            if not self._ended.is_set() and error.reason == "inspection.unknown":
                self._post(InspectionLost(self.id))
        except (AgentGone, RuntimeError):
            # Gone: the sign of life finds out, and the flow resumes. RuntimeError: closed under way, as asked.
            return
