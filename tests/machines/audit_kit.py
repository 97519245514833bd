"""Two independent auditors over a root: lynis, and OpenSCAP with the guide that Debian packages. Results are kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from root_kit import REPOSITORY, Root

RESULTS = REPOSITORY / "build" / "hardening"
# Debian 12 ships the guide for Debian 11 at the latest (ssg-debian 0.1.65).
GUIDE = Path("/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml")
PROFILE = "xccdf_org.ssgproject.content_profile_anssi_np_nt28_high"
_XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"


class NoAuditor(Exception):
    """The auditor is not installed here."""


@dataclass(frozen=True)
class Lynis:
    index: int
    tests: int
    warnings: tuple[str, ...]
    suggestions: tuple[str, ...]


def lynis(root: Root, name: str) -> Lynis:
    """Audit from inside. A folder has no running services, kernel or network of its own: those are not judged."""
    root.run(
        script="apt-get -qq install -y --no-install-recommends lynis >/dev/null"
        " && lynis audit system --quick --quiet --no-colors --report-file /var/log/lynis.dat"
    )
    report = root.read("/var/log/lynis.dat")
    _keep(f"lynis-{name}.dat", report)
    return Lynis(
        index=int(re.findall(r"^hardening_index=(\d+)", report, re.MULTILINE)[0]),
        tests=int(re.findall(r"^lynis_tests_done=(\d+)", report, re.MULTILINE)[0]),
        warnings=tuple(re.findall(r"^warning\[\]=([^|]+)", report, re.MULTILINE)),
        suggestions=tuple(re.findall(r"^suggestion\[\]=([^|]+)", report, re.MULTILINE)),
    )


@dataclass(frozen=True)
class OpenScap:
    score: float
    counts: dict[str, int]
    failed: tuple[str, ...]


def openscap(root: Root, name: str, profile: str = PROFILE) -> OpenScap:
    """Audit from outside. The guide is for Debian 11 and refuses any other: its check of the version, and that alone,
    is changed in a copy, and the result says what it was made with."""
    if shutil.which("oscap") is None or not GUIDE.exists():
        raise NoAuditor("oscap and ssg-debian are not installed here")
    text = GUIDE.read_text(encoding="utf-8")
    changed = text.replace("^11.[0-9]+$", "^12.[0-9]+$")
    assert changed != text
    guide = root.path.parent / "guide.xml"
    guide.write_text(changed, encoding="utf-8")
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = RESULTS / f"openscap-{name}.xml"
    done = subprocess.run(
        ["oscap", "xccdf", "eval", "--profile", profile, "--results", results, guide],
        env={**os.environ, "OSCAP_PROBE_ROOT": str(root.path)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    # 2: some rule failed, which is an answer.
    assert done.returncode in (0, 2), done.stderr
    found = ET.parse(results).getroot().find(f"{_XCCDF}TestResult")
    assert found is not None
    answers = {
        one.get("idref", "").removeprefix("xccdf_org.ssgproject.content_rule_"): one.findtext(f"{_XCCDF}result", "")
        for one in found.iter(f"{_XCCDF}rule-result")
    }
    counts = Counter(answers.values())
    del counts["notselected"]
    score = float(found.findtext(f"{_XCCDF}score", "0"))
    return OpenScap(score, dict(counts), tuple(sorted(rule for rule, said in answers.items() if said == "fail")))


def _keep(name: str, text: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / name).write_text(text)
