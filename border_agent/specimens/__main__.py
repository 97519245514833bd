"""`make specimens`: every picture of the cast in a folder, and one sheet to look at; the passports' chips as booklets
for `specimens.chip`, and a folder `trust` with what vouches for them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from border_agent.specimens.album import build_all, build_codes
from border_agent.specimens.chip.booklets import build_booklets, make_pki
from border_agent.specimens.contact import contact_sheet
from border_agent.specimens.signing import make_signers

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/specimens")
album = build_all(folder, datetime.now(UTC).date())
build_codes(album, folder / "codes", make_signers(album.today))
pki = make_pki(album.today)
build_booklets(album, folder / "booklets", pki)
pki.write(folder / "trust")
sys.stdout.write(f"{contact_sheet(folder)}\n")
