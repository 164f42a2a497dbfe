"""The readiness endpoint: 200 once NGINX serves the configuration that was there at the start."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading


def serve(port, is_ready):
    """Answers `/nginx-ready` on `port`, from a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/nginx-ready":
                self.answer(404, b"not found\n")
            elif is_ready():
                self.answer(200, b"ready\n")
            else:
                self.answer(503, b"not ready\n")

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """A probe a second is nobody's news."""

    threading.Thread(target=ThreadingHTTPServer(("", port), Handler).serve_forever, name="ready", daemon=True).start()
