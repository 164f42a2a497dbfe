"""HAProxy: its configuration from one Service's ports, started once, reloaded without losing a connection.

Connections are passed on as they are (TCP). A node counts as down two seconds after it stops answering,
and a connection that cannot be opened within half a second goes to the other one.
"""

import os
import signal
import subprocess

CONFIG = "/run/haproxy.cfg"

HEAD = """\
global
  log stdout format raw local0 warning
  maxconn 4000
  hard-stop-after 60s
defaults
  mode tcp
  log global
  timeout connect 500ms
  timeout client 120s
  timeout server 120s
  retries 4
  option redispatch 1
  timeout check 1s
  default-server inter 500ms fastinter 200ms rise 1 fall 2 on-marked-down shutdown-sessions
"""


def configuration(nodes, ports, health_port):
    """`nodes`: [(name, address)]; `ports`: {port: node port}; `health_port`: where each node says whether
    it has a ready pod (Services with externalTrafficPolicy Local), or None."""
    text = [HEAD]
    for port, node_port in sorted(ports.items()):
        text.append(f"listen port-{port}\n  bind :{port}\n  balance roundrobin")
        check = "check"
        if health_port:
            text.append("  option httpchk GET /healthz")
            check = f"check port {health_port}"
        for name, address in nodes:
            text.append(f"  server {name} {address}:{node_port} {check}")
    if not ports:
        # HAProxy does not run without a listener; this one is for nobody.
        text.append("listen idle\n  bind 127.0.0.1:9\n  server none 127.0.0.1:10 disabled")
    return "\n".join(text) + "\n"


class HAProxy:
    """The process, in its master-worker mode: a signal to the master is a reload without a gap."""

    def __init__(self):
        self.process = None
        self.text = None

    def apply(self, text):
        """Puts `text` in force if it is not; says whether anything changed."""
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"haproxy ended with {self.process.returncode}")
        if text == self.text:
            return False
        with open(CONFIG + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["haproxy", "-c", "-q", "-f", CONFIG + ".new"], check=True)
        os.replace(CONFIG + ".new", CONFIG)
        if self.process is None:
            self.process = subprocess.Popen(["haproxy", "-W", "-f", CONFIG])
        else:
            self.process.send_signal(signal.SIGUSR2)
        self.text = text
        return True

    def stop(self):
        """Ends it at once: the balancer goes away with its container."""
        if self.process:
            self.process.terminate()
            self.process.wait()
