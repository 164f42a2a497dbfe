"""What the cluster is told: events about Ingresses, and, by the replica that holds the lease, their address."""

import datetime
import threading

import urllib3
from kubernetes import client

FAULTS = (client.ApiException, urllib3.exceptions.HTTPError, OSError)
TERM = 15


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def event(ingress, kind, reason, message, pod):
    """A Warning or Normal event on an Ingress. Losing one is no harm: it is only said again."""
    metadata = ingress["metadata"]
    body = client.CoreV1Event(
        metadata=client.V1ObjectMeta(generate_name=f"{metadata['name']}.", namespace=metadata["namespace"]),
        involved_object=client.V1ObjectReference(
            api_version="networking.k8s.io/v1",
            kind="Ingress",
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
        ),
        type=kind,
        reason=reason,
        message=message[:1024],
        source=client.V1EventSource(component="nginx-ingress-controller", host=pod),
        first_timestamp=now(),
        last_timestamp=now(),
        count=1,
        reporting_component="nginx-ingress-controller",
        reporting_instance=pod,
    )
    try:
        client.CoreV1Api().create_namespaced_event(metadata["namespace"], body)
    except FAULTS as why:
        print(f"event on {metadata['namespace']}/{metadata['name']} not written: {why.__class__.__name__}")


class Leadership(threading.Thread):
    """Holds the Lease, or waits until its holder has let it lapse. `gained` is called on taking it."""

    def __init__(self, namespace, name, pod, gained):
        super().__init__(name="leadership", daemon=True)
        self.namespace, self.lease_name, self.pod, self.gained = namespace, name, pod, gained
        self.leads = False
        self.leaving = threading.Event()

    def run(self):
        while not self.leaving.wait(0 if not self.leads else TERM / 3):
            try:
                leads = self.claim()
            except FAULTS as why:
                print(f"lease: {why.__class__.__name__}")
                leads = False
            if leads and not self.leads:
                print(f"{self.pod} reports the status of Ingresses")
                self.leads = True
                self.gained()
            self.leads = leads
            if not leads:
                self.leaving.wait(TERM / 5)

    def claim(self):
        api = client.CoordinationV1Api()
        mine = client.V1LeaseSpec(holder_identity=self.pod, lease_duration_seconds=TERM, renew_time=now(), acquire_time=now())
        try:
            lease = api.read_namespaced_lease(self.lease_name, self.namespace)
        except client.ApiException as why:
            if why.status != 404:
                raise
            body = client.V1Lease(metadata=client.V1ObjectMeta(name=self.lease_name), spec=mine)
            api.create_namespaced_lease(self.namespace, body)
            return True
        spec = lease.spec
        lapsed = not spec.renew_time or (now() - spec.renew_time).total_seconds() > (spec.lease_duration_seconds or TERM)
        if spec.holder_identity not in (self.pod, None, "") and not lapsed:
            return False
        if spec.holder_identity == self.pod:
            mine.acquire_time = spec.acquire_time
        lease.spec = mine
        try:
            # Carries the version that was read: of two that claim at once, one is refused.
            api.replace_namespaced_lease(self.lease_name, self.namespace, lease)
            return True
        except client.ApiException as why:
            if why.status == 409:
                return False
            raise

    def let_go(self):
        self.leaving.set()


def addresses(objects, namespace, service_name, fixed):
    """What the external Service (or the ConfigMap) says the controller is reached at."""
    if fixed:
        return [{"ip" if fixed.replace(".", "").isdigit() or ":" in fixed else "hostname": fixed}]
    service = objects["services"].get((namespace, service_name)) or {}
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [{key: entry[key] for key in ("ip", "hostname") if entry.get(key)} for entry in entries]


def write_status(ingress, wanted):
    """Puts `wanted` into the Ingress's status unless it is there."""
    said = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    said = [{key: entry[key] for key in ("ip", "hostname") if entry.get(key)} for entry in said]
    if said == wanted:
        return
    metadata = ingress["metadata"]
    body = dict(ingress, status={"loadBalancer": {"ingress": wanted}})
    try:
        client.NetworkingV1Api().replace_namespaced_ingress_status(metadata["name"], metadata["namespace"], body)
    except client.ApiException as why:
        # 404 and 409: it has gone or changed meanwhile, and the next look will tell.
        if why.status not in (404, 409):
            raise
