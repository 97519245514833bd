"""Says which file of the inventory cannot be read, and where: Ansible's own error names neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleParserError
from ansible.plugins.vars import BaseVarsPlugin

DOCUMENTATION = """
name: readable
version_added: "2.19"
short_description: Stop at a variables file that cannot be read, naming it
description:
  - Gives no variables. It stands before host_group_vars and reads the same files first.
"""


class VarsModule(BaseVarsPlugin):
    REQUIRES_ENABLED = True
    _read: set[str] = set()  # noqa: RUF012  (one set for all: Ansible makes a plugin anew for each folder)

    def get_vars(self, loader: Any, path: str, entities: Any) -> dict[str, Any]:
        if path not in self._read:
            self._read.add(path)
            for name in ("group_vars", "host_vars"):
                for file in sorted(Path(path, name).rglob("*.y*ml")):
                    _check(file)
        return {}


def _check(file: Path) -> None:
    try:
        yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        words = f"{file} est illisible, rien n’a été touché / {file} cannot be read, nothing was touched: "
        raise AnsibleParserError(words + " ".join(str(error).split())) from None
