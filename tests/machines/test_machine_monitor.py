"""Role monitor in bare roots: figures that nobody else reads, words where people look, rules that parse."""

from __future__ import annotations

import json
import re
import time
import urllib.request

import pytest
import yaml
from conftest import Build
from root_kit import CENTRE, Root


def test_check_mode_on_a_bare_root(root: Root) -> None:
    recap = root.play("base", "monitor", check=True)
    assert recap.failures == ()
    assert not root.at("/usr/lib/borne/watch").exists()


def test_converges_and_stays(root: Root) -> None:
    assert root.play("base", "monitor").failures == ()
    second = root.play("base", "monitor")
    assert (second.failures, second.changed_tasks) == ((), ())


def test_figures_are_told_on_the_machine_itself_only(root: Root) -> None:
    """The true program with the arguments that stand there: it takes them all, and listens where it should."""
    arguments = re.search(r'^ARGS="(.+)"$', root.read("/etc/default/prometheus-node-exporter"), re.MULTILINE)
    assert arguments is not None
    assert "--web.listen-address=127.0.0.1:9100" in arguments[1]
    root.write("/var/lib/prometheus/node-exporter/borne.prom", 'borne_check{code="x"} 2\n')
    words = arguments[1].replace(":9100", ":0").replace("\\\\", "\\")
    script = f"exec prometheus-node-exporter {words} --log.level=info"
    exporter = root.start("sh", "-c", script, stderr=-1)
    try:
        assert exporter.stderr is not None
        address = ""
        deadline = time.monotonic() + 30
        for line in exporter.stderr:
            if match := re.search(r"Listening on.+?address=(\S+)", line):
                address = match[1]
            if address or time.monotonic() > deadline:
                break
        assert address.startswith("127.0.0.1:")
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            told = answer.read().decode()
    finally:
        exporter.kill()
        exporter.wait()
    assert 'borne_check{code="x"} 2' in told
    assert "node_filesystem_avail_bytes" in told and "node_memory_MemAvailable_bytes" in told
    assert "go_goroutines" not in told


def test_units_are_well_written_and_closed_in(root: Root) -> None:
    assert root.unit_state("borne-watch.timer") == "enabled"
    assert root.unit_state("prometheus-node-exporter.service") == "enabled"
    said = root.run("systemd-analyze", "verify", "borne-watch.service", "borne-watch.timer", check=False)
    assert "borne-watch" not in said.stderr
    exposure = root.run(
        *("systemd-analyze", "security", "--offline=yes", "--threshold=20", "prometheus-node-exporter.service"),
        check=False,
    )
    assert exposure.returncode == 0, exposure.stdout[-300:]


def test_the_greeting_says_what_is_wrong(root: Root) -> None:
    """The watch as it is installed, asked by the machine's own Python; the doctor is not installed in this root."""
    root.run("mkdir", "-p", "/run/borne-watch")
    said = root.run("/usr/lib/borne/watch", "--language", "fr")
    assert said.stdout.startswith("<3>doctor.silent")
    greeting = root.run("run-parts", "/etc/update-motd.d").stdout
    assert "Le diagnostic ne répond pas." in greeting and "The doctor does not answer." in greeting
    assert 'borne_check{code="doctor.silent"} 2' in root.read("/var/lib/prometheus/node-exporter/borne.prom")
    assert root.read("/etc/motd") == ""


def test_no_alerts_on_a_device(root: Root) -> None:
    assert not root.at("/etc/prometheus/borne.rules.yml").exists()
    assert root.run("dpkg-query", "-W", "-f", "${Status}", "prometheus", check=False).stdout in (
        "",
        "unknown ok not-installed",
    )


@pytest.fixture(scope="module")
def centre(build_root: Build) -> Root:
    made = build_root(CENTRE)
    more = {"monitor_targets": ["10.25.1.11:9100"], "borne_monitor_networks": ["192.0.2.0/26"]}
    assert made.play("base", "monitor", variables=more).failures == ()
    second = made.play("base", "monitor", variables=more)
    assert (second.failures, second.changed_tasks) == ((), ())
    return made


def test_the_centres_rules_parse_and_speak_both_languages(centre: Root) -> None:
    centre.run("promtool", "check", "config", "/etc/prometheus/prometheus.yml")
    rules = yaml.safe_load(centre.read("/etc/prometheus/borne.rules.yml"))["groups"][0]["rules"]
    for rule in rules:
        french, english = rule["annotations"]["fr"], rule["annotations"]["en"]
        assert french != english and "{{ $labels.instance }}" in french
        assert not re.search(r" [:;?!»%°]", french), "a no-break space stands there in French"
        assert rule["labels"]["severity"] in ("now", "soon")


def test_the_centres_rules_fire(centre: Root) -> None:
    """promtool's own test runner: figures in, alerts out."""
    series = [
        {"series": 'borne_check{instance="a", code="clock.doubtful"}', "values": "0 0 2x20"},
        {"series": 'node_filesystem_readonly{instance="a", mountpoint="/", fstype="ext4"}', "values": "1x30"},
        {"series": 'up{instance="b"}', "values": "0x30"},
    ]
    expected = {
        "DoctorSaysWrong": [{"instance": "a", "code": "clock.doubtful"}],
        "DiskReadOnly": [{"instance": "a", "mountpoint": "/", "fstype": "ext4"}],
        "DeviceSilent": [{"instance": "b"}],
        "ClockNotSet": [],
    }
    severity = {"DeviceSilent": "soon"}
    checks = [
        {
            "alertname": name,
            "eval_time": "20m",
            "exp_alerts": [{"exp_labels": {**labels, "severity": severity.get(name, "now")}} for labels in found],
        }
        for name, found in expected.items()
    ]
    test = {"rule_files": ["/etc/prometheus/borne.rules.yml"], "evaluation_interval": "1m"}
    test["tests"] = [{"interval": "1m", "input_series": series, "alert_rule_test": checks}]  # type: ignore[assignment]
    centre.write("/tmp/test.yml", json.dumps(test))
    done = centre.run("promtool", "test", "rules", "/tmp/test.yml", check=False)
    # Annotations are not repeated here, so promtool reports them as different; the alerts themselves must be there.
    found = re.findall(r'Labels:\{alertname="(\w+)", ([^}]+)\}', done.stdout + done.stderr)
    assert {name for name, _ in found} == {"DoctorSaysWrong", "DiskReadOnly", "DeviceSilent"}


def test_the_centre_answers_on_itself_only(centre: Root) -> None:
    assert "--web.listen-address=127.0.0.1:9090" in centre.read("/etc/default/prometheus")
    assert "10.25.1.11:9100" in centre.read("/etc/prometheus/prometheus.yml")
    assert "--web.listen-address=:9100" in centre.read("/etc/default/prometheus-node-exporter")
