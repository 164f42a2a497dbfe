"""From the cluster's objects to virtual hosts: which Ingress counts, which host is whose, which pods serve.

Pure but for the TLS files that `secrets.lay_down` writes.
"""

from dataclasses import dataclass, field

from . import secrets, settings


@dataclass
class Location:
    path: str
    exact: bool
    upstream: str


@dataclass
class Host:
    name: str
    ingress: str
    settings: dict
    tls: bool = False
    pem: str | None = None
    locations: list = field(default_factory=list)


@dataclass
class World:
    """What NGINX is to serve, and what is to be said of each Ingress."""

    base: dict = field(default_factory=dict)
    hosts: list = field(default_factory=list)
    # name -> (servers, settings)
    upstreams: dict = field(default_factory=dict)
    # (namespace, name) -> None if rejected, else the warnings
    verdicts: dict = field(default_factory=dict)
    reasons: dict = field(default_factory=dict)


def build(objects, ingress_class, configmap, wildcard_pem):
    """`configmap`: (namespace, name) or None. `wildcard_pem`: path of the wildcard certificate or None."""
    data = objects["configmaps"].get(configmap, {}).get("data") if configmap else None
    base, complaints = settings.of_configmap(data)
    world = World(base=base)
    if complaints:
        world.reasons["configmap"] = complaints
    taken = {}
    for ingress in sorted(objects["ingresses"].values(), key=age):
        if ingress["spec"].get("ingressClassName") != ingress_class:
            continue
        add(world, ingress, objects, taken, wildcard_pem)
    return world


def age(item):
    return item["metadata"]["creationTimestamp"], item["metadata"]["uid"]


def add(world, ingress, objects, taken, wildcard_pem):
    namespace, name = ingress["metadata"]["namespace"], ingress["metadata"]["name"]
    key = (namespace, name)
    own, complaints = settings.of_ingress(ingress["metadata"].get("annotations"), world.base)
    rules = ingress["spec"].get("rules") or []
    if not rules:
        complaints.append("spec.rules: at least one rule is required")
    complaints += [f"spec.rules[{i}].host: a host is required" for i, rule in enumerate(rules) if not rule.get("host")]
    complaints += [
        f"spec.rules: {path.get('path')!r} must start with / and hold no white space or any of ;{{}}$"
        for rule in rules
        for path in (rule.get("http") or {}).get("paths", [])
        if not good_path(path.get("path") or "/")
    ]
    if complaints:
        world.verdicts[key], world.reasons[key] = None, complaints
        return
    warnings = []
    for rule in rules:
        host_name = rule["host"]
        if taken.setdefault(host_name, key) != key:
            warnings.append(f"host {host_name} belongs to the older Ingress {'/'.join(taken[host_name])}")
            continue
        host = Host(host_name, f"{namespace}/{name}", own)
        give_certificate(host, ingress, objects, wildcard_pem, warnings)
        paths = list((rule.get("http") or {}).get("paths", []))
        default = ingress["spec"].get("defaultBackend")
        if default and not any((path.get("path") or "/") == "/" for path in paths):
            paths.append({"path": "/", "pathType": "Prefix", "backend": default})
        for path in paths:
            upstream = add_upstream(world, namespace, name, host_name, path["backend"], own, objects, warnings)
            host.locations.append(Location(path.get("path") or "/", path["pathType"] == "Exact", upstream))
        world.hosts.append(host)
    world.verdicts[key] = warnings


def good_path(path):
    return path.startswith("/") and not path.startswith("//") and not set(path) & set(" \t\r\n;{}$\"'\\#")


def give_certificate(host, ingress, objects, wildcard_pem, warnings):
    """An Ingress's own Secret has to stand in the Ingress's namespace; without one the wildcard serves;
    without either, or with an unusable one, every handshake for this host is rejected."""
    for entry in ingress["spec"].get("tls") or []:
        if host.name not in (entry.get("hosts") or []):
            continue
        host.tls = True
        secret_name = entry.get("secretName")
        if not secret_name:
            host.pem = wildcard_pem
            if not wildcard_pem:
                warnings.append(f"host {host.name} asks for TLS: there is neither a Secret nor a wildcard certificate")
            return
        secret = objects["secrets"].get((ingress["metadata"]["namespace"], secret_name))
        try:
            if secret is None:
                raise secrets.Unusable("is not there")
            host.pem = secrets.lay_down(secret)
        except secrets.Unusable as why:
            warnings.append(f"TLS Secret {secret_name} {why}")
        return


def add_upstream(world, namespace, ingress, host, backend, own, objects, warnings):
    service_name, port = backend["service"]["name"], backend["service"]["port"]
    wanted = port.get("number") or port.get("name")
    name = f"{namespace}-{ingress}-{host}-{service_name}-{wanted}".replace("*", "_")
    if name not in world.upstreams:
        service = objects["services"].get((namespace, service_name))
        servers, warning = endpoints(service, namespace, service_name, port, objects["endpointslices"])
        if warning:
            warnings.append(warning)
        world.upstreams[name] = (servers, own)
    return name


def endpoints(service, namespace, service_name, port, slices):
    """(sorted `address:port`, warning). Only endpoints whose condition says ready in so many words count:
    the original passes over those that say nothing."""
    if service is None:
        return [], f"Service {service_name} is not there"
    if service["spec"].get("type") == "ExternalName":
        return [], f"Service {service_name} is an ExternalName, which needs a resolver: no upstream"
    found = next(
        (
            p
            for p in service["spec"].get("ports") or []
            if (p["port"] == port.get("number") if port.get("number") else p.get("name") == port.get("name"))
        ),
        None,
    )
    if found is None:
        return [], f"Service {service_name} has no port {port.get('number') or port.get('name')}"
    target = found.get("targetPort") or found["port"]
    servers = set()
    for item in slices.values():
        labels = item["metadata"].get("labels") or {}
        if item["metadata"]["namespace"] != namespace or labels.get("kubernetes.io/service-name") != service_name:
            continue
        if item["addressType"] not in ("IPv4", "IPv6"):
            continue
        for offered in item.get("ports") or []:
            if (offered.get("name") or "") != (found.get("name") or ""):
                continue
            if isinstance(target, int) and offered.get("port") != target:
                continue
            for endpoint in item.get("endpoints") or []:
                if (endpoint.get("conditions") or {}).get("ready") is True:
                    address = endpoint["addresses"][0]
                    address = f"[{address}]" if item["addressType"] == "IPv6" else address
                    servers.add(f"{address}:{offered['port']}")
    return sorted(servers), None if servers else f"Service {service_name} has no ready endpoint"
