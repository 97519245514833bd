"""Run in an empty network namespace: loads a rule set, puts a neighbour beside it, and tries flows through it.

    unshare -n -m python3 firewall_probe.py RULES < flows.json > answers.json

A flow is {"way": "in"|"out", "far": address of the neighbour, "near": the device's address, "protocol", "port"}.
The neighbour has every far address; a flow is "open" where its bytes came back, "refused" or "silent" otherwise.
All of it lives in namespaces made here, with addresses for documentation, and ends with them.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CLONE_NEWNET = 0x40000000
PATIENCE = 1.0


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def enter(namespace: str) -> None:
    """This thread, and only this one, goes there."""
    with Path(namespace).open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def echo(namespace: str, address: str, protocol: str, port: int, ready: threading.Event) -> None:
    enter(namespace)
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        if protocol == "tcp":
            listening.listen()
        ready.set()
        while True:
            if protocol == "tcp":
                with listening.accept()[0] as connection:
                    connection.sendall(connection.recv(16))
            else:
                data, sender = listening.recvfrom(16)
                listening.sendto(data, sender)


def attempt(flow: dict[str, Any], here: str, there: str) -> str:
    enter(here if flow["way"] == "out" else there)
    source, target = (flow["near"], flow["far"]) if flow["way"] == "out" else (flow["far"], flow["near"])
    kind = socket.SOCK_STREAM if flow["protocol"] == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as asking:
        asking.settimeout(PATIENCE)
        asking.bind((source, 0))
        try:
            asking.connect((target, flow["port"]))
            asking.send(b"borne?")
            return "open" if asking.recv(16) == b"borne?" else "silent"
        except TimeoutError:
            return "silent"
        except OSError:
            return "refused"


def main() -> None:
    flows = json.load(sys.stdin)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    ip("netns", "add", "neighbour")
    here, there = f"/proc/{os.getpid()}/ns/net", "/run/netns/neighbour"
    ip("link", "add", "device0", "type", "veth", "peer", "name", "far0", "netns", "neighbour")
    for name in ("lo", "device0"):
        ip("link", "set", name, "up")
    for name in ("lo", "far0"):
        ip("-n", "neighbour", "link", "set", name, "up")
    for address in {flow["near"] for flow in flows}:
        ip("address", "add", f"{address}/32", "dev", "device0")
        ip("-n", "neighbour", "route", "add", f"{address}/32", "dev", "far0")
    for address in {flow["far"] for flow in flows}:
        ip("-n", "neighbour", "address", "add", f"{address}/32", "dev", "far0")
        ip("route", "add", f"{address}/32", "dev", "device0")
    subprocess.run(["nft", "-f", sys.argv[1]], check=True)
    for way, protocol, address, port in {
        (flow["way"], flow["protocol"], flow["far" if flow["way"] == "out" else "near"], flow["port"])
        for flow in flows
    }:
        ready = threading.Event()
        where = there if way == "out" else here
        threading.Thread(target=echo, args=(where, address, protocol, port, ready), daemon=True).start()
        assert ready.wait(5)
    with ThreadPoolExecutor(len(flows)) as pool:
        answers = list(pool.map(lambda flow: attempt(flow, here, there), flows))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
