"""One wheel holds the four packages and everything they read at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NEEDED = (
    "border_agent/words/locale/fr/LC_MESSAGES/findings.po",
    "border_agent/words/locale/en/LC_MESSAGES/findings.po",
    "border_agent/faces/calibrations/dlib_provisional.json",
    "border_agent/crypto/curves.json",
    "border_agent/console/templates/base.html",
    "border_agent/console/static/console.css",
    "border_agent/console/static/console.js",
    "border_agent/console/static/icons.svg",
    "border_agent/console/static/vendor/htmx.min.js",
    "border_agent/console/static/vendor/CHECKSUMS",
    "border_agent/console/static/vendor/LICENSE-htmx.txt",
    "mqtt_schemas/asyncapi.yaml",
    "mqtt_schemas/schemas/message-state.json",
    "kiosk_app/README.md",
    "kiosk_app/ui/widgets.kv",
    "kiosk_app/screens/passport.kv",
    "kiosk_app/pictures/attract.svg",
    "kiosk_app/locale/ar/LC_MESSAGES/kiosk.po",
)


def test_the_wheel_holds_the_four_packages_and_their_data(tmp_path: Path) -> None:
    # From what git tracks, so that nothing of this folder's own gets in.
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", REPOSITORY, source], check=True)
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "-q",
            "wheel",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "-w",
            tmp_path,
            source,
        ],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("borne-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if not name.startswith("borne-")} == {
        "border_agent",
        "firmware_bridge",
        "kiosk_app",
        "mqtt_schemas",
    }
    assert not [name for name in NEEDED if name not in names]
    assert any(name.endswith("licenses/LICENSE") for name in names)
