"""provision.sh against every medium it must refuse: nothing of it runs, and words name the first file at fault."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medium_kit import BUILT, DEVICE, MEDIUM, NBSP, Bench, medium_seal

WHEEL = "wheels/borne-0.1.0-py3-none-any.whl"
PACKAGE = "debian/pool/mosquitto_2.0.11-1.2+deb12u1_amd64.deb"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_whole_medium_is_copied_and_its_copy_goes_on(bench: Bench) -> None:
    done = bench.provision()
    assert done.returncode == 0, done.stderr
    assert bench.reached == f"{bench.store}/current/install.sh {DEVICE} {bench.store}"
    assert medium_seal.verify(bench.store / "current", bench.fingerprint).built == BUILT
    assert (bench.store / "newest").read_text().strip() == str(int(BUILT.timestamp()))
    assert not (bench.folder / "clock").exists()


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _swap_signature(bench: Bench) -> None:
    """The signature of another medium that the same key made."""
    other = Bench(bench.folder / "other")
    other.key = bench.key
    (other.stick / "devices.txt").write_text("another post\n")
    other.seal()
    shutil.copyfile(other.stick / "SHA256SUMS.sig", bench.stick / "SHA256SUMS.sig")


def _link_out(bench: Bench) -> None:
    outside = bench.folder / "outside"
    outside.write_bytes((bench.stick / WHEEL).read_bytes())
    (bench.stick / WHEEL).unlink()
    (bench.stick / WHEEL).symlink_to(outside)


def _link_folder(bench: Bench) -> None:
    (bench.stick / "wheels").rename(bench.folder / "elsewhere")
    (bench.stick / "wheels").symlink_to(bench.folder / "elsewhere")


def _rewrite_sums(bench: Bench) -> None:
    """A changed file with its sum put right, as whoever lacks the key would."""
    (bench.stick / WHEEL).write_bytes(b"other")
    sums = bench.stick / "SHA256SUMS"
    sums.write_text(re.sub(rf"[0-9a-f]{{64}}(?=  {WHEEL})", sha256(b"other").hexdigest(), sums.read_text()))


def _sign_again(bench: Bench) -> None:
    bench.seal(key=Ed25519PrivateKey.generate())


def _unseal(bench: Bench) -> None:
    (bench.stick / "SHA256SUMS.sig").unlink()


def _link_key(bench: Bench) -> None:
    (bench.stick / "borne.pub").rename(bench.folder / "key")
    (bench.stick / "borne.pub").symlink_to(bench.folder / "key")


def _other_sort_of_text(bench: Bench) -> None:
    """Something else that the software key has signed is not a medium."""
    sums = bench.stick / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("# borne/v1/medium\n", ""))
    (bench.stick / "SHA256SUMS.sig").write_bytes(bench.key.sign(sums.read_bytes()))


def _climb_out(bench: Bench) -> None:
    """Even signed, a name that leads out of the medium is refused."""
    (bench.folder / "outside").write_text("x")
    sums = bench.stick / "SHA256SUMS"
    sums.write_text(sums.read_text() + f"{sha256(b'x').hexdigest()}  wheels/../../outside\n")
    (bench.stick / "SHA256SUMS.sig").write_bytes(bench.key.sign(sums.read_bytes()))


REFUSED: tuple[tuple[str, Callable[[Bench], object], str, str], ...] = (
    (
        "changed",
        lambda b: _flip(b.stick / WHEEL),
        f"fichier modifié ou abîmé{NBSP}: {WHEEL}",
        "changed or damaged file",
    ),
    ("emptied", lambda b: (b.stick / PACKAGE).write_bytes(b""), f"abîmé{NBSP}: {PACKAGE}", "changed or damaged file"),
    (
        "second half",
        lambda b: (b.stick / "install.sh").write_text("reboot\n"),
        f"abîmé{NBSP}: install.sh",
        "damaged file",
    ),
    ("missing", lambda b: (b.stick / WHEEL).unlink(), f"fichier manquant{NBSP}: {WHEEL}", "missing file"),
    (
        "extra",
        lambda b: (b.stick / "autorun.inf").write_text("x"),
        f"fichier en trop{NBSP}: autorun.inf",
        "extra file",
    ),
    ("hidden", lambda b: (b.stick / "wheels/.x").write_text("x"), f"fichier en trop{NBSP}: wheels/.x", "extra file"),
    ("link", _link_out, f"lien ou fichier spécial{NBSP}: {WHEEL}", "link or special file"),
    ("linked folder", _link_folder, f"lien ou fichier spécial{NBSP}: wheels", "link or special file"),
    ("pipe", lambda b: os.mkfifo(b.stick / "pipe"), f"lien ou fichier spécial{NBSP}: pipe", "link or special file"),
    (
        "signature of another",
        _swap_signature,
        "la signature ne va pas avec SHA256SUMS",
        "does not belong to SHA256SUMS",
    ),
    ("sums rewritten", _rewrite_sums, "la signature ne va pas avec SHA256SUMS", "does not belong to SHA256SUMS"),
    ("signature cut", lambda b: (b.stick / "SHA256SUMS.sig").write_bytes(b"x" * 63), "la signature", "the signature"),
    ("other key", _sign_again, "n’est pas celle de l’empreinte", "is not the one of the fingerprint"),
    ("no key", lambda b: (b.stick / "borne.pub").write_text("?"), "n’est pas celle", "is not the one"),
    ("no signature", _unseal, "il manque SHA256SUMS.sig", "SHA256SUMS.sig is missing"),
    ("linked key", _link_key, "il manque borne.pub", "borne.pub is missing"),
    ("other text", _other_sort_of_text, "ce n’est pas un support de mise en service", "not a provisioning medium"),
    ("climbing name", _climb_out, f"nom interdit dans SHA256SUMS{NBSP}: wheels/../../outside", "forbidden name"),
)


@pytest.mark.parametrize(
    ("spoil", "french", "english"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_spoilt_medium_is_refused_and_nothing_of_it_runs(
    bench: Bench, spoil: Callable[[Bench], object], french: str, english: str
) -> None:
    spoil(bench)
    done = bench.provision()
    assert done.returncode == 1, done.stdout + done.stderr
    assert french in done.stderr
    assert english in done.stderr
    assert bench.reached == ""
    assert not (bench.store / "current").exists()
    assert not (bench.store / "newest").exists()


@pytest.mark.parametrize(
    ("spoil", "french", "english"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_whoever_carries_the_stick_can_see_it_too(
    bench: Bench, spoil: Callable[[Bench], object], french: str, english: str
) -> None:
    spoil(bench)
    assert bench.provision("--check", device="").returncode == 1
    with pytest.raises((medium_seal.SealError, FileNotFoundError)):
        medium_seal.verify(bench.stick, bench.fingerprint)


def test_a_check_changes_nothing(bench: Bench) -> None:
    bench.clock(0)
    done = bench.provision("--check", device="")
    assert done.returncode == 0, done.stderr
    assert f"Support entier et signé{NBSP}: version 0.1.0, 2026-11-26" in done.stdout
    assert not bench.store.exists()
    assert not (bench.folder / "clock").exists()


def test_an_older_medium_does_not_undo_a_newer_one(bench: Bench) -> None:
    assert bench.provision().returncode == 0
    (bench.store / "reached").unlink()
    bench.seal(built=BUILT - timedelta(days=40))
    done = bench.provision()
    assert done.returncode == 1
    assert "ce support (2026-10-17) est plus ancien que le dernier employé ici (2026-11-26)" in done.stderr
    assert "this medium (2026-10-17) is older than the last one used here (2026-11-26)" in done.stderr
    assert bench.reached == ""
    assert medium_seal.verify(bench.store / "current", bench.fingerprint).built == BUILT


def test_a_newer_medium_takes_the_old_one_s_place(bench: Bench) -> None:
    assert bench.provision().returncode == 0
    (bench.stick / "devices.txt").write_text("new post\n")
    bench.seal(built=BUILT + timedelta(days=40))
    assert bench.provision().returncode == 0
    assert (bench.store / "current/devices.txt").read_text() == "new post\n"


def test_a_machine_without_a_clock_starts_from_the_medium_s_date(bench: Bench) -> None:
    bench.clock(60)
    done = bench.provision()
    assert done.returncode == 0, done.stderr
    assert "Horloge en retard (1970-01-01)" in done.stdout
    assert (bench.folder / "clock").read_text().strip() == f"@{int(BUILT.timestamp())}"


def test_the_clock_is_not_set_by_a_medium_that_is_not_ours(bench: Bench) -> None:
    bench.clock(60)
    _sign_again(bench)
    assert bench.provision().returncode == 1
    assert not (bench.folder / "clock").exists()


def test_what_the_stick_answers_the_second_time_is_checked_again(bench: Bench) -> None:
    """A stick that shows good files to be checked, and others to be copied."""
    bench.program("tar", f'case "$*" in *-cf*) printf other >"{bench.stick}/{WHEEL}" ;; esac; exec /bin/tar "$@"')
    done = bench.provision()
    assert done.returncode == 1
    assert f"changed or damaged file: {WHEEL}" in done.stderr
    assert bench.reached == ""


def test_a_second_run_copies_nothing_and_mends_a_damaged_copy(bench: Bench) -> None:
    assert bench.provision().returncode == 0
    again = bench.provision()
    assert again.returncode == 0
    assert "[3/4]" not in again.stdout
    _flip(bench.store / "current" / WHEEL)
    mended = bench.provision()
    assert mended.returncode == 0
    assert "[3/4]" in mended.stdout
    medium_seal.verify(bench.store / "current", bench.fingerprint)


def test_the_copy_serves_once_the_stick_is_gone(bench: Bench) -> None:
    assert bench.provision().returncode == 0
    (bench.store / "reached").unlink()
    bench.stick = bench.store / "current"
    assert bench.provision().returncode == 0
    assert bench.reached
    (bench.stick / "left-over.pyc").write_text("x")
    assert "extra file: left-over.pyc" in bench.provision().stderr


@pytest.mark.parametrize("write", [str.upper, lambda f: f.replace(" ", ""), lambda f: f.replace(" ", "-")])
def test_a_fingerprint_is_taken_as_people_write_it(bench: Bench, write: Callable[[str], str]) -> None:
    assert bench.provision(fingerprint=write(bench.fingerprint)).returncode == 0


@pytest.mark.parametrize("wrong", ["", "321a 5691", "zzzz " * 8, "0000 " * 9])
def test_half_a_fingerprint_is_wrong_use(bench: Bench, wrong: str) -> None:
    done = bench.provision(fingerprint=wrong)
    assert done.returncode == 2
    assert "Une empreinte a 8 groupes de 4 caractères" in done.stderr
    assert bench.reached == ""


def test_a_near_miss_shows_the_medium_s_own(bench: Bench) -> None:
    last = "0" if bench.fingerprint[-1] != "0" else "1"
    done = bench.provision(fingerprint=bench.fingerprint[:-1] + last)
    assert done.returncode == 1
    assert bench.fingerprint in done.stderr


@pytest.mark.parametrize(
    ("program", "script", "french", "english"),
    [
        ("id", "echo 1000", "À lancer en root", "Run as root"),
        ("uname", "echo aarch64", f"x86-64{NBSP}; ici{NBSP}: aarch64", "here: aarch64"),
        ("df", "printf '_\\n_ 9 9 2048 9 /\\n'", "2 Mio libres, 9 nécessaires", "2 MiB free, 9 needed"),
    ],
)
def test_a_machine_that_will_not_do_is_told_so(
    bench: Bench, program: str, script: str, french: str, english: str
) -> None:
    bench.seal(needs=9 << 20)
    bench.program(program, script)
    done = bench.provision()
    assert done.returncode == 2
    assert french in done.stderr
    assert english in done.stderr
    assert bench.reached == ""


@pytest.mark.parametrize("words", [["--what"], ["--fingerprint"], ["two", "names"], ["--store", "relative"], []])
def test_wrong_use_shows_the_right_one(bench: Bench, words: list[str]) -> None:
    done = subprocess.run(["sh", bench.stick / "provision.sh", *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "NOM-DE-L-APPAREIL" in done.stderr
    assert "DEVICE-NAME" in done.stderr


def test_the_lines_to_type_by_hand_hold(bench: Bench) -> None:
    """LISEZMOI.txt and the card show these lines to whoever does not take provision.sh on trust."""
    for name in ("LISEZMOI.txt", "README.txt"):
        text = (MEDIUM / name).read_text(encoding="utf-8")
        lines = [line.strip() for line in text.splitlines() if re.match(r"\s+(openssl|grep) ", line)]
        assert len(lines) == 3
        answers = [
            subprocess.run(
                ["sh", "-c", line], cwd=bench.stick, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
            )
            for line in lines
        ]
        assert answers[0].stdout.startswith(bench.fingerprint.replace(" ", ""))
        assert "Signature Verified Successfully" in answers[1].stdout
        assert answers[2].stdout == "provision.sh: OK\n"
    (bench.stick / "provision.sh").write_text("reboot\n")
    assert subprocess.run(["sh", "-c", lines[2]], cwd=bench.stick, capture_output=True).returncode != 0


@pytest.mark.parametrize("name", ["provision.sh", "install.sh"])
def test_the_scripts_are_plain_posix_shell(name: str) -> None:
    assert subprocess.run(["dash", "-n", MEDIUM / name]).returncode == 0
    if shutil.which("shellcheck"):
        found = subprocess.run(["shellcheck", "-s", "sh", MEDIUM / name], capture_output=True, text=True)
        assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", ["provision.sh", "install.sh", "LISEZMOI.txt"])
def test_french_is_typeset_as_french(name: str) -> None:
    text = (MEDIUM / name).read_text(encoding="utf-8")
    said = text if name.endswith(".txt") else "\n".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
    french = [line for line in said.splitlines() if re.search("[éèàêôûÉÀ’«]", line)]
    assert len(french) > 3
    assert not [line for line in french if re.search(r"\w [:;?!](\s|$)|« | »|\w'\w", line)]
