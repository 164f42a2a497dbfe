"""Arguments, start-up conditions, then the loop: look, build, put in force, report."""

import json
import os
import signal
import sys
import time

from kubernetes import client, config

from . import flags as arguments
from . import model, ready, render, report, secrets
from .cluster import Cluster
from .nginx import Broken, Nginx

VERSION = "5.5.0-stand-in"
CLASS_CONTROLLER = "nginx.org/ingress-controller"


def fail(message):
    print(f"cannot start: {message}", file=sys.stderr)
    sys.exit(1)


def pair(text):
    return tuple(text.split("/", 1)) if text else None


def required_certificate(flag, where):
    """The Secret that an argument names has to be there and to serve, or the controller does not start."""
    try:
        answer = client.CoreV1Api().read_namespaced_secret(where[1], where[0], _preload_content=False)
        return secrets.lay_down(json.loads(answer.data))
    except client.ApiException as why:
        fail(f"-{flag}: the Secret {'/'.join(where)} cannot be read: {why.status} {why.reason}")
    except secrets.Unusable as why:
        fail(f"-{flag}: the Secret {'/'.join(where)} {why}")


class Controller:
    def __init__(self, flags):
        self.flags = flags
        self.namespace = os.environ.get("POD_NAMESPACE") or fail("POD_NAMESPACE is not set")
        self.pod = os.environ.get("POD_NAME") or fail("POD_NAME is not set")
        self.configmap = pair(flags["nginx-configmaps"])
        self.nginx = Nginx(flags["nginx-reload-timeout"] / 1000)
        self.cluster = Cluster(self.configmap[0] if self.configmap else None)
        self.version = 0
        self.in_force = None
        self.said = {}
        self.leadership = None

    def start(self):
        flags = self.flags
        self.check_class()
        if self.configmap:
            try:
                client.CoreV1Api().read_namespaced_config_map(self.configmap[1], self.configmap[0])
            except client.ApiException as why:
                fail(f"-nginx-configmaps: the ConfigMap {'/'.join(self.configmap)} cannot be read: {why.status}")
        self.pems = {}
        for flag in ("default-server-tls-secret", "wildcard-tls-secret"):
            self.pems[flag] = required_certificate(flag, pair(flags[flag])) if flags[flag] else None
        if flags["ready-status"]:
            ready.serve(flags["ready-status-port"], lambda: self.in_force is not None)
        if not self.cluster.start(60):
            fail("the cluster's objects could not be listed within 60 s")
        if flags["report-ingress-status"] and flags["enable-leader-election"]:
            self.leadership = report.Leadership(
                self.namespace, flags["leader-election-lock-name"], self.pod, self.cluster.changed.set
            )
            self.leadership.start()

    def check_class(self):
        name = self.flags["ingress-class"]
        try:
            found = client.NetworkingV1Api().read_ingress_class(name)
        except client.ApiException as why:
            fail(f"-ingress-class: the IngressClass {name} cannot be read: {why.status} {why.reason}")
        if found.spec.controller != CLASS_CONTROLLER:
            fail(f"-ingress-class: the IngressClass {name} is for {found.spec.controller}, not {CLASS_CONTROLLER}")

    def loop(self):
        while True:
            self.cluster.changed.wait(5)
            if self.nginx.ended():
                sys.exit("nginx has ended")
            # Changes come in flocks, a pod and its slices: a short look ahead spares reloads.
            time.sleep(0.05)
            self.cluster.changed.clear()
            self.settle(self.cluster.snapshot())

    def settle(self, objects):
        for flag, pem in self.pems.items():
            renewed = objects["secrets"].get(pair(self.flags[flag]))
            if pem and renewed:
                try:
                    self.pems[flag] = secrets.lay_down(renewed)
                except secrets.Unusable as why:
                    print(f"-{flag}: the Secret {why}; the one before stays in force")
        world = model.build(objects, self.flags["ingress-class"], self.configmap, self.pems["wildcard-tls-secret"])
        trouble = None
        text = render.nginx_conf(world, self.flags, self.pems["default-server-tls-secret"], "VERSION")
        if text != self.in_force:
            self.version += 1
            try:
                self.nginx.put_in_force(text.replace("return 200 VERSION;", f"return 200 {self.version};"), self.version)
                self.in_force = text
                print(f"configuration {self.version}: {len(world.hosts)} hosts, {len(world.upstreams)} upstreams")
            except Broken as why:
                if self.in_force is None:
                    fail(str(why))
                trouble = str(why)
                print(f"configuration {self.version} not taken: {why}", file=sys.stderr)
        self.tell(world, objects, trouble)

    def tell(self, world, objects, trouble):
        for complaint in world.reasons.get("configmap", []):
            if self.said.get(("configmap", complaint)) is None:
                self.said[("configmap", complaint)] = True
                print(f"ConfigMap: {complaint}", file=sys.stderr)
        where = report.addresses(objects, self.namespace, self.flags["external-service"], world.base["external-status-address"])
        leads = self.leadership.leads if self.leadership else self.flags["report-ingress-status"]
        for key, warnings in world.verdicts.items():
            ingress = objects["ingresses"][key]
            generation = (ingress["metadata"]["uid"], ingress["metadata"].get("generation"))
            verdict = (generation, str(world.reasons.get(key)), str(warnings), trouble)
            if self.said.get(key) != verdict:
                self.said[key] = verdict
                self.say(ingress, world.reasons.get(key), warnings, trouble)
            if leads and warnings is not None:
                try:
                    report.write_status(ingress, where)
                except report.FAULTS as why:
                    print(f"status of {'/'.join(key)} not written: {why.__class__.__name__}")

    def say(self, ingress, reasons, warnings, trouble):
        name = f"{ingress['metadata']['namespace']}/{ingress['metadata']['name']}"
        if warnings is None:
            kind, reason, message = "Warning", "Rejected", f"{name} was rejected: {'; '.join(reasons)}"
        elif trouble:
            kind, reason, message = "Warning", "AddedOrUpdatedWithError", f"{name} is not in force: {trouble}"
        elif warnings:
            kind, reason = "Warning", "AddedOrUpdatedWithWarning"
            message = f"{name} is in force, with warnings: {'; '.join(warnings)}"
        else:
            kind, reason, message = "Normal", "AddedOrUpdated", f"{name} is in force"
        print(f"{kind} {message}")
        report.event(ingress, kind, reason, message, self.pod)

    def leave(self, *_):
        if self.leadership:
            self.leadership.let_go()
        self.nginx.quit()
        sys.exit(0)


def main():
    try:
        flags = arguments.parse(sys.argv[1:])
    except arguments.Refused as why:
        print(why, file=sys.stderr)
        sys.exit(2)
    if flags["version"]:
        print(VERSION)
        return
    print(f"NGINX ingress controller, stand-in {VERSION}, arguments {sys.argv[1:]}")
    config.load_incluster_config()
    controller = Controller(flags)
    signal.signal(signal.SIGTERM, controller.leave)
    signal.signal(signal.SIGINT, controller.leave)
    controller.start()
    controller.loop()


if __name__ == "__main__":
    main()
