"""Virtual hosts to the text of nginx.conf."""

RUN = "/var/lib/nginx"
NOBODY = f"unix:{RUN}/nobody.sock"

LOG = (
    "'$remote_addr - [$time_local] \"$request\" $status $body_bytes_sent rt=$request_time "
    "host=$host up=$upstream_addr ust=$upstream_status'"
)


def nginx_conf(world, flags, default_pem, version):
    """The whole file. `default_pem`: certificate of the default server, or None to reject handshakes.
    `version` comes back from the socket `version.sock`: which configuration new connections meet."""
    base = world.base
    text = [
        f"worker_processes {base['worker-processes']};",
        f"worker_shutdown_timeout {base['worker-shutdown-timeout']};" if base["worker-shutdown-timeout"] else "",
        "daemon off;",
        f"pid {RUN}/nginx.pid;",
        f"error_log stderr {base['error-log-level']};",
        f"events {{ worker_connections {base['worker-connections']}; }}",
        "http {",
        "  include /etc/nginx/mime.types;",
        "  default_type application/octet-stream;",
        f"  log_format main {LOG};",
        "  access_log off;" if base["access-log-off"] else "  access_log /dev/stdout main;",
        f"  server_names_hash_bucket_size {base['server-names-hash-bucket-size']};",
        f"  server_names_hash_max_size {base['server-names-hash-max-size']};",
        f"  keepalive_timeout {base['keepalive-timeout']};",
        f"  keepalive_requests {base['keepalive-requests']};",
        f"  ssl_protocols {base['ssl-protocols']};",
        "  http2 on;" if base["http2"] else "",
        "  sendfile on;",
        *(f"  {kind}_temp_path {RUN}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
        # An upstream without a ready pod is this one: 502, as a dead pod would give.
        f"  server {{ listen {NOBODY}; access_log off; return 502; }}",
        f"  server {{ listen unix:{RUN}/version.sock; access_log off; default_type text/plain; return 200 {version}; }}",
    ]
    if flags["nginx-status"]:
        text.append(
            f"  server {{ listen {flags['nginx-status-port']}; access_log off; allow 127.0.0.1; deny all;"
            " location = /stub_status { stub_status; } }"
        )
    text += default_server(flags, base, default_pem)
    for name, (servers, own) in sorted(world.upstreams.items()):
        text += upstream(name, servers, own)
    for host in sorted(world.hosts, key=lambda h: h.name):
        text += server(host, flags)
    return "\n".join(line for line in text if line) + "\n}\n"


def listen(flags, tls, default=False):
    port = flags["default-https-listener-port" if tls else "default-http-listener-port"]
    options = (" ssl" if tls else "") + (" default_server" if default else "")
    lines = [f"    listen {port}{options};"]
    return lines if flags["disable-ipv6"] else lines + [f"    listen [::]:{port}{options};"]


def certificate(pem):
    if pem is None:
        return ["    ssl_reject_handshake on;"]
    return [f"    ssl_certificate {pem};", f"    ssl_certificate_key {pem};"]


def default_server(flags, base, pem):
    text = ["  server {", *listen(flags, False, True), *listen(flags, True, True), *certificate(pem)]
    text += ["    server_name _;", f"    server_tokens {tokens(base)};"]
    if flags["health-status"]:
        text.append(f"    location = {flags['health-status-uri']} {{ default_type text/plain; return 200 healthy; }}")
    return [*text, "    location / { return 404; }", "  }"]


def upstream(name, servers, own):
    text = [f"  upstream {name} {{", f"    zone {name} {own['upstream-zone-size']};"]
    if own["lb-method"] != "round_robin":
        text.append(f"    {own['lb-method']};")
    limits = f"max_fails={own['max-fails']} fail_timeout={own['fail-timeout']} max_conns={own['max-conns']}"
    text += [f"    server {address} {limits};" for address in servers] or [f"    server {NOBODY};"]
    if own["keepalive"] != "0":
        text.append(f"    keepalive {own['keepalive']};")
    return [*text, "  }"]


def server(host, flags):
    own = host.settings
    text = ["  server {", f"    # {host.ingress}", *listen(flags, False), f"    server_name {host.name};"]
    text.append(f"    server_tokens {tokens(own)};")
    if host.tls:
        text += [*listen(flags, True), *certificate(host.pem)]
        if own["ssl-redirect"]:
            port = flags["default-https-listener-port"]
            target = f"https://$host:{port}$request_uri"
            text.append(f"    if ($scheme = http) {{ return {own['http-redirect-code']} {target}; }}")
        if own["hsts"]:
            more = "includeSubDomains; " if own["hsts-include-subdomains"] else ""
            value = f"max-age={own['hsts-max-age']}; {more}preload"
            text.append(f'    add_header Strict-Transport-Security "{value}" always;')
    if own["redirect-to-https"]:
        target = "https://$host$request_uri"
        text.append(f"    if ($http_x_forwarded_proto = 'http') {{ return {own['http-redirect-code']} {target}; }}")
    for kind in ("hide", "pass"):
        text += [f"    proxy_{kind}_header {name};" for name in own[f"proxy-{kind}-headers"].split(",") if name]
    for location in host.locations:
        text += proxied(location, own)
    if not any(location.path == "/" and not location.exact for location in host.locations):
        text.append("    location / { return 404; }")
    return [*text, "  }"]


def proxied(location, own):
    text = [
        f"    location {'= ' if location.exact else ''}{location.path} {{",
        "      proxy_http_version 1.1;",
        '      proxy_set_header Connection "";' if own["keepalive"] != "0" else "",
        *(f"      proxy_{step}_timeout {own[f'proxy-{step}-timeout']};" for step in ("connect", "read", "send")),
        f"      client_max_body_size {own['client-max-body-size']};",
        "      proxy_set_header Host $host;",
        "      proxy_set_header X-Real-IP $remote_addr;",
        "      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "      proxy_set_header X-Forwarded-Host $host;",
        "      proxy_set_header X-Forwarded-Port $server_port;",
        f"      proxy_set_header X-Forwarded-Proto {'https' if own['redirect-to-https'] else '$scheme'};",
        f"      proxy_buffering {'on' if own['proxy-buffering'] else 'off'};",
        f"      proxy_buffer_size {own['proxy-buffer-size']};" if own["proxy-buffer-size"] else "",
    ]
    # Nothing said is NGINX's own rule: the next pod after an error or a timeout, but never a second time
    # for a request that is not idempotent.
    for name in ("proxy-next-upstream", "proxy-next-upstream-timeout", "proxy-next-upstream-tries"):
        if own[name]:
            text.append(f"      {name.replace('-', '_')} {own[name]};")
    return [*text, f"      proxy_pass http://{location.upstream};", "    }"]


def tokens(own):
    return "on" if own["server-tokens"].lower() in ("on", "true") else "off"
