"""The command line, read as Go's flag package reads it: `-name=value`, `-name value`, `-switch`, one dash
or two, and an unknown name ends the program with code 2."""

import sys


class Refused(Exception):
    """The arguments cannot be accepted; the text says why."""


# What this program carries out: name -> default. The default's type is the argument's type.
KNOWN = {
    "nginx-configmaps": "",
    "default-server-tls-secret": "",
    "wildcard-tls-secret": "",
    "ingress-class": "nginx",
    "report-ingress-status": False,
    "external-service": "",
    "enable-leader-election": True,
    "leader-election-lock-name": "nginx-ingress-leader-election",
    "ready-status": True,
    "ready-status-port": 8081,
    "health-status": False,
    "health-status-uri": "/nginx-health",
    "nginx-status": True,
    "nginx-status-port": 8080,
    "nginx-reload-timeout": 60000,
    "default-http-listener-port": 80,
    "default-https-listener-port": 443,
    "disable-ipv6": False,
    "ssl-dynamic-reload": True,
    "log-level": "info",
    "log-format": "glog",
    "watch-namespace": "",
    "enable-config-safety": False,
    "version": False,
}

# The original's further arguments: accepted only with the value that asks for nothing.
# `enable-custom-resources` and `enable-telemetry-reporting` are on by default there, so they have to be
# switched off in so many words.
OTHERS = {
    "enable-custom-resources": (True, False),
    "enable-telemetry-reporting": (True, False),
    "nginx-plus": (False, False),
    "enable-app-protect": (False, False),
    "enable-app-protect-dos": (False, False),
    "enable-prometheus-metrics": (False, False),
    "enable-latency-metrics": (False, False),
    "enable-service-insight": (False, False),
    "enable-oidc": (False, False),
    "enable-snippets": (False, False),
    "enable-tls-passthrough": (False, False),
    "enable-cert-manager": (False, False),
    "enable-external-dns": (False, False),
    "enable-directive-autoadjust": (False, False),
    "weight-changes-dynamic-reload": (False, False),
    "allow-empty-ingress-host": (False, False),
    "agent": (False, False),
    "nginx-debug": (False, False),
    "global-configuration": ("", ""),
    "ingresslink": ("", ""),
    "mgmt-configmap": ("", ""),
    "watch-namespace-label": ("", ""),
    "watch-secret-namespace": ("", ""),
    "main-template-path": ("", ""),
    "ingress-template-path": ("", ""),
    "prometheus-tls-secret": ("", ""),
    "proxy": ("", ""),
}

TRUE = {"1", "t", "T", "true", "TRUE", "True"}
FALSE = {"0", "f", "F", "false", "FALSE", "False"}


def parse(arguments):
    """Every argument's value by its name; raises `Refused`."""
    types = {name: default for name, default in KNOWN.items()}
    types.update({name: default for name, (default, _) in OTHERS.items()})
    values = dict(types)
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--" or not word.startswith("-") or word == "-":
            break
        name, given, value = word.lstrip("-").partition("=")
        if len(word) - len(word.lstrip("-")) > 2 or not name:
            raise Refused(f"bad flag syntax: {word}")
        if name not in types:
            raise Refused(f"flag provided but not defined: -{name}")
        if isinstance(types[name], bool):
            values[name] = boolean(name, value) if given else True
        else:
            if not given:
                if not rest:
                    raise Refused(f"flag needs an argument: -{name}")
                value = rest.pop(0)
            values[name] = number(name, value) if isinstance(types[name], int) else value
    if not values["version"]:
        check(values)
    return values


def check(values):
    for name, (_, wanted) in OTHERS.items():
        if values[name] != wanted:
            raise Refused(f"the stand-in does not do what -{name} asks for: give -{name}={str(wanted).lower()}")
    for name in ("nginx-configmaps", "default-server-tls-secret", "wildcard-tls-secret"):
        if values[name] and values[name].count("/") != 1:
            raise Refused(f"invalid value for -{name}: {values[name]!r} must be <namespace>/<name>")
    for name in ("ready-status-port", "nginx-status-port"):
        if not 1024 <= values[name] <= 65535:
            raise Refused(f"invalid value for -{name}: {values[name]} is outside the range [1024 - 65535]")
    if values["log-format"] not in ("glog", "text", "json"):
        print(f"unknown log format {values['log-format']}", file=sys.stderr)


def boolean(name, value):
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise Refused(f'invalid boolean value "{value}" for -{name}')


def number(name, value):
    try:
        return int(value, 0)
    except ValueError:
        raise Refused(f'invalid value "{value}" for flag -{name}: parse error') from None
