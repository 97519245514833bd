"""`python -m border_agent.specimens.chip`: see `twin`."""

from __future__ import annotations

from border_agent.specimens.chip.twin import main

main()
