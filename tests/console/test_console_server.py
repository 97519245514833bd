"""How the console's server speaks TCP."""

from __future__ import annotations

import socket

from tests.console.console_kit import Post


def test_answers_do_not_wait_for_acknowledgements(post: Post) -> None:
    """With Nagle's algorithm every second page of a kept connection comes 40 ms late."""
    with post.client() as client:
        assert client.get("/sign-in").status_code == 200
        connections = list(post.server._server.server_state.connections)
        sockets = [one.transport.get_extra_info("socket") for one in connections]  # type: ignore[union-attr]
        assert sockets
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets)
