"""`python -m border_agent.cli`: the same as `borne`."""

from __future__ import annotations

from border_agent.cli import main

main()
