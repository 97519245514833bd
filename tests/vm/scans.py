"""Lynis and OpenSCAP in the running machine. They come from this machine and leave nothing behind: the device has no
use for them, and no line to fetch them."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.vm.machine import Machine

PLACE = "/run/scans"
CONTENT = Path("/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml")
"""Debian 12's own content is not in Debian 12; the previous release's rules, told that this is theirs."""
PROFILE = "xccdf_org.ssgproject.content_profile_anssi_np_nt28_average"


def lynis(machine: Machine) -> tuple[int, str]:
    """The hardening index, and the report."""
    assert shutil.which("lynis"), "package lynis is missing here"
    _bring(machine, [Path("/usr/sbin/lynis"), Path("/usr/share/lynis"), Path("/etc/lynis")])
    command = (
        f"cd {PLACE}/usr/share/lynis && LC_ALL=C sh {PLACE}/usr/sbin/lynis audit system --quick --no-log --no-colors "
        f"--profile {PLACE}/etc/lynis/default.prf --plugin-dir {PLACE}/etc/lynis/plugins "
        f"--report-file {PLACE}/report.dat"
    )
    report = machine.run(command, timeout=1800, check=False)
    found = re.search(r"^hardening_index=(\d+)$", machine.run(f"cat {PLACE}/report.dat", check=False), re.M)
    assert found is not None, report[-2000:]
    return int(found[1]), report


def openscap(machine: Machine) -> tuple[int, int, str]:
    """Rules that hold, rules that do not, and the result as XCCDF."""
    program = shutil.which("oscap")
    assert program, "package openscap-scanner is missing here"
    assert CONTENT.exists(), "package ssg-debian is missing here"
    _bring(machine, [Path(program), Path("/usr/share/openscap"), *_libraries(Path(program))])
    changed = CONTENT.read_bytes().replace(b"^11.[0-9]+$", b"^12.[0-9]+$")
    machine.put(f"{PLACE}/content.xml", changed)
    folders = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib")
    libraries = ":".join(f"{PLACE}/{folder}" for folder in folders)
    machine.run(
        f"cd {PLACE} && env LD_LIBRARY_PATH={libraries} OSCAP_SCHEMA_PATH={PLACE}/usr/share/openscap/schemas "
        f"OSCAP_CPE_PATH={PLACE}/usr/share/openscap/cpe OSCAP_XSLT_PATH={PLACE}/usr/share/openscap/xsl "
        f".{program} xccdf eval --profile {PROFILE} --results result.xml content.xml >oscap.log 2>&1",
        timeout=1800,
        check=False,
    )
    assert machine.ok(f"test -s {PLACE}/result.xml"), machine.run(f"tail -c 2000 {PLACE}/oscap.log")
    report = machine.read(f"{PLACE}/result.xml").decode()
    machine.run(f"umount {PLACE} && rmdir {PLACE}")
    return report.count("<result>pass</result>"), report.count("<result>fail</result>"), report


def _libraries(program: Path) -> list[Path]:
    shown = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return [
        Path(path) for path in re.findall(r"=> (/\S+)", shown) if not re.search(r"/lib(c|m|dl|pthread)\.so", path)
    ]


def _bring(machine: Machine, paths: list[Path]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for path in paths:
            tar.add(path)
    # A memory disk of its own from which programs may run; nothing of the machine is opened for it.
    room = f"mountpoint -q {PLACE} || mount -t tmpfs -o mode=0700,exec none {PLACE}"
    machine.run(
        f"mkdir -p {PLACE} && ({room}) && tar -C {PLACE} --no-same-owner -x", data=packed.getvalue(), timeout=600
    )
