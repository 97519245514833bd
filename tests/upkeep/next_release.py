"""A real second release: this tree with a later version, a further additive migration, and a new optional field.

What is changed is found by its text; where the tree no longer has that text, the tests fail and say so.
"""

from __future__ import annotations

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("border_agent", "firmware_bridge", "kiosk_app", "mqtt_schemas", "pyproject.toml", "README.md", "LICENSE")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


def make_tree(target: Path, version: str) -> Path:
    """This tree under another version, otherwise as it is."""
    target.mkdir(parents=True)
    for part in PARTS:
        if (REPOSITORY / part).is_dir():
            shutil.copytree(REPOSITORY / part, target / part, ignore=_IGNORED)
        else:
            shutil.copyfile(REPOSITORY / part, target / part)
    _change(target / "pyproject.toml", f'\nversion = "{_version()}"', f'\nversion = "{version}"')
    return target


def make_next(target: Path, version: str) -> Path:
    """The next release: its database has a table and a column more, its entries say at which lane."""
    make_tree(target, version)
    store = target / "border_agent" / "store"
    number = _schema(store)
    _change(store / "migrations.py", f"VERSION: Final = {number}", f"VERSION: Final = {number + 1}")
    _change(
        store / "migrations.py",
        f'migrations(name="v{number}")(_v{number})\n',
        f"""migrations(name="v{number}")(_v{number})


def _later(database: sqlite_utils.Database) -> None:
    database.execute("CREATE TABLE lane (name TEXT PRIMARY KEY, opened_at TEXT NOT NULL) STRICT")
    database.execute("INSERT INTO lane VALUES ('north', '2027-03-01')")
    database.execute("ALTER TABLE evidence ADD COLUMN lane TEXT")


migrations(name="v{number + 1}")(_later)
""",
    )
    shutil.copyfile(store / "schemas" / f"v{number}.sql", store / "schemas" / f"v{number + 1}.sql")
    _change(
        target / "mqtt_schemas" / "entries.py",
        "    event: Text\n    details: dict[str, Text] = {}\n",
        '    event: Text\n    details: dict[str, Text] = {}\n    lane: Text = ""\n',
    )
    _change(
        target / "border_agent" / "agent" / "diary.py",
        "            details=details,\n",
        '            details=details,\n            lane="north",\n',
    )
    return target


def make_broken(target: Path, version: str) -> Path:
    """A release that installs well, answers `--version`, and whose agent never comes up."""
    make_tree(target, version)
    _change(
        target / "border_agent" / "agent" / "runtime.py",
        "        config = self.config\n        stack.enter_context(alone(",
        '        raise RuntimeError("broken on purpose")\n        stack.enter_context(alone(',
    )
    return target


def _version() -> str:
    line = next(
        line for line in (REPOSITORY / "pyproject.toml").read_text("utf-8").splitlines() if line.startswith("version")
    )
    return line.split('"')[1]


def _schema(store: Path) -> int:
    return max(int(file.stem[1:]) for file in (store / "schemas").glob("v*.sql"))


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file}: {old!r} is there {text.count(old)} times"
    file.write_text(text.replace(old, new), encoding="utf-8")
