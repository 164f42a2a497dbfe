"""The objects: one thread a kind lists and then watches, and keeps a copy as plain JSON.

Raw JSON, because turning each object into the client library's classes costs more than the rest of the
program together.
"""

import json
import threading
import time

import urllib3
from kubernetes import client


class Kind(threading.Thread):
    """A copy of all objects of one kind, by (namespace, name)."""

    def __init__(self, name, listing, changed):
        super().__init__(name=name, daemon=True)
        self.listing = listing
        self.changed = changed
        self.objects = {}
        self.listed = threading.Event()

    def snapshot(self):
        return dict(self.objects)

    def run(self):
        while True:
            try:
                version = self.take_list()
                while version:
                    version = self.follow(version)
            except (client.ApiException, urllib3.exceptions.HTTPError, OSError, ValueError) as why:
                print(f"{self.name}: {why.__class__.__name__}, listing again")
                time.sleep(1)

    def take_list(self):
        answer = self.listing(_preload_content=False, _request_timeout=(5, 30))
        listed = json.loads(answer.data)
        self.objects = {key(item): item for item in listed["items"]}
        self.listed.set()
        self.changed.set()
        return listed["metadata"]["resourceVersion"]

    def follow(self, version):
        """Watches until the server ends it; the version to go on from, or None where that one is too old."""
        answer = self.listing(
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=240,
            _preload_content=False,
            _request_timeout=(5, 300),
        )
        try:
            for line in lines(answer):
                event = json.loads(line)
                item = event["object"]
                if event["type"] == "ERROR":
                    return None
                version = item["metadata"]["resourceVersion"]
                if event["type"] == "BOOKMARK":
                    continue
                if event["type"] == "DELETED":
                    self.objects.pop(key(item), None)
                else:
                    self.objects[key(item)] = item
                self.changed.set()
        finally:
            answer.close()
        return version


def key(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def lines(answer):
    rest = b""
    for piece in answer.stream(amt=None, decode_content=False):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())


class Cluster:
    """All kinds at once. `changed` is set whenever any of them is."""

    def __init__(self, configmap_namespace):
        core, network, discovery = client.CoreV1Api(), client.NetworkingV1Api(), client.DiscoveryV1Api()
        self.changed = threading.Event()
        listings = {
            "ingresses": network.list_ingress_for_all_namespaces,
            "services": core.list_service_for_all_namespaces,
            "endpointslices": discovery.list_endpoint_slice_for_all_namespaces,
            "secrets": core.list_secret_for_all_namespaces,
        }
        if configmap_namespace:
            listings["configmaps"] = lambda **options: core.list_namespaced_config_map(configmap_namespace, **options)
        self.kinds = {name: Kind(name, listing, self.changed) for name, listing in listings.items()}

    def start(self, patience):
        """Starts all threads and waits until each has its first list; says whether that came about."""
        deadline = time.monotonic() + patience
        for kind in self.kinds.values():
            kind.start()
        return all(kind.listed.wait(max(0, deadline - time.monotonic())) for kind in self.kinds.values())

    def snapshot(self):
        copies = {name: kind.snapshot() for name, kind in self.kinds.items()}
        return copies | ({} if "configmaps" in copies else {"configmaps": {}})
