"""How the shop is served: two processes of eight threads, and in one of them the background job."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8080')}"
workers = int(os.environ.get("WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("THREADS", "8"))
# Longer than the proxy keeps an idle connection, so that it is never the shop that closes first.
keepalive = 75
timeout = 30
graceful_timeout = 10
worker_tmp_dir = "/dev/shm"
control_socket_disable = True


def post_worker_init(worker):
    """The job runs in every worker that may, and only the one that holds its lock does anything."""
    if os.environ.get("RUN_JOBS", "0") == "1":
        from shop import jobs

        jobs.start()
