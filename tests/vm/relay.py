"""Standard input and output to a TCP port or a Unix socket, and back: `relay.py PORT` or `relay.py /path/of/socket`.

QEMU starts one for each connection the guest opens to a service of the host; the tests start one inside the guest, by
SSH, for each connection to the agent's socket. Standard library only, as it runs with any Python.
"""

import os
import select
import socket
import sys


def main() -> None:
    where = sys.argv[1]
    if where.startswith("/"):
        wire = socket.socket(socket.AF_UNIX)
        wire.connect(where)
    else:
        wire = socket.create_connection(("127.0.0.1", int(where)))
    # QEMU gives one socket as both ends, non-blocking; SSH gives two pipes.
    for descriptor in (0, 1):
        os.set_blocking(descriptor, True)
    reading = [0, wire]
    while wire in reading:
        readable, _, _ = select.select(reading, [], [])
        if 0 in readable:
            data = os.read(0, 65536)
            if data:
                wire.sendall(data)
            else:
                reading.remove(0)
                wire.shutdown(socket.SHUT_WR)
        if wire in readable:
            data = wire.recv(65536)
            if not data:
                return
            while data:
                data = data[os.write(1, data) :]


if __name__ == "__main__":
    try:
        main()
    except OSError:
        sys.exit(1)
