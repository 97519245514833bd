"""What `make medium` puts together: the seal, the pool of wheels, the flat repository, the collections."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from medium_kit import (
    BUILT,
    REPOSITORY,
    Bench,
    medium,
    medium_content,
    medium_debian,
    medium_seal,
    medium_wheels,
)


def test_the_same_files_give_the_same_seal(tmp_path: Path) -> None:
    first, second = Bench(tmp_path / "a"), Bench(tmp_path / "b")
    second.key = first.key
    second.seal()
    for name in (medium_seal.SUMS, medium_seal.SIGNATURE):
        assert (first.stick / name).read_bytes() == (second.stick / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("provisioning/root.pem", "-----BEGIN PRIVATE KEY-----\n", "private key"),
        ("ssh", "x\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
        ("two words", "x", "name"),
        ("line\nbreak", "x", "name"),
        ("Devices.TXT", "x", "name"),
    ],
)
def test_what_must_not_travel_is_not_sealed(tmp_path: Path, name: str, text: str, reason: str) -> None:
    bench = Bench(tmp_path)
    path = bench.stick / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(medium_seal.SealError) as refused:
        bench.seal()
    assert (refused.value.reason, refused.value.path.lower()) == (
        reason,
        name.lower() if name != "Devices.TXT" else "devices.txt",
    )


def test_a_link_is_not_sealed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (bench.stick / "zz").symlink_to("/etc/passwd")
    with pytest.raises(medium_seal.SealError, match="link: zz"):
        bench.seal()


def _wheel(folder: Path, name: str, text: str = "x") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_the_medium_s_lock_names_the_wheels_beside_it(tmp_path: Path) -> None:
    lock = tmp_path / "post.lock"
    lock.write_text(
        f"click==8.5.1 \\\n    --hash=sha256:{'0' * 64}\n"
        f"pywin32==312 ; sys_platform == 'win32' \\\n    --hash=sha256:{'0' * 64}\n"
    )
    wheel = _wheel(tmp_path / "got", "click-8.5.1-py3-none-any.whl", "built here")
    assert medium_wheels.put(lock, (wheel,), tmp_path / "pool", tmp_path / "out/post.txt") == 10
    assert (tmp_path / "out/post.txt").read_text() == f"click==8.5.1 --hash=sha256:{medium_wheels.digest(wheel)}\n"
    with pytest.raises(medium_wheels.WheelError, match="two builds that differ"):
        medium_wheels.pool(_wheel(tmp_path / "other", wheel.name, "built there"), tmp_path / "pool")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], r"click==8\.5\.1: no wheel"),
        (["click-8.5.0-py3-none-any.whl"], r"click==8\.5\.1: 8\.5\.0"),
        (["click-8.5.1-py3-none-any.whl", "dlib-20.0.1-py3-none-any.whl"], "dlib: in no lock"),
    ],
)
def test_wheels_that_are_not_the_lock_s_are_refused(tmp_path: Path, names: list[str], words: str) -> None:
    lock = tmp_path / "post.lock"
    lock.write_text(f"click==8.5.1 --hash=sha256:{'0' * 64}\n".replace(" --hash", " \\\n    --hash"))
    wheels = tuple(_wheel(tmp_path / "got", name) for name in names)
    with pytest.raises(medium_wheels.LockError, match=words):
        medium_wheels.put(lock, wheels, tmp_path / "pool", tmp_path / "post.txt")


def _package(folder: Path, name: str, version: str, depends: str = "") -> medium_debian.Package:
    tree = folder / "tree" / name
    (tree / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody\nInstalled-Size: 12\n"
    control += f"Depends: {depends}\n" if depends else ""
    (tree / "DEBIAN/control").write_text(control + "Description: made up\n of two lines\n")
    file = f"{name}_{version.replace(':', '%3a')}_amd64.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", tree, folder / file], check=True, capture_output=True
    )
    sum_ = medium_wheels.digest(folder / file)
    return medium_debian.Package(name=name, file=file, size=(folder / file).stat().st_size, sha256=sum_)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    archives = tmp_path / "archives"
    archives.mkdir()
    packages = [_package(archives, "borne-x", "1:2.0-1", "borne-y (>= 1)"), _package(archives, "borne-y", "1.5~rc+1")]
    medium_debian.publish(archives, frozenset(packages), tmp_path / "debian", BUILT)
    return tmp_path / "debian"


def _apt(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """apt as install.sh sets it up: this repository and no other."""
    state = repository.parent / "state"
    (state / "lists/partial").mkdir(parents=True, exist_ok=True)
    (state / "archives/partial").mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    options = {
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "true",
    }
    settings = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    return subprocess.run(["apt-get", "-q", *settings, *words], capture_output=True, text=True)


def test_apt_reads_the_flat_repository(repository: Path) -> None:
    assert _apt(repository, "update", "--error-on=any").returncode == 0
    told = _apt(repository, "install", "--yes", "--download-only", "borne-x")
    assert told.returncode == 0, told.stderr
    assert "borne-x borne-y" in told.stdout
    assert {path.name for path in (repository / "pool").iterdir()} == {
        "borne-x_2.0-1_amd64.deb",
        "borne-y_1.5~rc+1_amd64.deb",
    }
    assert medium_debian.installed_bytes(repository / "Packages") == 24 * 1024


def test_apt_refuses_an_index_that_release_does_not_name(repository: Path) -> None:
    (repository / "Packages").write_text((repository / "Packages").read_text().replace("made up", "made off"))
    done = _apt(repository, "update", "--error-on=any")
    assert done.returncode != 0
    assert "Hash Sum mismatch" in done.stderr or "unexpected size" in done.stderr


def test_a_package_that_debian_did_not_sign_is_not_published(tmp_path: Path) -> None:
    """What lies in the cache is held against the signed index each time."""
    (tmp_path / "archives").mkdir()
    package = _package(tmp_path / "archives", "borne-x", "2.0-1")
    cached = tmp_path / "archives" / package.file
    cached.write_bytes(cached.read_bytes()[:-1] + b"x")
    with pytest.raises(medium_debian.DebianError, match="damaged in the cache"):
        medium_debian.publish(tmp_path / "archives", frozenset([package]), tmp_path / "debian", BUILT)
    assert not cached.exists()


def test_the_repository_names_no_mirror(repository: Path) -> None:
    hosts = {source.split()[2] for source in medium_debian.machine_sources()}
    text = (repository / "Packages").read_text() + (repository / "Release").read_text()
    assert not [host for host in hosts if host in text]
    assert "Date: Thu, 26 Nov 2026 08:00:00 GMT" in text


def test_every_role_s_packages_are_found() -> None:
    asked = medium_debian.role_packages(REPOSITORY / "provisioning")
    assert {"python3-venv", "python3-apt", "openssl"} <= set(asked["bootstrap"])
    written = {path.parent.parent.name for path in (REPOSITORY / "provisioning/roles").glob("*/vars/main.yml")}
    listed = {
        role
        for role in written
        if "_packages:" in (REPOSITORY / f"provisioning/roles/{role}/vars/main.yml").read_text(encoding="utf-8")
    }
    assert listed <= set(asked)
    assert all(isinstance(name, str) and "{" not in name for names in asked.values() for name in names)


def test_every_device_of_the_example_is_known_by_its_kind() -> None:
    known = medium_content.devices(REPOSITORY / "provisioning/inventories/exemple")
    assert known["centre-amaurote"] == "centre"
    assert known["amaurote-aeroport-g1"] == "post"
    assert known["amaurote-aeroport-b1"] == "kiosk"


def test_an_inventory_without_devices_makes_no_medium(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {children: {posts: {hosts: }}}\n")
    with pytest.raises(medium_content.ContentError):
        medium_content.devices(tmp_path)


def test_only_the_collections_that_are_named_travel(tmp_path: Path) -> None:
    provisioning = tmp_path / "provisioning"
    (provisioning / "roles/x/tasks").mkdir(parents=True)
    (provisioning / "roles/x/tasks/main.yml").write_text(
        "- name: Say\n  one.used.say:\n# other.unused without a task\n"
    )
    wheel = tmp_path / "ansible-12.3.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, needs in (("one.used", {"two.needed": "*"}), ("two.needed", {}), ("other.unused", {})):
            folder = f"ansible_collections/{name.replace('.', '/')}"
            archive.writestr(f"{folder}/MANIFEST.json", json.dumps({"collection_info": {"dependencies": needs}}))
            archive.writestr(f"{folder}/plugins/modules/say.py", "x")
            archive.writestr(f"{folder}/tests/unit/say.py", "x")
    target = tmp_path / "collections.tar"
    assert medium_content.collections(provisioning, wheel, target) == ("one.used", "two.needed")
    listed = subprocess.run(["tar", "-tf", target], capture_output=True, text=True, check=True).stdout.split()
    assert listed == [
        "ansible_collections/one/used/MANIFEST.json",
        "ansible_collections/one/used/plugins/modules/say.py",
        "ansible_collections/two/needed/MANIFEST.json",
        "ansible_collections/two/needed/plugins/modules/say.py",
    ]


def test_the_playbooks_travel_without_the_workshop(tmp_path: Path) -> None:
    provisioning = REPOSITORY / "provisioning"
    medium_content.playbooks(provisioning, provisioning / "inventories/exemple", tmp_path / "provisioning")
    names = {path.relative_to(tmp_path / "provisioning").as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"site.yml", "ansible.cfg", "inventories/variables.yml", "inventories/medium/hosts.yml"} <= names
    assert not [name for name in names if "__pycache__" in name or name.split("/")[0] in {"tools", "medium", "locks"}]


def test_a_medium_is_verified_and_its_key_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path)
    assert medium.main(["verify", str(bench.stick), "--fingerprint", bench.fingerprint]) == 0
    assert "0.1.0 2026-11-26T08:00:00Z" in capsys.readouterr().out
    (bench.stick / "install.sh").write_text("x")
    assert medium.main(["verify", str(bench.stick), "--fingerprint", bench.fingerprint]) == 1
    assert "changed: install.sh" in capsys.readouterr().err
    assert medium.main(["fingerprint", str(tmp_path / "none.pem")]) == 2


@pytest.mark.skipif(shutil.which("debugfs", path="/usr/sbin:/sbin:/usr/bin") is None, reason="no debugfs")
def test_an_image_holds_the_medium(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    medium._image(bench.stick, tmp_path / "medium.img")
    listed = subprocess.run(
        ["/usr/sbin/debugfs", "-R", "cat /SHA256SUMS", tmp_path / "medium.img"], capture_output=True, check=True
    )
    assert listed.stdout == (bench.stick / "SHA256SUMS").read_bytes()
