"""The way from the product to AMI, which a test can cut."""

from __future__ import annotations

import subprocess

from lab import Lab

# Forwards AMI; its death is the loss of the link.
PROXY = """
import socket, threading
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    a.close(); b.close()
door = socket.create_server(("127.0.0.1", 5039))
while True:
    near, _ = door.accept()
    try:
        far = socket.create_connection(("127.0.0.1", 5038))
    except OSError:  # Asterisk is down
        near.close()
        continue
    threading.Thread(target=pump, args=(near, far), daemon=True).start()
    threading.Thread(target=pump, args=(far, near), daemon=True).start()
"""


class Proxy:
    """The way to AMI that a test can cut."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.process: subprocess.Popen[bytes] | None = None
        self.mend()

    def mend(self) -> None:
        self.process = self.lab.popen(["python3", "-c", PROXY], stderr=subprocess.DEVNULL)

    def cut(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
