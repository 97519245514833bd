"""The guard lies among the roles, outside every package: its folder is made known to these tests here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "provisioning" / "roles" / "update" / "files"))
