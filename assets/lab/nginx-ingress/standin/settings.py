"""Settings that an Ingress (by annotation) or the ConfigMap (by key) may change, with their checks.

Both have the same names. The original passes over an annotation it does not know; here the Ingress is
rejected, so that a typing error shows in a rehearsal and not in production.
"""

import re

# name -> (default, check). A check returns the value or raises ValueError with what was expected.


def switch(value):
    if value.lower() in ("true", "t", "1"):
        return True
    if value.lower() in ("false", "f", "0"):
        return False
    raise ValueError("must be a boolean")


def matching(pattern, expected):
    def check(value):
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {expected}")
        return value

    return check


duration = matching(r"(\d+(ms|s|m|h|d))( \d+(ms|s|m|h|d))*|\d+", "a time such as 5s")
size = matching(r"\d+[kKmMgG]?", "a size such as 8m")
count = matching(r"\d+", "a non-negative integer")
headers = matching(r"[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*", "a comma-separated list of header names")
upstream_cases = matching(
    r"(error|timeout|invalid_header|http_(500|502|503|504|403|404|429)|non_idempotent|off)"
    r"( (error|timeout|invalid_header|http_(500|502|503|504|403|404|429)|non_idempotent|off))*",
    "a space-separated list of cases",
)

# Of an Ingress, under nginx.org/, and of the ConfigMap.
BOTH = {
    "ssl-redirect": (True, switch),
    "redirect-to-https": (False, switch),
    "http-redirect-code": ("301", matching("301|302|307|308", "301, 302, 307 or 308")),
    "proxy-connect-timeout": ("60s", duration),
    "proxy-read-timeout": ("60s", duration),
    "proxy-send-timeout": ("60s", duration),
    "client-max-body-size": ("1m", size),
    "proxy-buffering": (True, switch),
    "proxy-buffer-size": ("", size),
    "proxy-hide-headers": ("", headers),
    "proxy-pass-headers": ("", headers),
    "server-tokens": ("on", matching("on|off|true|false|True|False", "on or off")),
    "max-fails": ("1", count),
    "fail-timeout": ("10s", duration),
    "keepalive": ("0", count),
    "lb-method": (
        "random two least_conn",
        matching("round_robin|least_conn|ip_hash|random|random two|random two least_conn", "a balancing method"),
    ),
    "upstream-zone-size": ("256k", size),
    "hsts": (False, switch),
    "hsts-max-age": ("2592000", count),
    "hsts-include-subdomains": (False, switch),
}

INGRESS_ONLY = {
    "max-conns": ("0", count),
    "proxy-next-upstream": ("", upstream_cases),
    "proxy-next-upstream-timeout": ("", duration),
    "proxy-next-upstream-tries": ("", count),
}

CONFIGMAP_ONLY = {
    "worker-processes": ("auto", matching(r"auto|\d+", "auto or a number")),
    "worker-connections": ("1024", count),
    "worker-shutdown-timeout": ("", duration),
    "keepalive-timeout": ("75s", duration),
    "keepalive-requests": ("1000", count),
    "http2": (False, switch),
    "access-log-off": (False, switch),
    "error-log-level": ("notice", matching("debug|info|notice|warn|error|crit|alert|emerg", "a level")),
    "ssl-protocols": ("TLSv1.2 TLSv1.3", matching(r"TLSv1(\.[0-3])?( TLSv1(\.[0-3])?)*", "protocols")),
    "server-names-hash-bucket-size": ("256", count),
    "server-names-hash-max-size": ("1024", count),
    "external-status-address": ("", matching(r"[A-Za-z0-9.:-]+", "an address")),
}

# Another domain, the same meaning.
ALIASES = {"ingress.kubernetes.io/ssl-redirect": "ssl-redirect"}


def of_configmap(data):
    """(settings, complaints). An unknown key is a complaint and changes nothing; so is a wrong value."""
    allowed = BOTH | CONFIGMAP_ONLY
    settings = {name: default for name, (default, _) in (allowed | INGRESS_ONLY).items()}
    complaints = []
    for key, value in sorted((data or {}).items()):
        if key not in allowed:
            complaints.append(f"unknown key {key}")
            continue
        try:
            settings[key] = allowed[key][1](value)
        except ValueError as why:
            complaints.append(f"key {key}: {value!r} {why}")
    return settings, complaints


def of_ingress(annotations, base):
    """(settings, complaints): any complaint rejects the Ingress."""
    allowed = BOTH | INGRESS_ONLY
    settings = dict(base)
    complaints = []
    for key, value in sorted((annotations or {}).items()):
        domain, _, name = key.rpartition("/")
        name = ALIASES.get(key, name if domain == "nginx.org" else None)
        if name is None:
            if domain in ("nginx.org", "nginx.com") or domain.endswith((".nginx.org", "f5.com")):
                complaints.append(f"annotation {key} is not known here")
            continue
        if name not in allowed:
            complaints.append(f"annotation {key} is not known here")
            continue
        try:
            settings[name] = allowed[name][1](value)
        except ValueError as why:
            complaints.append(f"annotation {key}: {value!r} {why}")
    return settings, complaints
