# Rev1's box as an engineer reaches it: by ssh, as somebody who may run front-switch and nothing else as root.
ARG BASE
FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dropbear-bin sudo \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --shell /bin/bash --password '*' driver \
 && echo 'driver ALL=(root) NOPASSWD: /usr/local/sbin/front-switch' > /etc/sudoers.d/driver \
 && mkdir -p /etc/dropbear /var/lib/rev1/stopped \
 && touch /var/lib/rev1/stopped/mysql /var/lib/rev1/stopped/backend
# The old side is what OLD says (host:port), not a backend in here.
CMD ["sed -i \"s#http://127.0.0.1:8080#http://$OLD#\" /etc/nginx/sites-enabled/shop; dropbear -R -s; exec tini -g -- /opt/rev1/entry.sh"]
ENTRYPOINT ["bash", "-c"]
