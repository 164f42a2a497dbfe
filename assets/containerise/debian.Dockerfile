# The backend on Debian, from cutover's template `debian`: packages from apt-packages.txt, the program as it
# lies in its directory, run by a user of its own who may change none of it.
ARG BASE
FROM ${BASE}
COPY apt-packages.txt /tmp/apt-packages.txt
RUN apt-get update \
 && grep -vE '^[[:space:]]*(#|$)' /tmp/apt-packages.txt \
  | DEBIAN_FRONTEND=noninteractive xargs -r apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/apt-packages.txt \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /srv/backend --shell /usr/sbin/nologin backend
WORKDIR /srv/backend
COPY . .
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE ${port}
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${live} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200'"]
ENTRYPOINT ${entry}
