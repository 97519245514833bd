"""The locks on which every device stands: complete, with hashes, and the same versions the tests ran with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from medium_kit import REPOSITORY, medium_locks

LOCKS = Path("provisioning/locks")


def test_the_locks_are_sound() -> None:
    assert medium_locks.problems(REPOSITORY) == []


def test_the_centre_has_neither_eyes_nor_window() -> None:
    names = {pin.name for pin in medium_locks.read_lock(REPOSITORY / LOCKS / "centre.lock")}
    assert not names & {"opencv-python", "dlib-bin", "dlib", "kivy", "numpy", "pyzbar", "zxing-cpp", "starlette"}
    assert {"cryptography", "msgspec", "paho-mqtt", "psycopg"} <= names


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / LOCKS).mkdir(parents=True)
    for lock in (REPOSITORY / LOCKS).glob("*.lock"):
        shutil.copyfile(lock, tmp_path / LOCKS / lock.name)
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copyfile(REPOSITORY / name, tmp_path / name)
    return tmp_path


def _drop(name: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"^{name}==(?:.|\n)*?(?=^[a-z]|\Z)", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("lock", "change", "words"),
    [
        ("post", _drop("anyio"), "post.lock: anyio"),  # asked for by another package, not by us
        ("kiosk", _drop("kivy"), "kiosk.lock: kivy"),
        ("centre", _drop("zstandard"), "centre.lock: zstandard"),
        (
            "centre",
            lambda text: text + "kivy==2.3.1 \\\n    --hash=sha256:" + "0" * 64 + "\n",
            "centre.lock: kivy: must not",
        ),
        (
            "post",
            lambda text: text + "dlib==20.0.1 \\\n    --hash=sha256:" + "0" * 64 + "\n",
            "post.lock: dlib: must not",
        ),
        ("post", lambda text: text.replace("click==8.5.1", "click==8.5.0"), "click: not as in requirements.lock"),
        ("post", lambda text: text.replace("pyzbar==0.1.9", "pyzbar==0.1.8"), "pyzbar==0.1.9: locked at 0.1.8"),
        ("controller", lambda text: text.replace("ansible==12.3.0", "ansible==12.2.0"), "ansible==12.3.0: locked at"),
        (
            "kiosk",
            lambda text: re.sub(r"(?<=click==8.5.1) \\\n(    --hash=\S+( \\)?\n)+", "\n", text),
            "click: no hash",
        ),
    ],
)
def test_what_is_wrong_with_a_lock_is_told(
    project: Path, lock: str, change: Callable[[str], str], words: str
) -> None:
    path = project / LOCKS / f"{lock}.lock"
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before
    assert words in "\n".join(medium_locks.problems(project))


@pytest.mark.parametrize(
    "line", ["click>=8", "click @ file:///tmp/click.whl", "--index-url somewhere", "--hash=sha256:" + "0" * 64]
)
def test_a_lock_names_versions_and_nothing_else(tmp_path: Path, line: str) -> None:
    path = tmp_path / "odd.lock"
    path.write_text(f"{line}\n")
    with pytest.raises(medium_locks.LockError, match=r"odd\.lock:1"):
        medium_locks.read_lock(path)


# In a process of its own: what the lock does not name cannot be imported, as on the device.
_ON_DEVICE = """
import importlib, importlib.metadata, pkgutil, sys
from packaging.utils import canonicalize_name
locked, roots, skipped = (set(word.split(",")) for word in sys.argv[1:4])
owners = importlib.metadata.packages_distributions()

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        held = owners.get(name.split(".")[0], [])
        if held and not {canonicalize_name(one) for one in held} & locked:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent)
for name in [name for name in sys.modules if name.split(".")[0] == "packaging"]:
    del sys.modules[name]
for root in sorted(roots):
    package = importlib.import_module(root)
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), root + "."):
        left_out = found.name.endswith(".__main__")
        if not left_out and not any(found.name == skip or found.name.startswith(skip + ".") for skip in skipped):
            importlib.import_module(found.name)
print(*sorted(name for name in ("cv2", "dlib", "kivy", "numpy") if name in sys.modules))
"""
CENTRE = (
    "mqtt_schemas",
    "border_agent.cli.centre",
    "border_agent.cli.centre_authority",
    "border_agent.cli.centre_devices",
)


@pytest.mark.parametrize(
    ("role", "roots", "skipped", "heavy"),
    [
        ("centre", CENTRE, ("mqtt_schemas.lab",), set()),
        (
            "post",
            ("border_agent", "firmware_bridge"),
            ("border_agent.demo", "border_agent.specimens"),
            {"cv2", "numpy"},
        ),
        ("kiosk", ("kiosk_app",), (), {"kivy"}),
    ],
)
def test_a_role_s_programs_import_on_its_lock_alone(
    role: str, roots: tuple[str, ...], skipped: tuple[str, ...], heavy: set[str]
) -> None:
    locked = {"borne", *(pin.name for pin in medium_locks.read_lock(REPOSITORY / LOCKS / f"{role}.lock"))}
    done = subprocess.run(
        [sys.executable, "-c", _ON_DEVICE, ",".join(locked), ",".join(roots), ",".join(skipped)],
        cwd=REPOSITORY,
        env={**os.environ, "KIVY_NO_ARGS": "1", "KIVY_NO_FILELOG": "1", "KIVY_NO_CONSOLELOG": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = set(done.stdout.split())
    assert found >= heavy
    assert role != "centre" or not found
