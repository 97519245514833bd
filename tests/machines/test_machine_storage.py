"""Role storage in a bare root: what it refuses before it writes anything. Opening a volume takes a kernel of its own
(tests/vm)."""

from __future__ import annotations

from root_kit import Root

VOLUME = "/var/tmp/volume.img"


def test_nothing_is_done_without_a_device_and_it_says_so(root: Root) -> None:
    recap = root.play("base", "storage", skip_tags=["packages", "locale", "time", "journal", "people"])
    assert recap.failures == ()
    (said,) = [one for one in recap.messages if "storage_device" in one]
    assert "sans chiffrement du volume" in said and "without an encrypted volume" in said
    assert root.run("which", "cryptsetup", check=False).returncode != 0


def test_check_mode_on_a_bare_root(root: Root) -> None:
    root.run("truncate", "-s", "64M", VOLUME)
    recap = root.play(
        "base", "storage", check=True, variables={"storage_device": VOLUME, "storage_without_tpm": True}
    )
    assert recap.failures == ()
    assert "storage : Install what makes the volume" in recap.changed_tasks
    assert root.run("blkid", "--probe", VOLUME, check=False).stdout == ""


def test_a_device_that_holds_something_is_left_alone(root: Root) -> None:
    root.run(script=f"dd if=/dev/zero of={VOLUME} bs=1M count=64 2>/dev/null && mkfs.ext4 -q -L archives {VOLUME}")
    before = root.at(VOLUME).read_bytes()
    recap = root.play("base", "storage", variables={"storage_device": VOLUME, "storage_without_tpm": True})
    assert recap.failed == 1
    assert "contient déjà quelque chose" in recap.failures[0] and "Nothing was written" in recap.failures[0]
    assert "archives" in recap.failures[0]
    assert root.at(VOLUME).read_bytes() == before


def test_no_tpm_is_said_and_not_worked_around(root: Root) -> None:
    root.run(script=f"rm {VOLUME} && truncate -s 64M {VOLUME}")
    recap = root.play("base", "storage", variables={"storage_device": VOLUME})
    assert recap.failed == 1
    assert "pas de TPM 2" in recap.failures[0] and "has no TPM 2" in recap.failures[0]
    assert root.run("blkid", "--probe", VOLUME, check=False).stdout == ""
