"""The validation dossier is derived, not typed: each chapter is held to what it speaks of."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from datetime import date
from pathlib import Path

import msgspec
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "provisioning" / "tools"))

from dossier import build, components, flows, hosts, network, results, sbom  # noqa: E402
from dossier.cryptography_used import USES  # noqa: E402
from dossier.places import LOCKS, read_yaml  # noqa: E402

TODAY = date(2026, 11, 26)
CONTROLLER = REPOSITORY / ".venv-provisioning"
TOPICS = r"borne/v1/(\{device\}|all)/(up|down)/[a-z/{}-]+"


@pytest.fixture(scope="module")
def data() -> dict[str, object]:
    return build.gather([], [])


def test_no_foreign_host_is_written_anywhere() -> None:
    assert not hosts.foreign(hosts.mentions())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("url = 'https://cdn.jsdelivr.net/x.js'", "foreign"),
        ("mqtts://broker.abroad.com:8883", "foreign"),
        ("see http://8.8.8.8/", "foreign"),
        ("https://user.github.io", "foreign"),
        ("http://[2001:db8::1]:80/", "template"),
        ("https://example.evil.com", "foreign"),
        ("https://notexample", "template"),
        ("mqtts://courtier-1.centre.uto.example:8883", "reserved"),
        ("http://192.0.2.7/x", "reserved"),
        ("http://127.0.0.1:8000", "local"),
        ("xmlns='http://www.w3.org/2000/svg'", "namespace"),
        ("mqtts://host:port", "template"),
    ],
)
def test_a_foreign_host_would_be_found(tmp_path: Path, text: str, kind: str) -> None:
    (tmp_path / "some.py").write_text(text, encoding="utf-8")
    assert [mention.kind for mention in hosts.mentions((tmp_path,))] == [kind]


def test_every_locked_package_is_listed_with_its_digests_and_a_licence(data: dict[str, object]) -> None:
    listed = {(one.name, one.version): one for one in data["components"] if one.kind == "python"}  # type: ignore[attr-defined]
    for lock in ("centre", "post", "kiosk", "controller"):
        for name, version, hashes in components.read_lock((LOCKS / f"{lock}.lock").read_text(encoding="utf-8")):
            one = listed[name, version]
            assert lock in one.roles
            assert hashes and set(hashes) <= set(one.hashes), name
    # Licences are read from what is installed: the controlling machine's own only after `make setup-provisioning`.
    readable = [one for one in listed.values() if CONTROLLER.exists() or one.roles != ("controller",)]
    assert len(readable) > 40
    assert not [one.name for one in readable if not one.licence]
    assert "kivy" not in {name for (name, _), one in listed.items() if "centre" in one.roles}
    assert not [name for name, _ in listed if "win32" in name or "angle" in name]


def test_every_package_of_the_roles_is_listed(data: dict[str, object]) -> None:
    listed = {one.name for one in data["components"] if one.kind == "debian"}  # type: ignore[attr-defined]
    for file in (REPOSITORY / "provisioning" / "roles").glob("*/vars/main.yml"):
        wanted = read_yaml(file).get(f"{file.parts[-3]}_packages", [])
        assert set(wanted) <= listed, file
    assert "telnet" not in listed, "what is removed is no component"


def test_a_converged_root_gives_versions_and_licences(tmp_path: Path) -> None:
    status = tmp_path / "var" / "lib" / "dpkg" / "status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: nftables\nStatus: install ok installed\nVersion: 1.0.6-2\n\n"
        "Package: libgmp10\nStatus: install ok installed\nVersion: 2:6.2.1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    )
    doc = tmp_path / "usr" / "share" / "doc"
    for name, text in (
        ("nftables", "Format: x\n\nLicense: GPL-2\n text\n\nLicense: BSD-3-clause\n"),
        ("libgmp10", "free"),
    ):
        (doc / name).mkdir(parents=True)
        (doc / name / "copyright").write_text(text)
    found = {one.name: one for one in components.debian_components([tmp_path])}
    assert (found["nftables"].version, found["nftables"].licence) == ("1.0.6-2", "BSD-3-clause, GPL-2")
    assert (found["libgmp10"].version, found["libgmp10"].licence) == ("2:6.2.1", "see copyright")
    assert "gone" not in found


def test_the_vendored_scripts_and_the_models(data: dict[str, object]) -> None:
    by_kind = {one.name: one for one in data["components"] if one.kind in ("vendored", "model")}  # type: ignore[attr-defined]
    assert by_kind["htmx.min.js"].version
    assert by_kind["dlib_face_recognition_resnet_model_v1"].roles == ("kiosk", "post")
    unused = by_kind["shape_predictor_68_face_landmarks"]
    assert unused.roles == () and "no commercial use" in unused.licence


def test_the_sbom_is_cyclonedx_and_the_same_twice(data: dict[str, object]) -> None:
    made = sbom.make_sbom(data["components"], "1.2.3")  # type: ignore[arg-type]
    assert made == sbom.make_sbom(data["components"], "1.2.3")  # type: ignore[arg-type]
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    uuid.UUID(made["serialNumber"].removeprefix("urn:uuid:"))
    references = [one["bom-ref"] for one in made["components"]]
    assert len(references) == len(set(references))
    assert set(made["dependencies"][0]["dependsOn"]) == set(references)
    for one in made["components"]:
        assert one["type"] in {"library", "file", "machine-learning-model"}
        assert re.fullmatch(r"pkg:(pypi|deb/debian|generic)/[^@?]+(@[^?]+)?(\?distro=bookworm)?", one["purl"])
        for digest in one.get("hashes", ()):
            assert digest["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", digest["content"])
        for licence in one.get("licenses", ()):
            assert ("expression" in licence) != ("license" in licence)
            if "license" in licence:
                assert ("id" in licence["license"]) != ("name" in licence["license"])
                assert re.fullmatch(r"[A-Za-z0-9.-]*", licence["license"].get("id", "")), "SPDX"


def test_ports_are_the_firewalls_own() -> None:
    machines = network.example_machines()
    assert set(machines) == {"centre", "post", "counter", "kiosk"}
    found = network.rules()
    ports = build.by_machine(found, "in")
    assert ports["kiosk"] == {("tcp", 22)}
    assert ports["post"] == {("tcp", 22), ("tcp", 8443), ("tcp", 8883)}
    assert ports["counter"] == {("tcp", 22), ("tcp", 8443)}
    for machine, host in machines.items():
        text = network.firewall(host)
        assert text.count("policy drop") == 3
        named = {one.strip() for one in re.findall(r"^.*dport \d+.*accept.*$", text, re.MULTILINE)}
        dhcp = {one for one in named if "sport 68" in one}
        assert len(named - dhcp) == len({rule for rule in found if rule.machine == machine}), "no rule is overlooked"


def test_every_rule_has_words() -> None:
    for rule in network.rules():
        french, english = build.rule_words(rule.name, "fr"), build.rule_words(rule.name, "en")
        assert french != english or rule.name in french, rule.name
        assert not french.startswith(("broker", "time", "the ")), rule.name


def test_flows_are_the_contracts(data: dict[str, object]) -> None:
    addresses = [flow.address for flow in data["flows"]]  # type: ignore[attr-defined]
    assert all(re.fullmatch(TOPICS, address) for address in addresses), addresses
    assert {"up/journal", "down/ack"} <= {address.split("/", 3)[3] for address in addresses}
    for language in ("fr", "en"):
        drawing = flows.draw(language)
        for flow in data["flows"]:  # type: ignore[attr-defined]
            name = flow.address.split("/", 3)[3].replace("{feed}", "…")
            assert f">{name}<" in drawing
        for channel in data["post_channels"]:  # type: ignore[attr-defined]
            assert f">{channel}<" in drawing


@pytest.mark.parametrize("use", USES, ids=lambda use: use.en)
def test_the_cryptography_told_is_the_cryptography_used(use: object) -> None:
    file = REPOSITORY / use.file  # type: ignore[attr-defined]
    assert use.needle in file.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert use.fr != use.en  # type: ignore[attr-defined]


def test_every_control_points_somewhere(data: dict[str, object]) -> None:
    for control in data["controls"]:  # type: ignore[attr-defined]
        assert re.fullmatch(r"[5-8]\.\d+", control["id"])
        assert (REPOSITORY / control["where"]).exists(), control
        assert all(set(control[language]) == {"name", "how"} for language in ("fr", "en"))


def test_what_was_not_run_says_so(data: dict[str, object]) -> None:
    page = build.render("fr", {**data, "hardening": [], "tests": []}, TODAY)
    assert page.count("Non exécuté") == 2


def test_results_of_tools_and_tests(tmp_path: Path) -> None:
    (tmp_path / "lynis-post.dat").write_text("hardening_index=84\nwarning[]=a\nsuggestion[]=b\nsuggestion[]=c\n")
    (tmp_path / "kiosk.json").write_text('{"tool": "systemd-analyze", "score": 1.3, "machine": "kiosk"}')
    (tmp_path / "xccdf-post.xml").write_text(
        '<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2"><TestResult>'
        '<rule-result idref="a"><result>pass</result></rule-result>'
        '<rule-result idref="b"><result>fail</result></rule-result>'
        "<score>71.25</score></TestResult></Benchmark>"
    )
    (tmp_path / "broken.xml").write_text("<Bench")
    (tmp_path / "other.json").write_text("[1]")
    (tmp_path / "empty.dat").write_text("")
    found = results.hardening((tmp_path, tmp_path / "nowhere"))
    assert [(one.tool, one.machine, one.score) for one in found] == [
        ("OpenSCAP", "post", "71.2/100"),
        ("lynis", "post", "84/100"),
        ("systemd-analyze", "kiosk", "1.3"),
    ]
    assert found[0].detail == "1 pass, 1 fail, 0 notapplicable"
    junit = tmp_path / "junit.xml"
    junit.write_text('<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2" time="3.4"/></testsuites>')
    assert [(one.total, one.failed, one.skipped) for one in results.tests([junit, tmp_path / "broken.xml"])] == [
        (9, 2, 2)
    ]


def test_both_languages_say_the_same_amount(data: dict[str, object]) -> None:
    pages = {language: build.render(language, data, TODAY) for language in ("fr", "en")}
    assert pages["fr"].count("<tr>") == pages["en"].count("<tr>")
    assert "26/11/2026" in pages["fr"] and "26 Nov 2026" in pages["en"]
    tags = re.compile(r"<style>.*?</style>|<svg.*?</svg>|<code>.*?</code>|<[^>]+>", re.DOTALL)
    words = {language: tags.sub(" ", page) for language, page in pages.items()}
    assert not re.search(r"\w'\w", words["fr"]), "an apostrophe is written as in print"
    for foreign in ("Ports ouverts", "Données"):
        assert foreign not in words["en"]


def test_the_whole_dossier(tmp_path: Path, data: dict[str, object]) -> None:
    files = build.write(tmp_path, data, TODAY)
    assert {file.relative_to(tmp_path).as_posix() for file in files} == {
        "fr/dossier.html", "en/dossier.html", "fr/dossier.pdf", "en/dossier.pdf", "sbom.cdx.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "sbom.cdx.json").read_text(encoding="utf-8"))["components"]
    assert msgspec.json.decode((tmp_path / "dossier.json").read_bytes())["flows"]
    for language, word in (("fr", "Hôtes contactés"), ("en", "Hosts contacted")):
        pdf = tmp_path / language / "dossier.pdf"
        read = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True)
        assert word in read.stdout
        assert "htmx.min.js" in read.stdout, "to the last page"


def test_a_root_that_is_none(tmp_path: Path) -> None:
    assert build.main(["--root", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
