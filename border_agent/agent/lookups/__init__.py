"""Look-ups in the watch-list without a line: exact and by likeness, and what of a hit each role may see.

search      WatchSearch: persons, documents, near hits; loading in the background
people      the persons in memory, searched whole        scoring   how far two names agree, and the cutoffs
names       one spelling for names that sound alike      same_names  forms of one name that no rule finds
births      birth dates with unknown parts               numbers     numbers that look alike
showing     what each role may see of a hit
"""

from __future__ import annotations

from border_agent.agent.lookups.births import Birth, read_birth
from border_agent.agent.lookups.scoring import CUTOFF, NEAR_CUTOFF
from border_agent.agent.lookups.search import MOST_HITS, PersonHit, SearchAnswer, WatchSearch
from border_agent.agent.lookups.showing import ShownHit, shown

__all__ = [
    "CUTOFF",
    "MOST_HITS",
    "NEAR_CUTOFF",
    "Birth",
    "PersonHit",
    "SearchAnswer",
    "ShownHit",
    "WatchSearch",
    "read_birth",
    "shown",
]
