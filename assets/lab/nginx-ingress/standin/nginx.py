"""The NGINX process: started once, reloaded when its configuration changes, watched.

A reload is done when a fresh connection meets the new configuration: each carries a number, which NGINX
answers on a socket of its own.
"""

import os
import signal
import socket
import subprocess
import time

from .render import RUN

CONFIG = "/etc/nginx/nginx.conf"


class Broken(Exception):
    """NGINX refused a configuration, or did not take it up in time."""


class Nginx:
    def __init__(self, patience):
        self.patience = patience
        self.process = None

    def put_in_force(self, text, version):
        """Tests `text`, makes it NGINX's configuration and returns when it is in force. Raises `Broken`
        and leaves the old one in force otherwise."""
        with open(CONFIG + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        tested = subprocess.run(["nginx", "-t", "-q", "-e", "stderr", "-c", CONFIG + ".new"], capture_output=True, text=True)
        if tested.returncode:
            raise Broken(tested.stderr.strip())
        os.replace(CONFIG + ".new", CONFIG)
        if self.process is None:
            self.clear_sockets()
            self.process = subprocess.Popen(["nginx", "-e", "stderr", "-c", CONFIG])
        else:
            self.process.send_signal(signal.SIGHUP)
        self.wait_for(version)

    @staticmethod
    def clear_sockets():
        """What a killed predecessor left behind would keep NGINX from listening."""
        for name in ("nobody.sock", "version.sock"):
            if os.path.exists(f"{RUN}/{name}"):
                os.unlink(f"{RUN}/{name}")

    def wait_for(self, version):
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Broken(f"nginx ended with {self.process.returncode}")
            if self.in_force() == str(version):
                return
            time.sleep(0.01)
        raise Broken(f"configuration {version} is not in force after {self.patience} s")

    @staticmethod
    def in_force():
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(f"{RUN}/version.sock")
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while piece := connection.recv(4096):
                    answer += piece
            return answer.rpartition(b"\r\n\r\n")[2].decode().strip()
        except OSError:
            return None

    def ended(self):
        return self.process is not None and self.process.poll() is not None

    def quit(self):
        """Lets requests in flight end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
