"""Starts dbus-broker's launcher as systemd does: its socket is open before it runs, what it logs is
read, and it says when it is ready, upon which "ready" is printed. Ends when the launcher does.

Usage: dbus-broker.py SOCKET COMMAND…, with a /run of its own.
"""

import os
import signal
import socket
import sys

JOURNAL = "/run/systemd/journal/socket"

path, *command = sys.argv[1:]
os.makedirs(os.path.dirname(JOURNAL))
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind(JOURNAL)
signal.signal(signal.SIGCHLD, lambda *_: sys.exit("the launcher ended"))
with socket.socket(socket.AF_UNIX) as bus:
    bus.bind(path)
    bus.listen()
    if os.fork() == 0:
        os.dup2(bus.fileno(), 3)
        passed = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "NOTIFY_SOCKET": JOURNAL}
        os.execve(command[0], command, {**os.environ, **passed})
while True:
    said = journal.recv(1 << 16)
    if said.startswith(b"READY=1"):
        print("ready", flush=True)
    else:
        print(said.decode(errors="replace"), file=sys.stderr)
