"""Role base in a bare root: what every device stands on, read back from the machine."""

from __future__ import annotations

import re

from root_kit import Root


def test_check_mode_on_a_bare_root(root: Root) -> None:
    recap = root.play("base", check=True)
    assert recap.failures == ()
    assert recap.changed > 10
    assert not root.at("/etc/chrony").exists()
    assert "technicien" not in root.read("/etc/passwd")


def test_converges_and_stays(root: Root) -> None:
    first = root.play("base")
    assert first.failures == ()
    second = root.play("base")
    assert (second.failures, second.changed_tasks) == ((), ())
    print(f"base: {first.seconds:.0f} s, again {second.seconds:.0f} s")


def test_name(root: Root) -> None:
    assert root.read("/etc/hostname") == f"{root.device}\n"
    assert f"127.0.1.1 {root.device}\n" in root.read("/etc/hosts")


def test_language_and_time_zone(root: Root) -> None:
    made = root.run("locale", "-a").stdout.split()
    assert {"fr_FR.utf8", "en_GB.utf8"} <= set(made)
    assert root.read("/etc/default/locale") == "LANG=fr_FR.UTF-8\n"
    assert root.read("/etc/timezone") == "Africa/Douala\n"
    assert root.run("date", "+%Z %z").stdout == "WAT +0100\n"


def test_time_comes_from_the_named_sources_only(root: Root) -> None:
    lines = [line for line in root.read("/etc/chrony/chrony.conf").splitlines() if line and not line.startswith("#")]
    sources = [line for line in lines if re.match(r"(server|pool|peer|sourcedir|include|confdir|refclock)\b", line)]
    assert sources == [
        "server temps-1.centre.uto.example iburst nts",
        "server temps-2.centre.uto.example iburst nts",
        "server 192.0.2.30 iburst",
    ]
    assert {"minsources 2", "makestep 1 3", "port 0", "cmdport 0", "rtcsync", "nocerttimecheck 1"} <= set(lines)
    # chrony's own reading of it: -p prints the configuration and sets no clock.
    printed = root.run("chronyd", "-p", "-f", "/etc/chrony/chrony.conf").stdout
    assert printed.count("server ") == 3
    assert root.unit_state("chrony.service") == "enabled"


def test_the_journal_stays_on_disk_within_limits(root: Root) -> None:
    said = root.run("systemd-analyze", "cat-config", "systemd/journald.conf").stdout
    settings = dict(re.findall(r"^([A-Z]\w+)=(\S+)$", said, re.MULTILINE))
    assert settings["Storage"] == "persistent"
    assert settings["SystemMaxUse"] == "500M"
    assert settings["MaxRetentionSec"] == "90day"
    assert root.mode("/var/log/journal") == "root systemd-journal 2755"


def test_technicians_come_by_key_and_administer(root: Root) -> None:
    assert root.run("id", "-nG", "technicien").stdout.split() == ["technicien", "systemd-journal", "borne-api"]
    shadow = dict(line.split(":")[:2] for line in root.read("/etc/shadow").splitlines())
    assert shadow["technicien"] == "*"
    assert root.mode("/etc/ssh/authorized_keys/technicien") == "root root 0644"
    assert root.read("/etc/ssh/authorized_keys/technicien").startswith("ssh-ed25519 ")
    root.run("visudo", "-c")
    assert root.run("runuser", "-u", "technicien", "--", "sudo", "-n", "id", "-un").stdout == "root\n"


def test_a_key_that_went_is_gone(root: Root) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHhGSkq2wPtJSE4XVpkZSDnwAFTXYcZMSTcKSPwWnPvC autre@exemple"
    recap = root.play("base", tags=["always", "people"], variables={"borne_admin_keys": [other]})
    assert recap.changed_tasks == ("base : Set the technicians' keys",)
    assert root.read("/etc/ssh/authorized_keys/technicien") == f"{other}\n"


def test_nothing_fetches_by_itself(root: Root) -> None:
    for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "apt-daily.service", "apt-daily-upgrade.service"):
        assert root.unit_state(unit) == "masked"
    said = root.run("apt-config", "dump").stdout
    assert 'APT::Periodic::Enable "0";' in said and 'APT::Install-Recommends "false";' in said


def test_sources_are_the_machines_own_unless_told(root: Root) -> None:
    """Kept where nothing is said; a mirror or a medium takes the place of every other source."""
    before = root.read("/etc/apt/sources.list")
    assert "Written by Ansible" not in before
    root.write("/etc/apt/sources.list.d/debian.sources", "Types: deb\n")
    medium = root.play("base", tags=["always", "packages"], check=True, variables={"borne_medium": "/media/borne"})
    assert {"base : Set the package sources", "base : Leave no other package source"} <= set(medium.changed_tasks)
    assert root.read("/etc/apt/sources.list") == before
    root.at("/etc/apt/sources.list.d/debian.sources").unlink()


def test_topics_can_be_switched_off(root: Root) -> None:
    kept = ["/etc/chrony/chrony.conf", "/etc/default/locale", "/etc/systemd/journald.conf.d/50-borne.conf"]
    for file in kept:
        root.write(file, "mine\n")
    off = {f"base_{topic}": False for topic in ("apt", "name", "locale", "time", "journal", "people")}
    recap = root.play("base", variables=off)
    assert (recap.failures, recap.changed_tasks) == ((), ())
    assert [root.read(file) for file in kept] == ["mine\n"] * 3


def test_a_wrong_option_is_refused_in_words(root: Root) -> None:
    recap = root.play("base", variables={"borne_language": "de"})
    assert recap.failed == 1
    assert "borne_language" in recap.failures[0] and "fr" in recap.failures[0]
