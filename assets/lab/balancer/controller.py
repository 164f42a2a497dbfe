"""The lab's cloud controller: gives a Service of type LoadBalancer the balancer's host name.

It watches Services, points the balancer's ports at the node ports of the oldest Service of type
LoadBalancer, writes the host name into its status, and clears the ports when the Service goes. There is one
balancer, so a second Service stays pending, as with an exhausted quota.

Environment: NODES (`node1=ADDRESS node2=ADDRESS`), HOST_NAME, KUBECONFIG.
"""

import os
import pathlib
import signal
import sys
import time

import urllib3
from kubernetes import client, config, watch

from haproxy import HAProxy, configuration

# The class of load balancers that a Service may ask for by name; none is the default class.
CLASS = "lab.example/balancer"
# There once the Services have been seen: what the container's health check looks at.
SYNCED = "/run/synced"


def ours(service):
    return (
        service.spec.type == "LoadBalancer"
        and service.spec.load_balancer_class in (None, CLASS)
        and service.metadata.deletion_timestamp is None
    )


def chosen(services):
    candidates = [service for service in services.values() if ours(service)]
    return min(candidates, key=lambda s: (s.metadata.creation_timestamp, s.metadata.uid), default=None)


def report(api, service, host_name):
    reported = [entry.hostname for entry in (service.status.load_balancer.ingress or [])]
    if reported != [host_name]:
        status = {"status": {"loadBalancer": {"ingress": [{"hostname": host_name}]}}}
        api.patch_namespaced_service_status(service.metadata.name, service.metadata.namespace, status)
        print(f"{service.metadata.namespace}/{service.metadata.name} is at {host_name}")


def settle(api, services, proxy, nodes, host_name):
    """Brings balancer and status to what the Services ask for."""
    service = chosen(services)
    ports, health_port = {}, None
    if service:
        ports = {p.port: p.node_port for p in service.spec.ports if p.node_port and p.protocol == "TCP"}
        if service.spec.external_traffic_policy == "Local":
            health_port = service.spec.health_check_node_port or None
    if proxy.apply(configuration(nodes, ports, health_port)):
        print(f"ports {ports or 'closed'}")
    if service:
        report(api, service, host_name)


def follow(api, proxy, nodes, host_name):
    """Lists, then watches, until the API server ends the watch."""
    listed = api.list_service_for_all_namespaces(_request_timeout=10)
    services = {item.metadata.uid: item for item in listed.items}
    settle(api, services, proxy, nodes, host_name)
    pathlib.Path(SYNCED).touch()
    stream = watch.Watch().stream(
        api.list_service_for_all_namespaces,
        resource_version=listed.metadata.resource_version,
        timeout_seconds=60,
        _request_timeout=(5, 70),
    )
    for event in stream:
        item = event["object"]
        if event["type"] == "DELETED":
            services.pop(item.metadata.uid, None)
        else:
            services[item.metadata.uid] = item
        settle(api, services, proxy, nodes, host_name)


def main():
    nodes = [tuple(entry.split("=", 1)) for entry in os.environ["NODES"].split()]
    host_name = os.environ["HOST_NAME"]
    proxy = HAProxy()
    proxy.apply(configuration(nodes, {}, None))

    def leave(*_):
        proxy.stop()
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    config.load_kube_config()
    api = client.CoreV1Api()
    while True:
        try:
            follow(api, proxy, nodes, host_name)
        except (client.ApiException, urllib3.exceptions.HTTPError, OSError) as why:
            # What is in force stays in force while the API server is away.
            print(f"the API server does not answer: {why.__class__.__name__}", file=sys.stderr)
            time.sleep(1)


if __name__ == "__main__":
    main()
