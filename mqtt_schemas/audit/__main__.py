"""`python -m mqtt_schemas.audit --keys KEYS FILE…`: an audit with this package alone, as JSON.

Exit codes as `borne`'s: 0 all of it proves, 1 it does not, 2 these are no journal's files, or no keys.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mqtt_schemas.audit.keys import LARGEST, read_keys
from mqtt_schemas.audit.verify import verify_files
from mqtt_schemas.errors import ContractError


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m mqtt_schemas.audit")
    parser.add_argument("--keys", type=Path, required=True, help="a keys file, or one public key")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    asked = parser.parse_args(arguments)
    try:
        with asked.keys.open("rb") as file:
            keys = read_keys(file.read(LARGEST + 1))
        report = verify_files(asked.files, keys)
    except (ContractError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
